"""What the owner says about a Thinger.io uplink, and the connections that follow from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from gatewayd.clouds.thinger.calls import CallEntry, check_calls
from gatewayd.clouds.thinger.codec import Codec, Dialect
from gatewayd.clouds.thinger.iotmp_codec import Layout
from gatewayd.clouds.thinger.names import (
    DEVICE_ID,
    NameEntry,
    Names,
    check_name,
    name_channels,
    read_path,
)
from gatewayd.clouds.thinger.pson import Pson
from gatewayd.clouds.thinger.resources import Resources, list_flat, list_nested, make_resources
from gatewayd.errors import ConfigError
from gatewayd.fields import Seconds, Secret
from gatewayd.model import Channel, ChannelId
from gatewayd.transports.mqtt import MqttSettings, Tls, Will
from gatewayd.transports.stream import StreamSettings

SOCKET_HOST = "iot.thinger.io"
MQTT_HOST = "backend.thinger.io"
PORTS = {
    ("tcp", "classic"): 25200,
    ("tls", "classic"): 25202,
    ("tcp", "iotmp"): 25204,
    ("tls", "iotmp"): 25206,
}
MQTT_PORT, MQTT_TLS_PORT = 1883, 8883

KEEP_ALIVE_S_MAX = 60.0
"""The vendor's devices send one every 60 s; how much later a server hangs up is not public."""

STALE_S = 3600.0
"""Some sensors speak once in half an hour; a value of yesterday is nobody's."""

BLINK_S = 0.5

