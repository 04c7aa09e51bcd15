"""kill -9 at any moment: what the log had taken arrives, in order, once, and is accounted for.

Strategy: a device counts on over the deaths of the daemon, so its numbers say what was taken;
after each kill the files are read, row by row, from a copy; at the end the cloud must hold every
row that was ever in them. The cloud itself refuses, and says so, whatever comes out of order.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import statistics
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gatewayd.outbox.files import HOT_NAME
from tests.live.cloud import API_KEY, Cloud
from tests.live.counter import Counter, Session, counting
from tests.live.daemon import House
from tests.live.remains import Remains, Row, find_remains

SEED = 20261120
KILLS = 50
UPLINK = "up"
LIFE_S = 0.7
"""Lives last up to so long after the daemon is ready; it comes to the card twice in that time."""

UNREADY = 6
"""Every so many lives one is killed while it still starts."""

UNREADY_S = 0.8
TAIL_S = 0.3
"""What a kill may cost of what the device had said: 0.1 s of gathering, and its way through the
line and the process. Asserted of the median; a busy machine may stretch some."""

TAIL_S_MAX = 2.0

ALWAYS = -1
FAULTS = ("", "withhold", "lose_ack", "refuse")
"""A life's cloud takes everything, or from some moment on takes no more, or acknowledges no more:
then the kill finds readings on their way. Or it is away, until such a moment of another life."""

DRAIN_S = 60.0


@dataclass
class Story:
    """Many lives of one daemon, what they left, and when they ended."""

    house: House
    cloud: Cloud
    counter: Counter
    random: random.Random = field(default_factory=lambda: random.Random(SEED))
    remains: list[Remains] = field(default_factory=list)
    deaths_s: list[float] = field(default_factory=list)
    is_memory_lost: bool = False
    faults: tuple[str, ...] = FAULTS

    def lose_memory(self) -> None:
        """From now on a death takes the tier in memory with it; the card is written often."""
        self.is_memory_lost = True
        self.house.sections["outbox"]["commit_interval"] = "100ms"

    async def strike(self, fault: str) -> None:
        """Let one of `FAULTS` begin, and end a refusal."""
        sandbox = self.cloud.sandbox
        if fault == "refuse":
            await sandbox.refuse_connections()
            return
        await sandbox.accept_connections()
        if fault:
            setattr(sandbox.broker.faults, fault, ALWAYS)

    async def live(self, life: int) -> None:
        """Live one life, to its violent end; the cloud's faults strike on the way."""
        is_early = life % UNREADY == UNREADY - 1
        life_s = UNREADY_S if is_early else LIFE_S
        async with self.house.daemon(is_awaited=not is_early) as daemon:
            await asyncio.sleep(self.random.uniform(0.0, life_s / 2))
            await self.strike(self.random.choice(self.faults))
            await asyncio.sleep(self.random.uniform(0.0, life_s / 2))
            daemon.kill()
            self.deaths_s.append(time.monotonic())
        self.cloud.sandbox.broker.faults.withhold = self.cloud.sandbox.broker.faults.lose_ack = 0
        hot = None if self.is_memory_lost else self.house.hot
        self.remains.append(find_remains(self.house.state, hot, UPLINK))
        if self.is_memory_lost and self.house.hot:
            for file in self.house.hot.glob(HOT_NAME + "*"):
                file.unlink()

    def rows(self) -> set[Row]:
        """Return every row that a kill left behind."""
        return {row for remains in self.remains for row in remains.rows.values()}

    def arrived(self) -> set[Row]:
        """Return every row that the cloud has."""
        return {
            (name, point.time_ms, point.value)
            for name in self.counter.channels
            for point in self.cloud.points(name)
        }


@pytest.fixture
async def story(house: House, cloud: Cloud) -> AsyncIterator[Story]:
    async with counting() as counter:
        cloud.register(dict.fromkeys(counter.channels, "number"))
        house.devices["counter"] = counter.settings()
        house.sections["outbox"] = {"commit_interval": "300ms"}
        house.add_thingplus(UPLINK, cloud.port, API_KEY, ack_timeout="2s")
        yield Story(house, cloud, counter)


async def drained(story: Story) -> dict[str, Any]:
    """Start the daemon a last time and return the ledger's line when nothing is pending."""
    story.counter.is_speaking = False
    async with story.house.daemon() as daemon:
        await daemon.wait_drained(UPLINK, DRAIN_S)
        ledger = await story.house.verb("ledger", "--json")
        assert ledger.code == 0
        assert ledger.json["is_balanced"]
        line: dict[str, Any] = ledger.json["uplinks"][UPLINK]
    return line


