"""The newest of what arrived: bounded by number and by bytes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """What was added last, in order.

    Characteristics: buffered: by number and bytes · when full: the oldest go, counted in
    `forgotten` · ordered by arrival · not durable.
    """

    def __init__(self, number_max: int, bytes_max: int) -> None:
        self._number_max = number_max
        self._bytes_max = bytes_max
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._all: deque[tuple[T, int]] = deque()
        self._bytes = 0
        self.forgotten = 0

    def add(self, one: T, size: int) -> None:
        """Add one of `size` bytes; forget the oldest that no longer fit."""
        self._all.append((one, size))
        self._bytes += size
        while len(self._all) > self._number_max or self._bytes > self._bytes_max:
            self._bytes -= self._all.popleft()[1]
            self.forgotten += 1

    def __iter__(self) -> Iterator[T]:
        return iter([one for one, _ in self._all])

    def __getitem__(self, place: int) -> T:
        return self._all[place][0]

    def __len__(self) -> int:
        return len(self._all)