OFFLINE, ONLINE = b"offline", b"online"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The keys of an `[uplink.NAME]` section of kind `thinger`: one Thinger.io device.

    Attributes:
        user: the account, not its e-mail address.
        device: the device's id; empty = the gateway's own id.
        credentials: the device's, from the console.
        transport: `tls` and `tcp` are the device socket, on which everything works; `mqtt`
            publishes and takes commands where the server has a broker; `http` posts readings
            to the device's callback, where nothing else leaves the site.
        protocol: of the device socket. `iotmp` is the newer one, younger than this program's
            certainty about it.
        iotmp_calls: how the newer one words calls of the device; its own clients disagree.
        host, port: empty and 0 = the vendor's, by transport and protocol.
        rest_url: for `http` and for `gatewayd cloud thinger`.
        callback_token: for `http`: the token that the console shows for the callback.
        poll_interval: for `http`: how often to ask for commands when there is nothing to tell.
        mqtt_tls, mqtt_prefix: for `mqtt`; the prefix of all topics is the device's id if empty.
        keep_alive: how often to show that the gateway is there.
        timeout: for one answer of the cloud.
        bucket: one for all channels; empty = one a device. They must exist in the console, be
            enabled, and have the source "from write call".
        bucket_interval: how long measured values are gathered, 0 = as they come. Outputs,
            switches and faults never wait.
        bucket_ack: wait for the server's confirmation of every point. Without, what is in the
            air when a connection breaks is lost.
        points_per_s_max: how fast a backlog is written.
        stale_after: a measured value that nobody renewed for so long is shown as none.
        blink_interval: on-time and off-time of an output's resource `blink`.
        settings_property: the device property that may hold `{"bucket_interval_s": 30}`.
        calls: what is called when a channel changes, by `device/channel`.
        sensors, actuators: names by `device/channel`; others get one by themselves.
    """

    user: str
    credentials: Secret
    device: str = ""
    transport: Literal["tls", "tcp", "mqtt", "http"] = "tls"
    protocol: Literal["classic", "iotmp"] = "classic"
    iotmp_calls: Literal["linux", "embedded"] = "linux"
    host: str = ""
    port: int = 0
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    rest_url: str = "https://api.thinger.io"
    callback_token: Secret | None = None
    poll_interval: Seconds = 30.0
    mqtt_tls: bool = True
    mqtt_prefix: str = ""
    keep_alive: Seconds = 60.0
    timeout: Seconds = 10.0
    reconnect_min: Seconds = 0.0
    bucket: str = ""
    bucket_interval: Seconds = 60.0
    bucket_ack: bool = True
    points_per_s_max: float = 20.0
    stale_after: Seconds = STALE_S
    blink_interval: Seconds = BLINK_S
    settings_property: str = ""
    calls: dict[str, CallEntry] = field(default_factory=dict)
    sensors: dict[str, NameEntry] = field(default_factory=dict)
    actuators: dict[str, NameEntry] = field(default_factory=dict)


def check_settings(config: Config) -> None:
    """Raise ConfigError where the keys contradict each other or a number makes no sense."""
    check_id(config.user, "user")
    if config.device:
        check_id(config.device, "device")
    if not 0 < config.keep_alive <= KEEP_ALIVE_S_MAX:
        raise ConfigError(f"keep_alive must be between nothing and {KEEP_ALIVE_S_MAX:g} s")
    if min(config.timeout, config.poll_interval, config.points_per_s_max) <= 0:
        raise ConfigError("timeout, poll_interval and points_per_s_max must be more than nothing")
    if not 0 <= config.port < 65536:
        raise ConfigError(f"port is {config.port}; ports are 1 to 65535, 0 = the usual one")
    if config.settings_property:
        check_name(config.settings_property, "settings_property")
    if config.mqtt_prefix:
        read_path(config.mqtt_prefix, "mqtt_prefix")
    if config.transport == "http" and config.callback_token is None:
        raise ConfigError("http needs the device's callback_token")


def check_id(name: str, owner: str) -> None:
    """Raise ConfigError unless this may be a user or a device."""
    if not DEVICE_ID.fullmatch(name):
        sentence = "at most 32 letters, digits, _ or -"
        raise ConfigError(f"{owner}: {name!r} is no Thinger.io id; {sentence}")


def names_of(config: Config, channels: Mapping[ChannelId, Channel]) -> Names:
    """Return what every channel is called; raises ConfigError.

    A callback has one bucket, so its members need the device in their names.
    """
    bucket = config.bucket
    if config.transport == "http":
        bucket = bucket or "callback"
    names = name_channels(channels, config.sensors, config.actuators, bucket)
    make_resources(names)
    check_calls(config.calls, names)
    if config.transport in ("mqtt", "http") and config.calls:
        raise ConfigError(f"calls need the device socket; {config.transport} has none")
    is_embedded = config.protocol == "iotmp" and config.iotmp_calls == "embedded"
    if is_embedded and any(entry.device for entry in config.calls.values()):
        raise ConfigError("calls: nobody has said how iotmp_calls = embedded calls a device")
    return names


def listing_of(config: Config | None) -> Callable[[Resources], dict[str, Pson]]:
    """Return what lists the resources, in the form of the uplink's protocol."""
    return list_flat if config is not None and config.protocol == "iotmp" else list_nested


def codec_of(config: Config) -> Codec:
    """Return a codec for one connection."""
    return Codec(Dialect(config.protocol), Layout(config.iotmp_calls))


def tls_of(config: Config) -> Tls:
    """Return whom to trust, and how this gateway proves itself where that is asked for."""
    return Tls(
        ca_file=config.ca_file, certificate_file=config.certificate_file, key_file=config.key_file
    )


def stream_settings(config: Config) -> StreamSettings:
    """Return how the device socket is reached."""
    is_tls = config.transport == "tls"
    return StreamSettings(
        host=config.host or SOCKET_HOST,
        port=config.port or PORTS[config.transport, config.protocol],
        tls=tls_of(config) if is_tls else None,
        send_timeout_s=config.timeout,
    )


def mqtt_settings(config: Config, device: str) -> MqttSettings:
    """Return the session of this device (Thinger.io documentation, MQTT)."""
    prefix = config.mqtt_prefix or device
    return MqttSettings(
        host=config.host or MQTT_HOST,
        port=config.port or (MQTT_TLS_PORT if config.mqtt_tls else MQTT_PORT),
        client_id=device,
        username=config.user,
        password=config.credentials,
        keep_alive_s=max(1, round(config.keep_alive)),
        will=Will(f"{prefix}/state", OFFLINE),
        tls=tls_of(config) if config.mqtt_tls else None,
        ack_timeout_s=config.timeout,
    )
