"""MQTT, bytes only: one connection as a scope, over paho-mqtt in a thread of its own.

Strategy: paho's network loop runs in one executor thread a connection (see mqtt_thread); the
event loop hands it packets through paho's thread-safe calls and gets everything back through
`call_soon_threadsafe` alone. Nothing reconnects: a dead connection raises `LinkLost` from every
call that waits, the scope ends, and the supervisor opens the next.

Characteristics: in publishes, at most `INFLIGHT_MAX` unacknowledged · out messages of the
subscribed topics · buffered `inbox_max` messages · when full the newest is dropped and counted ·
ordered · event loop only · not durable.

Source: OASIS MQTT 3.1.1 and 5.0.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NoReturn

from gatewayd.errors import LinkDenied, LinkLost
from gatewayd.transports.mqtt_thread import (
    INFLIGHT_MAX,
    Message,
    MqttSettings,
    Signals,
    Version,
    Will,
    bridge,
    make_client,
    pump,
    shut,
)
from gatewayd.transports.tls import Tls, is_no_tls, tell

if TYPE_CHECKING:
    from paho.mqtt.client import Client

__all__ = ["Message", "MqttSession", "MqttSettings", "Tls", "Version", "Will", "open_mqtt"]

CLOSE_S = 2.0
"""How long the DISCONNECT may take before the socket is shut under it. A stop of the whole
gateway has 10 s for everything."""

DENIED = frozenset({134, 135, 138, 140})
"""CONNACK reasons that only the owner can change: bad user name or password (MQTT 3: 4), not
authorised (5), banned, bad authentication method."""

BAD_LOGIN = frozenset({134, 135})
NOT_LET_IN = " (user name or key is wrong, or the gateway is not registered there)"

CUT = frozenset({"Unspecified error", "Session taken over"})
TAKEN_OVER = " (does another gateway use the same id?)"

NO_TLS = " (is this the TLS port? set tls = false for a plain one)"


@asynccontextmanager
async def open_mqtt(settings: MqttSettings) -> AsyncIterator[MqttSession]:
    """Connect once; on leaving, DISCONNECT (no will), or just drop a connection that is lost.

    When the scope ends, the thread has ended too; only a cancellation in the middle of TCP or
    TLS leaves it to run out its `connect_timeout_s`.

    Raises:
        LinkDenied: the broker does not take these credentials.
        LinkLost: no network, no broker, no answer, or a certificate that is not to be trusted.
        ConfigError: a certificate file cannot be read.
    """
    loop = asyncio.get_running_loop()
    executor = ThreadPoolExecutor(1, thread_name_prefix="mqtt")
    signals = Signals()
    is_idle = False
    try:
        client = await loop.run_in_executor(executor, make_client, settings)
        session = MqttSession(settings, client)
        bridge(client, session, loop, settings.payload_bytes_max)
        thread = loop.run_in_executor(executor, pump, client, settings, signals)
        thread.add_done_callback(session.on_thread_end)
        try:
            await session.wait_connected(settings.open_timeout_s)
            yield session
        finally:
            signals.leave.set()
            await _close(session, client, thread, signals)
            is_idle = thread.done()
    finally:
        executor.shutdown(wait=is_idle)  # An idle thread ends at once; a busy one, by itself.


class MqttSession:
    """One open connection. Methods whose names start with `on_` are for the thread's events."""

    def __init__(self, settings: MqttSettings, client: Client) -> None:
        self._settings = settings
        self._client = client
        self._loop = asyncio.get_running_loop()
        self._connected: asyncio.Future[None] = self._loop.create_future()
        self._pending: dict[int, asyncio.Future[Sequence[int]]] = {}
        self._window = asyncio.Semaphore(INFLIGHT_MAX)
        self._inbox: asyncio.Queue[Message | None] = asyncio.Queue()
        self._lost = asyncio.Event()
        self._reason = ""
        self._place = f"{settings.host}:{settings.port}"
        self.dropped = 0
        """Messages that did not fit: too many waiting, too large, or a topic that is no text."""

    @property
    def is_lost(self) -> bool:
        """Whether the connection is gone."""
        return self._lost.is_set()

    async def publish(
        self, topic: str, payload: bytes, *, qos: int = 1, is_retained: bool = False
    ) -> None:
        """Return when the broker has acknowledged (QoS 1) or the bytes are written (QoS 0).

        Raises:
            LinkLost: the connection died, or no PUBACK came in time. It may have arrived.
            LinkDenied: the broker refuses it (MQTT 5 only; older brokers cut the connection).
        """
        async with self._window:
            self._check()
            info = self._client.publish(topic, payload, qos, is_retained)
            reasons = await self._acknowledgement(info.mid, "PUBACK")
        if reasons[0] >= 128:
            raise LinkDenied(f"publish to {topic} refused, reason {reasons[0]}")

    async def subscribe(self, topics: Sequence[str], *, qos: int = 1) -> None:
        """Return when the broker has granted all these topics.

        Raises:
            LinkLost: as for `publish`.
            LinkDenied: one of them was refused.
        """
        self._check()
        _, mid = self._client.subscribe([(topic, qos) for topic in topics])
        if mid is None:
            self._check()
            raise LinkLost("connection lost while subscribing")
        reasons = await self._acknowledgement(mid, "SUBACK")
        for topic, reason in zip(topics, reasons, strict=False):
            if reason >= 128:
                raise LinkDenied(f"subscription to {topic} refused, reason {reason}")

    async def messages(self) -> AsyncIterator[Message]:
        """Yield what arrives, in order; for one consumer.

        Raises:
            LinkLost: the connection died and everything that came before has been yielded.
        """
        while True:
            if self._inbox.empty():
                self._check()
            message = await self._inbox.get()
            if message is None:
                raise LinkLost(self._reason)
            yield message

    async def wait_lost(self) -> NoReturn:
        """Wait for the end of the connection.

        Raises:
            LinkLost: always, with the reason.
        """
        await self._lost.wait()
        raise LinkLost(self._reason)

    async def wait_connected(self, timeout_s: float) -> None:
        """Return after a CONNACK that lets us in; raises as `open_mqtt` does."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._connected
        except TimeoutError:
            self.lose(f"{self._place} did not let us in within {timeout_s:g} s")
            raise LinkLost(self._reason) from None

    def lose(self, reason: str) -> None:
        """Declare the connection dead and tell everybody who waits; the first reason stays."""
        if self._lost.is_set():
            return
        self._reason = reason
        self._lost.set()
        self._inbox.put_nowait(None)
        if not self._connected.done():
            self._connected.set_exception(LinkLost(reason))
        for future in self._pending.values():
            if not future.done():
                future.set_exception(LinkLost(reason))

    def on_connect(self, reason: int, text: str) -> None:
        """Take the CONNACK."""
        if self._connected.done():
            return
        sentence = f"{self._place}: refused by the broker: {text}"
        if reason == 0:
            self._connected.set_result(None)
        elif reason in DENIED:
            hint = NOT_LET_IN if reason in BAD_LOGIN else ""
            self._connected.set_exception(LinkDenied(sentence + hint))
        else:
            self._connected.set_exception(LinkLost(sentence))

    def on_disconnect(self, reason: str) -> None:
        """Take the end of the connection in paho's words.

        "Unspecified error" is whatever ends a socket, and an older broker has no other way to
        end a session that was taken over.
        """
        if not self._is_in():
            hint = "" if self._settings.tls else " (is this a TLS port? set tls = true)"
            self.lose(f"{self._place}: the broker hung up before it let us in{hint}")
        elif reason in CUT:
            self.lose(f"{self._place}: the broker or the network closed the connection{TAKEN_OVER}")
        else:
            self.lose(f"{self._place}: connection lost: {reason}")

    def on_acknowledged(self, mid: int, reasons: Sequence[int]) -> None:
        """Take a PUBACK or SUBACK; one that nobody waits for any more is ignored."""
        future = self._pending.get(mid)
        if future is not None and not future.done():
            future.set_result(reasons)

    def on_message(self, message: Message) -> None:
        """Take a message, or drop it when `inbox_max` are waiting."""
        if self._inbox.qsize() >= self._settings.inbox_max:
            self.dropped += 1
        else:
            self._inbox.put_nowait(message)

    def on_dropped(self) -> None:
        """Count a message that could not be handed over."""
        self.dropped += 1

    def on_thread_end(self, thread: asyncio.Future[None]) -> None:
        """Translate the end of the network thread, whatever it was."""
        error = None if thread.cancelled() else thread.exception()
        if error is None:
            self.lose("connection closed")
            return
        is_plain = self._settings.tls and not self._is_in() and is_no_tls(error)
        self.lose(f"{self._place}: {tell(error)}{NO_TLS if is_plain else ''}")

    def _is_in(self) -> bool:
        """Return whether the broker has let us in, and the connection may have ended since."""
        future = self._connected
        return future.done() and not future.cancelled() and future.exception() is None

    def _check(self) -> None:
        if self._lost.is_set():
            raise LinkLost(self._reason)

    async def _acknowledgement(self, mid: int, name: str) -> Sequence[int]:
        future: asyncio.Future[Sequence[int]] = self._loop.create_future()
        self._pending[mid] = future
        timeout_s = self._settings.ack_timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                return await future
        except TimeoutError:
            self.lose(f"{self._place}: no {name} within {timeout_s:g} s")
            raise LinkLost(self._reason) from None
        finally:
            del self._pending[mid]


async def _close(
    session: MqttSession, client: Client, thread: asyncio.Future[None], signals: Signals
) -> None:
    """End the thread: politely while the connection lives, else by shutting the socket."""
    try:
        if not session.is_lost and client.is_connected():
            client.disconnect()
            await asyncio.wait([thread], timeout=CLOSE_S)
    finally:
        session.lose("connection closed")
        if signals.linked.is_set() and not thread.done():
            shut(client)
            await asyncio.wait([thread], timeout=CLOSE_S)
