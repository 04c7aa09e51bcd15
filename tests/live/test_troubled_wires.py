"""Wires that babble, hang or talk nonsense: the others go on, and the record says why."""

from __future__ import annotations

import asyncio
import errno
import itertools
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import pytest

from gatewayd.app import Gateway, open_gateway
from gatewayd.clock import SystemClock
from gatewayd.config import load
from gatewayd.model import ChannelId, Quality, Reading
from tests.live.daemon import House
from tests.peers.pty import Pty, plugged

pytestmark = pytest.mark.alone  # How long a slave takes is learned.

WAIT_S = 20.0
STEADY_S = 0.05
SPEAKS_S = 0.05
BABBLE_S = 0.001
BABBLE = bytes(range(160, 252))
"""92 bytes each millisecond: 921600 baud, the fastest that adapters do."""

STALL_MS_MAX = 1500
"""A machine that is busy with others stalls for a second now and then; a wire that holds up the
rest does so for its timeouts, which are 2 s and more."""

QUESTION = bytes.fromhex("01 03 00 00 00 01 84 0a")
ANSWER = bytes.fromhex("01 03 02 00 2a 39 9b")

SCALE = {
    "driver": "lines",
    "format": "regex",
    "pattern": r"(?P<v>\d+\.\d)",
    "fields": {"value": {"kind": "weight", "unit": "g", "group": "v"}},
}
METER = {
    "driver": "modbus",
    "every": "50ms",
    "registers": {"value": {"address": 0, "kind": "level"}},
}
POLLED = {**SCALE, "poll": "SI\r\n", "every": "50ms", "timeout": "1s"}

EXPECTED = {
    "babbling": Quality.FAULT,  # Bytes without any end of a line.
    "raving": Quality.FAULT,  # Lines without end, none of them known.
    "wedged": Quality.TIMEOUT,  # Takes no bytes.
    "hung": Quality.TIMEOUT,  # A Modbus line that takes no bytes.
    "drowned": Quality.FAULT,  # A Modbus line on which somebody babbles.
}
"""What each troubled device becomes."""

WELL = ("scale", "meter", "steady")


def wedge(pty: Pty) -> None:
    """Fill the cable, so that it takes nothing more from this side."""
    fd = os.open(pty.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        while True:
            os.write(fd, bytes(4096))
    except BlockingIOError as error:
        assert error.errno == errno.EAGAIN
    finally:
        os.close(fd)


@dataclass
class Wires:
    """Seven cables, all well until `trouble` begins."""

    ptys: dict[str, Pty] = field(default_factory=dict)
    _timers: dict[str, asyncio.TimerHandle] = field(default_factory=dict)
    is_troubled: bool = False

    def begin(self) -> None:
        """Let everybody speak or answer."""
        for name, pty in self.ptys.items():
            if name in ("meter", "hung", "drowned"):
                pty.serve(lambda asked: ANSWER if asked == QUESTION else b"")
            elif name == "wedged":
                pty.serve(lambda _: b"1.0\n")
            else:
                self._speak(name, b"1.0\n", SPEAKS_S)

    def trouble(self) -> None:
        """Spoil all but the scale and the meter."""
        loop = asyncio.get_running_loop()
        for name in ("babbling", "drowned"):
            self._speak(name, BABBLE, BABBLE_S)
        self.ptys["drowned"].serve(lambda _: b"")  # Its answer is drowned by the other's voice.
        self._speak("raving", b"starting up\n" * 8, BABBLE_S)
        for name in ("wedged", "hung"):
            loop.remove_reader(self.ptys[name]._master)
            wedge(self.ptys[name])

    def close(self) -> None:
        for timer in self._timers.values():
            timer.cancel()

    def _speak(self, name: str, words: bytes, every_s: float) -> None:
        if name in self._timers:
            self._timers[name].cancel()
        self.ptys[name].write(words)
        loop = asyncio.get_running_loop()
        self._timers[name] = loop.call_later(every_s, self._speak, name, words, every_s)


@contextmanager
def strung() -> Iterator[Wires]:
    with ExitStack() as stack:
        wires = Wires()
        for name in (*EXPECTED, "scale", "meter"):
            wires.ptys[name] = stack.enter_context(plugged())
        stack.callback(wires.close)
        yield wires


@pytest.fixture
async def wires() -> AsyncIterator[Wires]:
    with strung() as wires:
        wires.begin()
        yield wires


def configure(house: House, wires: Wires) -> None:
    """Write a device for each cable, and one that needs none."""
    kinds = {"meter": METER, "hung": METER, "drowned": METER, "wedged": POLLED}
    for name, pty in wires.ptys.items():
        house.devices[name] = {**kinds.get(name, SCALE), "port": pty.path}
    house.devices["steady"] = {
        "driver": "sim",
        "every": f"{STEADY_S * 1000:g}ms",
        "signals": {"value": {"kind": "temperature", "unit": "Cel", "mean": 20.0}},
    }
    house.add_thingplus("cloud", 1)
    house.write()


async def wait_for(gateway: Gateway, wanted: dict[str, Quality]) -> None:
    """Wait until each device's channel has that quality."""
    posted = asyncio.Event()

    def missing() -> dict[str, Quality]:
        latest = {name: gateway.board.latest(ChannelId(f"{name}/value")) for name in wanted}
        now = {name: reading.quality if reading else None for name, reading in latest.items()}
        return {name: quality for name, quality in wanted.items() if now[name] is not quality}

    with gateway.board.watched(posted.set):
        try:
            async with asyncio.timeout(WAIT_S):
                while missing():
                    posted.clear()
                    await posted.wait()
        except TimeoutError:
            pytest.fail(f"never became so: {missing()}")


async def rows_of(gateway: Gateway) -> list[Reading]:
    """Return the whole record."""
    rows: list[Reading] = []
    after = 0
    while batch := await gateway.outbox.next_batch("cloud", after, 5000):
        rows += batch.readings
        after = batch.through
    return rows


async def test_a_troubled_wire_troubles_no_other(house: House, wires: Wires) -> None:
    """Five troubled ones, for seconds; three that are well miss nothing."""
    configure(house, wires)
    async with open_gateway(load(house.config, {}), SystemClock()) as gateway:
        await wait_for(gateway, dict.fromkeys((*EXPECTED, *WELL), Quality.GOOD))
        wires.trouble()
        for name, quality in EXPECTED.items():  # One by one: some come back for a moment.
            await wait_for(gateway, {name: quality})
        await asyncio.sleep(2.0)  # Let the trouble last.
        rows = await rows_of(gateway)
        edges = {name: gateway.devices[name] for name in WELL}
    assert all(edge.is_up and not edge.ends for edge in edges.values())
    for name in WELL:
        own = [row for row in rows if row.channel == f"{name}/value"]
        assert all(row.quality is Quality.GOOD for row in own), name
        widest_ms = max(b.time_ms - a.time_ms for a, b in itertools.pairwise(own))
        assert widest_ms < STALL_MS_MAX, f"{name} was disturbed for {widest_ms} ms"
    for name, quality in EXPECTED.items():
        assert any(row.channel == f"{name}/value" and row.quality is quality for row in rows)
