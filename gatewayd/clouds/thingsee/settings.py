"""What the owner says about a Thingsee uplink, and the MQTT session that follows from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from gatewayd.clouds.thingsee.names import OutputEntry, Owner, SensorEntry
from gatewayd.clouds.thingsee.topics import OF_MESSAGE, PLACES, places_in
from gatewayd.errors import ConfigError
from gatewayd.fields import Seconds, Secret
from gatewayd.transports.mqtt import MqttSettings, Tls, Will
from gatewayd.transports.mqtt_topics import is_topic_filter, is_topic_name

STREAMS_MAX = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The keys of an `[uplink.NAME]` section of kind `thingsee`.

    One section is one connection and any of these parts: the gateway's link (reports, commands),
    the customer's stream over MQTT, a listener for pushes over HTTP, and the command log of the
    Open Services API. A listener that must work without the cloud has a section of its own.

    Attributes:
        host: of the MQTT broker; empty = no MQTT.
        gateway_tuid: empty = `XXGD01` and eleven letters made from the gateway's id.
        reports: whether this gateway reports here at all and takes commands.
        uplink_topic, downlink_topic: `{gw}`, `{group}`, and for single objects `{tuid}` and
            `{tsmId}` are filled in.
        single_object: one message a publish, not an array.
        http_uplink_url: reports go there by POST instead, as arrays.
        stream_topics: topics of the customer's stream to listen to, wildcards allowed.
        push_listen: address and port for pushed arrays, on the loopback only.
        push_token: what a push must say as `Authorization: Bearer …`; None = nothing.
        rest_url, client_id, client_secret: the Open Services API; with `poll_interval`, commands
            are fetched from its log, for where there is no downlink.
        report_interval: how long measured values are gathered; the cloud may change it (1500).
        things: TUIDs by device; others get one by themselves.
        sensors, actuators: what channels are by `device/channel`; others find out.
    """

    host: str = ""
    port: int = 8883
    tls: bool = True
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    username: str = ""
    password: Secret | None = None
    mqtt_client_id: str = ""
    ack_timeout: Seconds = 30.0
    gateway_tuid: str = ""
    group: str = ""
    reports: bool = True
    uplink_topic: str = "thingsee/gw/{gw}/up"
    downlink_topic: str = "thingsee/gw/{gw}/down"
    single_object: bool = False
    http_uplink_url: str = ""
    http_headers: dict[str, Secret] = field(default_factory=dict)
    stream_topics: tuple[str, ...] = ()
    push_listen: str = ""
    push_token: Secret | None = None
    rest_url: str = ""
    client_id: str = ""
    client_secret: Secret | None = None
    poll_interval: Seconds | None = None
    report_interval: Seconds = 60.0
    reconnect_min: Seconds = 1.0
    things: dict[str, str] = field(default_factory=dict)
    sensors: dict[str, SensorEntry] = field(default_factory=dict)
    actuators: dict[str, OutputEntry] = field(default_factory=dict)


def owner_of(config: Config) -> Owner:
    """Return what a section says about names."""
    return Owner(config.gateway_tuid, config.things, config.sensors, config.actuators)


def check_settings(config: Config) -> None:
    """Raise ConfigError where keys contradict each other or make no sense."""
    if config.ack_timeout <= 0 or (config.poll_interval is not None and config.poll_interval < 1):
        raise ConfigError("ack_timeout must be longer than nothing, poll_interval 1 s or more")
    if not 0 < config.port < 65536:
        raise ConfigError(f"port is {config.port}; ports are 1 to 65535")
    has_uplink = bool(config.host or config.http_uplink_url)
    if config.reports and not has_uplink:
        raise ConfigError("reports need a host or an http_uplink_url; or set reports = false")
    if not (has_uplink or config.push_listen):
        raise ConfigError("nothing to connect to: no host, http_uplink_url or push_listen")
    if config.stream_topics and not config.host:
        raise ConfigError("stream_topics need a host")
    if config.poll_interval is not None and not (config.rest_url and config.client_secret):
        raise ConfigError("poll_interval needs rest_url, client_id and client_secret")
    if config.poll_interval is not None and not config.reports:
        raise ConfigError("poll_interval is for commands to this gateway, so reports must be true")
    if config.push_listen:
        push_address(config)
    _check_topics(config)


def push_address(config: Config) -> tuple[str, int]:
    """Return host and port of the listener.

    Raises:
        ConfigError: it is none, or could be reached from the network: whoever reaches it can
            move outputs by a route. From the network, the console takes pushes.
    """
    host, _, port = config.push_listen.rpartition(":")
    host = host.strip("[]")
    try:
        is_loopback = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback or not port.isdecimal() or int(port) > 65535:
        raise ConfigError(
            f"push_listen {config.push_listen!r}: expected the loopback, such as 127.0.0.1:8095"
        )
    return host, int(port)


def _check_topics(config: Config) -> None:
    for name in ("uplink_topic", "downlink_topic"):
        template = getattr(config, name)
        used = places_in(template)
        if used - PLACES:
            raise ConfigError(
                f"{name} has {{{min(used - PLACES)}}}; known are gw, group, tuid, tsmId"
            )
        if not is_topic_name(template) or "/" in config.group:
            raise ConfigError(f"{name} {template!r} is no MQTT topic")
        if "group" in used and not config.group:
            raise ConfigError(f"{name} has {{group}}, and there is no group")
    if places_in(config.downlink_topic) & OF_MESSAGE:
        raise ConfigError("downlink_topic is one topic, so {tuid} and {tsmId} cannot be in it")
    if places_in(config.uplink_topic) & OF_MESSAGE and not config.single_object:
        raise ConfigError("uplink_topic has {tuid} or {tsmId}, which need single_object = true")
    if len(config.stream_topics) > STREAMS_MAX:
        raise ConfigError(f"more than {STREAMS_MAX} stream_topics")
    for topic in config.stream_topics:
        if not is_topic_filter(topic):
            raise ConfigError(f"stream_topics: {topic!r} is no MQTT topic filter")


def mqtt_settings(config: Config, gateway_tuid: str, will: Will | None) -> MqttSettings:
    """Return the session of this section; a listener's client id differs from the gateway's."""
    tls = Tls(
        ca_file=config.ca_file,
        certificate_file=config.certificate_file,
        key_file=config.key_file,
    )
    return MqttSettings(
        host=config.host,
        port=config.port,
        client_id=config.mqtt_client_id or gateway_tuid + ("" if config.reports else "-stream"),
        username=config.username,
        password=config.password,
        will=will,
        tls=tls if config.tls else None,
        ack_timeout_s=config.ack_timeout,
    )
