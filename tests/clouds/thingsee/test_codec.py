"""Thingsee messages: the vendor's samples there and back, and nonsense that stays harmless."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatewayd.clouds.thingsee.codec import (
    TRANSACTION_MAX,
    Event,
    Message,
    answer_to,
    buffer_of,
    bytes_of,
    decode,
    encode,
    encode_single,
    maybe_number,
    of_json,
    sort_out,
    to_json,
)
from gatewayd.errors import Malformed
from tests.clouds.thingsee.frames import frames, mutated

SAMPLES = frames("messages")["messages"]
WIRE = json.dumps(SAMPLES).encode()


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: str(sample["tsmId"]))
def test_a_message_is_read_as_it_was_written(sample: dict[str, object]) -> None:
    """Header and fields there and back, alone and in an array."""
    (message,) = decode(json.dumps(sample).encode())
    assert to_json(message) == sample
    assert decode(encode([message])) == decode(encode_single(message)) == [message]


def test_the_header_has_names() -> None:
    """Who said what, when, and through whom."""
    weather = decode(WIRE)[0]
    assert (weather.id, weather.event, weather.time_s) == (12100, Event.TIMED, 1657109290)
    assert (weather.thing, weather.gateway) == ("TSAR02TG122043408", "TSGW06EWK14800496")
    assert weather.fields == {"temp": 26.4, "humd": 35.2, "airp": 97017.737}


def test_a_partial_message_stays_partial() -> None:
    """An event with only the air pressure says nothing about the temperature."""
    assert decode(WIRE)[1].fields == {"airp": 97021.277}


def test_unknown_fields_and_decimals_are_kept() -> None:
    """Firmware is newer than any description of it."""
    record = {"tsmId": 12100.0, "tsmEv": 10, "tsmTs": 1657109290.25, "batl": 34.6, "new": [1, {}]}
    message = of_json(record)
    assert (message.id, message.time_s, message.thing) == (12100, 1657109290.25, "")
    assert message.fields == {"batl": 34.6, "new": [1, {}]}


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"", "not JSON"),
        (b"7", "neither"),
        (b"[7]", "not an object"),
        (b'{"tsmEv":10}', "tsmId is missing"),
        (b'{"tsmId":true,"tsmEv":10}', "tsmId is True"),
        (b'{"tsmId":12100.5,"tsmEv":10}', "tsmId is 12100.5"),
        (b'{"tsmId":12100,"tsmEv":-1}', "tsmEv is -1"),
        (b'{"tsmId":12100,"tsmEv":10,"tsmTs":"now"}', "tsmTs is 'now'"),
        (b'{"tsmId":12100,"tsmEv":10,"tsmTs":1657109290000}', "expected unix seconds"),
        (b'{"tsmId":12100,"tsmEv":10,"tsmTuid":"not a tuid"}', "capital letters"),
        (b'{"tsmId":12100,"tsmEv":10,"tsmTuid":7}', "short text"),
        (b"[" + b",".join([b"{}"] * 1001) + b"]", "1001 messages"),
        (json.dumps({f"f{n}": n for n in range(65)}).encode(), "more than 64 fields"),
    ],
)
def test_what_breaks_the_protocol_is_malformed(payload: bytes, why: str) -> None:
    """With a sentence that says what is wrong."""
    with pytest.raises(Malformed, match=why):
        decode(payload)


def test_one_bad_message_does_not_take_its_neighbours_with_it() -> None:
    """The good ones are there, the bad one is told."""
    payload = json.dumps([SAMPLES[0], {"tsmId": "x", "tsmEv": 1}, SAMPLES[6]]).encode()
    messages, faults = sort_out(payload)
    assert [message.id for message in messages] == [12100, 1110]
    assert faults == ["tsmId is 'x', expected a whole number to 999999"]


def test_an_answer_has_the_next_event_and_the_same_transaction() -> None:
    """Rule 1 of the message commands; no addressee."""
    request = decode(WIRE)[7]
    answer = answer_to(request, "XXXXTUID", 1557302190, {"profileId": 0})
    assert to_json(answer) == {
        "tsmId": 17110,
        "tsmEv": 31,
        "tsmTs": 1557302190,
        "tsmTuid": "XXXXTUID",
        "transactionId": 99999,
        "profileId": 0,
    }


@pytest.mark.parametrize("transaction", [None, "7", True, -1, TRANSACTION_MAX + 1, 1.5])
def test_a_transaction_that_is_no_number_is_none(transaction: object) -> None:
    """The vendor's own app sends commands without one, and so is their answer."""
    request = of_json({"tsmId": 1500, "tsmEv": 30, "transactionId": transaction})
    assert request.transaction is None
    assert "transactionId" not in answer_to(request, "X", 1, {}).fields


def test_buffers_are_nodes() -> None:
    """There and back; anything else is malformed."""
    assert bytes_of(buffer_of(b"\x00\xff")) == b"\x00\xff"
    for wrong in (None, "abc", {"type": "Buffer"}, {"type": "Buffer", "data": [256]}):
        with pytest.raises(Malformed):
            bytes_of(wrong)  # type: ignore[arg-type]  # Nonsense on purpose.


def test_numbers_are_finite() -> None:
    """True and false are 1 and 0; texts are none."""
    assert [maybe_number(value) for value in (True, 2, 2.5, "2", None, float("inf"))] == [
        1,
        2,
        2.5,
        None,
        None,
        None,
    ]


def survives(frame: bytes) -> None:
    with contextlib.suppress(Malformed):
        for message in decode(frame):
            assert isinstance(message, Message)
            assert decode(encode([message])) == [message]
    with contextlib.suppress(Malformed):
        sort_out(frame)


@settings(max_examples=300)
@given(st.data())
def test_mutated_messages_are_read_or_malformed(data: st.DataObject) -> None:
    """Nothing but Malformed comes out of broken bytes, and what is read can be written again."""
    survives(mutated(data, WIRE))


@pytest.mark.slow
@settings(max_examples=100_000, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_hundred_thousand_mutated_messages(data: st.DataObject) -> None:
    """The same, for a night."""
    survives(mutated(data, WIRE))
