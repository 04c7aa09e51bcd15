"""A Thinger.io device as the vendor's are, over a real socket: resources, streams, calls."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from gatewayd.clouds.thinger.codec import Codec, Dialect
from gatewayd.clouds.thinger.events import (
    Answer,
    Call,
    Describe,
    Event,
    KeepAlive,
    Kind,
    Login,
    Operation,
    Path,
    Run,
    Sample,
    StartStream,
    StopStream,
)
from gatewayd.clouds.thinger.pson import UNSET, Pson
from gatewayd.fields import Secret

WAIT_S = 5.0
USER, DEVICE, CREDENTIALS = "sandbox", "gw01", "s3cret-PW"

Callback = Callable[[Pson], Pson]


class Refusal(Exception):
    """The resource answers with an error."""


@dataclass
class Resource:
    """One resource: what it can do, its state, and what it makes of an input."""

    kind: Kind
    state: Pson = UNSET
    callback: Callback | None = None


def usual() -> dict[Path, Resource]:
    """Return one resource of each kind, and one that refuses."""

    def total(value: Pson) -> Pson:
        assert isinstance(value, Mapping)
        one, other = value["value1"], value["value2"]
        assert isinstance(one, int) and isinstance(other, int)
        return {"sum": one + other, "mult": one * other}

    def refuse(value: Pson) -> Pson:
        raise Refusal

    return {
        ("temperature",): Resource(Kind.OUTPUT, 21.5),
        ("relay",): Resource(Kind.INPUT, False),
        ("sum",): Resource(Kind.IN_OUT, callback=total),
        ("reset",): Resource(Kind.RUN),
        ("tank", "level"): Resource(Kind.OUTPUT, {"m": 42}),
        ("stuck",): Resource(Kind.INPUT, 0, refuse),
    }


@dataclass
class Device:
    """One connection of one device; keeps everything that it was asked."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    codec: Codec
    resources: dict[Path, Resource] = field(default_factory=usual)
    asked: list[Event] = field(default_factory=list)
    is_mute: bool = False
    is_gone: bool = False
    streams: dict[Path, int] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)
    alive: int = 0
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def send(self, event: Event) -> None:
        self.writer.write(self.codec.encode(event))

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait for something to be true, asking after everything that arrives."""
        async with asyncio.timeout(WAIT_S):
            while not is_so():
                self._news.clear()
                await self._news.wait()

    async def call(
        self, id: int, operation: Operation, name: str, payload: Pson = UNSET, path: Path = ()
    ) -> Answer:
        """Call the server and return its answer."""
        before = len(self.answers)
        self.send(Call(id, operation, name, payload, path))
        await self.until(lambda: len(self.answers) > before)
        return self.answers[before]

    def sample(self, name: str, value: Pson, *, is_event: bool = False) -> None:
        """Send a sample of a stream that was started."""
        path = tuple(name.split("/"))
        self.send(Sample(self.streams[path], {"out": value}, is_event))

    @property
    def runs(self) -> list[Run]:
        """What was run, descriptions left out."""
        return [each for each in self.asked if isinstance(each, Run)]

    async def live(self) -> None:
        """Answer until the connection ends."""
        try:
            while data := await self.reader.read(65536):
                for event in self.codec.feed(data):
                    self._take(event)
                self._news.set()
        except OSError:
            pass
        self.is_gone = True
        self._news.set()

    def _take(self, event: Event) -> None:
        if isinstance(event, Answer):
            self.answers.append(event)
            return
        if isinstance(event, KeepAlive):
            self.alive += 1
            return
        self.asked.append(event)
        if self.is_mute:
            return
        match event:
            case Describe(id, path):
                self.send(self._described(id, path))
            case Run(id, path, payload):
                answer = self._run(id, path or (), payload)
                if id:
                    self.send(answer)
            case StartStream(id, path):
                is_known = path in self.resources
                if is_known and path is not None:
                    self.streams[path] = id
                self.send(Answer(id, is_known))
            case StopStream(id, path):
                self.streams.pop(path or (), None)
                self.send(Answer(id, is_ok=True))

    def _run(self, id: int, path: Path, payload: Pson) -> Answer:
        resource = self.resources.get(path)
        if resource is None:
            return Answer(id, is_ok=False)
        try:
            made = resource.callback(payload) if resource.callback else UNSET
        except Refusal:
            return Answer(id, is_ok=False)
        if resource.kind is Kind.INPUT:
            resource.state = payload
            return Answer(id, is_ok=True)
        return Answer(id, is_ok=True, payload=made if resource.callback else resource.state)

    def _described(self, id: int, path: Path) -> Answer:
        if not path:
            return Answer(id, is_ok=True, payload=self._listing())
        resource = self.resources.get(path)
        if resource is None:
            return Answer(id, is_ok=False)
        name = {Kind.INPUT: "in", Kind.OUTPUT: "out"}.get(resource.kind)
        return Answer(id, is_ok=True, payload={name: resource.state} if name else {})

    def _listing(self) -> dict[str, Pson]:
        root: dict[str, Pson] = {}
        for path, resource in self.resources.items():
            level = root
            for name in path[:-1]:
                level = _inside(_inside(level, name), "/")
            _inside(level, path[-1]).update({"al": 0, "fn": int(resource.kind)})
        return root


def _inside(level: dict[str, Pson], name: str) -> dict[str, Pson]:
    found = level.setdefault(name, {})
    assert isinstance(found, dict)
    return found


@asynccontextmanager
async def open_device(
    port: int,
    *,
    device: str = DEVICE,
    user: str = USER,
    credentials: str = CREDENTIALS,
    dialect: Dialect = Dialect.CLASSIC,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Device]:
    """Connect and log in; whether it worked is the first answer."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=tls, server_hostname="localhost" if tls else None
    )
    peer = Device(reader, writer, Codec(dialect))
    async with asyncio.TaskGroup() as group:
        task = group.create_task(peer.live())
        id = 7 if dialect is Dialect.IOTMP else 0
        peer.send(Login(user, device, Secret(credentials), id))
        try:
            await peer.until(lambda: bool(peer.answers) or peer.is_gone)
            yield peer
        finally:
            task.cancel()
            writer.close()
