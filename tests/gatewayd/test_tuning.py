"""What the owner says about a channel, and what the world is told of it."""

from __future__ import annotations

import pytest

from gatewayd.model import Channel
from gatewayd.tuning import PLAIN, Alarm, Tuning, declared, derived, derived_names

CHANNEL = Channel("temperature", "temperature", "Cel", 2, minimum=-40, maximum=85)
METER = Channel("energy", "energy", "Wh", minimum=0, maximum=1e6, is_counter=True, wraps_at=2**32)


def test_a_channel_that_is_only_corrected_stays_what_it_is() -> None:
    """Scale and offset correct; the driver's limits hold."""
    assert declared(CHANNEL, Tuning(scale=1.01, offset=-0.4))[0] == CHANNEL
    assert declared(CHANNEL, PLAIN) == (CHANNEL, PLAIN)


def test_a_converted_channel_declares_its_unit_and_converts_the_limits() -> None:
    """The conversion comes after scale and offset, and is worked into them."""
    told, tuning = declared(CHANNEL, Tuning(to="[degF]", scale=2.0, offset=1.0))
    assert (told.unit, told.kind) == ("[degF]", "temperature")
    assert (told.minimum, told.maximum) == pytest.approx((-40, 185))
    assert 10 * tuning.scale + tuning.offset == pytest.approx((10 * 2 + 1) * 1.8 + 32)
    assert tuning.to is None


@pytest.mark.parametrize(
    "tuning",
    [
        Tuning(unit="bar"),
        Tuning(kind="level"),
        Tuning(expression="x * 2"),
        Tuning(lookup=((0, 0), (1, 10))),
    ],
)
def test_another_quantity_has_other_limits(tuning: Tuning) -> None:
    """What a driver says of volts is nothing about the bars that they stand for."""
    told, _ = declared(CHANNEL, tuning)
    assert (told.minimum, told.maximum) == (None, None)


def test_the_owner_says_what_a_value_is() -> None:
    """Kind, unit and decimals; a conversion begins at the unit that the owner names."""
    told, tuning = declared(CHANNEL, Tuning(kind="pressure", unit="bar", decimals=1, to="kPa"))
    assert (told.kind, told.unit, told.decimals) == ("pressure", "kPa", 1)
    assert tuning.scale == pytest.approx(100)


def test_a_counter_is_one_by_its_driver_or_by_its_owner() -> None:
    """The driver's limits are those of its own number, in its own unit."""
    told, tuning = declared(METER, Tuning(to="kWh"))
    assert told.is_counter
    assert (told.unit, told.maximum) == ("kWh", 1e6)
    assert tuning.scale == pytest.approx(0.001)
    assert not declared(METER, Tuning(counter=False))[0].is_counter
    told, _ = declared(CHANNEL, Tuning(counter=True, wraps_at=256))
    assert (told.is_counter, told.wraps_at) == (True, 256)


def test_channels_are_made_of_windows_and_alarms() -> None:
    """They have names, units and kinds, so that clouds and the console know them."""
    tuning = Tuning(window=300.0, alarm=Alarm(above=80))
    low, high, alarm = derived(CHANNEL, tuning)
    assert [low.id, high.id, alarm.id] == [
        "temperature_min",
        "temperature_max",
        "temperature_alarm",
    ]
    assert (low.kind, high.unit, alarm.kind, alarm.unit) == ("temperature", "Cel", "alarm", "")
    assert derived(CHANNEL, PLAIN) == ()
    names = derived_names([CHANNEL, METER], {"temperature": tuning, "gone": tuning})
    assert names == {low.id, high.id, alarm.id}


@pytest.mark.parametrize(
    ("value", "was_on", "holds"),
    [(80, False, False), (80.1, False, True), (79.5, True, True), (79, True, False), (4, 0, True)],
)
def test_an_alarm_goes_on_past_its_threshold_and_off_well_inside(
    value: float, was_on: bool, holds: bool
) -> None:
    """The hysteresis keeps a value that trembles at the threshold from ringing all the time."""
    alarm = Alarm(above=80, below=5, hysteresis=1)
    assert alarm.holds(value, was_on=was_on) is holds


def test_a_lower_threshold_has_its_hysteresis_above_it() -> None:
    """As the upper one has it below."""
    alarm = Alarm(below=5, hysteresis=1)
    assert alarm.holds(5.5, was_on=True)
    assert not alarm.holds(5.5, was_on=False)
    assert not alarm.holds(6, was_on=True)


def test_an_alarm_without_threshold_or_room_is_refused() -> None:
    """It would never ring, or never stop."""
    for keys in ({}, {"above": 1, "hysteresis": -1}, {"above": 10, "below": 9, "hysteresis": 1}):
        with pytest.raises(ValueError, match="expected"):
            Alarm(**keys)
