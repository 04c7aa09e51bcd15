"""What a cloud's REST interface answers: any status and body, to each thing that can be asked.

The last byte picks the question, the one before it the status; what is before them is the body,
so that a captured answer is an input as it is. After a byte 0xFE it says what stands in headers.
Questions are found by type, as decoders are.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from inspect import isasyncgenfunction, iscoroutinefunction, isroutine, unwrap
from pathlib import Path
from typing import Any

from gatewayd.clouds.cloud_time import CloudTime
from gatewayd.clouds.thethingsio import rest as thethingsio
from gatewayd.clouds.thethingsio.rest_auth import Login, SessionFile, SessionKeeper
from gatewayd.clouds.thethingsio.rest_calls import Calls as ThethingsioCalls
from gatewayd.clouds.thinger import rest as thinger
from gatewayd.clouds.thinger.rest_auth import MadeToken
from gatewayd.clouds.thinger.rest_auth import SessionKeeper as ThingerKeeper
from gatewayd.clouds.thinger.rest_calls import Calls as ThingerCalls
from gatewayd.clouds.thinger.rest_live import Live
from gatewayd.clouds.thinger.tokens import TokenFile as ThingerFile
from gatewayd.clouds.thingplus import rest as thingplus
from gatewayd.clouds.thingplus.rest_auth import TokenKeeper
from gatewayd.clouds.thingplus.rest_calls import Calls as ThingplusCalls
from gatewayd.clouds.thingplus.tokens import PasswordGrant, Token, TokenFile
from gatewayd.clouds.thingsee import rest as thingsee
from gatewayd.clouds.thingsee.rest_auth import TokenKeeper as ThingseeKeeper
from gatewayd.clouds.thingsee.rest_calls import Calls as ThingseeCalls
from gatewayd.clouds.thingsee.tokens import Credentials
from gatewayd.clouds.thingsee.tokens import Token as ThingseeToken
from gatewayd.clouds.thingsee.tokens import TokenFile as ThingseeFile
from gatewayd.errors import ConfigError, LinkError, LinkLost, Malformed
from gatewayd.fields import Secret
from gatewayd.testing.clock import SimulatedClock, SimulatedLoop
from gatewayd.transports.http import Answer, Request
from tests.fuzz.entries import Hit, entry
from tests.fuzz.finding import DEFAULTS, allowed
from tests.fuzz.making import NotMakeable, Source, arguments, call_plan, make
from tests.fuzz.target import Target

STATUSES = (200, 200, 200, 201, 204, 206, 302, 304, 400, 401, 403, 404, 409, 416, 429, 500, 503)

SAID = ("date", "retry-after", "content-range", "etag", "location", "content-type")
HEADERS = {"date": "Fri, 20 Nov 2026 10:00:00 GMT", "content-type": "application/json"}

REFUSALS = (LinkError, Malformed, ConfigError)

ANSWERS_MAX = 20
"""To one question; paging goes on as long as the cloud says that there is more."""

ITEMS_MAX = 1000

OURS = b"a" * 4000 + b"\x02" * 200
"""Of what our own arguments are made; the cloud has no say in them."""

FILES = frozenset({"token", "session", "downloads", "here"})
"""What may be in a folder; what a cloud calls a file stays where files are downloaded."""

URL = "https://cloud.example/v1"

Ask = Callable[[], Any]
Consts = Mapping[type, list[Any]]


class PlayedHttp:
    """Answers everything alike, in one piece or bit by bit."""

    place = "cloud.example:443"

    def __init__(self) -> None:
        self.answer = Answer(200, {}, b"")
        self.taken: Answer | None = None
        """What a POST is answered with, where that is something else."""
        self.left = ANSWERS_MAX

    async def send(self, request: Request) -> Answer:
        """Answer; a hostile server is left after a while."""
        self.left -= 1
        if self.left < 0:
            raise LinkLost("enough")
        return self.taken or self.answer if request.method == "POST" else self.answer

    @asynccontextmanager
    async def stream(self, request: Request, silence_s: float) -> AsyncIterator[PlayedStream]:
        """Answer bit by bit."""
        yield PlayedStream(await self.send(request))


@dataclass(frozen=True, slots=True)
class PlayedStream:
    """An answer as it comes, cut where a zero byte stands."""

    answer: Answer

    @property
    def status(self) -> int:
        return self.answer.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self.answer.headers

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield its pieces."""
        for piece in self.answer.body.split(b"\0"):
            yield piece

    async def whole(self) -> Answer:
        """Return it all."""
        return self.answer


