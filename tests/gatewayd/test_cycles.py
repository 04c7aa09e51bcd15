"""Cycles a day: counted, refused, and remembered over restarts."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gatewayd.cycles import DAY_MS, NAME, SAVE_S, Cycles, left_s
from gatewayd.model import ChannelId
from gatewayd.testing.clock import SimulatedClock
from gatewayd.testing.simulated import simulated

PUMP = ChannelId("pump/relay")
HOUR_MS = 3_600_000


def test_the_limit_is_of_any_24_hours() -> None:
    """Not of a calendar day: the time to go is until the oldest of them is a day ago."""
    stamps = [0, HOUR_MS, 2 * HOUR_MS]
    assert left_s(stamps, 3 * HOUR_MS, 4) is None
    assert left_s(stamps, 3 * HOUR_MS, 3) == 21 * 3600
    assert left_s(stamps, 3 * HOUR_MS, 2) == 22 * 3600
    assert left_s(stamps, DAY_MS, 3) is None
    assert left_s(stamps, DAY_MS, None) is None


@simulated
async def test_the_refusal_is_a_sentence() -> None:
    """With the limit's name and how long to wait."""
    cycles = Cycles(SimulatedClock())
    for _ in range(2):
        assert cycles.find_objection(PUMP, 2) is None
        cycles.count(PUMP, 2)
    await asyncio.sleep(3600)
    said = "pump/relay was switched 2 times within a day (cycles_max): 23h to go"
    assert cycles.find_objection(PUMP, 2) == said
    await asyncio.sleep(23 * 3600)
    assert cycles.find_objection(PUMP, 2) is None


@simulated
@pytest.mark.parametrize("is_killed", [True, False])
@pytest.mark.parametrize("jump_ms", [0, -10 * DAY_MS])
async def test_a_restart_forgets_nothing(tmp_path: Path, is_killed: bool, jump_ms: int) -> None:
    """Killed at once, the file in memory knows; ended, the card does. Clocks may be set back."""
    hot, card = tmp_path / "hot", tmp_path / "card"
    hot.mkdir()
    card.mkdir()
    clock = SimulatedClock()
    cycles = Cycles(clock, hot, card)
    running = asyncio.ensure_future(cycles.run())
    cycles.count(PUMP, 1)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (hot / NAME).exists()
    if not is_killed:
        running.cancel()
        await asyncio.wait([running])
        assert not (hot / NAME).exists()
        clock.reboot()
    clock.jump(jump_ms)
    again = Cycles(clock, hot, card)
    assert again.find_objection(PUMP, 1) is not None
    await asyncio.sleep(DAY_MS / 1000)
    assert again.find_objection(PUMP, 1) is None
    running.cancel()


@simulated
async def test_the_card_is_written_once_a_minute_at_the_most(tmp_path: Path) -> None:
    """And not at all where nothing is counted."""
    card = tmp_path / NAME
    cycles = Cycles(SimulatedClock(), None, tmp_path)
    running = asyncio.ensure_future(cycles.run())
    cycles.count(PUMP, None)
    await asyncio.sleep(2 * SAVE_S)
    assert not card.exists()
    cycles.count(PUMP, 9)
    await asyncio.sleep(SAVE_S / 2)
    assert not card.exists()
    await asyncio.sleep(SAVE_S)
    assert card.exists()
    running.cancel()


@simulated
async def test_what_a_killed_life_counted_is_on_the_card_at_once(tmp_path: Path) -> None:
    """Lives that are all shorter than a minute would else bring nothing there."""
    hot, card, clock = tmp_path / "hot", tmp_path / "card", SimulatedClock()
    hot.mkdir()
    card.mkdir()
    for life in range(2):
        cycles = Cycles(clock, hot, card)
        running = asyncio.ensure_future(cycles.run())
        await asyncio.sleep(1)
        assert (card / NAME).exists() == bool(life)
        cycles.count(PUMP, 9)
        await asyncio.sleep(1)
        kept = (hot / NAME).read_bytes()
        running.cancel()
        await asyncio.wait([running])
        (hot / NAME).write_bytes(kept)  # It was a kill.
        if not life:
            (card / NAME).unlink()


@simulated
@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff"])
async def test_a_file_that_nobody_can_read_is_told_of(tmp_path: Path, data: bytes) -> None:
    """The outputs work, and somebody hears that the count begins anew."""
    (tmp_path / NAME).write_bytes(data)
    noted: list[str] = []
    cycles = Cycles(SimulatedClock(), None, tmp_path, lambda event, what: noted.append(what))
    assert cycles.find_objection(PUMP, 1) is None
    assert "cannot be read" in noted[0]
