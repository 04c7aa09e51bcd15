"""What the owner says about a thethings.iO uplink, and the connections that follow from it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from gatewayd.clouds.thethingsio.addresses import thing_topic
from gatewayd.clouds.thethingsio.codec import WRITE_VALUES_MAX, Entry, encode_write
from gatewayd.clouds.thethingsio.names import NameEntry, Names, Rules, check_key, name_channels
from gatewayd.errors import ConfigError
from gatewayd.fields import Seconds, Secret
from gatewayd.model import Channel, ChannelId
from gatewayd.transports.http import HttpSettings
from gatewayd.transports.mqtt import MqttSettings, Tls, Will

OFFLINE = "offline"
ONLINE = "online"

INBOX_MAX = 1000
"""Messages that wait while the desk is busy. Our own writes come back among them."""

BODY_BYTES_MAX = 1024 * 1024
"""An answer. The longest that is asked for is one row."""

MQTT_KEEP_ALIVE_S_MAX = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The keys of an `[uplink.NAME]` section of kind `thethingsio`: one thing, one uplink.

    Attributes:
        token: the thing token from the panel.
        activation_code: instead of the token: it is spent once, and the token kept.
        product_id: goes with the activation, where the panel names one.
        thing_id: what apps call the thing; `gatewayd cloud thethingsio link` writes it here.
        devices: whose channels belong to this thing; empty = all.
        transport: `http` writes by POST and is subscribed by a stream; `mqtt` does both on one
            connection, has a last will, and never hears why a value was not taken.
        rest_url: for devices; `mqtt` too activates there and reads there what it has missed.
        app_url: for `gatewayd cloud thethingsio`.
        host, port, tls: the broker, for `mqtt`.
        keep_alive: how often the cloud shows that it is there. A dead subscription is noticed a
            quarter later; what was asked meanwhile must not be too old to be carried out then.
        timeout: for one answer of the cloud.
        report_interval: how long measured values are gathered, 0 = as they come. Switches,
            doors and faults never wait.
        batch_max: values a write.
        store, broadcast: whether the cloud keeps what we write, and shows it to subscribers
            (a dashboard refreshes by that).
        quality: what follows a key to name the resource with the reason when there is no value;
            empty = it is not told.
        presence: the resource that says `online` and `offline` (last will), for `mqtt`; that it
            comes back is also how a revoked token is noticed. Empty = neither.
        position: the channel whose position is the thing's own; empty = the only one there is.
        describe: tell `$settings.gatewayd` who writes here, at every connection.
        sensors, actuators: names by `device/channel`; others get one by themselves.
    """

    token: Secret | None = None
    activation_code: Secret | None = None
    product_id: str = ""
    thing_id: str = ""
    devices: list[str] = field(default_factory=list)
    transport: Literal["http", "mqtt"] = "http"
    rest_url: str = "https://api.devices.thethings.io/v2"
    app_url: str = "https://api.thethings.io/v2"
    host: str = "mqtt.thethings.io"
    port: int = 8883
    tls: bool = True
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    keep_alive: Seconds = 30.0
    timeout: Seconds = 30.0
    reconnect_min: Seconds = 0.0
    report_interval: Seconds = 10.0
    batch_max: int = 100
    store: bool = True
    broadcast: bool = True
    quality: str = "_quality"
    presence: str = "LWT"
    position: str = ""
    describe: bool = True
    sensors: dict[str, NameEntry] = field(default_factory=dict)
    actuators: dict[str, NameEntry] = field(default_factory=dict)


def check_settings(config: Config) -> None:
    """Raise ConfigError where the keys contradict each other or a number makes no sense."""
    if (config.token is None) == (config.activation_code is None):
        raise ConfigError("a thing needs either its token or an activation_code")
    if config.keep_alive <= 0 or config.timeout <= 0:
        raise ConfigError("keep_alive and timeout must be longer than nothing")
    if not 1 <= config.batch_max <= WRITE_VALUES_MAX:
        raise ConfigError(f"batch_max {config.batch_max} is not between 1 and {WRITE_VALUES_MAX}")
    if not 0 < config.port < 65536:
        raise ConfigError(f"port is {config.port}; ports are 1 to 65535")
    if not (config.store or config.broadcast):
        raise ConfigError("with neither store nor broadcast nobody would see what is written")
    if config.transport == "mqtt" and not (config.store and config.broadcast):
        raise ConfigError("store and broadcast can only be switched off over http")
    if config.presence:
        check_key(config.presence, "presence")


def names_of(config: Config, channels: Mapping[ChannelId, Channel]) -> Names:
    """Return what every channel is called; raises ConfigError."""
    rules = Rules(config.devices, config.quality, [config.presence])
    return name_channels(channels, config.sensors, config.actuators, rules)


def find_position(
    config: Config, names: Names, channels: Mapping[ChannelId, Channel]
) -> ChannelId | None:
    """Return the channel that says where the thing is, if there is one.

    Raises:
        ConfigError: the owner names one that this thing does not have.
    """
    if config.position:
        name = ChannelId(config.position)
        if name not in names or channels[name].kind != "location":
            raise ConfigError(f"position: {config.position!r} is no location of this thing")
        return name
    found = [name for name in names if channels[name].kind == "location"]
    return found[0] if len(found) == 1 else None


def http_settings(config: Config) -> HttpSettings:
    """Return how the device's part of the API is reached."""
    return HttpSettings(
        base_url=config.rest_url,
        ca_file=config.ca_file,
        certificate_file=config.certificate_file,
        key_file=config.key_file,
        connect_s=min(10.0, config.timeout),
        read_s=config.timeout,
        total_s=2 * config.timeout,
        body_bytes_max=BODY_BYTES_MAX,
    )


def tls_of(config: Config) -> Tls:
    """Return whom to trust, and how this gateway proves itself where that is asked for."""
    return Tls(
        ca_file=config.ca_file, certificate_file=config.certificate_file, key_file=config.key_file
    )


def mqtt_settings(config: Config, token: str) -> MqttSettings:
    """Return the session of one thing: no login, the token is in the topic."""
    will = encode_write([Entry(config.presence, OFFLINE)])
    return MqttSettings(
        host=config.host,
        port=config.port,
        client_id=f"gatewayd-{hashlib.sha256(token.encode()).hexdigest()[:8]}",
        keep_alive_s=max(1, round(min(config.keep_alive, MQTT_KEEP_ALIVE_S_MAX))),
        will=Will(thing_topic(token), will, is_retained=False) if config.presence else None,
        tls=tls_of(config) if config.tls else None,
        open_timeout_s=min(15.0, config.timeout),
        ack_timeout_s=config.timeout,
        inbox_max=INBOX_MAX,
    )
