"""What a Thingsee account consists of: clients, groups, things and what happened to them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from gatewayd.clouds.thingsee.codec import Message
from gatewayd.clouds.thingsee.rest_groups import UNASSIGNED

LOG_MAX = 1000
"""Commands, installations and alerts kept of one thing."""


@dataclass(frozen=True, slots=True)
class ApiClient:
    """Who may get tokens."""

    id: str
    secret: str = field(repr=False)


@dataclass(slots=True)
class Group:
    """A deployment group."""

    id: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Installation:
    """A status that was set."""

    status: str
    time_s: int
    responsible: str


@dataclass(slots=True)
class LoggedCommand:
    """A command, and the first answer to it if there was one."""

    time_s: int
    responsible: str
    command: Message
    answer: Message | None = None
    answers: int = 0
    reached: int = 0
    """How many gateways it was handed to."""


@dataclass(frozen=True, slots=True)
class AlertSpan:
    """When an alert was on, UTC ms; `to_ms` None while it is."""

    type: str
    from_ms: int
    to_ms: int | None


@dataclass(frozen=True, slots=True)
class PlayedSensor:
    """A sensor that the sandbox plays itself: it answers commands after a while."""

    delay_s: float = 0.0


@dataclass(slots=True)
class Thing:
    """A sensor or a gateway.

    Attributes:
        key: what a gateway has to show; empty = nothing.
        gateway: the TUID that relayed it last; commands go there.
        heard_ms: when it was heard last, by the cloud's clock.
        time_s: of its newest event.
    """

    tuid: str
    group: str = UNASSIGNED
    is_gateway: bool = False
    key: str = field(default="", repr=False)
    gateway: str = ""
    heard_ms: int | None = None
    time_s: int | None = None
    battery: int | None = None
    version: str = ""
    location: tuple[float, float] | None = None
    heartbeat_s: int | None = None
    played: PlayedSensor | None = None
    settings: dict[int, dict[str, float]] = field(default_factory=dict)
    """Of a played sensor."""
    installations: deque[Installation] = field(default_factory=lambda: deque(maxlen=LOG_MAX))
    """The current one first."""
    commands: deque[LoggedCommand] = field(default_factory=lambda: deque(maxlen=LOG_MAX))
    alerts: deque[AlertSpan] = field(default_factory=lambda: deque(maxlen=LOG_MAX))
    """Those that are over, and those that a test has put there."""

    @property
    def way(self) -> str:
        """The gateway that commands to it go through; empty where nobody knows."""
        return self.tuid if self.is_gateway else self.gateway
