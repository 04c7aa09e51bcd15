"""Where the Thingsee sandbox listens, what it allows and how much it keeps."""

from __future__ import annotations

from dataclasses import dataclass

from gatewayd.sandbox.settings import ListenSettings

MQTT_PORT = 11885
MQTT_TLS_PORT = 18885
REST_PORT = 13003


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSettings(ListenSettings):
    """How one sandbox is set up.

    Attributes:
        is_lenient: the API admits every command that can be meant for a device, among them the
            remote command that moves an output; False: the four that the vendor documents.
        publish_all: the MQTT stream has every group; False: those that begin with `pr`.
        token_s: how long a token is good.
        heartbeat_s: how often a sensor should be heard of; alerts when twice that has passed.
        gateway_silence_s: alerts when a gateway was silent for so long.
        push_wait_s, push_wait_max_s: between two tries of a push, doubled each time.
        history_max, history_bytes_max: newest messages kept of all things, and their size.
        messages_max, message_bytes_max: newest raw publishes kept, and their size together.
    """

    is_lenient: bool = False
    publish_all: bool = False
    token_s: int = 900
    heartbeat_s: int = 3600
    gateway_silence_s: int = 600
    push_wait_s: float = 1.0
    push_wait_max_s: float = 30.0
    history_max: int = 200_000
    history_bytes_max: int = 64 * 1024 * 1024
    messages_max: int = 10_000
    message_bytes_max: int = 16 * 1024 * 1024
