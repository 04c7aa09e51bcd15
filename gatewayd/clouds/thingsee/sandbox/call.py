"""One REST call on its way to a handler, and what an endpoint is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gatewayd.clouds.thingsee.rest_types import Selection
from gatewayd.clouds.thingsee.sandbox.errors import bad, unauthorized
from gatewayd.clouds.thingsee.sandbox.intake import Intake
from gatewayd.clouds.thingsee.sandbox.journal import Journal
from gatewayd.clouds.thingsee.sandbox.mqtt import DeviceSide
from gatewayd.clouds.thingsee.sandbox.orders import Orders
from gatewayd.clouds.thingsee.sandbox.records import ApiClient, Group, Thing
from gatewayd.clouds.thingsee.sandbox.world import World
from gatewayd.clouds.thingsee.selecting import read_selection, read_whole
from gatewayd.errors import Malformed
from gatewayd.sandbox.bodies import Document, Shape, check, parse_body


@dataclass(frozen=True, slots=True)
class Premises:
    """What every handler may use."""

    world: World
    journal: Journal
    intake: Intake
    orders: Orders
    device_side: DeviceSide


@dataclass(frozen=True, slots=True)
class Call:
    """One request, taken apart but not yet understood.

    `names` are the ids of the path; `asked` the query; `raw` the body; `bearer` what was shown at
    the door. `client` is None where nobody needs to be known.
    """

    premises: Premises
    client: ApiClient | None
    names: Mapping[str, str]
    asked: Mapping[str, str]
    raw: bytes
    bearer: str

    @property
    def world(self) -> World:
        """The records."""
        return self.premises.world

    @property
    def responsible(self) -> str:
        """Who asks. Raises ApiError: nobody known."""
        if self.client is None:
            raise unauthorized("who are you?")
        return self.client.id

    def body(self) -> object:
        """Return the body as JSON. Raises ApiError."""
        return parse_body(self.raw)

    def checked(self, shape: Shape) -> Document:
        """Return the body as an object of this shape; other members are let through."""
        return check(self.body(), shape, is_open=True)

    def thing(self) -> Thing:
        """Return the thing of the path. Raises ApiError: 404."""
        return self.world.thing(self.names["tuid"])

    def group(self) -> Group:
        """Return the group of the path. Raises ApiError: 404."""
        return self.world.group(self.names["group"])

    def whole(self, name: str) -> int | None:
        """Return a whole number of the query, None if it is not there. Raises ApiError."""
        try:
            return read_whole(self.asked, name)
        except Malformed as error:
            raise bad(str(error)) from None

    def selection(self) -> Selection:
        """Return what the query selects. Raises ApiError."""
        try:
            return read_selection(self.asked)
        except Malformed as error:
            raise bad(str(error)) from None


Handler = Callable[[Call], object]
"""What an endpoint does; what it returns is the `data` of the answer."""


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint. `{name}` in the path stands for one segment; `is_open`: no token needed."""

    method: str
    path: str
    handler: Handler
    is_open: bool = False
