"""A Thinger.io server of a few lines, from the protocol's description: one device, one socket."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from gatewayd.clouds.thinger.codec import Codec, Dialect
from gatewayd.clouds.thinger.events import (
    Answer,
    Call,
    Event,
    KeepAlive,
    Login,
    Operation,
    Run,
    Sample,
    StartStream,
)
from gatewayd.clouds.thinger.pson import UNSET, Pson
from gatewayd.fields import Secret
from tests.peers.listening import listening

WAIT_S = 5.0
USER, DEVICE, PASSWORD = "alice", "gw01", "s3cret-PW"


@dataclass
class Server:
    """What the server does, and everything that it has heard.

    `answer_login`, `echoes`, `acks` and `answer_call` are its faults; `early` goes out with the
    answer to the log-in.
    """

    dialect: Dialect = Dialect.CLASSIC
    answer_login: bytes | None = None
    is_silent: bool = False
    echoes: bool = True
    acks: bool = True
    answer_call: Callable[[Call], Answer] | None = None
    early: bytes = b""
    port: int = 0
    logins: list[Login] = field(default_factory=list)
    heard: list[Event] = field(default_factory=list)
    received: bytearray = field(default_factory=bytearray)
    properties: dict[str, Pson] = field(default_factory=dict)
    connections: int = 0
    _writer: asyncio.StreamWriter | None = None
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _next_id: int = 0

    async def wait(self, is_true: Callable[[], Any], what: str = "it") -> Any:
        """Return what the condition gives when it becomes true; fails after `WAIT_S`."""
        try:
            async with asyncio.timeout(WAIT_S), self._changed:
                await self._changed.wait_for(is_true)
        except TimeoutError:
            raise AssertionError(f"waited in vain for {what}; heard {self.heard}") from None
        return is_true()

    async def wait_bytes(self, data: bytes) -> None:
        """Wait until the device has sent just these bytes."""
        await self.wait(lambda: data in self.received, data.hex())

    def of(self, kind: type[Event]) -> list[Any]:
        """Return what was heard of one kind."""
        return [event for event in self.heard if isinstance(event, kind)]

    def points(self, bucket: str) -> list[Any]:
        """Return the points written to a bucket, without doubles of an instant."""
        written = [
            call.payload
            for call in self.of(Call)
            if call.operation is Operation.WRITE_BUCKET and call.name == bucket
        ]
        return list({point["ts"]: point for point in written}.values())

    def say(self, *events: Event) -> None:
        """Say something to the device."""
        self.say_bytes(b"".join(Codec(self.dialect).encode(event) for event in events))

    def say_bytes(self, data: bytes) -> None:
        assert self._writer is not None
        self._writer.write(data)

    def next_id(self) -> int:
        self._next_id += 1
        return self._next_id

    async def ask(self, path: str, payload: Pson = UNSET, id: int = 0) -> Answer:
        """Run a resource and return its answer."""
        id = id or self.next_id()
        self.say(Run(id, tuple(path.split("/")), payload))
        return await self.answer(id)

    async def answer(self, id: int, count: int = 1) -> Answer:
        """Return the answer with an id, the count-th one."""

        def find() -> list[Answer]:
            return [each for each in self.of(Answer) if each.id == id]

        await self.wait(lambda: len(find()) >= count, f"answer {id}")
        return find()[count - 1]

    async def start(self, path: str, interval_ms: int = 0) -> int:
        """Subscribe and return the stream's id."""
        id = self.next_id() + 500
        self.say(StartStream(id, tuple(path.split("/")), interval_ms))
        assert (await self.answer(id)).is_ok
        return id

    def samples(self, id: int) -> list[Sample]:
        return [sample for sample in self.of(Sample) if sample.id == id]

    def cut(self) -> None:
        """Cut the connection."""
        if self._writer is not None:
            self._writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Live one connection's life."""
        self.connections += 1
        self._writer, codec = writer, Codec(self.dialect)
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                self.received += data
                for event in codec.feed(data):
                    if self.take(event):
                        writer.close()
                async with self._changed:
                    self._changed.notify_all()
        writer.close()
        async with self._changed:
            self._changed.notify_all()

    def take(self, event: Event) -> bool:
        """Take one event; return whether to hang up."""
        self.heard.append(event)
        match event:
            case Login():
                return self._log_in(event)
            case KeepAlive() if self.echoes:
                self.say(KeepAlive())
            case Call() if self.acks:
                self._take_call(event)
        return False

    def _log_in(self, login: Login) -> bool:
        self.logins.append(login)
        if self.is_silent:
            return False
        if self.answer_login is not None:
            self.say_bytes(self.answer_login)
            return True
        is_ok = login == Login(USER, DEVICE, Secret(PASSWORD), login.id)
        self.say_bytes(Codec(self.dialect).encode(Answer(login.id, is_ok)) + self.early)
        return not is_ok

    def _take_call(self, call: Call) -> None:
        if self.answer_call is not None:
            self.say(self.answer_call(call))
        elif call.operation is Operation.GET_PROPERTY:
            value = self.properties.get(call.name, UNSET)
            self.say(Answer(call.id, value is not UNSET, value))
        elif call.id:
            self.say(Answer(call.id, is_ok=True))


@asynccontextmanager
async def open_server(context: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """Serve on a free port of the loopback."""
    server = Server()
    async with listening(server.serve, context) as server.port:
        yield server
