"""What the sandbox cloud knows: things, codes, apps, users, sessions, firmware."""

from __future__ import annotations

from dataclasses import dataclass, field

from gatewayd.clouds.thethingsio.codec import Geo
from gatewayd.clouds.thethingsio.sandbox.timeline import Timeline
from gatewayd.sandbox.bodies import Document

DESCRIPTION = "description"
"""The special resource with what its users say of a thing; every thing has it."""

ALL_RIGHTS = frozenset({"get", "post", "grant", "put", "delete"})
"""What the owner of a thing may do with each of its resources (App Development guide, Login)."""


@dataclass(slots=True)
class Thing:
    """The cloud image of one device.

    `geo`, `settings` are its magic resources; `tags` are names by id.
    """

    token: str
    id: str
    name: str
    product: str
    created_ms: int
    geo: Geo | None = None
    settings: Document = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    timelines: dict[str, Timeline] = field(default_factory=dict)


@dataclass(slots=True)
class Code:
    """An activation code: good for one thing."""

    code: str
    product: str = ""
    used_by: str = ""


@dataclass(frozen=True, slots=True)
class App:
    """An application; `resources` are the keys that it asks for, None = all."""

    id: str
    resources: frozenset[str] | None = None


@dataclass(slots=True)
class User:
    """A user of one app.

    `things` are the ids that he owns; `grants` what others let him do, by (key, thing id).
    """

    email: str
    password: str
    app: App
    settings: Document = field(default_factory=dict)
    things: set[str] = field(default_factory=set)
    grants: dict[tuple[str, str], set[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Session:
    """A user who has logged in."""

    token: str
    user: User
    expires_ms: int


@dataclass(frozen=True, slots=True)
class Firmware:
    """One program for one micro-controller of a product; of an empty product: of every thing."""

    id: str
    mcu: str
    version: str
    data: bytes = field(repr=False)
    name: str = ""
    product: str = ""
