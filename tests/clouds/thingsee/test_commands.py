"""What a command asks of an output, and what is answered to it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gatewayd.clouds.thingsee.codec import of_json
from gatewayd.clouds.thingsee.commands import (
    Refused,
    find_output,
    led_answer,
    read_led,
    read_relay,
    refusal,
    relay_answer,
)
from gatewayd.clouds.thingsee.names import Names, Place
from gatewayd.model import Access, Channel, ChannelId, Outcome, Status

ONE, TWO, FAN = ChannelId("board/one"), ChannelId("board/two"), ChannelId("fan/level")
PLACES = {
    ONE: Place(ONE, "BOARD", 1400, "one", "switch", is_output=True),
    TWO: Place(TWO, "BOARD", 1400, "two", "switch", is_output=True, led="blink"),
    FAN: Place(FAN, "FAN", 1400, "level", "level", is_output=True, led="pulse"),
}
CHANNELS = {
    ONE: Channel(ONE, "switch", access=Access.WRITE),
    TWO: Channel(TWO, "switch", access=Access.WRITE),
    FAN: Channel(FAN, "level", access=Access.WRITE, minimum=10, maximum=100),
}
NAMES = Names("GW", PLACES, {"GW": frozenset(), "BOARD": frozenset({"board"})})


def relay(payload: object, destination: str = "GW") -> Any:
    text = payload if isinstance(payload, str) else json.dumps(payload)
    request = {"tsmId": 1402, "tsmEv": 35, "tsmDstTuid": destination, "payload": text}
    return read_relay(of_json(request), NAMES)


def led(destination: str, **fields: object) -> Any:
    request = of_json({"tsmId": 1505, "tsmEv": 30, "tsmDstTuid": destination, **fields})
    return read_led(request, NAMES, CHANNELS)


@pytest.mark.parametrize(
    ("payload", "destination", "channel"),
    [
        ({"channel": "two", "state": 1}, "GW", TWO),
        ({"channel": "board/two", "state": 1}, "GW", TWO),
        ({"channel": "two", "state": 1}, "BOARD", TWO),
        ({"state": 40.5}, "FAN", FAN),
    ],
)
def test_an_output_is_found(payload: object, destination: str, channel: str) -> None:
    """By its name, its full name, or because its thing has no other."""
    assert relay(payload, destination).place.channel == channel


def test_a_relay_may_be_held_or_blink() -> None:
    """For seconds."""
    move = relay({"channel": "one", "state": True, "hold": 30, "blink": 0.5})
    assert (move.value, move.hold_s, move.blink_s) == (True, 30, 0.5)


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        ("on", "not JSON"),
        ("x" * 5000, "no short text"),
        ("[]", "payload is not"),
        ({"channel": "one"}, "payload is not"),
        ({"channel": "one", "state": None}, "neither"),
        ({"channel": "one", "state": [1]}, "neither"),
        ({"channel": "three", "state": 1}, "there are level, one, two"),
        ({"state": 1}, "no output 'None'"),
        ({"channel": "one", "state": 1, "hold": "long"}, "hold is not"),
        ({"channel": "one", "state": 1, "hold": True}, "hold is not"),
    ],
)
def test_what_says_nothing_sensible_is_refused(payload: object, why: str) -> None:
    """With a reason and result -1."""
    with pytest.raises(Refused, match=why) as refused:
        relay(payload)
    assert refusal(refused.value)["result"] == -1


def test_a_thing_drives_its_own_outputs_only() -> None:
    """The gateway's TUID drives all."""
    with pytest.raises(Refused, match="there are level"):
        find_output("FAN", "one", NAMES)


def test_a_led_blinks_or_pulses() -> None:
    """As its owner says, for its duration; a range is on at its maximum and off at its minimum."""
    blink, pulse = led("BOARD", profileId=1, duration=9), led("FAN", profileId=1, duration=9)
    assert (blink.value, blink.hold_s, blink.blink_s) == (True, 9, 1)
    assert (pulse.value, pulse.hold_s, pulse.blink_s) == (100, 9, None)
    assert (led("BOARD", profileId=0).value, led("FAN", profileId=0).value) == (False, 10)


@pytest.mark.parametrize(
    "fields", [{}, {"profileId": 1}, {"profileId": 1, "duration": -1}, {"profileId": 2}]
)
def test_a_led_without_duration_stays_off(fields: dict[str, object]) -> None:
    """Nobody should have to remember to switch it off."""
    assert led("BOARD", **fields) is None
    assert led("GW", profileId=1, duration=1) is None


def test_answers_hold_what_became_of_it() -> None:
    """The value read back, or why not."""
    done = relay_answer(PLACES[ONE], Outcome(Status.DONE, value=True, is_verified=True))
    assert done["result"] == 0
    assert json.loads(str(done["payload"])) == {"channel": "one", "state": 1, "verified": True}
    failed = relay_answer(PLACES[ONE], Outcome(Status.FAILED, "no answer"))
    assert (failed["result"], json.loads(str(failed["payload"]))["message"]) == (-1, "no answer")


def test_a_led_answers_off_where_nothing_happened() -> None:
    """There is no other way to say no to a 30."""
    request = of_json({"tsmId": 1505, "tsmEv": 30, "profileId": 1, "duration": 9})
    assert led_answer(request, Outcome(Status.DONE)) == {"profileId": 1, "duration": 9}
    for outcome in (None, Outcome(Status.REFUSED), Outcome(Status.FAILED)):
        assert led_answer(request, outcome) == {"profileId": 0, "duration": 0}
