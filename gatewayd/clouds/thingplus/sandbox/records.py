"""What a Thing+ account consists of: sites, users, gateways, devices, sensors, statuses."""

from __future__ import annotations

from dataclasses import dataclass, field

from gatewayd.clouds.thingplus.sandbox.series import Series
from gatewayd.sandbox.bodies import Document

STATUS_HISTORY_MAX = 10_000
"""A week of one status a minute."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a site has paid for; more is answered with 471."""

    gateways_max: int = 1000
    devices_max: int = 10_000
    sensors_max: int = 100_000
    rules_max: int = 1000


@dataclass(slots=True)
class Site:
    """A customer's place within the service."""

    id: str
    name: str
    service: str
    created_ms: int
    plan: Plan = Plan()


@dataclass(slots=True)
class Account:
    """A user. The vendor sends and compares passwords as their MD5."""

    id: str
    login_id: str
    password_md5: str
    site: str
    service: str
    created_ms: int
    is_service_admin: bool = False
    profile: Document = field(default_factory=dict)


@dataclass(slots=True)
class AuthClient:
    """An app that may ask for tokens, and what those may do."""

    id: str
    name: str
    secret: str
    scopes: frozenset[str]
    user: str
    created_ms: int


@dataclass(slots=True)
class GatewayKey:
    """The API key of one gateway id, which exists before the gateway is registered."""

    gateway: str
    key: str
    site: str
    model: str
    is_ready_only: bool = False
    """Prepared for the device to fetch with its vendor's key, and not shown to the app."""


@dataclass(slots=True)
class StatusMark:
    """The last status of a gateway or sensor.

    `expires_ms` is None for never; `changed_ms` is when the word last changed.
    """

    word: str
    detail: str
    time_ms: int
    expires_ms: int | None
    changed_ms: int
    created_ms: int

    def state(self, now_ms: int, expired: str) -> str:
        """Return the word that counts now: a status that has run out counts as `expired`."""
        is_over = self.expires_ms is not None and now_ms >= self.expires_ms
        return expired if is_over else self.word


@dataclass(slots=True)
class Device:
    """A physical thing at a gateway."""

    id: str
    name: str
    model: str
    owner: str
    created_ms: int
    modified_ms: int


@dataclass(slots=True)
class Sensor:
    """A sensor or actuator. `traits` are the members of its document that nothing here reads."""

    id: str
    owner: str
    name: str
    type: str
    category: str
    series: Series
    created_ms: int
    modified_ms: int
    device: str | None = None
    traits: Document = field(default_factory=dict)
    status: StatusMark | None = None
    was_in_status: bool = False
    was_in_values: bool = False

    @property
    def is_actuator(self) -> bool:
        """Whether commands go to it instead of values coming from it."""
        return self.category == "actuator"


@dataclass(slots=True)
class Gateway:
    """A gateway and everything that belongs to it."""

    id: str
    name: str
    model: str
    site: str
    service: str
    user: str
    created_ms: int
    modified_ms: int
    report_interval_ms: int = 60_000
    auto_create: str = "y"
    virtual: str = "n"
    location: Document | None = None
    device_models: list[Document] = field(default_factory=list)
    devices: dict[str, Device] = field(default_factory=dict)
    sensors: dict[str, Sensor] = field(default_factory=dict)
    status: StatusMark | None = None
    history: Series = field(default_factory=lambda: Series(STATUS_HISTORY_MAX))
    """The words of its statuses, at the instants when they came."""
    connection: str = "off"
    """The last word on `mqtt/status`: on, off or err."""
