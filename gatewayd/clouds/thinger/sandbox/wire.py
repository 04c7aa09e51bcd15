"""The device socket's bytes as events, held back while the sandbox hangs."""

from __future__ import annotations

import asyncio
from collections import deque

from gatewayd.clouds.thinger.codec import Codec, Dialect
from gatewayd.clouds.thinger.events import Event
from gatewayd.errors import Malformed

READ_BYTES = 64 * 1024


class Wire:
    """The events of one connection, held back while the sandbox hangs."""

    def __init__(
        self,
        dialect: Dialect,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        flowing: asyncio.Event,
    ) -> None:
        self.dialect = dialect
        self.writer = writer
        self.received_bytes = 0
        self._reader = reader
        self._flowing = flowing
        self._codec = Codec(dialect)
        self._events: deque[Event] = deque()
        self._fault: Malformed | None = None

    @property
    def peer(self) -> str:
        """The address at the other end."""
        name = self.writer.get_extra_info("peername") or ("",)
        return str(name[0])

    @property
    def is_tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self.writer.get_extra_info("ssl_object") is not None

    def write(self, event: Event) -> None:
        """Send an event."""
        self.writer.write(self._codec.encode(event))

    def take_count(self) -> int:
        """Return how many bytes came since this was asked last."""
        count, self.received_bytes = self.received_bytes, 0
        return count

    async def next_event(self, until_s: float) -> Event | None:
        """Return the next event, or None at the end of the stream.

        Raises:
            TimeoutError: none came until then. Malformed, OSError: the connection is lost.
        """
        while not self._events:
            if self._fault is not None:
                raise self._fault
            async with asyncio.timeout_at(until_s):
                data = await self._reader.read(READ_BYTES)
            await self._flowing.wait()
            if not data:
                return None
            self.received_bytes += len(data)
            self._feed(data)
        await self._flowing.wait()
        return self._events.popleft()

    def _feed(self, data: bytes) -> None:
        """Read what there is; what stands before a fault counts."""
        try:
            for event in self._codec.feed(data):
                self._events.append(event)
        except Malformed as error:
            self._fault = error

    async def wait_closed(self) -> None:
        """Read on and say nothing until the device gives up."""
        while await self._reader.read(READ_BYTES):
            pass
