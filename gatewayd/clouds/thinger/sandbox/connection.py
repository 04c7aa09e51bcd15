"""One device's connection to the device socket: events out, answers to what was asked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from gatewayd.clouds.thinger.codec import Codec, Dialect
from gatewayd.clouds.thinger.events import ID_MAX, Answer, Describe, Event, Kind, Path
from gatewayd.clouds.thinger.pson import UNSET, Pson
from gatewayd.clouds.thinger.sandbox.records import Account, Device

PENDING_MAX = 1000
"""Questions to one device at once. A console asks a handful."""


class Gone(Exception):
    """The device left before it answered."""


class NoReply(Exception):
    """The device did not answer in time."""


class Connection:
    """What the server keeps of a device for as long as it is there.

    Characteristics: at most `PENDING_MAX` questions at once · answers matched by id.
    """

    def __init__(
        self, account: Account, device: Device, dialect: Dialect, writer: asyncio.StreamWriter
    ) -> None:
        self.account = account
        self.device = device
        self.dialect = dialect
        self.streams: dict[int, Path] = {}
        """Which resource samples of an id are of; those ids are in use."""
        self.is_split = False
        """Frames are written byte by byte, as a bad network may deliver them."""
        self.end = ""
        self._codec = Codec(dialect)
        self._writer = writer
        self._pending: dict[int, asyncio.Future[Answer]] = {}
        self._last_id = 0
        self._listing: Mapping[str, Pson] | None = None

    def write(self, event: Event) -> None:
        """Send an event."""
        self.write_bytes(self._codec.encode(event))

    def write_bytes(self, data: bytes) -> None:
        """Send any bytes."""
        if self._writer.is_closing():
            return
        self.device.tx_bytes += len(data)
        for piece in (bytes((each,)) for each in data) if self.is_split else (data,):
            self._writer.write(piece)

    def cut(self, reason: str) -> None:
        """Close the connection at once."""
        self.end = self.end or reason
        self._writer.transport.abort()

    def close(self, reason: str) -> None:
        """Close the connection when what was written is on its way."""
        self.end = self.end or reason
        self._writer.close()

    def answered(self, answer: Answer) -> bool:
        """Take an answer; return whether anybody waits for it."""
        waiting = self._pending.get(answer.id)
        if waiting is None or waiting.done():
            return False
        waiting.set_result(answer)
        return True

    def leave(self) -> None:
        """Tell everybody who waits that no answer will come."""
        for waiting in self._pending.values():
            if not waiting.done():
                waiting.set_exception(Gone())

    async def ask(
        self, make: Callable[[int], Event], timeout_s: float, *, id: int = 0, is_lost: bool = False
    ) -> Answer:
        """Send what `make` makes of an id and return the device's answer.

        Args:
            id: of a stream that has one already; 0 = the next one that is free.
            is_lost: do not send it, as if it had been lost on the way.

        Raises:
            Gone, NoReply: it never came.
        """
        id = id or self.next_id()
        waiting = asyncio.get_running_loop().create_future()
        self._pending[id] = waiting
        try:
            if not is_lost:
                self.write(make(id))
            async with asyncio.timeout(timeout_s):
                answer: Answer = await waiting
                return answer
        except TimeoutError:
            raise NoReply from None
        finally:
            self._pending.pop(id, None)

    def next_id(self) -> int:
        """Return an id that is not in use. Raises NoReply: too much is under way."""
        if len(self._pending) >= PENDING_MAX:
            raise NoReply
        while True:
            self._last_id = self._last_id % ID_MAX + 1
            if self._last_id not in self._pending and self._last_id not in self.streams:
                return self._last_id

    async def kind_of(self, path: Path, timeout_s: float) -> Kind | None:
        """Return what a resource can do, as the device's listing says; None if it does not.

        The listing is asked for once a connection.
        """
        if self._listing is None:
            answer = await self.ask(Describe, timeout_s)
            payload = answer.payload if answer.is_ok else UNSET
            self._listing = payload if isinstance(payload, Mapping) else {}
        return find_kind(self._listing, path)


def find_kind(listing: Mapping[str, Pson], path: Path) -> Kind | None:
    """Return the kind of a resource in a listing: nested by `/`, or flat with joined names."""
    entry: Pson = listing.get("/".join(path))
    if entry is None:
        branch: Pson = listing
        for name in path:
            entry = branch.get(name) if isinstance(branch, Mapping) else None
            branch = entry.get("/") if isinstance(entry, Mapping) else None
    number = entry.get("fn") if isinstance(entry, Mapping) else None
    return Kind(number) if isinstance(number, int) and number in set(Kind) else None
