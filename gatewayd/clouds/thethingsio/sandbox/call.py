"""One request on its way to a handler, what a handler answers, and the table's rows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from gatewayd.clouds.thethingsio.codec import Entry, encode_entry
from gatewayd.clouds.thethingsio.queries import KEEP_ALIVE_MS, limit_of, number_of, stretch_of
from gatewayd.clouds.thethingsio.sandbox.errors import bad
from gatewayd.clouds.thethingsio.sandbox.hub import Hub
from gatewayd.clouds.thethingsio.sandbox.intake import Intake
from gatewayd.clouds.thethingsio.sandbox.journal import Journal
from gatewayd.clouds.thethingsio.sandbox.magic import is_magic, read_magic
from gatewayd.clouds.thethingsio.sandbox.objects import Objects
from gatewayd.clouds.thethingsio.sandbox.records import Session, Thing, User
from gatewayd.clouds.thethingsio.sandbox.world import World
from gatewayd.errors import Malformed
from gatewayd.sandbox.bodies import Document, Shape, check, parse_body
from gatewayd.sandbox.errors import ApiError

KEEP_ALIVE_MS_MAX = 3_600_000

FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Premises:
    """What every handler may use."""

    world: World
    objects: Objects
    journal: Journal
    hub: Hub
    intake: Intake


@dataclass(frozen=True, slots=True)
class Call:
    """One request, taken apart. `session` is that of the user who asks, None where none is needed.

    Any of its methods may raise ApiError, 400, for what it finds.
    """

    premises: Premises
    request: web.Request
    names: Mapping[str, str]
    raw: bytes
    session: Session | None = None

    @property
    def world(self) -> World:
        """The records."""
        return self.premises.world

    @property
    def user(self) -> User:
        """Who asks."""
        assert self.session is not None, "a route without a session asks for its user"
        return self.session.user

    def thing(self) -> Thing:
        """Return the thing whose token stands in the path. Raises ApiError: 404."""
        return self.world.thing(self.names["token"])

    def flag(self, name: str, *, default: bool) -> bool:
        """Return a query parameter that is true or false."""
        text = self.request.query.get(name, "").lower()
        return text not in ("false", "0") if text else default

    def keep_alive_s(self) -> float:
        """Return after how much silence a stream says `{}`."""
        with _as_bad():
            keep_alive_ms = number_of(self.request.query, "keepAlive", KEEP_ALIVE_MS)
        if not 1 <= keep_alive_ms <= KEEP_ALIVE_MS_MAX:
            raise bad(f"keepAlive is not a number of milliseconds up to {KEEP_ALIVE_MS_MAX}")
        return keep_alive_ms / 1000

    def body(self) -> Document:
        """Return the body as an object; a form counts as one."""
        found = _form(self.raw) if self.request.content_type == FORM else parse_body(self.raw)
        if not isinstance(found, dict):
            raise bad("the body is no object")
        return found

    def checked(self, shape: Shape, *, is_open: bool = True) -> Document:
        """Return the body as an object of this shape."""
        return check(self.body(), shape, is_open=is_open)

    def rows(self, thing: Thing, key: str) -> list[Document]:
        """Return a resource's values as the query asks. Raises ApiError: 404, no such resource."""
        if is_magic(key):
            return [{"key": key, "value": read_magic(thing, key)}]
        timeline = thing.timelines.get(key)
        if timeline is None:
            raise ApiError(404, "", f"Resource {key} not found")
        query = self.request.query
        with _as_bad():
            found = timeline.read(limit_of(query), *stretch_of(query))
        return [encode_entry(row) for row in found]


@contextmanager
def _as_bad() -> Iterator[None]:
    """Refuse what cannot be read."""
    try:
        yield
    except Malformed as error:
        raise bad(str(error)) from None


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered as JSON."""

    body: Document | list[Any]
    status: int = 200


def success(message: str, status: int = 200, word: str = "success", **more: Any) -> Answer:
    """Return the usual answer to what changes something."""
    return Answer({"status": word, "message": message, **more}, status)


def described(entries: list[Entry]) -> list[Document]:
    """Return entries as JSON knows them."""
    return [encode_entry(entry) for entry in entries]


Handler = Callable[[Call], Awaitable[Answer | web.StreamResponse]]


class Auth(Enum):
    """How a caller says who he is."""

    NONE = "none"
    TOKEN = "path"  # noqa: S105 - Where it is, not what it is.
    SESSION = "session"
    EITHER = "session or thingToken in the query"


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint; paths without the prefix `/v2`."""

    method: str
    path: str
    handler: Handler
    auth: Auth = Auth.SESSION


def _form(raw: bytes) -> Document:
    """Return a form as the object it stands for: `values[0][key]=LED&values[0][value]=ON`.

    Only this much nesting is known: names, a list of objects below one.
    """
    document: Document = {}
    try:
        pairs = parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=10_000)
    except ValueError:
        raise bad("the body is no form") from None
    lists: dict[str, dict[str, Document]] = {}
    for name, value in pairs:
        first, *inner = name.replace("]", "").split("[")
        if len(inner) == 2:
            lists.setdefault(first, {}).setdefault(inner[0], {})[inner[1]] = value
        else:
            document[first] = value
    return document | {name: list(items.values()) for name, items in lists.items()}
