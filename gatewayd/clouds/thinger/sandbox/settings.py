"""Where the Thinger.io sandbox listens and how much it keeps."""

from __future__ import annotations

from dataclasses import dataclass

from gatewayd.sandbox.settings import ListenSettings

SOCKET_PORT, SOCKET_TLS_PORT = 25200, 25202
IOTMP_PORT, IOTMP_TLS_PORT = 25204, 25206
MQTT_PORT, MQTT_TLS_PORT = 11886, 18886
REST_PORT = 13002

SILENCE_S = 120.0
"""The real server's patience is not public. The newer protocol's text speaks of a margin of 15 %
on 60 s, so 69 is what a strict test sets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSettings(ListenSettings):
    """How one sandbox is set up.

    Attributes:
        request_timeout_s: how long a call waits for the device's answer.
        login_timeout_s: how long a connection may take to introduce itself.
        silence_s: a device without a keep-alive for so long is dropped.
        access_life_s, refresh_life_s: of the tokens that a log-in brings.
        is_refresh_spent: a refresh token is good once. The vendor does not say so.
        min_store_interval_s: stream-fed points that come faster are dropped; 60 as documented.
        points_max: newest points kept of each bucket.
        messages_max, message_bytes_max: newest messages kept, and their size together.
    """

    request_timeout_s: float = 10.0
    login_timeout_s: float = 10.0
    silence_s: float = SILENCE_S
    access_life_s: int = 2 * 3600
    refresh_life_s: int = 60 * 86_400
    is_refresh_spent: bool = False
    min_store_interval_s: float = 0.0
    points_max: int = 100_000
    messages_max: int = 10_000
    message_bytes_max: int = 16 * 1024 * 1024
