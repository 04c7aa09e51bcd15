"""Reads that are asked for together."""

from __future__ import annotations

import pytest

from gatewayd.ports.modbus_reads import Read, Span, joined

MAX = 125


@pytest.mark.parametrize(
    ("others", "span"),
    [
        ([], Span(10, 4)),
        ([Span(14, 2)], Span(10, 6)),
        ([Span(8, 2)], Span(8, 6)),
        ([Span(12, 4), Span(9, 2)], Span(9, 7)),
        ([Span(18, 2), Span(14, 4)], Span(10, 10)),
        ([Span(6, 2), Span(8, 2)], Span(6, 8)),
        ([Span(10, 4), Span(10, 4)], Span(10, 4)),
        ([Span(15, 2)], Span(10, 4)),
        ([Span(14, 122)], Span(10, 4)),
        ([Span(14, 121)], Span(10, 125)),
    ],
)
def test_neighbours_join_and_strangers_do_not(others: list[Span], span: Span) -> None:
    """Without a gap, in any order, as much as one answer holds."""
    assert joined(Span(10, 4), others, MAX) == span


def test_each_takes_its_own_of_the_answer() -> None:
    """And who is not in it goes on waiting."""
    inside, half, outside = Read(Span(12, 2)), Read(Span(13, 4)), Read(Span(8, 2))
    for read in (inside, half, outside):
        read.take(Span(10, 5), [0, 1, 2, 3, 4])
    assert (inside.answer, half.answer, outside.answer) == ([2, 3], None, None)
