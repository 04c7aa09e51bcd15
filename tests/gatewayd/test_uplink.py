"""Draining: what reaches a cloud, what the cursor does, whatever the cloud answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gatewayd.errors import BatchRefused, LinkDenied, LinkLost, Throttled
from gatewayd.model import Batch, ChannelId, Reading
from gatewayd.outbox import Outbox, open_outbox
from gatewayd.testing.clock import START_MS, SimulatedClock, run_simulated
from gatewayd.testing.cloud import FakeCloud, FakeLink
from gatewayd.uplink import drain
from tests.gatewayd.outbox.test_faults import broken_disk

A = ChannelId("boiler/temperature")


def readings(count: int, start: int = 0) -> list[Reading]:
    return [Reading(A, START_MS + i, float(i)) for i in range(start, start + count)]


@asynccontextmanager
async def log_with(tmp_path: Path, count: int) -> AsyncIterator[Outbox]:
    async with open_outbox(tmp_path / "card", tmp_path, SimulatedClock()) as outbox:
        await outbox.subscribe({"cloud": frozenset({A})})
        await outbox.append(readings(count))
        yield outbox
        for balance in (await outbox.balance()).values():
            assert balance.is_balanced
            assert balance.pending == balance.held


async def drained(outbox: Outbox, cloud: FakeCloud, for_s: float = 100.0) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(for_s):
            await drain(FakeLink(cloud), outbox, "cloud")


def test_everything_arrives_once_in_order_and_is_acknowledged(tmp_path: Path) -> None:
    """A backlog larger than a batch goes out in batches; what comes later follows at once."""

    async def main() -> None:
        cloud = FakeCloud(batch_max=30)
        async with log_with(tmp_path, 100) as outbox:
            await drained(outbox, cloud)
            await outbox.append(readings(3, start=100))
            await drained(outbox, cloud)
            assert cloud.taken == readings(103)
            assert cloud.sends == 5
            assert outbox.accounts["cloud"].delivered == 103

    run_simulated(main())


def test_a_lost_link_moves_no_cursor(tmp_path: Path) -> None:
    """What was not acknowledged is sent again over the next link."""

    async def main() -> None:
        cloud = FakeCloud(loses_answer=True)
        async with log_with(tmp_path, 10) as outbox:
            with pytest.raises(LinkLost):
                await drain(FakeLink(cloud), outbox, "cloud")
            assert outbox.accounts["cloud"].delivered == 0
            await drained(outbox, cloud)
            assert cloud.taken == readings(10) * 2
            assert outbox.accounts["cloud"].delivered == 10

    run_simulated(main())


def test_what_may_have_arrived_twice_is_counted(tmp_path: Path) -> None:
    """The answer was lost with the link; a cloud that said no is another matter."""

    async def main() -> None:
        cloud = FakeCloud(loses_answer=True)
        cloud.troubles.append(Throttled("busy", 5))
        async with log_with(tmp_path, 10) as outbox:
            with pytest.raises(LinkLost):
                await drain(FakeLink(cloud), outbox, "cloud")
            await drained(outbox, cloud)
            assert len(cloud.taken) == 20
            assert outbox.accounts["cloud"].repeated == 10
            assert outbox.accounts["cloud"].delivered == 10

    run_simulated(main())


def test_a_throttled_batch_waits_as_long_as_it_was_told(tmp_path: Path) -> None:
    """The same batch is sent again after the cloud's own time."""

    async def main() -> None:
        cloud = FakeCloud(troubles=[Throttled("slow down", 30.0)])
        async with log_with(tmp_path, 10) as outbox:
            await drained(outbox, cloud, for_s=29)
            assert cloud.taken == []
            cloud.troubles.append(Throttled("slow down", 30.0))
            await drained(outbox, cloud, for_s=31)
            assert cloud.taken == readings(10)

    run_simulated(main())


def test_a_log_that_cannot_be_written_costs_the_readings_time_and_not_the_link(
    tmp_path: Path,
) -> None:
    """Commands come over it. With the first write that succeeds the rows go out, once."""

    async def main() -> None:
        cloud = FakeCloud()
        async with log_with(tmp_path, 10) as outbox:
            with broken_disk(), capture_logs() as told:
                await drained(outbox, cloud, for_s=10)
            assert [row["event"] for row in told] == ["readings wait"]
            assert cloud.taken == []
            await drained(outbox, cloud)
            assert cloud.taken == readings(10)
            assert outbox.accounts["cloud"].delivered == 10

    run_simulated(main())


