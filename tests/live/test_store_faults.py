"""A card that fails under a daemon at work: commands and safety go on, it is told, and it heals."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gatewayd.outbox.files import CARD_NAME
from tests.live.cloud import Cloud
from tests.live.counter import counting
from tests.live.daemon import WAIT_S, Daemon, House, until
from tests.live.plant import SAFE, UNSAFE, UPLINK, Plant, planted, switch_all
from tests.live.store_faults import (
    NOBODY,
    Card,
    Fault,
    a_card_that_cannot_be_synced,
    a_card_that_hangs,
    a_card_that_turns_read_only,
    a_folder_that_is_anothers,
    a_full_card,
    fill,
    mounted,
)

HALL = "hall/temperature"
MORE = 20
SAFE_S = 2.0
HANG_S = 3.0

pytestmark = [
    pytest.mark.alone,
    pytest.mark.skipif(os.geteuid() != 0, reason="a failing card is a mount, made by root"),
]


def run_as_nobody(plant: Plant) -> None:
    """Have the daemon run as a user who owns its folders and its wires and nothing else."""
    house = plant.house
    assert house.runtime is not None
    for place in (house.folder, house.runtime, house.state, plant.line.port):
        os.chown(place, NOBODY, NOBODY)
    # What pytest makes for root alone can be walked through; nothing can be written by it.
    capability = "+dac_read_search"
    house.wrapper = (
        *(shutil.which("setpriv") or "", f"--reuid={NOBODY}", f"--regid={NOBODY}"),
        *("--clear-groups", f"--inh-caps={capability}", f"--ambient-caps={capability}"),
    )


async def commands_work(cloud: Cloud, plant: Plant) -> None:
    """From the cloud everything is switched, from here everything is made safe, in its time."""
    await switch_all(cloud)
    assert plant.contacts() == UNSAFE
    began_s = time.monotonic()
    done = await plant.house.verb("safe")
    assert done.code == 0, done
    assert time.monotonic() - began_s < SAFE_S
    assert plant.contacts() == SAFE


async def readings_come(cloud: Cloud) -> None:
    count = cloud.count(HALL)
    await until(lambda: cloud.count(HALL) > count + MORE, "readings come")


FAULTS: dict[str, tuple[Fault, str]] = {
    "full": (a_full_card, "full"),
    "read-only": (a_card_that_turns_read_only, "is on a file system that is read-only"),
    "not synced": (a_card_that_cannot_be_synced, "disk I/O error"),
}


@pytest.fixture
async def plant(house: House, cloud: Cloud) -> AsyncIterator[Plant]:
    """Outputs on two boards, and readings enough to fill a card."""
    house.state.mkdir()
    house.sections["outbox"] = {"commit_interval": "100ms"}
    async with counting() as counter:
        house.devices["counter"] = counter.settings()
        async with planted(house, cloud, dict.fromkeys(counter.channels, "number")) as plant:
            yield plant


@pytest.mark.parametrize(("fault", "sentence"), FAULTS.values(), ids=FAULTS.keys())
async def test_a_card_that_fails_at_work_is_lived_through(
    house: House, cloud: Cloud, plant: Plant, fault: Fault, sentence: str
) -> None:
    """Commands, safety, readings; told in a sentence; a death meanwhile, a start without a card,
    and then it heals by itself and the ledger balances.
    """
    with fault(house.state) as card:
        async with house.daemon() as daemon:
            await daemon.wait_up(*house.devices, UPLINK)
            card.strike()
            await fails(daemon, cloud, sentence)
            await commands_work(cloud, plant)
            await readings_come(cloud)
            await switch_all(cloud)
            daemon.kill()
        assert plant.contacts() == UNSAFE
        done = await house.verb("safe")
        assert done.code == 0, done
        assert plant.contacts() == SAFE
        await a_life_until_it_heals(cloud, plant, card, sentence)


async def test_a_folder_that_is_anothers_is_lived_through(
    house: House, cloud: Cloud, plant: Plant
) -> None:
    """A backup was restored by root: what the daemon needs it can neither write nor read."""
    run_as_nobody(plant)
    with a_folder_that_is_anothers(house.state) as card:
        async with house.daemon() as daemon:
            await daemon.wait_up(*house.devices, UPLINK)
            await readings_come(cloud)
        card.strike()
        await a_life_until_it_heals(cloud, plant, card, "user 65534 may not write to")


async def a_life_until_it_heals(cloud: Cloud, plant: Plant, card: Card, sentence: str) -> None:
    """A daemon that starts where its card cannot be used; then that is mended under it."""
    async with plant.house.daemon() as daemon:
        await daemon.wait_up(*plant.house.devices, UPLINK)
        await fails(daemon, cloud, sentence)
        await commands_work(cloud, plant)
        await readings_come(cloud)
        card.heal()
        await cloud.sandbox.refuse_connections()
        await daemon.wait_line(UPLINK, lambda line: line["pending"] > MORE)
        await is_well(daemon)
        await cloud.sandbox.accept_connections()
        line = await daemon.wait_line(UPLINK, lambda line: line["pending"] < MORE)
        assert line["is_balanced"] and line["dropped"] == {}
        assert set((await daemon.ask("status"))["outbox"]["lost"].values()) == {0}
        await daemon.wait_up(UPLINK)
        await commands_work(cloud, plant)


async def fails(daemon: Daemon, cloud: Cloud, sentence: str) -> None:
    """Have readings wait for their cloud, so that they have to go to the card, and hear why they
    cannot: in `card_fault`, in the health, and by `gatewayd status`.
    """
    await cloud.sandbox.refuse_connections()
    await daemon.wait_line(UPLINK, lambda line: line["pending"] > MORE)
    end_s = time.monotonic() + WAIT_S
    while not (status := await daemon.ask("status"))["outbox"]["card_fault"]:
        assert time.monotonic() < end_s, status["outbox"]
    assert sentence in status["outbox"]["card_fault"]
    assert status["outbox"]["card_fault"] in (await daemon.house.verb("status")).out
    assert not status["health"]["is_ok"]
    await cloud.sandbox.accept_connections()
    await daemon.wait_up(UPLINK)


async def is_well(daemon: Daemon) -> None:
    """Wait until no fault is told."""
    end_s = time.monotonic() + WAIT_S
    while (status := await daemon.ask("status"))["outbox"]["card_fault"]:
        assert time.monotonic() < end_s, status["outbox"]
    assert (daemon.house.state / CARD_NAME).exists()


async def test_a_card_that_hangs_holds_up_no_command_and_loses_nothing_meanwhile(
    house: House, cloud: Cloud, plant: Plant
) -> None:
    """Who writes to it waits in the kernel; what is read waits on the bus, and all of it comes."""
    del house.devices["counter"]  # Some hundred readings fit on the bus, not thousands.
    with a_card_that_hangs(house.state) as card:
        async with house.daemon() as daemon, healed(card):
            await daemon.wait_up(*house.devices, UPLINK)
            await readings_come(cloud)
            card.strike()
            await cloud.sandbox.refuse_connections()
            await asyncio.sleep(HANG_S)  # By then something has to go to the card.
            await cloud.sandbox.accept_connections()
            for name, value in UNSAFE.items():
                outcome = await daemon.ask("set", channel=name, value=value)
                assert outcome["status"] == "done", outcome
            assert plant.contacts() == UNSAFE
            began_s = time.monotonic()
            assert (await house.verb("safe")).code == 0
            assert time.monotonic() - began_s < SAFE_S
            assert plant.contacts() == SAFE
            assert (await daemon.ask("status"))["outputs"]
            card.heal()
            await readings_come(cloud)
            line = await daemon.wait_line(UPLINK, lambda line: line["pending"] < MORE)
            assert line["is_balanced"] and line["dropped"] == {}
            assert set((await daemon.ask("status"))["outbox"]["lost"].values()) == {0}
            await commands_work(cloud, plant)


@asynccontextmanager
async def healed(card: Card) -> AsyncIterator[None]:
    """Heal a card at the end whatever comes: who waits for it cannot even be killed."""
    try:
        yield
    finally:
        card.heal()


async def test_where_neither_card_nor_memory_takes_a_reading_it_is_counted_as_lost(
    house: House, cloud: Cloud, plant: Plant
) -> None:
    """By its place, in the status; commands and safety go on, and with room again it records."""
    assert house.runtime is not None
    memory = mounted(house.runtime, "-t", "tmpfs", "-o", "size=1m", "none")
    with a_full_card(house.state) as card, memory:
        async with house.daemon() as daemon:
            await daemon.wait_up(*house.devices, UPLINK)
            await cloud.sandbox.refuse_connections()
            card.strike()
            hog = house.runtime / "hog"
            fill(hog)
            await until(lambda: house.logged("readings lost"), "it is told")
            while True:  # The card is found full with the next commit.
                status = await daemon.ask("status")
                log = status["outbox"]
                if log["lost"]["outbox"] >= MORE and log["card_fault"]:
                    break
            assert "full" in log["card_fault"]
            assert not status["health"]["is_ok"]
            assert "LOST before the log" in (await house.verb("ledger")).out
            await cloud.sandbox.accept_connections()
            await daemon.wait_up(UPLINK)
            ends = (await daemon.edge("uplinks", UPLINK))["ends"]
            await commands_work(cloud, plant)
            assert (await daemon.edge("uplinks", UPLINK))["ends"] == ends
            hog.unlink()
            card.heal()
            await readings_come(cloud)
            await is_well(daemon)
            line = await daemon.wait_line(UPLINK, lambda line: line["pending"] < MORE)
            assert line["is_balanced"] and line["dropped"] == {}
            lost = (await daemon.ask("status"))["outbox"]["lost"]["outbox"]
            assert lost >= MORE
            await commands_work(cloud, plant)
