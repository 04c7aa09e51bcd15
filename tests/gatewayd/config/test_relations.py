"""What outputs say of other channels."""

from __future__ import annotations

from gatewayd.config.relations import find_ring
from tests.gatewayd.config.written import Check

RELAY = '[device.{0}]\ndriver = "sim_relay"\nsafe = "off"\nhold_max = "1h"\n'
LATER = 'start_after = ["{0}/relay"]\nstart_delay = "5s"\n'
ONE = RELAY.format("one") + LATER.format("two")
SENSOR = '[device.clamp]\ndriver = "sim"\nsignals.current = {}\n'


def test_who_starts_after_nobody_is_told(check: Check) -> None:
    """The nearest output is named."""
    assert check(ONE + RELAY.format("tow")).said == [
        '5:16: "two/relay" is no output; expected DEVICE/CHANNEL of an output; nearest: tow/relay'
    ]


def test_a_ring_of_starts_has_no_beginning(check: Check) -> None:
    """Two that wait for each other would never start."""
    said = check(ONE + RELAY.format("two") + LATER.format("one")).said
    assert said == [
        "5:15: one/relay after two/relay after one/relay: nobody could be first; "
        "expected an order with a beginning"
    ]


def test_a_ring_is_found_from_those_on_it_alone() -> None:
    """Who starts after a ring is not to blame for it."""
    starts = {"a": ("b",), "b": ("c",), "c": ("b",)}
    assert find_ring("a", starts) == []
    assert find_ring("b", starts) == ["b", "c", "b"]


def test_a_sensor_that_is_not_there_verifies_nothing(check: Check) -> None:
    """Every command would fail."""
    text = RELAY.format("one") + 'verify = { channel = "clamp/curent", on = "> 1" }\n' + SENSOR
    assert check(text).said == [
        '5:22: unknown channel "clamp/curent"; expected DEVICE/CHANNEL of a sensor; '
        "nearest: clamp/current"
    ]


def test_an_output_verifies_nothing(check: Check) -> None:
    """It says what was written, and that is known."""
    text = RELAY.format("one") + 'verify = { channel = "one/relay", on = "== on" }\n'
    assert check(text).said == [
        '5:22: "one/relay" is an output; expected a sensor, which sees what it does'
    ]


def test_safe_when_on_is_a_matter_of_wiring(check: Check) -> None:
    """The outermost fence is the cable: without power a relay is off."""
    said = check(RELAY.format("one").replace('"off"', '"on"')).said
    assert said == [
        "3:8: warning: one/relay is safe when it is on; without power it is off: wire it so that "
        "this is safe too (normally closed)"
    ]


def test_a_sensor_that_is_asked_too_seldom_is_warned_of(check: Check) -> None:
    """Every 10 s is the default, and the output would go safe after 3."""
    text = RELAY.format("one") + 'verify = { channel = "clamp/current", on = "> 1" }\n' + SENSOR
    assert check(text).said == [
        "5:10: warning: clamp is asked every 10s; what it verifies waits 3s for it and then goes "
        "safe: ask it oftener"
    ]
    assert not check(text + 'every = "500ms"\n').said
