"""One REST call on its way to a handler, and the table of routes that leads there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from gatewayd.clouds.thingplus.sandbox.answers import Answer, Face
from gatewayd.clouds.thingplus.sandbox.calls import Calls
from gatewayd.clouds.thingplus.sandbox.journal import Journal
from gatewayd.clouds.thingplus.sandbox.oauth import Doors
from gatewayd.clouds.thingplus.sandbox.queries import (
    CollectionQuery,
    Tree,
    collection_query,
    parse_query,
)
from gatewayd.clouds.thingplus.sandbox.records import Account, Gateway, Sensor
from gatewayd.clouds.thingplus.sandbox.world import Caller, World
from gatewayd.sandbox.bodies import Document, Shape, check, parse_body
from gatewayd.sandbox.errors import not_found


@dataclass(frozen=True, slots=True)
class Premises:
    """What every handler may use."""

    world: World
    journal: Journal
    calls: Calls
    doors: Doors


@dataclass(frozen=True)
class Call:
    """One request, taken apart but not yet understood.

    `names` are the ids of the path; `pairs` the decoded query; `raw` the body.
    """

    premises: Premises
    face: Face
    caller: Caller
    names: Mapping[str, str]
    pairs: tuple[tuple[str, str], ...]
    raw: bytes
    is_form: bool = False
    session: str = ""

    @property
    def world(self) -> World:
        """The records."""
        return self.premises.world

    @cached_property
    def query(self) -> Tree:
        """The query as a tree. Raises ApiError."""
        return parse_query(self.pairs)

    @cached_property
    def collection(self) -> CollectionQuery:
        """The query as one of a collection. Raises ApiError."""
        return collection_query(self.query)

    @property
    def account(self) -> Account:
        """The user who asks. Raises ApiError: it is a gateway."""
        if self.caller.account is None:
            raise not_found("a user")
        return self.caller.account

    def body(self) -> object:
        """Return the body as JSON. Raises ApiError."""
        return parse_body(self.raw)

    def checked(self, shape: Shape, *, is_open: bool = False) -> Document:
        """Return the body as an object of this shape. Raises ApiError."""
        return check(self.body(), shape, is_open=is_open)

    def gateway(self) -> Gateway:
        """Return the gateway of the path. Raises ApiError: 404, 403."""
        return self.world.gateway_for(self.caller, self.names["gateway"])

    def sensor(self) -> Sensor:
        """Return the sensor of the path. Raises ApiError: 404, 403."""
        return self.world.sensor_for(self.caller, self.names["gateway"], self.names["sensor"])


@dataclass(frozen=True, slots=True)
class Page:
    """An answer for a person's browser: HTML, or a redirection."""

    html: str = ""
    status: int = 200
    location: str = ""


Handler = Callable[[Call], Awaitable[Answer | Page]]


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint. `{name}` in the path stands for one segment.

    Attributes:
        is_open: no login needed.
        needs_scope: a token needs a scope for it, even where no login is needed.
        is_for_gateways: a gateway may call it with its API key.
    """

    method: str
    path: str
    handler: Handler
    is_open: bool = False
    needs_scope: bool = True
    is_for_gateways: bool = False

    @property
    def resource(self) -> str:
        """The word of the path that scopes speak of."""
        first = self.path.split("/")[1]
        return "sites" if first == "site" else first
