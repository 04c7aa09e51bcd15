"""The one way out: every message has a time that no other of its thing and id has."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from gatewayd.clouds.thingsee.codec import Message
from gatewayd.clouds.thingsee.line import Line


class Remembers:
    """A carrier that keeps what it was given."""

    def __init__(self) -> None:
        self.sent: list[Message] = []

    async def send(self, messages: Sequence[Message]) -> None:
        self.sent += messages


def message(id: int = 1500, time_s: float | None = 100, event: int = 31) -> Message:
    return Message(id=id, event=event, thing="T", time_s=time_s)


def test_two_answers_of_one_instant_are_two() -> None:
    """A consumer would take them for one otherwise; older ones keep an instant of their own."""
    line = Line(Remembers())
    asked = (message(), message(), message(1501), message(time_s=100.25), message(time_s=90))
    assert [line.stamped(each).time_s for each in asked] == [100, 100.001, 100, 100.25, 90]
    assert line.stamped(message(time_s=None)).time_s is None


def test_what_is_said_after_a_reconnection_has_a_time_of_its_own() -> None:
    """Connected, cut, connected again within one second: whole seconds would make that one."""
    before, after = (Line(None).stamped(message(1000, time_s, 17)) for time_s in (9.1, 9.35))
    assert (before.time_s, after.time_s) == (9.1, 9.35)


@pytest.mark.parametrize("event", [28, 29, 33])
def test_answers_keep_clear_of_reports(event: int) -> None:
    """Those with the ids of reports; no report has half a millisecond."""
    line = Line(Remembers())
    asked = message(1400, 100.25, event)
    assert [line.stamped(each).time_s for each in (asked, asked)] == [100.2505, 100.2515]


async def test_a_group_is_said_where_it_is_wanted() -> None:
    """As the customer's stream has it."""
    plain, grouped = Remembers(), Remembers()
    await Line(plain).post([message()])
    await Line(grouped, "prfi00a").post([message()])
    assert [plain.sent[0].group, grouped.sent[0].group] == ["", "prfi00a"]


async def test_without_a_carrier_nothing_is_said() -> None:
    """A section that only listens is mute."""
    line = Line(None)
    await line.post([message()])
    assert line.is_mute