def test_a_named_row_is_rejected_and_the_others_arrive(tmp_path: Path) -> None:
    """The cloud names what it will never take; only that is dropped, with its answer."""

    async def main() -> None:
        async with log_with(tmp_path, 10) as outbox:
            third = outbox.head - 7
            cloud = FakeCloud(troubles=[BatchRefused("no such sensor", [third])])
            await drained(outbox, cloud)
            assert cloud.taken == [*readings(2), *readings(7, start=3)]
            assert outbox.accounts["cloud"].dropped == {"rejected": 1}

    run_simulated(main())


class Picky(FakeLink):
    """Refuses every batch with a 7 in it, and does not say why."""

    async def send(self, batch: Batch) -> None:
        if any(reading.value == 7.0 for reading in batch.readings):
            raise BatchRefused("bad request")
        await super().send(batch)


def test_an_unnamed_refusal_is_halved_until_one_row_remains(tmp_path: Path) -> None:
    """One bad row among a hundred costs one row, and order is kept."""

    async def main() -> None:
        cloud = FakeCloud()
        async with log_with(tmp_path, 100) as outbox:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(100):
                    await drain(Picky(cloud), outbox, "cloud")
            assert cloud.taken == [*readings(7), *readings(92, start=8)]
            assert outbox.accounts["cloud"].dropped == {"rejected": 1}

    run_simulated(main())


class Lossy(FakeLink):
    """Refuses row 3 by name, then loses the link before it takes the rest."""

    async def send(self, batch: Batch) -> None:
        bad = [s for s, r in zip(batch.seqs, batch.readings, strict=True) if r.value == 3.0]
        if bad:
            raise BatchRefused("no", bad)
        raise LinkLost("gone")


def test_a_rejection_is_counted_once_when_the_link_dies_before_the_rest(tmp_path: Path) -> None:
    """The rejection is settled with the cursor, so a retry does not count it again."""

    async def main() -> None:
        async with log_with(tmp_path, 10) as outbox:
            for _ in range(3):
                with pytest.raises(LinkLost):
                    await drain(Lossy(FakeCloud()), outbox, "cloud")
            assert outbox.accounts["cloud"].dropped == {}
            await drained(outbox, FakeCloud())
            assert outbox.accounts["cloud"].delivered == 10

    run_simulated(main())


def test_a_cloud_that_refuses_everything_is_a_matter_of_rights(tmp_path: Path) -> None:
    """After some batches of which nothing was taken, the link is given up as denied."""

    async def main() -> None:
        cloud = FakeCloud(batch_max=1, troubles=[BatchRefused("no") for _ in range(20)])
        async with log_with(tmp_path, 20) as outbox:
            with pytest.raises(LinkDenied):
                await drain(FakeLink(cloud), outbox, "cloud")
            assert outbox.accounts["cloud"].dropped["rejected"] < 20

    run_simulated(main())


class Patient(FakeLink):
    """Wants a report a minute, and alarms at once."""

    def wait_s(self, pending: Batch) -> float:
        if any(reading.value == 99.0 for reading in pending.readings):
            return 0.0
        return max(0.0, 60.0 - asyncio.get_running_loop().time())


def test_readings_wait_for_company_until_the_report_is_due(tmp_path: Path) -> None:
    """What arrives within the interval goes out in one batch."""

    async def main() -> None:
        cloud = FakeCloud()
        async with log_with(tmp_path, 2) as outbox, asyncio.TaskGroup() as tasks:
            draining = tasks.create_task(drain(Patient(cloud), outbox, "cloud"))
            for i in range(2, 5):
                await asyncio.sleep(10)
                await outbox.append(readings(1, start=i))
            assert cloud.sends == 0
            await asyncio.sleep(35)
            assert (cloud.sends, len(cloud.taken)) == (1, 5)
            draining.cancel()


def test_an_urgent_reading_takes_the_waiting_ones_with_it(tmp_path: Path) -> None:
    """An alarm does not wait for the report, and does not overtake what came before it."""

    async def main() -> None:
        cloud = FakeCloud()
        async with log_with(tmp_path, 2) as outbox, asyncio.TaskGroup() as tasks:
            draining = tasks.create_task(drain(Patient(cloud), outbox, "cloud"))
            await asyncio.sleep(1)
            assert cloud.sends == 0
            await outbox.append(readings(1, start=99))
            await asyncio.sleep(1)
            assert cloud.taken == [*readings(2), *readings(1, start=99)]
            draining.cancel()

    run_simulated(main())
