"""A log that cannot be written: the daemon records, obeys and ends as if nothing were wrong."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import pytest

from tests.live.cloud import Cloud
from tests.live.daemon import House, until
from tests.live.plant import SAFE, UNSAFE, UPLINK, planted, switch_all

MORE = 30


Leave = Callable[[], object]
"""What happens to the log when the daemon is at work."""

Trouble = Callable[[Path], AbstractContextManager[Leave]]


@contextmanager
def a_full_disk(log: Path) -> Iterator[Leave]:
    """Every write ends with ENOSPC."""
    log.symlink_to("/dev/full")
    yield lambda: None


@contextmanager
def a_journal_that_hangs(log: Path) -> Iterator[Leave]:
    """Not another byte fits into its pipe, and a write would wait for ever."""
    os.mkfifo(log)
    reader = os.open(log, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(log, os.O_WRONLY | os.O_NONBLOCK)
    with suppress(BlockingIOError):
        while True:
            os.write(writer, bytes(4096))
    yield lambda: None
    os.close(writer)
    os.close(reader)


@contextmanager
def a_journal_that_died(log: Path) -> Iterator[Leave]:
    """Its end of the pipe is closed: every write ends with EPIPE."""
    os.mkfifo(log)
    reader = os.open(log, os.O_RDONLY | os.O_NONBLOCK)
    yield lambda: os.close(reader)


@pytest.mark.parametrize("trouble", [a_full_disk, a_journal_that_hangs, a_journal_that_died])
async def test_a_log_that_cannot_be_written_stops_and_harms_nothing(
    house: House, cloud: Cloud, trouble: Trouble
) -> None:
    """Commands from a cloud, readings, a link that is lost, a reload with mistakes, the end."""
    with trouble(house.log) as leave:
        async with planted(house, cloud) as plant, house.daemon() as daemon:
            leave()
            await daemon.wait_up(*house.devices, UPLINK)
            await switch_all(cloud)
            assert plant.contacts() == UNSAFE
            ends = (await daemon.edge("uplinks", UPLINK))["ends"]
            await cloud.sandbox.refuse_connections()
            house.config.write_text("[gateway")
            daemon.send(signal.SIGHUP)
            await cloud.sandbox.accept_connections()
            await daemon.wait_reconnected(UPLINK, ends)
            count = cloud.count("hall/temperature")
            await until(lambda: cloud.count("hall/temperature") > count + MORE, "readings come")
            assert (await daemon.ask("ledger"))["is_balanced"]
            assert await daemon.stop() == 0
            assert plant.contacts() == SAFE