def assert_in_order(story: Story) -> None:
    """Each sensor counts up, and the cloud refused nothing but what it had already."""
    for name in story.counter.channels:
        numbers = story.cloud.numbers(name)
        assert numbers == sorted(set(numbers))
    assert set(story.cloud.dropped) <= {"duplicate"}


def tails_s(story: Story) -> list[float]:
    """Return for each life how old the oldest number was that its kill cost; no holes before."""
    got = story.cloud.numbers(story.counter.channels[0])
    sessions = [session for session in story.counter.sessions if session.said]
    tails = []
    for session in sessions:
        mine = [number for number in got if session.first <= number <= session.last]
        if mine:
            assert mine == list(range(mine[0], mine[-1] + 1)), "a hole within one life"
            tails.append(_tail_s(session, mine[-1], story.deaths_s))
    return tails


def _tail_s(session: Session, last: int, deaths_s: list[float]) -> float:
    lost_s = next((at_s for at_s, number in session.said if number > last), None)
    if lost_s is None:
        return 0.0
    death_s = next((at_s for at_s in deaths_s if at_s >= session.said[0][0]), lost_s)
    return max(0.0, death_s - lost_s)


async def test_fifty_kills_lose_nothing_that_was_taken(story: Story) -> None:
    """At random moments, also while it starts, with readings and acknowledgements on their way."""
    for life in range(KILLS):
        await story.live(life)
    await story.strike("")
    line = await drained(story)
    assert story.rows() <= story.arrived()
    assert sum(bool(remains.owed) for remains in story.remains) > KILLS / 4, "few kills hurt"
    assert_in_order(story)
    assert story.cloud.dropped.get("duplicate", 0) > 0, "no acknowledgement was lost"
    assert line["dropped"] == {}
    assert line["accepted"] == line["delivered"] == story.cloud.total()
    tails = tails_s(story)
    assert len(tails) > KILLS / 2
    assert statistics.median(tails) < TAIL_S
    assert max(tails) < TAIL_S_MAX


async def test_kills_while_the_cloud_is_away(story: Story) -> None:
    """What is owed grows from life to life and arrives when the cloud is back.

    Here nobody names a runtime folder: the daemon finds one in memory by itself.
    """
    story.house.runtime = None
    await story.live(0)
    story.faults = ("refuse",)
    await story.strike("refuse")
    for life in range(1, 10):
        await story.live(life)
    owed = [len(remains.owed) for remains in story.remains]
    assert owed[1:] == sorted(owed[1:])
    assert owed[-1] > owed[1]
    await story.strike("")
    line = await drained(story)
    assert story.rows() <= story.arrived()
    assert_in_order(story)
    assert line["dropped"] == {}
    assert line["accepted"] == line["delivered"] == story.cloud.total()
    assert max(tails_s(story)) < TAIL_S_MAX


async def test_a_power_cut_takes_the_memory_and_leaves_the_card(story: Story) -> None:
    """With the tier in memory gone at each death, what was on the card still arrives."""
    story.lose_memory()
    story.faults = ("refuse",)
    await story.strike("refuse")
    for life in range(8):
        await story.live(life)
    assert len(story.remains[-1].owed) > 500
    await story.strike("")
    line = await drained(story)
    assert story.rows() == story.arrived() - said_at_the_end(story)
    assert_in_order(story)
    assert line["dropped"] == {}
    assert line["accepted"] == line["delivered"] == story.cloud.total()


def said_at_the_end(story: Story) -> set[Row]:
    """Return what the last life, which nobody killed, was told."""
    first = story.counter.sessions[-1].first
    return {row for row in story.arrived() if int(str(row[2])) >= first}


@pytest.mark.skipif(os.geteuid() != 0, reason="hiding /dev/shm from the daemon needs root")
async def test_without_a_tmpfs_the_card_alone_is_claimed(story: Story, tmp_path: Path) -> None:
    """No runtime folder and no /dev/shm: the tier in memory dies with the process."""
    plain = tmp_path / "no-tmpfs"
    plain.mkdir()
    hide = f'mount --bind {plain} /dev/shm && exec "$@"'
    story.house.wrapper = (shutil.which("unshare") or "", "-m", "sh", "-c", hide, "sh")
    story.house.runtime = None
    story.lose_memory()
    story.faults = ("refuse", "withhold")
    await story.strike("refuse")
    for life in range(8):
        await story.live(life)
    await story.strike("")
    assert not list(plain.iterdir())
    line = await drained(story)
    assert story.rows() <= story.arrived()
    assert sum(len(remains.owed) for remains in story.remains) > 500
    assert_in_order(story)
    assert line["dropped"] == {}
