"""What a running gateway tells of itself."""

from __future__ import annotations

import asyncio
from pathlib import Path

from gatewayd.errors import DeviceTimeout
from gatewayd.ladder import PORT_AFTER
from gatewayd.model import ChannelId
from gatewayd.status import STALE_BEATS, STALE_SLACK_S, stale_after_s, status_of
from tests.gatewayd.console.rooms import open_room

TUNED = """
[device.hall.channel.temperature]
{keys}
"""


async def test_status_counts_what_metrics_need(tmp_path: Path) -> None:
    """Answers of a sensor, none of an output; what was recorded and lost."""
    async with open_room(tmp_path) as room:
        await room.wait_reading()
        status = status_of(room.gateway)
    assert isinstance(status["devices"], list)
    devices = {each["name"]: each for each in status["devices"]}
    assert devices["hall"]["samples"] >= 1
    assert devices["pump"]["samples"] is None
    assert isinstance(status["outbox"], dict)
    assert status["outbox"]["lost"] == {"bus": 0, "outbox": 0}


async def test_status_tells_the_ladder(tmp_path: Path) -> None:
    """How often a device failed in a row, what is due, and what helped last."""
    async with open_room(tmp_path) as room:
        await room.wait_reading()
        recovery = room.gateway.recoveries["hall"]
        told = []
        for _ in range(PORT_AFTER):
            recovery.failed(DeviceTimeout("silence"))
        for _ in range(2):
            status = status_of(room.gateway)
            assert isinstance(status["devices"], list)
            [hall] = [each for each in status["devices"] if each["name"] == "hall"]
            told.append((hall["failures"], hall["rung"], hall["helped"]))
            recovery.answered()
    assert told == [(PORT_AFTER, "port reset", None), (0, None, "port reset")]


async def test_a_value_is_old_after_missed_beats_of_what_is_asked(tmp_path: Path) -> None:
    """An output and a channel of no device stand until they change."""
    async with open_room(tmp_path) as room:
        await room.wait_reading()
        gateway = room.gateway
        hall = stale_after_s(gateway, ChannelId("hall/temperature"))
        assert hall == STALE_BEATS * 0.05 + STALE_SLACK_S
        assert stale_after_s(gateway, ChannelId("pump/relay")) is None
        assert stale_after_s(gateway, ChannelId("attic/x")) is None


async def test_what_the_record_is_spared_is_seen_all_the_same(tmp_path: Path) -> None:
    """Neither deadband nor heartbeat nor window makes the board older."""
    keys = 'deadband = 100.0\nheartbeat = "5m"'
    async with open_room(tmp_path, extra=TUNED.format(keys=keys)) as room:
        await room.wait_reading()
        name = ChannelId("hall/temperature")
        assert stale_after_s(room.gateway, name) == STALE_BEATS * 0.05 + STALE_SLACK_S
        board, seen = room.gateway.board, asyncio.Event()
        first = board.latest(name)
        with board.watched(seen.set):
            async with asyncio.timeout(5):
                while board.latest(name) == first:
                    seen.clear()
                    await seen.wait()
        panel = board.panel(name)
        assert panel is not None
        assert len(panel.history) == 1


async def test_status_tells_what_the_card_is_asked(tmp_path: Path) -> None:
    """From the first moment, before any rate is known."""
    async with open_room(tmp_path) as room:
        status = status_of(room.gateway)
    assert isinstance(status["outbox"], dict)
    card = status["outbox"]["card"]
    assert card["written_bytes"] >= 0
    assert card["interval_s"] == status["outbox"]["commit_interval_s"]
    assert card["budget_bytes_a_day"] is None
