"""Adapters pulled and put back, again and again: nothing leaks, and every gap has its reason."""

from __future__ import annotations

import asyncio
import gc
import itertools
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from weakref import ref

import pytest

from gatewayd.app import Gateway, open_gateway
from gatewayd.board import Board
from gatewayd.clock import SystemClock
from gatewayd.config import load
from gatewayd.model import ChannelId, Quality, Reading
from tests.live.daemon import House
from tests.peers.pty import Pty

pytestmark = pytest.mark.alone

WAIT_S = 10.0
SPEAKS_S = 0.02
STEADY_S = 0.05
SETTLED = 3
"""Cycles after which everything has been loaded and filled that ever will be."""

STALL_MS_MAX = 1500
"""A machine that is busy with others stalls for a second now and then; a wire that holds up the
rest does so for its timeouts, which are 2 s and more."""

OBJECTS_MAX = 240
"""Python objects more, whatever the number of cycles: asyncio forgets cancelled timers by the
hundred."""

GROWTH_KIB_MAX = 4096
"""Of resident memory, whatever the number of cycles: the record's own cache grows to some MiB."""

QUESTION = bytes.fromhex("01 03 00 00 00 01 84 0a")
ANSWER = bytes.fromhex("01 03 02 00 2a 39 9b")


class Held(NamedTuple):
    """What a process holds."""

    descriptors: int
    tasks: int
    threads: int
    objects: int
    """Python's, but neither readings of histories that are not full yet, nor dead references:
    sqlite3 keeps up to 200 of its cursors."""
    memory_kib: int


def held(board: Board) -> Held:
    gc.collect()
    alive = sum(1 for each in gc.get_objects() if not (type(each) is ref and each() is None))
    status = Path("/proc/self/status").read_text()
    return Held(
        len(list(Path("/proc/self/fd").iterdir())),
        len(asyncio.all_tasks()),
        threading.active_count(),
        alive - sum(len(panel.history) for _, panel in board),
        int(status.partition("VmRSS:")[2].split()[0]),
    )


