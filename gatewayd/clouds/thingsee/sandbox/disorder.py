"""What goes wrong with messages on their way out: lost, doubled, out of order. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class Disorders:
    """What strikes the next messages; counts, -1 = until it is set back.

    Attributes:
        lose: messages that go nowhere.
        duplicate: messages that go twice.
        reorder: messages that wait until the one after them has gone.
    """

    lose: int = 0
    duplicate: int = 0
    reorder: int = 0


class Disorder(Generic[T]):
    """One way out, and what goes wrong on it."""

    def __init__(self) -> None:
        self.faults = Disorders()
        self._held: list[T] = []

    def pass_on(self, one: T) -> list[T]:
        """Return what goes out now, in this order, when `one` was to go."""
        if self._is_due("lose"):
            return []
        if not self._held and self._is_due("reorder"):
            self._held = [one]
            return []
        copies = [one, one] if self._is_due("duplicate") else [one]
        held, self._held = self._held, []
        return [*copies, *held]

    def mend(self) -> list[T]:
        """Put everything right; return what was held back."""
        self.faults = Disorders()
        held, self._held = self._held, []
        return held

    def _is_due(self, fault: str) -> bool:
        left: int = getattr(self.faults, fault)
        if left > 0:
            setattr(self.faults, fault, left - 1)
        return left != 0
