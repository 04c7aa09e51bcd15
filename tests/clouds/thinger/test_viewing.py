"""What resources show now: how old a value may be, and how the gateway itself is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path as Folder

import pytest

from gatewayd.board import Board
from gatewayd.clouds.thinger.events import Path
from gatewayd.clouds.thinger.names import name_channels
from gatewayd.clouds.thinger.pson import Pson
from gatewayd.clouds.thinger.resources import make_resources
from gatewayd.clouds.thinger.view import show
from gatewayd.clouds.thinger.viewing import Viewer
from gatewayd.model import Channel, ChannelId, Quality, Reading
from gatewayd.testing.clock import START_MS, SimulatedClock, SimulatedLoop
from gatewayd.uplink import Premises

T = ChannelId("hall/temperature")
H = ChannelId("hall/humidity")
CHANNELS = {T: Channel(T, "temperature", "Cel"), H: Channel(H, "humidity", "%")}
STALE_S = 60.0


VALUE, HEALTH = ("hall", "temperature"), ("gateway",)


def shown(path: Path, viewer: Viewer, refused: int = 0) -> Pson:
    return show(make_resources(viewer.names)[path], viewer.view({}, refused))


@pytest.fixture
def loop() -> Iterator[SimulatedLoop]:
    with closing(SimulatedLoop()) as loop:
        yield loop


@pytest.fixture
def viewer(loop: SimulatedLoop, tmp_path: Folder) -> Viewer:
    clock = SimulatedClock(loop)
    premises = Premises("up", "gw", "Boiler room", "1.2", CHANNELS, Board(), clock, tmp_path, {})
    return Viewer(premises, name_channels(CHANNELS, {}, {}), STALE_S)


def test_time_makes_a_value_stale(viewer: Viewer, loop: SimulatedLoop) -> None:
    """It is shown for as long as it may be, and a moment later no more."""
    viewer.premises.board.post([Reading(T, START_MS, 21.5)])
    loop.advance(STALE_S)
    assert shown(VALUE, viewer) == 21.5
    loop.advance(0.001)
    assert shown(VALUE, viewer) is None


def test_a_gateway_tells_how_it_is(viewer: Viewer, loop: SimulatedLoop) -> None:
    """At this moment, with what has no value and what was refused."""
    board = viewer.premises.board
    board.post([Reading(T, START_MS, 21.5)])
    loop.advance(2.0)
    assert shown(HEALTH, viewer, refused=3) == {
        "id": "gw",
        "name": "Boiler room",
        "version": "1.2",
        "ts": START_MS + 2000,
        "clock_is_set": True,
        "channels": 2,
        "channels_without_value": 1,
        "requests_refused": 3,
    }
    board.post([Reading(T, START_MS + 2000, None, Quality.FAULT)])
    health = shown(HEALTH, viewer)
    assert isinstance(health, dict)
    assert health["channels_without_value"] == 2
