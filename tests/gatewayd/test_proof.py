"""Whether a sensor confirms what was written."""

from __future__ import annotations

import pytest

from gatewayd.model import ChannelId, Quality, Reading, Value
from gatewayd.proof import Verify, confirms, holds

CLAMP = Verify(channel="clamp/current", on="> 0.5")


def seen(value: Value | None, time_ms: int = 1000) -> Reading:
    quality = Quality.ABSENT if value is None else Quality.GOOD
    return Reading(ChannelId("clamp/current"), time_ms, value, quality)


@pytest.mark.parametrize(
    ("condition", "value", "is_so"),
    [
        ("> 0.5", 0.6, True),
        (">0.5", 0.5, False),
        ("<= 3", 3, True),
        ("== on", True, True),
        ("!= on", True, False),
        ("== 1", False, False),
        ("> 0", "much", False),
    ],
)
def test_a_condition_is_an_operator_and_a_number(condition: str, value: Value, is_so: bool) -> None:
    """A switch is 1 or 0, a text fulfils nothing."""
    assert holds(condition, value) is is_so


@pytest.mark.parametrize("condition", ["", "0.5", "> much", "=> 1", "> 1 A"])
def test_what_is_no_condition_is_refused(condition: str) -> None:
    """When the file is read, not when the pump is switched."""
    with pytest.raises(ValueError, match="no "):
        Verify(channel="a/b", on=condition)


def test_on_and_off_are_confirmed_by_what_the_sensor_shows() -> None:
    """Without a condition for off it is whatever is not on."""
    assert confirms(CLAMP, True, seen(4.2), 999)
    assert not confirms(CLAMP, True, seen(0.1), 999)
    assert confirms(CLAMP, False, seen(0.1), 999)
    both = Verify(channel="a/b", on="> 2", off="< 1")
    assert not confirms(both, False, seen(1.5), 999)


def test_what_was_seen_before_the_write_says_nothing() -> None:
    """Nor what may have been in the same millisecond, nor a sensor that gives no value."""
    assert not confirms(CLAMP, True, seen(4.2, time_ms=999), 1000)
    assert not confirms(CLAMP, True, seen(4.2, time_ms=1000), 1000)
    assert confirms(CLAMP, True, seen(4.2, time_ms=1001), 1000)
    assert not confirms(CLAMP, False, seen(None), 999)
    assert not confirms(CLAMP, False, None, 999)
