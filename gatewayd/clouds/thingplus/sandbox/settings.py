"""Where the Thing+ sandbox listens and how much it keeps; and its movable clock."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gatewayd.clock import Clock

MQTT_PORT = 11883
MQTT_TLS_PORT = 18883
REST_PORT = 13000


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSettings:
    """How one sandbox is set up.

    Attributes:
        port_offset: added to the usual ports.
        ports: None for the usual ports, 0 for any free ones (tests).
        tls: also listen with TLS; needs the extra `sandbox` (the package cryptography).
        state_dir: where the self-made certificates are kept; None = the user's cache folder.
        command_timeout_s: how long a command waits for the gateway's answer, as the vendor's.
        time_sync: send `timeSync` to a gateway that has just come, after `time_sync_delay_s`.
        expired_state: what a status counts as when it has run out: err (since 2017) or off.
        points_max: newest points kept of each sensor; at 16 bytes each, 1.6 MB by default.
        messages_max, message_bytes_max: newest raw messages kept, and their size together.
    """

    port_offset: int = 0
    ports: int | None = None
    tls: bool = True
    state_dir: Path | None = None
    command_timeout_s: float = 30.0
    time_sync: bool = True
    time_sync_delay_s: float = 0.0
    expired_state: str = "err"
    points_max: int = 100_000
    messages_max: int = 10_000
    message_bytes_max: int = 16 * 1024 * 1024

    def port(self, usual: int) -> int:
        """Return the port to listen on instead of a usual one; 0 = any."""
        return usual + self.port_offset if self.ports is None else 0


class MovableClock:
    """The sandbox cloud's own wall clock: the machine's, moved by what a test says."""

    def __init__(self, clock: Clock) -> None:
        self.shift_ms = 0
        self._clock = clock

    def now_ms(self) -> int:
        """Return the cloud's time, UTC milliseconds since 1970."""
        return self._clock.now_ms() + self.shift_ms
