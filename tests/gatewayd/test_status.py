"""What a running gateway tells of itself."""

from __future__ import annotations

from pathlib import Path

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


async def test_a_value_is_old_after_missed_beats_of_what_is_asked(tmp_path: Path) -> None:
    """An output and a channel of no device stand until they change."""
    async with open_room(tmp_path) as room:
        await room.wait_reading()
        gateway = room.gateway
        hall = stale_after_s(gateway, ChannelId("hall/temperature"))
        assert hall == STALE_BEATS * 0.05 + STALE_SLACK_S
        assert stale_after_s(gateway, ChannelId("pump/relay")) is None
        assert stale_after_s(gateway, ChannelId("attic/x")) is None


async def test_a_heartbeat_makes_it_later_and_a_deadband_alone_never(tmp_path: Path) -> None:
    """Who reports only what moved is not late when nothing moves."""
    for keys, expected in (
        ('deadband = 0.1\nheartbeat = "5m"', STALE_BEATS * 300 + STALE_SLACK_S),
        ("deadband = 0.1", None),
    ):
        folder = tmp_path / str(expected)
        folder.mkdir()
        async with open_room(folder, extra=TUNED.format(keys=keys)) as room:
            await room.wait_reading()
            name = ChannelId("hall/temperature")
            assert stale_after_s(room.gateway, name) == expected
