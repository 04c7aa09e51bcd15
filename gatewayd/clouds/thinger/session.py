"""One logged-in connection to the device socket: questions find their answers, silence is noticed.

Strategy: bytes become events in the turn of the loop in which they arrive. An answer completes
the future of its question; everything else goes to the handler, which answers at once or later.
When the connection is lost, every question that waits learns it.

Characteristics: in events · out events · at most `IN_FLIGHT_MAX` unanswered calls · event loop
only · nothing durable.

Source: Thinger.io Arduino-Library 2.40.0, `thinger.h`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Protocol

from gatewayd.clouds.thinger.codec import Codec
from gatewayd.clouds.thinger.events import (
    ID_MAX,
    Answer,
    Call,
    Event,
    KeepAlive,
    Login,
    Operation,
)
from gatewayd.errors import LinkDenied, LinkLost, Malformed
from gatewayd.transports.stream import ByteStream, StreamSettings, open_stream

IN_FLIGHT_MAX = 8
"""Calls without an answer. The vendor's device makes one at a time; how many a server takes is
not public."""

HINT = " (user, device or credentials are wrong, or the device is disabled)"

EARLY_MAX = 64
"""Requests that come before anybody attends to them, right after the log-in."""

Reply = asyncio.Future[Answer | None]
"""An answer to come; None when the connection was lost first."""


class Handler(Protocol):
    """Who is told what the server wants."""

    def on_event(self, event: Event) -> None:
        """Take a request; raises LinkLost when its answer cannot be written any more."""
        ...

    def on_lost(self) -> None:
        """Take the end of the connection."""
        ...


@asynccontextmanager
async def open_session(
    settings: StreamSettings, codec: Codec, login: Login, timeout_s: float
) -> AsyncIterator[Session]:
    """Connect and log in once.

    Args:
        timeout_s: for every answer of the server.

    Raises:
        LinkDenied: the server does not take these credentials. It may say so, or just close.
        LinkLost: see `open_stream`, or no answer to the log-in in time.
    """
    session = Session(codec, timeout_s)
    async with open_stream(settings, session) as stream:
        await session.log_in(stream, login)
        yield session


class Session:
    """One connection; a `Receiver` of its stream."""

    stream: ByteStream

    def __init__(self, codec: Codec, timeout_s: float) -> None:
        self._codec = codec
        self._timeout_s = timeout_s
        self._handler: Handler | None = None
        self._early: list[Event] = []
        self._pending: dict[int, Reply] = {}
        self._window = asyncio.Semaphore(IN_FLIGHT_MAX)
        self._property_turn = asyncio.Lock()
        self._last_id = 0
        self._login_id: int | None = None
        self._is_in = False
        self.echoes = 0
        """Keep-alives that have come back."""
        self.ignored = 0
        """Messages that mean nothing to us."""
        self.unsayable = 0
        """Answers and samples too large for a frame."""

    async def log_in(self, stream: ByteStream, login: Login) -> None:
        """Say who we are and wait for the answer; raises as `open_session` does."""
        self.stream, self._login_id = stream, login.id
        reply = self._expect(login.id)
        self.say(login)
        try:
            answer = await self.answer_of(reply)
        except LinkLost:
            if stream.is_ended:
                sentence = f"{login.user}/{login.device}: the server hung up at the log-in{HINT}"
                raise LinkDenied(sentence) from None
            raise
        if not answer.is_ok:
            detail = f": {answer.detail[:200]}" if answer.detail else ""
            raise LinkDenied(f"{login.user}/{login.device}: log-in refused{detail or HINT}")

    def attend(self, handler: Handler) -> None:
        """Let a handler take the server's requests, those that came meanwhile first."""
        self._handler = handler
        early, self._early = self._early, []
        for event in early:
            handler.on_event(event)

    def say(self, event: Event) -> None:
        """Write one event now; raises LinkLost. What has no bytes is refused or left out."""
        try:
            data = self._codec.encode(event)
        except ValueError as error:
            self.unsayable += 1
            if not isinstance(event, Answer):
                return
            data = self._codec.encode(Answer(event.id, is_ok=False, detail=str(error)))
        self.stream.write(data)

    async def tell(self, call: Call) -> None:
        """Make a call that nobody answers, when the peer takes it; raises LinkLost."""
        await self.stream.send(self._codec.encode(replace(call, id=0)))

    async def ask(self, call: Call) -> Reply:
        """Make a call when there is room for it, and return its reply to come; raises LinkLost."""
        await self._window.acquire()
        id = self._next_id()
        reply = self._expect(id)
        reply.add_done_callback(lambda _: self._window.release())
        await self._send(replace(call, id=id), reply)
        return reply

    async def answer_of(self, reply: Reply) -> Answer:
        """Return an answer when it comes.

        Raises:
            LinkLost: not in time, or the connection is gone. The server may have done it.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await asyncio.shield(reply)
        except TimeoutError:
            self.stream.lose(f"no answer within {self._timeout_s:g} s")
            answer = None
        if answer is None:
            self.stream.check()
            raise LinkLost("connection closed")
        return answer

    async def call(self, call: Call) -> Answer:
        """Make a call and return its answer; raises LinkLost."""
        if call.operation is not Operation.GET_PROPERTY or self._codec.has_property_ids:
            return await self.answer_of(await self.ask(call))
        # Question and answer have no id, so there is one at a time.
        async with self._property_turn:
            reply = self._expect(0)
            await self._send(call, reply)
            return await self.answer_of(reply)

    async def _send(self, call: Call, reply: Reply) -> None:
        try:
            await self.stream.send(self._codec.encode(call))
        except BaseException:
            reply.cancel()
            raise

    def _expect(self, id: int) -> Reply:
        reply: Reply = asyncio.get_running_loop().create_future()
        self._pending[id] = reply
        reply.add_done_callback(lambda _: self._pending.pop(id, None))
        return reply

    def _next_id(self) -> int:
        while True:
            self._last_id = self._last_id % ID_MAX + 1
            if self._last_id not in self._pending:
                return self._last_id

    # What the stream tells.

    def on_bytes(self, data: bytes) -> None:
        """Take what the server says; raises Malformed."""
        for event in self._codec.feed(data):
            if self._login_id is None:
                raise Malformed("the server speaks before the log-in")
            with suppress(LinkLost):  # Its answer could not be written; `on_lost` tells.
                self._take(event)

    def on_lost(self, reason: str) -> None:
        """Tell everybody who waits."""
        for reply in list(self._pending.values()):
            if not reply.done():
                reply.set_result(None)
        if self._handler is not None:
            self._handler.on_lost()

    def _take(self, event: Event) -> None:
        if isinstance(event, Answer):
            self._take_answer(event)
        elif not self._is_in:
            raise Malformed(f"{type(event).__name__} instead of an answer to the log-in")
        elif isinstance(event, KeepAlive):
            self.echoes += 1
        elif self._handler is not None:
            self._handler.on_event(event)
        elif len(self._early) < EARLY_MAX:
            self._early.append(event)
        else:
            raise Malformed(f"more than {EARLY_MAX} requests at once")

    def _take_answer(self, answer: Answer) -> None:
        reply = self._pending.get(answer.id)
        if reply is None or reply.done():
            self.ignored += 1
            return
        self._is_in = self._is_in or (answer.id == self._login_id and answer.is_ok)
        reply.set_result(answer)
