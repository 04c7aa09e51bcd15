"""What time it is at the cloud."""

from __future__ import annotations

import asyncio

import pytest

from gatewayd.clouds.cloud_time import DATE_MS, CloudTime
from gatewayd.testing.clock import START_MS, SimulatedClock, run_simulated

DATED_MS = 1_795_172_400_000
DATE = {"date": "Fri, 20 Nov 2026 11:00:00 GMT"}


def test_the_clouds_clock_goes_on_by_itself() -> None:
    """Also when our own is set meanwhile."""

    async def main() -> None:
        clock = SimulatedClock()
        time = CloudTime(clock)
        assert time.now_ms() == START_MS
        time.note(DATE)
        await asyncio.sleep(10)
        clock.jump(3_600_000)
        assert time.now_ms() == DATED_MS + DATE_MS + 10_000

    run_simulated(main())


@pytest.mark.parametrize("headers", [{}, {"date": ""}, {"date": "soon"}, {"date": "9" * 50}])
def test_what_is_no_date_changes_nothing(headers: dict[str, str]) -> None:
    """The last one stands."""

    async def main() -> None:
        time = CloudTime(SimulatedClock())
        time.note(DATE)
        time.note(headers)
        assert time.now_ms() == DATED_MS + DATE_MS

    run_simulated(main())


@pytest.mark.parametrize(
    ("off_ms", "minutes"), [(0, 0), (29_000, 0), (-29_000, 0), (3_600_000, 60), (-3_601_000, -60)]
)
def test_how_far_the_cloud_is_ahead_is_told_in_minutes(off_ms: int, minutes: int) -> None:
    """Seconds would be others at every answer."""

    async def main() -> None:
        clock = SimulatedClock()
        time = CloudTime(clock)
        assert (time.ahead_ms(), time.is_synchronised()) == (0, True)
        clock.jump(DATED_MS + DATE_MS - off_ms - clock.now_ms())
        time.note(DATE)
        assert time.ahead_ms() == minutes * 60_000

    run_simulated(main())
