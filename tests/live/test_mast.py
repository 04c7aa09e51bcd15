"""Life on a mast: eight meters on one line, one dead, one slow, one garbling."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from tests.live.daemon import Daemon, House
from tests.peers.mast import SLAVES, Mast, Temper, raised

pytestmark = pytest.mark.alone

EVERY_S = 0.5
PACE_MIN = 0.95
"""Of what they do when all are well; what nobody would notice."""

DEAD, SLOW, GARBLING = 3, 5, 7
WELL = [slave for slave in SLAVES if slave not in (DEAD, SLOW, GARBLING)]


def meter(port: str, slave: int, every_s: float) -> dict[str, object]:
    """Return the section of one meter with four registers."""
    registers = {
        f"v{n}": {"address": n, "kind": "voltage", "unit": "V", "type": "uint16"} for n in range(4)
    }
    every = f"{every_s * 1000:g}ms"
    return {
        "driver": "modbus",
        "port": port,
        "slave": slave,
        "every": every,
        "registers": registers,
    }


@pytest.fixture
async def mast() -> AsyncIterator[Mast]:
    async with raised() as mast:
        yield mast


async def samples(daemon: Daemon) -> dict[int, int]:
    """Return how often each meter has answered so far."""
    devices = (await daemon.ask("status"))["devices"]
    return {int(device["name"][1:]): device["samples"] for device in devices}


async def paces(daemon: Daemon, seconds: float) -> dict[int, float]:
    """Return how many readings a second each meter gives, over so many seconds, ± one in all."""
    before, began_s = await samples(daemon), time.monotonic()
    await asyncio.sleep(seconds)  # The measurement itself.
    after, took_s = await samples(daemon), time.monotonic() - began_s
    return {slave: (after[slave] - before[slave]) / took_s for slave in SLAVES}


async def show_pace(
    house: House, mast: Mast, every_s: float, calm_s: float, trouble_s: float
) -> None:
    """Hold the mast to its promises, over so many seconds without trouble and with it."""
    house.sections["port"] = {"rs485": {"type": "serial", "path": mast.line.port}}
    house.devices |= {f"m{slave}": meter("rs485", slave, every_s) for slave in SLAVES}
    async with house.daemon() as daemon:
        await daemon.wait_up(*house.devices)
        calm = await paces(daemon, calm_s)
        assert min(calm.values()) > PACE_MIN / every_s, calm
        calm = {slave: min(pace, 1 / every_s) for slave, pace in calm.items()}
        mast.temper |= {DEAD: Temper.DEAD, SLOW: Temper.SLOW, GARBLING: Temper.GARBLING}
        trouble = await paces(daemon, trouble_s)
        print({slave: round(trouble[slave] / calm[slave], 3) for slave in SLAVES})
        assert all(trouble[slave] >= PACE_MIN * calm[slave] for slave in WELL), trouble
        assert trouble[SLOW] > 0, "it is slow, not dead"
        for slave, reason in ((DEAD, "did not answer"), (GARBLING, "garbage")):
            edge = await daemon.edge("devices", f"m{slave}")
            assert not edge["is_up"]
            assert reason in edge["reason"]
        await show_return(daemon, mast)


async def show_return(daemon: Daemon, mast: Mast) -> None:
    """Hold the dead one to be back within one back-off of its return."""
    edge = await daemon.edge("devices", f"m{DEAD}")
    before = (await samples(daemon))[DEAD]
    mast.temper[DEAD] = Temper.WELL
    began_s = time.monotonic()
    async with asyncio.timeout(edge["retry_s"] + 1.0):
        while (await samples(daemon))[DEAD] == before:  # noqa: ASYNC110 — Another process.
            await asyncio.sleep(0.05)
    print(f"back after {time.monotonic() - began_s:.2f} s of {edge['retry_s']:.2f} s")


async def test_one_dead_one_slow_one_garbling_cost_the_others_nothing(
    house: House, mast: Mast
) -> None:
    """The five keep 95 % of their pace, and the dead one is back within a back-off."""
    await show_pace(house, mast, EVERY_S, 4.0, 20.0)


@pytest.mark.slow
async def test_so_it_goes_on(house: House, mast: Mast) -> None:
    """For minutes, at the pace of a real installation."""
    await show_pace(house, mast, 1.0, 30.0, 150.0)
