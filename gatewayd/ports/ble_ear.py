"""One listener's queue of what a Bluetooth adapter hears for it.

Characteristics: in advertisements that the listener wants · out the same · buffered `QUEUE_MAX` ·
when full drops the oldest, counted · ordered · event loop only · not durable.
"""

from __future__ import annotations

import asyncio
from collections import deque

from gatewayd.errors import DeviceError, DeviceTimeout
from gatewayd.ports.ble_advertisement import Advertisement, Wish

QUEUE_MAX = 64
"""A tag sends ten times a second at most, and its listener takes all that waits at once; this is
seconds of them. What is lost is the oldest, so that what is told is fresh."""


class Ear:
    """One listener: what it wants, and what waits for it."""

    def __init__(self, wish: Wish) -> None:
        self.wish = wish
        self.dropped = 0
        """Advertisements lost because their listener was slow."""
        self._waiting: deque[Advertisement] = deque()
        self._arrived = asyncio.Event()
        self._error: DeviceError | None = None

    def hear(self, advertisement: Advertisement) -> None:
        """Put one advertisement into the queue."""
        if len(self._waiting) >= QUEUE_MAX:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(advertisement)
        self._arrived.set()

    def fail(self, error: DeviceError) -> None:
        """End the listening, after what was heard before."""
        self._error = error
        self._arrived.set()

    async def wait_next(self, silence_s: float | None) -> Advertisement:
        """Return the next advertisement.

        Raises:
            DeviceTimeout: nothing was heard for `silence_s`.
            DeviceError: the adapter is gone.
        """
        try:
            async with asyncio.timeout(silence_s):
                await self._arrived.wait()
        except TimeoutError as error:
            whom = self.wish.address or "devices of this format"
            raise DeviceTimeout(f"{whom}: not heard for {silence_s:g} s") from error
        if not self._waiting:
            assert self._error is not None
            raise type(self._error)(str(self._error)) from self._error
        advertisement = self._waiting.popleft()
        if not self._waiting and self._error is None:
            self._arrived.clear()
        return advertisement
