"""Messages of other things: what is news, what is a repeat, what moves an output."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from gatewayd.clouds.thingsee import inbound
from gatewayd.clouds.thingsee.codec import of_json
from gatewayd.clouds.thingsee.inbound import Ear, fact_of
from gatewayd.routes import Route
from tests.clouds.thingsee.frames import frames, mutated

SAMPLES = frames("messages")["messages"]
PIR = "TSPR04EZU20400472"
ROUTE = Route(message=2100, thing=PIR, field="state", output="light/relay")


def ear() -> Ear:
    return Ear("stream", [ROUTE], {"OWN"})


def presence(state: int, time_s: float, thing: str = PIR) -> dict[str, object]:
    return {"tsmId": 2100, "tsmEv": 7, "tsmTs": time_s, "tsmTuid": thing, "state": state}


def said(*messages: object) -> bytes:
    return json.dumps(list(messages)).encode()


def test_the_vendors_samples_make_one_command() -> None:
    """Only the route's message of the route's thing."""
    heard = ear().hear(said(*SAMPLES))
    assert heard.messages == len(SAMPLES)
    (command,) = heard.commands
    assert (command.channel, command.value, command.origin) == ("light/relay", 0, "stream")
    assert command.issued_ms == 1657195118000


def test_a_message_that_comes_twice_counts_once() -> None:
    """By thing, id and time."""
    listener = ear()
    first, again = (listener.hear(said(presence(1, 100))) for _ in range(2))
    assert (len(first.commands), len(again.commands), again.repeats) == (1, 0, 1)


def test_an_older_message_moves_nothing() -> None:
    """What it says is no longer so."""
    heard = ear().hear(said(presence(1, 100), presence(0, 90), presence(0, 110)))
    assert [command.value for command in heard.commands] == [1, 0]
    assert heard.late == 1


def test_our_own_messages_are_passed_over() -> None:
    """An output must not follow itself."""
    listener = Ear("stream", [Route(message=2100, thing="*", field="state", output="o/x")], {PIR})
    heard = listener.hear(said(presence(1, 100)))
    assert (heard.own, heard.commands) == (1, [])


def test_what_was_forgotten_may_come_again() -> None:
    """For a push that was refused."""
    listener = ear()
    listener.forget(listener.hear(said(presence(1, 100))))
    assert len(listener.hear(said(presence(1, 100))).commands) == 1


def test_faults_are_counted_and_told() -> None:
    """One in an array, or all of it."""
    listener = ear()
    heard = listener.hear(said(presence(1, 100), {"tsmId": None}))
    assert (len(heard.commands), heard.faults[0][:16]) == (1, "tsmId is missing")
    assert listener.hear(b"\xff").faults
    assert listener.malformed == 2
    assert json.loads(heard.to_json())["messages"] == 1


def test_the_memory_has_an_end() -> None:
    """The oldest message is forgotten first."""
    listener = ear()
    for start in range(0, inbound.SEEN_MAX + 500, 500):
        listener.hear(said(*(presence(1, start + n, f"T{start + n}") for n in range(500))))
    assert listener.hear(said(presence(1, 0, "T0"))).repeats == 0
    newest = inbound.SEEN_MAX - 1
    assert listener.hear(said(presence(1, newest, f"T{newest}"))).repeats == 1


def test_the_event_is_a_field_for_routes() -> None:
    """Some messages, such as connected and disconnected, have nothing else."""
    fact = fact_of(of_json({"tsmId": 1000, "tsmEv": 18, "tsmTuid": PIR}), "stream")
    assert (fact.fields, fact.time_ms, fact.thing) == ({"tsmEv": 18}, None, PIR)


@settings(max_examples=200)
@given(st.data())
def test_broken_bytes_are_counted_and_nothing_else(data: st.DataObject) -> None:
    """Not even Malformed comes out of hearing."""
    ear().hear(mutated(data, said(*SAMPLES)))
