"""A serial cable with a device at its other end: a real pty, raw, driven by the test's loop."""

from __future__ import annotations

import asyncio
import os
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Protocol


class Pty:
    """The device's end of the cable; the program under test opens `path`."""

    def __init__(self) -> None:
        self._master, self._slave = os.openpty()
        tty.setraw(self._master)
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)
        self.received = bytearray()
        self._arrived = asyncio.Event()
        self._is_plugged = True

    def write(self, data: bytes) -> None:
        """Say something; as on a real line, what nobody fetches in time is lost."""
        with suppress(BlockingIOError):
            os.write(self._master, data)

    def serve(self, answer: Callable[[bytes], bytes]) -> None:
        """Pass everything that arrives to `answer`, and what it returns back."""
        asyncio.get_running_loop().add_reader(self._master, self._receive, answer)

    async def wait_received(self, size: int, deadline_s: float = 5.0) -> bytes:
        """Return what has arrived once it is at least `size` bytes (needs `serve`)."""
        async with asyncio.timeout(deadline_s):
            while len(self.received) < size:
                self._arrived.clear()
                await self._arrived.wait()
        return bytes(self.received)

    def unplug(self) -> None:
        """Pull the cable: whoever has `path` open sees it die."""
        if self._is_plugged:
            self._is_plugged = False
            asyncio.get_running_loop().remove_reader(self._master)
            os.close(self._slave)
            os.close(self._master)

    def _receive(self, answer: Callable[[bytes], bytes]) -> None:
        data = os.read(self._master, 4096)
        self.received += data
        self._arrived.set()
        if reply := answer(data):
            self.write(reply)


class Board(Protocol):
    """A device that answers bytes with bytes."""

    def receive(self, data: bytes) -> bytes:
        """Return the answer, empty for none."""
        ...


@contextmanager
def plugged(board: Board | None = None) -> Iterator[Pty]:
    """Plug a device in; without a board it only speaks when told to. Needs a running loop."""
    pty = Pty()
    pty.serve(board.receive if board else lambda _: b"")
    try:
        yield pty
    finally:
        pty.unplug()


@contextmanager
def crossover() -> Iterator[tuple[Pty, Pty]]:
    """Return two cables joined end to end: a program at each end. Needs a running loop."""
    with plugged() as left, plugged() as right:
        left.serve(lambda data: _pass_on(right, data))
        right.serve(lambda data: _pass_on(left, data))
        yield left, right


def _pass_on(pty: Pty, data: bytes) -> bytes:
    with suppress(OSError):
        pty.write(data)
    return b""
