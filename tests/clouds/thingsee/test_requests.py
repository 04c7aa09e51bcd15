"""What is asked of this gateway: whatever it is, it is answered, handed on, or counted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatewayd.board import Board
from gatewayd.clouds.thingsee import requests
from gatewayd.clouds.thingsee.answered import load_answered
from gatewayd.clouds.thingsee.catalogue import CATALOGUE, fields_of
from gatewayd.clouds.thingsee.codec import Message, decode, encode
from gatewayd.clouds.thingsee.kept import FILE, Kept
from gatewayd.clouds.thingsee.line import Line
from gatewayd.clouds.thingsee.names import OutputEntry, Owner, name_channels
from gatewayd.clouds.thingsee.own_settings import OwnSettings
from gatewayd.clouds.thingsee.requests import Requests
from gatewayd.model import Access, Channel, ChannelId, Command, Outcome, Reading, Status
from gatewayd.sampler import Pace
from gatewayd.testing.clock import SimulatedClock, run_simulated
from gatewayd.uplink import Premises

T, RELAY = ChannelId("hall/temperature"), ChannelId("pump/relay")
CHANNELS = {
    T: Channel(T, "temperature", "Cel"),
    RELAY: Channel(RELAY, "switch", access=Access.WRITE),
}
OWNER = Owner(
    "GW", {"hall": "HALL", "pump": "PUMP"}, {}, {RELAY: OutputEntry(id="relay", led="pulse")}
)
NAMES = name_channels("gw", CHANNELS, OWNER)
THINGS = ("GW", "HALL", "PUMP", "NOBODY")


class Carrier:
    """Keeps what would go out, as bytes that can be read again."""

    def __init__(self) -> None:
        self.sent: list[Message] = []

    async def send(self, messages: Sequence[Message]) -> None:
        assert decode(encode(messages)) == list(messages)
        self.sent += messages


class Desk:
    """Requests with everything around them; takes payloads and answers the commands."""

    def __init__(self, folder: Path, manage: dict[str, Callable[[], Awaitable[None]]]) -> None:
        self.clock, self.board, self.carrier = SimulatedClock(), Board(), Carrier()
        self.pace = Pace(10)
        self.board.post([Reading(T, self.clock.now_ms(), 20.5)])
        paces = {"hall": self.pace}
        premises = Premises(
            *("up", "gw", "Live", "1.0", CHANNELS, self.board, self.clock, folder, manage),
            paces=paces,
        )
        own = OwnSettings(NAMES, Kept(), paces, 60)
        answered = load_answered(folder, self.clock.now_ms())
        self.requests = Requests(premises, NAMES, own, Line(self.carrier), answered)
        self.commands: list[Command] = []

    async def take(self, payload: bytes) -> None:
        for command in await self.requests.take(payload):
            self.commands.append(command)
            await self.requests.reply(command, Outcome(Status.DONE, value=True))


def taken(folder: Path, *asked: dict[str, Any], every_s: float = 0) -> Desk:
    """Return what became of requests, each so many seconds after the other."""

    async def main() -> Desk:
        desk = Desk(folder, {})
        for each in asked:
            await desk.take(json.dumps([{"tsmDstTuid": "PUMP", **each}]).encode())
            await asyncio.sleep(every_s)
        return desk

    return run_simulated(main())


ON = {
    **{"tsmId": 1402, "tsmEv": 35, "transactionId": 1, "command": "RELAY"},
    "payload": '{"channel":"relay","state":1}',
}
PING = {"tsmId": 1600, "tsmEv": 35}


def test_a_repeat_is_remembered_for_ten_minutes(tmp_path: Path) -> None:
    """Later it is a new request: senders count from zero again."""
    soon, late = tmp_path / "soon", tmp_path / "late"
    assert len(taken(soon, ON, ON, every_s=requests.REPEAT_S - 1).commands) == 1
    assert len(taken(late, ON, ON, every_s=requests.REPEAT_S).commands) == 2


def test_what_was_answered_is_not_done_again_after_a_restart(tmp_path: Path) -> None:
    """The log shows it still; somebody may have asked for something else since."""
    assert len(taken(tmp_path, ON).commands) == 1
    again = taken(tmp_path, ON, {**ON, "transactionId": 2})
    assert len(again.commands) == len(again.carrier.sent) == 1


def test_answers_that_cannot_be_kept_are_given_all_the_same(tmp_path: Path) -> None:
    """A full disk is told in the log."""
    (tmp_path / "blocked").touch()
    assert len(taken(tmp_path / "blocked", ON).carrier.sent) == 1


def test_without_a_number_the_time_tells(tmp_path: Path) -> None:
    """And without a time every request is a new one."""
    plain = {name: value for name, value in ON.items() if name != "transactionId"}
    dated = {**plain, "tsmTs": 100}
    assert len(taken(tmp_path, dated, dated, {**dated, "tsmTs": 101}).commands) == 2
    assert len(taken(tmp_path, plain, plain).commands) == 2


def test_a_request_of_tomorrow_is_another_one_for_the_desk(tmp_path: Path) -> None:
    """Request ids are the same for the same request over connections, and differ else."""
    ids = [
        command.request_id
        for n, asked in enumerate(
            (ON, ON, {**ON, "transactionId": 2}, {**ON, "payload": '{"state":0}'})
        )
        for command in taken(tmp_path / str(n), asked).commands
    ]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


def test_what_has_no_number_is_a_command_of_its_own_on_every_connection(tmp_path: Path) -> None:
    """Else the desk would take the first one after a reconnection for the first one before it."""
    plain = {name: value for name, value in ON.items() if name != "transactionId"}
    before, after = (taken(tmp_path, plain).commands[0] for _ in range(2))
    assert before.request_id != after.request_id


def test_the_memory_has_an_end(tmp_path: Path) -> None:
    """The oldest answer is forgotten first."""
    many = [{**PING, "transactionId": n} for n in range(requests.ANSWERS_MAX + 1)]
    desk = taken(tmp_path, *many, many[0], many[-1])
    transactions = [message.fields["transactionId"] for message in desk.carrier.sent]
    assert transactions == [*range(requests.ANSWERS_MAX + 1), 0, requests.ANSWERS_MAX]


def test_settings_that_cannot_be_kept_hold_all_the_same(tmp_path: Path) -> None:
    """A full disk is told in the log; until the next start they hold."""
    (tmp_path / "blocked").touch()
    asked = {"tsmId": 1500, "tsmEv": 30, "measurementInterval": 30, "tsmDstTuid": "HALL"}
    desk = taken(tmp_path / "blocked", asked)
    assert desk.pace.every_s == 30
    assert desk.carrier.sent[0].fields["measurementInterval"] == 30
    good = taken(tmp_path, asked)
    assert good.pace.every_s == 30
    assert (tmp_path / FILE).exists()


@pytest.mark.parametrize("wanted", [1e300, -1e300, 2**64 - 1, -1, "x", None, True, []])
def test_information_that_cannot_be_is_unavailable(tmp_path: Path, wanted: object) -> None:
    """However large the number is that it is asked by."""
    asked = {"tsmId": 1101, "tsmEv": 32, "requestTsmId": wanted}
    (answer,) = taken(tmp_path, asked).carrier.sent
    assert (answer.id, answer.event) == (1102, 33)


@pytest.mark.parametrize("asked", [1300, 1302])
def test_firmware_is_the_owners_business(tmp_path: Path, asked: int) -> None:
    """Told as a failure with its reason."""
    (answer,) = taken(tmp_path, {"tsmId": asked, "tsmEv": 25, "tsmDstTuid": "GW"}).carrier.sent
    assert (answer.id, answer.fields["result"]) == (asked + 1, "fail")


def test_a_reset_is_done_where_it_is_allowed(tmp_path: Path) -> None:
    """Silently, and counted where it is not."""
    done: list[str] = []

    async def restart() -> None:
        done.append("restart")

    async def main() -> None:
        reset = b'[{"tsmId":1404,"tsmEv":23,"tsmDstTuid":"GW"}]'
        await Desk(tmp_path, {"restart": restart}).take(reset)
        refused = Desk(tmp_path, {})
        await refused.take(reset)
        assert refused.requests.ignored == {"not allowed": 1}

    run_simulated(main())
    assert done == ["restart"]


ODD = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["RELAY", "REBOOT", '{"state":1}', '{"channel":"relay","state":1e308}'])
    | st.lists(st.integers(), max_size=2)
    | st.dictionaries(st.text(max_size=3), st.integers(), max_size=2)
)
NAMES_OF_FIELDS = sorted({name for id in CATALOGUE for name in fields_of(id)} | {"transactionId"})
ASKED = st.builds(
    lambda header, fields: {**fields, **header},
    st.fixed_dictionaries(
        {
            "tsmId": st.sampled_from(sorted(CATALOGUE)),
            "tsmEv": st.sampled_from([23, 25, 27, 30, 32, 35]),
            "tsmDstTuid": st.sampled_from(THINGS),
        },
        optional={"tsmTs": st.floats(0, 2e11) | st.integers(0, 2**31)},
    ),
    st.dictionaries(st.sampled_from(NAMES_OF_FIELDS), ODD, max_size=6),
)


@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(st.lists(ASKED, min_size=1, max_size=4))
def test_no_request_is_too_much(tmp_path: Path, asked: list[dict[str, Any]]) -> None:
    """Whatever its fields hold: every answer can be written, and none is to nobody."""

    async def main() -> Desk:
        desk = Desk(tmp_path, {})
        payload = encode([Message(id=1, event=1)]).replace(b"{", b"", 1)
        await desk.take(payload)
        await desk.take(json.dumps(asked).encode())
        return desk

    desk = run_simulated(main())
    assert all(message.thing in THINGS[:3] for message in desk.carrier.sent)
    assert {command.channel for command in desk.commands} <= {RELAY}


@pytest.mark.slow
@settings(max_examples=20_000, suppress_health_check=list(HealthCheck))
@given(st.lists(ASKED, min_size=5, max_size=5))
def test_a_hundred_thousand_requests(tmp_path: Path, asked: list[dict[str, Any]]) -> None:
    """The same, for a night."""

    async def main() -> None:
        await Desk(tmp_path, {}).take(json.dumps(asked).encode())

    run_simulated(main())