def _thingplus(http: Any, folder: Path) -> object:
    settings = thingplus.RestSettings(url=URL, token_file=folder / "token")
    file = TokenFile(settings.token_file, settings.url)
    file.write(Token(Secret("t"), "Bearer"))
    grant = make(PasswordGrant, Source(OURS), DEFAULTS)
    keeper = TokenKeeper(http, settings.prefix, file, SimulatedClock(), grant)
    return thingplus.Rest(ThingplusCalls(http, settings.prefix, keeper), keeper, settings)


def _thethingsio(http: Any, folder: Path) -> object:
    login = make(Login, Source(OURS), DEFAULTS)
    keeper = SessionKeeper(http, SessionFile(folder / "session", URL), SimulatedClock(), login)
    return thethingsio.Rest(ThethingsioCalls(http, keeper), keeper)


def _thinger(http: Any, folder: Path) -> object:
    keeper = ThingerKeeper(http, ThingerFile(folder / "session", URL), SimulatedClock())
    return thinger.Rest(ThingerCalls(http, MadeToken(Secret("t")), "user"), keeper)


def _thingsee(http: Any, folder: Path) -> object:
    clock = SimulatedClock()
    file = ThingseeFile(folder / "token", URL)
    file.write(make(ThingseeToken, Source(OURS), DEFAULTS))
    keeper = ThingseeKeeper(http, file, clock, make(Credentials, Source(OURS), DEFAULTS))
    return thingsee.Rest(ThingseeCalls(http, keeper, CloudTime(clock)), keeper)


def asks(noun: object, consts: Consts, depth: int = 2) -> Iterator[tuple[str, Ask]]:
    """Yield what can be asked of a noun of an interface and of the nouns in it, by name.

    Args:
        consts: what arguments of a type are, where they are not made up.
    """
    if not type(noun).__module__.startswith("gatewayd.clouds") or isinstance(noun, Live):
        return  # What is heard over a WebSocket is a target of its own.
    for name in sorted(name for name in dir(noun) if not name.startswith("_")):
        each = getattr(noun, name)
        if isroutine(each):
            for inner, ask in _of_method(each, consts, depth):
                yield f"{type(noun).__name__}.{name}{inner}", ask
        elif depth:
            yield from asks(each, consts, depth - 1)


def _of_method(method: Callable[..., Any], consts: Consts, depth: int) -> Iterator[tuple[str, Ask]]:
    try:
        plan = call_plan(method, consts)
        given = arguments(plan, Source(OURS), consts)
    except NotMakeable:
        return
    if iscoroutinefunction(method) or isasyncgenfunction(unwrap(method)):
        yield "", lambda: _asked(method, given)
    elif depth:
        try:
            made = method(**given)
        except (TypeError, ValueError):  # Not for arguments that mean nothing.
            return
        for name, ask in asks(made, consts, depth - 1):
            yield f" {name}", ask


async def _asked(method: Callable[..., Any], given: dict[str, Any]) -> None:
    """Ask, and read the answer to its end."""
    try:
        if iscoroutinefunction(method):
            await method(**given)
        elif isasyncgenfunction(method):
            await _read(method(**given))
        else:
            async with method(**given) as told:
                if hasattr(told, "__aiter__"):
                    await _read(told)
    except REFUSALS:
        return
    except allowed(method):
        return


async def _read(items: AsyncIterator[object]) -> None:
    count = 0
    async for _ in items:
        count += 1
        if count >= ITEMS_MAX:
            return


def _check_files(folder: Path) -> None:
    there = {path.name for path in [*folder.iterdir(), *folder.glob("downloads/*")]}
    assert there <= FILES, there


def _target(cloud: str, build: Callable[[Any, Path], object]) -> Target:
    @asynccontextmanager
    async def opened(folder: Path) -> AsyncIterator[Hit]:
        http = PlayedHttp()
        consts = {**DEFAULTS, Path: [folder / "downloads" / "here"]}
        found = [ask for _, ask in asks(build(http, folder), consts)]

        async def hit(data: bytes) -> None:
            source = Source(data)
            ask, status = source.pick(found), source.pick(STATUSES)
            body, is_said, said = source.rest().partition(b"\xfe")
            text = said.decode("latin-1")
            headers = {**HEADERS, **dict.fromkeys(SAID, text)} if is_said else HEADERS
            http.answer, http.left = Answer(status, headers, body), ANSWERS_MAX
            try:
                await ask()
            except ValueError:  # Where nothing was asked yet, it is about our own arguments.
                if http.left < ANSWERS_MAX:
                    raise
            _check_files(folder)

        yield hit

    return entry(f"{cloud} answers", f"gatewayd.clouds.{cloud}.rest", opened, SimulatedLoop)


def answer_targets() -> list[Target]:
    """Return the interfaces."""
    builds = {
        "thingplus": _thingplus,
        "thethingsio": _thethingsio,
        "thinger": _thinger,
        "thingsee": _thingsee,
    }
    return [_target(cloud, build) for cloud, build in builds.items()]
