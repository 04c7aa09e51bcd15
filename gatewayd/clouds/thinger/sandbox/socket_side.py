"""The device socket: log-in, keep-alives, and what a device says on its connection.

Strategy: one task a connection reads and understands; answers are written at once. What takes
time (running a resource of another device, answering late) is an errand of the sandbox's own.

Source: Thinger.io Arduino-Library 2.40.0 (what a device sends and accepts); where the real
server's behaviour is not public, the choice is ours: a log-in is refused by an error and a closed
connection, the newest connection of a device wins, a silent one is dropped after 120 s.
"""

from __future__ import annotations

import asyncio
import secrets

from gatewayd.clouds.thinger.codec import Dialect
from gatewayd.clouds.thinger.events import (
    Answer,
    Call,
    Event,
    KeepAlive,
    Login,
    Path,
    Run,
    Sample,
)
from gatewayd.clouds.thinger.pson import UNSET, Pson
from gatewayd.clouds.thinger.sandbox.connection import Connection, Gone
from gatewayd.clouds.thinger.sandbox.device_calls import DeviceCalls, Premises, note
from gatewayd.clouds.thinger.sandbox.socket_faults import SocketFaults
from gatewayd.clouds.thinger.sandbox.wire import Wire
from gatewayd.errors import Malformed

CONNECTIONS_MAX = 256


class SocketSide:
    """Every device that is connected, and how to ask it."""

    def __init__(self, premises: Premises) -> None:
        self.faults = SocketFaults()
        self.connections: dict[tuple[str, str], Connection] = {}
        self._premises = premises
        self._writers: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._calls = DeviceCalls(premises, self.faults, self.ask)
        premises.streams.connection_of = self.find

    def find(self, user: str, device: str) -> Connection | None:
        """Return a device's connection, or None while it is away."""
        return self.connections.get((user, device))

    def hang(self, *, is_hung: bool) -> None:
        """Stop (or go on) reading from every connection."""
        self.faults.hang = is_hung
        if is_hung:
            self._flowing.clear()
        else:
            self._flowing.set()

    def cut_all(self, reason: str) -> int:
        """Close every connection without a word; return how many there were."""
        for connection in tuple(self.connections.values()):
            connection.cut(reason)
        writers = tuple(self._writers)
        for writer in writers:
            writer.transport.abort()
        return len(writers)

    async def wait_closed(self) -> None:
        """Return when every connection that is open now has been taken leave of."""
        tasks = [task for task in self._writers.values() if task is not None]
        await asyncio.gather(*tasks, return_exceptions=True)

    async def ask(self, user: str, device: str, path: Path, payload: Pson = UNSET) -> Answer:
        """Run a resource and return what the device answers. Raises Gone, NoReply."""
        connection = self.find(user, device)
        if connection is None:
            raise Gone
        if self.faults.delay_request_s:
            await asyncio.sleep(self.faults.delay_request_s)
        self._premises.journal.counts["requests"] += 1
        return await connection.ask(
            lambda number: Run(number, path, payload),
            self._premises.world.settings.request_timeout_s,
            is_lost=self.faults.is_due("lose_request"),
        )

    async def attend(
        self, dialect: Dialect, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Serve one connection until it ends."""
        if len(self._writers) >= CONNECTIONS_MAX:
            writer.transport.abort()
            return
        self._writers[writer] = asyncio.current_task()
        try:
            await self._serve(Wire(dialect, reader, writer, self._flowing))
        finally:
            del self._writers[writer]
            writer.close()

    async def _serve(self, wire: Wire) -> None:
        loop, settings = asyncio.get_running_loop(), self._premises.world.settings
        try:
            login = await wire.next_event(loop.time() + settings.login_timeout_s)
        except (Malformed, TimeoutError, OSError):
            self._premises.journal.counts["logins_odd"] += 1
            return
        connection = await self._admit(wire, login)
        if connection is None:
            return
        self._premises.streams.begin(connection)
        try:
            await self._converse(connection, wire)
        finally:
            self._leave(connection)

    async def _admit(self, wire: Wire, login: Event | None) -> Connection | None:
        """Answer a log-in; return the connection if it is one."""
        counts, fault = self._premises.journal.counts, self.faults.login
        if not isinstance(login, Login):
            counts["logins_odd"] += 1
            return None
        if fault == "silent":
            await wire.wait_closed()
        if fault in ("silent", "close"):
            return None
        account = self._premises.world.accounts.get(login.user)
        device = account.devices.get(login.device) if account else None
        is_right = (
            device is not None
            and device.is_enabled
            and device.type == "Generic"
            and secrets.compare_digest(
                device.credentials.encode(), login.credentials.reveal().encode()
            )
        )
        if account is None or device is None or not is_right or fault == "refuse":
            counts["logins_refused"] += 1
            wire.write(Answer(login.id, is_ok=False))
            return None
        older = self.connections.get((account.id, device.id))
        if older is not None:
            older.cut("taken over by a newer connection")
            self._leave(older)
        connection = Connection(account, device, wire.dialect, wire.writer)
        connection.is_split = self.faults.split
        self.connections[account.id, device.id] = connection
        device.rx_bytes, device.tx_bytes = wire.received_bytes, 0
        device.ip_address, device.is_secure = wire.peer, wire.is_tls
        counts["connections"] += 1
        self._premises.intake.set_connected(account, device, is_connected=True)
        connection.write(Answer(login.id, is_ok=True))
        return connection

    def _leave(self, connection: Connection) -> None:
        connection.leave()
        self._premises.streams.forget(connection)
        key = connection.account.id, connection.device.id
        if self.connections.get(key) is connection:
            del self.connections[key]
            self._premises.intake.set_connected(
                connection.account, connection.device, is_connected=False
            )

    async def _converse(self, connection: Connection, wire: Wire) -> None:
        """Understand events until the connection ends."""
        loop, premises = asyncio.get_running_loop(), self._premises
        alive_s = loop.time()
        while not connection.end:
            try:
                event = await wire.next_event(alive_s + premises.world.settings.silence_s)
            except TimeoutError:
                premises.journal.counts["dropped_silent"] += 1
                return
            except Malformed:
                premises.journal.counts["malformed"] += 1
                return
            except OSError:
                return
            if event is None:
                return
            connection.device.rx_bytes += wire.take_count()
            if isinstance(event, KeepAlive):
                alive_s = loop.time()
                premises.journal.counts["keep_alives"] += 1
                if not self.faults.swallow_keep_alives:
                    connection.write(KeepAlive())
                continue
            self._understand(connection, event)

    def _understand(self, connection: Connection, event: Event) -> None:
        counts = self._premises.journal.counts
        match event:
            case Answer():
                is_known = connection.answered(event)
                verdict = "" if is_known else "unexpected"
                note(self._premises, connection, "Answer", event.payload, verdict)
                counts["answers_unexpected"] += not is_known
            case Sample():
                is_known = self._premises.streams.sampled(connection, event)
                what = "Sample event" if event.is_event else "Sample"
                verdict = "" if is_known else "no such stream"
                note(self._premises, connection, what, event.payload, verdict)
                counts["samples"] += 1
            case Call():
                self._calls.take(connection, event)
            case _:
                counts["ignored"] += 1
                note(self._premises, connection, type(event).__name__, None, "ignored")


class Door:
    """The device socket of one protocol, for a listener."""

    def __init__(self, side: SocketSide, dialect: Dialect) -> None:
        self._side = side
        self._dialect = dialect

    async def attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until it ends."""
        await self._side.attend(self._dialect, reader, writer)
