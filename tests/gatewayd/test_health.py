"""How edges and core are told to be."""

from __future__ import annotations

import asyncio

from gatewayd.errors import DeviceAbsent
from gatewayd.health import STUCK_S, Edge, Pulse
from gatewayd.testing.clock import run_simulated


def test_a_core_that_stops_beating_is_stuck() -> None:
    """Being alive is not enough: the watchdog is fed by progress."""

    async def main() -> None:
        pulse = Pulse()
        assert pulse.find_ailment() is None
        pulse.beat("outbox")
        await asyncio.sleep(STUCK_S - 1)
        assert pulse.find_ailment() is None
        await asyncio.sleep(2)
        assert pulse.find_ailment() == "outbox made no progress for 61 s"
        pulse.beat("outbox")
        assert pulse.find_ailment() is None

    run_simulated(main())


def test_an_edge_remembers_since_when_it_is_how_it_is() -> None:
    """Repeated failures do not move the moment when it went down."""

    async def main() -> None:
        edge = Edge("boiler")
        edge.went_up()
        await asyncio.sleep(10)
        edge.ended(DeviceAbsent("nobody answers"), 1.0)
        await asyncio.sleep(5)
        edge.ended(DeviceAbsent("nobody answers"), 2.0)
        assert (edge.is_up, edge.reason, edge.retry_s) == (False, "nobody answers", 2.0)
        assert (edge.since_s, edge.ends) == (10, 2)

    run_simulated(main())
