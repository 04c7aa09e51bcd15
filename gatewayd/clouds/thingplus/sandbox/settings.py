"""Where the Thing+ sandbox listens and how much it keeps."""

from __future__ import annotations

from dataclasses import dataclass

from gatewayd.sandbox.settings import ListenSettings

MQTT_PORT = 11883
MQTT_TLS_PORT = 18883
REST_PORT = 13000


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSettings(ListenSettings):
    """How one sandbox is set up.

    Attributes:
        command_timeout_s: how long a command waits for the gateway's answer, as the vendor's.
        time_sync: send `timeSync` to a gateway that has just come, after `time_sync_delay_s`.
        expired_state: what a status counts as when it has run out: err (since 2017) or off.
        points_max: newest points kept of each sensor; at 16 bytes each, 1.6 MB by default.
        messages_max, message_bytes_max: newest raw messages kept, and their size together.
    """

    command_timeout_s: float = 30.0
    time_sync: bool = True
    time_sync_delay_s: float = 0.0
    expired_state: str = "err"
    points_max: int = 100_000
    messages_max: int = 10_000
    message_bytes_max: int = 16 * 1024 * 1024
