"""A real port on BlueZ without a radio, and somebody who advertises until he is heard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from gatewayd.ports.ble import BlePort, open_ble
from gatewayd.ports.ble_advertisement import Advertisement, Wish
from gatewayd.ports.ble_plan import Patience
from tests.peers.bluez import Bluez, running_bluez

DEADLINE_S = 10.0
LOOK_S = 0.01

CALM = Patience(settle=0.01)
HASTY = Patience(silent=0.3, silent_max=1.0, call=1.0, power=1.0, stop=0.5, value=0.5, settle=0.01)
"""Silence is suspicious after this; the real one is a minute and a half."""


@dataclass
class Air:
    """A port, what it is on, and what it noted."""

    bluez: Bluez
    port: BlePort
    notes: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def noted(self, event: str) -> list[dict[str, Any]]:
        """Return the facts of each note of one kind."""
        return [facts for name, facts in self.notes if name == event]

    async def say(self, address: str, **packet: Any) -> None:
        """Advertise once, as soon as the radio listens for it."""
        await until(lambda: self.bluez.advertise(address, **packet))

    @asynccontextmanager
    async def chatter(self, address: str, **packet: Any) -> AsyncIterator[None]:
        """Advertise for as long as the block lasts, ever a little louder or softer."""

        async def speak() -> None:
            count = 0
            while True:
                count += 1
                self.bluez.advertise(address, rssi=-60 - count % 5, **packet)
                await asyncio.sleep(LOOK_S)

        speaking = asyncio.create_task(speak())
        try:
            yield
        finally:
            speaking.cancel()


@asynccontextmanager
async def open_air(
    section: dict[str, object] | None = None, patience: Patience = CALM, **facts: Any
) -> AsyncIterator[Air]:
    """Open a port on a BlueZ of its own."""
    async with running_bluez(**facts) as bluez:
        notes: list[tuple[str, dict[str, Any]]] = []

        def note(event: str, **facts: Any) -> None:
            notes.append((event, facts))

        port = await open_ble("ble:0", section, note, patience)
        try:
            yield Air(bluez, port, notes)
        finally:
            await port.close()


async def until(is_so: Callable[[], object]) -> None:
    """Wait for something to become true."""
    async with asyncio.timeout(DEADLINE_S):
        while not is_so():  # noqa: ASYNC110  # No event tells of another's state.
            await asyncio.sleep(LOOK_S)


async def hear_one(port: BlePort, wish: Wish) -> Advertisement:
    """Return the next thing that is heard."""
    async with asyncio.timeout(DEADLINE_S), aclosing(port.advertisements(wish)) as heard:
        return await anext(heard)
