"""Reads that wait for a Modbus line: those of neighbouring addresses are asked for together.

Two devices of the configuration may be one slave (a meter's volts and its hours, say). While both
wait for the line, the first to have its turn asks for both, and the other finds its answer there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Span(NamedTuple):
    """Addresses of one table."""

    address: int
    size: int

    @property
    def end(self) -> int:
        """The first address behind it."""
        return self.address + self.size


@dataclass(slots=True, eq=False)
class Read:
    """One read that waits, or has its answer."""

    span: Span
    answer: Sequence[int] | None = None

    def take(self, span: Span, values: Sequence[int]) -> None:
        """Take what is this read's of an answer for `span`, if all of it is there."""
        start = self.span.address - span.address
        if start >= 0 and self.span.end <= span.end:
            self.answer = values[start : start + self.span.size]


def joined(own: Span, others: Iterable[Span], size_max: int) -> Span:
    """Return the span to ask for: `own`, grown by all that touch it without a gap."""
    span = own
    for _ in range(2):  # Once upwards in order; once more for those below.
        for other in sorted(others):
            start, end = min(span.address, other.address), max(span.end, other.end)
            touches = other.address <= span.end and span.address <= other.end
            if touches and end - start <= size_max:
                span = Span(start, end - start)
    return span
