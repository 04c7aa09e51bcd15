"""Where the thethings.iO sandbox listens and how much it keeps."""

from __future__ import annotations

from dataclasses import dataclass

from gatewayd.sandbox.settings import ListenSettings

REST_PORT = 13001
REST_TLS_PORT = 18001
MQTT_PORT = 11884
MQTT_TLS_PORT = 18884

YEAR_S = 31_536_000
"""How long a session lasts (App Development guide, Login)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSettings(ListenSettings):
    """How one sandbox is set up.

    Attributes:
        session_s: how long an app's session token is good.
        rows_max: newest values kept of each resource.
        messages_max, message_bytes_max: newest raw messages kept, and their size together.
    """

    session_s: int = YEAR_S
    rows_max: int = 100_000
    messages_max: int = 10_000
    message_bytes_max: int = 16 * 1024 * 1024
