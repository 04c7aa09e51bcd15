"""One REST call on its way to a handler, and the table's rows that lead there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

import orjson
from aiohttp import web

from gatewayd.clouds.thinger.sandbox.doors import Caller, Doors, Wanted
from gatewayd.clouds.thinger.sandbox.feeds import Feeds
from gatewayd.clouds.thinger.sandbox.hub import Hub
from gatewayd.clouds.thinger.sandbox.intake import Intake
from gatewayd.clouds.thinger.sandbox.journal import Journal
from gatewayd.clouds.thinger.sandbox.records import Account, Bucket, Device
from gatewayd.clouds.thinger.sandbox.socket_side import SocketSide
from gatewayd.clouds.thinger.sandbox.streams import Streams
from gatewayd.clouds.thinger.sandbox.world import World
from gatewayd.sandbox.errors import invalid


@dataclass(frozen=True, slots=True)
class AppPremises:
    """What every handler may use."""

    world: World
    journal: Journal
    doors: Doors
    intake: Intake
    feeds: Feeds
    hub: Hub
    streams: Streams
    sockets: SocketSide


@dataclass(frozen=True, slots=True)
class Call:
    """One request, taken apart but not yet understood.

    `names` are the pieces of the path as they stand in it, percent signs and all; `caller` is
    None where nobody has to be anybody.
    """

    premises: AppPremises
    request: web.Request
    caller: Caller | None
    names: Mapping[str, str]
    raw: bytes

    @property
    def world(self) -> World:
        """The records."""
        return self.premises.world

    @property
    def query(self) -> Mapping[str, str]:
        """The query's parameters, each name's first."""
        return self.request.query

    @property
    def account(self) -> Account:
        """The user of the path, whose token it is."""
        assert self.caller is not None
        return self.caller.account

    @property
    def device(self) -> Device:
        """The device of the path. Raises ApiError: 404."""
        return self.world.device(self.account, self.name("device"))

    @property
    def bucket(self) -> Bucket:
        """The bucket of the path. Raises ApiError: 404."""
        return self.world.bucket(self.account, self.name("bucket"))

    @property
    def resource(self) -> tuple[str, ...]:
        """The resource of the path; what was quoted is one name."""
        return tuple(map(unquote, self.names["resource"].split("/")))

    def name(self, which: str) -> str:
        """Return a piece of the path."""
        return unquote(self.names[which])

    def body(self) -> object:
        """Return the body as JSON. Raises ApiError: 400."""
        try:
            found: object = orjson.loads(self.raw)
        except orjson.JSONDecodeError as error:
            raise invalid(f"not JSON: {error.msg}") from None
        return found

    def whole(self, name: str) -> int | None:
        """Return a whole number of the query, or None. Raises ApiError: 400."""
        text = self.query.get(name)
        if text is None:
            return None
        if not text.removeprefix("-").isdecimal() or len(text) > 15:
            raise invalid(f"{name} is not a whole number")
        return int(text)


@dataclass(frozen=True, slots=True)
class Empty:
    """An answer without a body."""


EMPTY = Empty()

Handler = Callable[[Call], Awaitable[object]]
"""What it returns is the JSON answer, nothing (EMPTY), or a whole response."""


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint. `{name}` in the path stands for one segment, `{name...}` for several.

    Attributes:
        kind, action: what a token must allow, in newer servers' words.
        is_open: no token needed.
    """

    method: str
    path: str
    handler: Handler
    kind: str = "Device"
    action: str = ""
    is_open: bool = False

    def wanted(self, names: Mapping[str, str]) -> Wanted:
        """Return what a request wants to do to what."""
        id = names.get(self.kind.lower(), "")
        return Wanted(self.kind, self.action, unquote(id), unquote(names.get("resource", "")))
