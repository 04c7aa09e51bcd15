"""Which settings our things have, and what changing them does."""

from __future__ import annotations

import pytest

from gatewayd.clouds.thingsee.adjusting import ENVIRONMENT, INTERVALS, PIR, ROLE
from gatewayd.clouds.thingsee.kept import Kept
from gatewayd.clouds.thingsee.names import Names, Place
from gatewayd.clouds.thingsee.own_settings import OwnSettings
from gatewayd.model import ChannelId
from gatewayd.sampler import Pace


def place(name: str, thing: str, message: int, field: str) -> tuple[ChannelId, Place]:
    return ChannelId(name), Place(ChannelId(name), thing, message, field)


@pytest.fixture
async def own() -> OwnSettings:
    places = dict(
        (
            place("hall/door", "HALL", 12101, "hall"),
            place("hall/shake", "HALL", 16100, "energyLevel"),
            place("room/pir", "ROOM", 2100, "state"),
            place("pump/relay", "PUMP", 1400, "relay"),
        )
    )
    devices = {"GW": frozenset[str](), "HALL": frozenset({"hall"}), "ROOM": frozenset({"room"})}
    names = Names("GW", places, {**devices, "PUMP": frozenset({"pump"})})
    return OwnSettings(names, Kept(), {"hall": Pace(10), "room": Pace(0.5)}, 60)


async def test_who_has_which_settings(own: OwnSettings) -> None:
    """Intervals and role everybody; modes those who measure such things."""
    has = {
        (thing, id)
        for thing in ("GW", "HALL", "ROOM", "PUMP")
        for id in (INTERVALS, ROLE, ENVIRONMENT, PIR, 24200)
        if own.has(thing, id)
    }
    everybody = {(thing, id) for thing in ("GW", "HALL", "ROOM", "PUMP") for id in (1500, 1501)}
    assert has == everybody | {("HALL", ENVIRONMENT), ("ROOM", PIR)}


async def test_what_was_never_set_says_how_things_are(own: OwnSettings) -> None:
    """A door that is told at every sample, no weather, and machine monitoring."""
    assert own.current("HALL", ENVIRONMENT) == {
        "accelerometerMode": 2,
        "weatherMode": -1,
        "hallMode": 0,
        "leakageMode": 0,
    }
    assert own.current("ROOM", PIR)["mode"] == 1
    assert own.current("HALL", INTERVALS) == {"measurementInterval": 10, "reportInterval": 60}
    assert own.current("ROOM", INTERVALS)["measurementInterval"] == 1


async def test_an_empty_request_changes_nothing(own: OwnSettings) -> None:
    """Nor does it make a default a setting."""
    before = own.current("HALL", ENVIRONMENT)
    assert own.change("HALL", ENVIRONMENT, {}) == before
    assert not own.kept.settings


async def test_the_gateways_intervals_are_for_all_that_is_sampled(own: OwnSettings) -> None:
    """A thing's own go before them."""
    own.change("HALL", INTERVALS, {"measurementInterval": 5, "reportInterval": 30})
    own.change("GW", INTERVALS, {"measurementInterval": 20, "reportInterval": 120})
    assert own.current("ROOM", INTERVALS) == {"measurementInterval": 20, "reportInterval": 120}
    assert own.report_interval_s("HALL") == 30


async def test_a_thing_that_is_not_sampled_stays_as_it_is(own: OwnSettings) -> None:
    """The answer says so."""
    values = own.change("PUMP", INTERVALS, {"measurementInterval": 5, "reportInterval": 30})
    assert values == {"measurementInterval": 300, "reportInterval": 30}


async def test_a_passive_interval_exceeds_the_report_interval(own: OwnSettings) -> None:
    """Of the same thing."""
    asked = {"mode": 1, "passiveReportInterval": 10}
    assert own.change("ROOM", PIR, asked)["passiveReportInterval"] == 61
