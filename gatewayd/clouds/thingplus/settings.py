"""What the owner says about a Thing+ uplink, and the MQTT session that follows from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from gatewayd.clouds.thingplus.codec import Form, encode_topic
from gatewayd.clouds.thingplus.names import NameEntry
from gatewayd.errors import ConfigError
from gatewayd.fields import Seconds, Secret, Size
from gatewayd.transports.mqtt import MqttSettings, Tls, Will

KEEP_ALIVE_S_MAX = 600
"""The vendor's cap; its conformance tester checks it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The keys of an `[uplink.NAME]` section of kind `thingplus`.

    Attributes:
        gateway_id: as registered; empty = the gateway's own id.
        report_interval: of statuses; the cloud may change it.
        series_interval: how long measured values are gathered; None = the report interval,
            0 = as they come. Events (doors, switches) never wait.
        gzip_above: larger messages are compressed; 0 = never.
        validity_factor: for how many intervals a status is good.
        stale_after: a measured value that nobody renewed for so long is an error.
        wait_for_timesync: send no values until the cloud's clock has confirmed ours.
        reconnect_min: the least time between two connections, a wish of the vendor.
        sensors, actuators: names by `device/channel`; others get one by themselves.
    """

    host: str
    api_key: Secret
    port: int = 8883
    tls: bool = True
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    gateway_id: str = ""
    report_interval: Seconds = 60.0
    series_interval: Seconds | None = None
    gzip_above: Size = 1024
    validity_factor: float = 1.5
    stale_after: Seconds = 3600.0
    rest_url: str = "https://api.thingplus.net"
    wait_for_timesync: bool = False
    reconnect_min: Seconds = 10.0
    ack_timeout: Seconds = 30.0
    sensors: dict[str, NameEntry] = field(default_factory=dict)
    actuators: dict[str, NameEntry] = field(default_factory=dict)


def check_numbers(config: Config) -> None:
    """Raise ConfigError where a number makes no sense."""
    if config.report_interval <= 0 or config.ack_timeout <= 0:
        raise ConfigError("report_interval and ack_timeout must be longer than nothing")
    if config.validity_factor < 1:
        raise ConfigError("validity_factor below 1 lets every status run out before the next")
    if not 0 < config.port < 65536:
        raise ConfigError(f"port is {config.port}; ports are 1 to 65535")


def mqtt_settings(config: Config, gateway_id: str, interval_s: float) -> MqttSettings:
    """Return the session that Thing+ expects of this gateway (protocol document, CONNECT)."""
    tls = Tls(
        ca_file=config.ca_file,
        certificate_file=config.certificate_file,
        key_file=config.key_file,
    )
    return MqttSettings(
        host=config.host,
        port=config.port,
        client_id=gateway_id,
        username=gateway_id,
        password=config.api_key,
        keep_alive_s=max(1, min(KEEP_ALIVE_S_MAX, round(2 * interval_s))),
        will=Will(encode_topic(gateway_id, Form.CONNECTION), b"err"),
        tls=tls if config.tls else None,
        ack_timeout_s=config.ack_timeout,
    )