@dataclass
class Socket:
    """A place where two adapters are plugged in: a scale that speaks, a meter that is asked."""

    scale: Path
    meter: Path
    gaps_ms: list[tuple[int, int]] = field(default_factory=list)
    """When they were pulled, and when put back."""
    _ptys: list[Pty] = field(default_factory=list)
    _speaking: asyncio.TimerHandle | None = None

    def plug(self) -> None:
        """Put both adapters in; their nodes may be others than before."""
        scale, meter = self._ptys = [Pty(), Pty()]
        scale.serve(lambda _: b"")
        meter.serve(lambda asked: ANSWER if asked == QUESTION else b"")
        for link, pty in ((self.scale, scale), (self.meter, meter)):
            link.symlink_to(pty.path)
        self._speak(scale)
        if self.gaps_ms:
            self.gaps_ms[-1] = (self.gaps_ms[-1][0], time.time_ns() // 1_000_000)

    def pull(self) -> None:
        """Take both out."""
        self.gaps_ms.append((time.time_ns() // 1_000_000, 0))
        self.close()

    def close(self) -> None:
        if self._speaking:
            self._speaking.cancel()
        for link in (self.scale, self.meter):
            link.unlink(missing_ok=True)
        for pty in self._ptys:
            pty.unplug()

    def _speak(self, scale: Pty) -> None:
        scale.write(b"12.5\n")
        self._speaking = asyncio.get_running_loop().call_later(SPEAKS_S, self._speak, scale)


@contextmanager
def socket_in(folder: Path) -> Iterator[Socket]:
    socket = Socket(folder / "scale", folder / "meter")
    socket.plug()
    try:
        yield socket
    finally:
        socket.close()


CHANNELS = (ChannelId("scale/weight"), ChannelId("meter/level"))
STEADY = ChannelId("steady/temperature")


@pytest.fixture
async def socket(tmp_path: Path) -> AsyncIterator[Socket]:
    with socket_in(tmp_path) as socket:
        yield socket


def configure(house: House, socket: Socket) -> None:
    """Write what a technician would, with a cloud that is never there."""
    house.devices["scale"] = {
        "driver": "lines",
        "port": str(socket.scale),
        "format": "regex",
        "pattern": r"(?P<v>\d+\.\d)",
        "fields": {"weight": {"kind": "weight", "unit": "g", "group": "v"}},
    }
    house.devices["meter"] = {
        "driver": "modbus",
        "port": str(socket.meter),
        "every": "50ms",
        "registers": {"level": {"address": 0, "kind": "level"}},
    }
    house.devices["steady"] = {
        "driver": "sim",
        "every": f"{STEADY_S * 1000:g}ms",
        "signals": {"temperature": {"kind": "temperature", "unit": "Cel", "mean": 20.0}},
    }
    house.add_thingplus("cloud", 1)
    house.write()


async def wait_all(gateway: Gateway, *qualities: Quality) -> None:
    """Wait until both adapters' channels are one of these."""
    posted = asyncio.Event()
    with gateway.board.watched(posted.set):
        async with asyncio.timeout(WAIT_S):
            while not all(quality_of(gateway, name) in qualities for name in CHANNELS):
                posted.clear()
                await posted.wait()


def quality_of(gateway: Gateway, name: ChannelId) -> Quality | None:
    latest = gateway.board.latest(name)
    return latest.quality if latest else None


async def rows_of(gateway: Gateway) -> list[Reading]:
    """Return the whole record."""
    rows: list[Reading] = []
    after = 0
    while batch := await gateway.outbox.next_batch("cloud", after, 1000):
        rows += batch.readings
        after = batch.through
    return rows


def check_record(rows: list[Reading], gaps_ms: list[tuple[int, int]]) -> None:
    """Hold that every gap stands under a reason and holds no value, and that others have none."""
    for name in CHANNELS:
        own = [row for row in rows if row.channel == name]
        for pulled_ms, back_ms in gaps_ms:
            inside = [row for row in own if pulled_ms + 100 < row.time_ms < back_ms]
            last = [row for row in own if row.time_ms <= back_ms][-1]
            assert all(row.value is None for row in (*inside, last)), (name, pulled_ms, inside)
        assert own[-1].quality is Quality.GOOD
    steady = [row for row in rows if row.channel == STEADY]
    assert all(row.quality is Quality.GOOD for row in steady)
    widest_ms = max(b.time_ms - a.time_ms for a, b in itertools.pairwise(steady))
    assert widest_ms < STALL_MS_MAX, f"the others were disturbed for {widest_ms} ms"


async def pull_and_put_back(house: House, socket: Socket, cycles: int, stay_s: float) -> None:
    """Do so, and look at what is held at the same point of each cycle."""
    configure(house, socket)
    async with open_gateway(load(house.config, {}), SystemClock()) as gateway:
        await wait_all(gateway, Quality.GOOD)
        seen: list[Held] = []
        for _ in range(cycles):
            socket.pull()
            await wait_all(gateway, Quality.ABSENT, Quality.TIMEOUT, Quality.FAULT)
            await asyncio.sleep(stay_s)
            socket.plug()
            await wait_all(gateway, Quality.GOOD)
            await asyncio.sleep(stay_s)
            seen.append(held(gateway.board))
        rows = await rows_of(gateway)
    first, last = seen[SETTLED], seen[-1]
    print(f"{cycles} cycles: {first} → {last}")
    assert last.descriptors <= first.descriptors
    assert last.tasks <= first.tasks
    assert last.threads <= first.threads
    assert last.objects - first.objects <= OBJECTS_MAX
    assert last.memory_kib - first.memory_kib < GROWTH_KIB_MAX
    check_record(rows, socket.gaps_ms)


async def test_adapters_pulled_and_put_back_leak_nothing(house: House, socket: Socket) -> None:
    """Serial and Modbus, seven times; the others go on as if nothing were."""
    await pull_and_put_back(house, socket, 7, 0.1)


@pytest.mark.slow
async def test_for_minutes(house: House, socket: Socket) -> None:
    """Every few seconds."""
    await pull_and_put_back(house, socket, 60, 1.0)
