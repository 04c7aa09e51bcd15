"""The one way out: every message has a time that no other of its thing and id has."""

from __future__ import annotations

from collections.abc import Sequence

from gatewayd.clouds.thingsee.codec import Message
from gatewayd.clouds.thingsee.line import Line
from gatewayd.clouds.thingsee.report import Marks


class Remembers:
    """A carrier that keeps what it was given."""

    def __init__(self) -> None:
        self.sent: list[Message] = []

    async def send(self, messages: Sequence[Message]) -> None:
        self.sent += messages


def message(id: int = 1500, time_s: float | None = 100) -> Message:
    return Message(id=id, event=31, thing="T", time_s=time_s)


def test_two_answers_of_one_second_are_two() -> None:
    """A consumer would take them for one otherwise."""
    line = Line(Remembers())
    times = [line.stamped(each).time_s for each in (message(), message(), message(1501))]
    assert times == [100, 100.001, 100]
    assert line.stamped(message(time_s=None)).time_s is None


def test_answers_keep_clear_of_reports() -> None:
    """Also of those that were planned before the answer and sent after it."""
    line = Line(Remembers())
    planned = Marks({("T", 1500): 99_000})
    line.stamped(message())
    line.marks.adopt(planned)
    assert line.stamped(message()).time_s == 100.001


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
