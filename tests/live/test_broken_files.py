"""Files of the log that are broken, gone or full: a daemon that lives on, and says what it lost."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from gatewayd.outbox.files import CARD_NAME, HOT_NAME
from tests.live.cloud import API_KEY, Cloud
from tests.live.counter import Counter, counting
from tests.live.daemon import House, until

UPLINK = "up"
ENOUGH = 500


@pytest.fixture
async def counter(house: House, cloud: Cloud) -> AsyncIterator[Counter]:
    async with counting() as counter:
        cloud.register(dict.fromkeys(counter.channels, "number"))
        house.devices["counter"] = counter.settings()
        house.sections["outbox"] = {"commit_interval": "100ms"}
        house.add_thingplus(UPLINK, cloud.port, API_KEY)
        yield counter


async def leave_a_backlog(house: House, cloud: Cloud) -> None:
    """Have a daemon record without its cloud, and kill it."""
    await cloud.sandbox.refuse_connections()
    async with house.daemon() as daemon:
        await daemon.wait_line(UPLINK, lambda line: line["pending"] > ENOUGH)
        daemon.kill()
    await cloud.sandbox.accept_connections()


def fill(hog: Path) -> None:
    """Write a file until there is no room for another byte."""
    with suppress(OSError), hog.open("wb", buffering=0) as file:
        for size in (65536, 4096, 512, 1):
            with suppress(OSError):
                while True:
                    file.write(bytes(size))


@pytest.mark.parametrize("name", [CARD_NAME, HOT_NAME])
async def test_a_file_beyond_repair_is_set_aside(
    house: House, cloud: Cloud, counter: Counter, name: str
) -> None:
    """It is told, what went with it is counted by name, and new readings flow."""
    await leave_a_backlog(house, cloud)
    assert house.hot is not None
    file = {CARD_NAME: house.state, HOT_NAME: house.hot}[name] / name
    file.with_name(file.name + "-wal").unlink(missing_ok=True)
    file.write_bytes(os.urandom(16384))
    async with house.daemon() as daemon:
        await until(lambda: house.logged("outbox"), "it is told")
        line = await daemon.wait_line(UPLINK, lambda line: line["delivered"] > ENOUGH)
        assert line["is_balanced"]
        assert (await house.verb("ledger")).code == 0
        assert (await daemon.ask("status"))["health"]["is_ok"]
    assert any("set aside" in event["what"] for event in house.logged("outbox"))
    numbers = cloud.numbers(counter.channels[0])
    assert numbers == sorted(set(numbers))
    assert file.with_name(file.name + ".corrupt").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="a read-only card is a mount, made by root")
async def test_a_card_that_is_read_only_from_the_start_is_lived_through(
    house: House, cloud: Cloud, counter: Counter
) -> None:
    """Readings flow through memory, status says why; when it can be written it is used."""
    house.state.mkdir()
    mount = f"mount --bind {house.state} {house.state} && mount -o remount,bind,ro {house.state}"
    house.wrapper = (shutil.which("unshare") or "", "-m", "sh", "-c", f'{mount} && exec "$@"', "sh")
    async with house.daemon() as daemon:
        await daemon.wait_line(UPLINK, lambda line: line["delivered"] > ENOUGH)
        assert "cannot" in (await daemon.ask("status"))["outbox"]["card_fault"]
        await cloud.sandbox.refuse_connections()
        await daemon.wait_line(UPLINK, lambda line: line["pending"] > ENOUGH)
        enter = (shutil.which("nsenter") or "", "-t", str(daemon.process.pid), "-m", "mount")
        remount = await asyncio.create_subprocess_exec(*enter, "-o", "remount,bind,rw", house.state)
        assert await remount.wait() == 0
        await until(lambda: house.logged("card works again"), "the fault is over")
        await cloud.sandbox.accept_connections()
        counter.is_speaking = False
        line = await daemon.wait_drained(UPLINK)
        assert line["dropped"] == {}
        assert line["accepted"] == line["delivered"] == cloud.total()
    assert (house.state / CARD_NAME).exists()
    numbers = cloud.numbers(counter.channels[0])
    assert numbers == list(range(numbers[0], numbers[-1] + 1))


@pytest.mark.skipif(os.geteuid() != 0, reason="a full card is a small tmpfs, mounted by root")
async def test_a_full_card_is_told_and_lived_through(
    house: House, cloud: Cloud, counter: Counter
) -> None:
    """`card_fault` in status, readings go on to the cloud; with room again the fault is over."""
    mount = f'mount -t tmpfs -o size=1m none {house.state} && exec "$@"'
    house.state.mkdir()
    house.wrapper = (shutil.which("unshare") or "", "-m", "sh", "-c", mount, "sh")
    async with house.daemon() as daemon:
        await daemon.wait_line(UPLINK, lambda line: line["delivered"] > ENOUGH)
        hog = daemon.root / str(house.state).lstrip("/") / "hog"
        fill(hog)
        await cloud.sandbox.refuse_connections()
        await until(lambda: house.logged("card fault"), "the fault is told")
        assert "cannot be written" in (await daemon.ask("status"))["outbox"]["card_fault"]
        await cloud.sandbox.accept_connections()
        before = (await daemon.ask("ledger"))["uplinks"][UPLINK]["delivered"]
        await daemon.wait_line(UPLINK, lambda line: line["delivered"] > before + ENOUGH)
        hog.unlink()
        await cloud.sandbox.refuse_connections()
        await until(lambda: house.logged("card works again"), "the fault is over")
        await cloud.sandbox.accept_connections()
        counter.is_speaking = False
        line = await daemon.wait_drained(UPLINK)
        assert line["dropped"] == {}
        assert line["accepted"] == line["delivered"] == cloud.total()
