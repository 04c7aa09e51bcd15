"""One resource of one thing: its values by time. Pure.

Source: thethings.iO App Development guide, "Query parameters": the newest first, the end
excluded (its example pages with the last time it got); vendor's Python client: the start included.
"""

from __future__ import annotations

from bisect import bisect_left, insort_right
from operator import attrgetter

from gatewayd.clouds.thethingsio.codec import Entry

_TIME = attrgetter("time_ms")


class Timeline:
    """The newest `rows_max` values, sorted by time whatever the order they came in.

    `total` counts all that ever came, `duplicates` those that were there already.
    """

    def __init__(self, rows_max: int) -> None:
        self.total = 0
        self.duplicates = 0
        self._rows: list[Entry] = []
        self._rows_max = rows_max

    def add(self, row: Entry) -> None:
        """Store a dated value; equal times stay in the order of arrival."""
        assert row.time_ms is not None
        self.total += 1
        place = bisect_left(self._rows, row.time_ms, key=_TIME)
        if place < len(self._rows) and self._rows[place] == row:
            self.duplicates += 1
        insort_right(self._rows, row, key=_TIME)
        del self._rows[: max(0, len(self._rows) - self._rows_max)]

    def read(self, limit: int, start_ms: int | None, end_ms: int | None) -> list[Entry]:
        """Return values from `start_ms` to before `end_ms`, the newest first."""
        begin = 0 if start_ms is None else bisect_left(self._rows, start_ms, key=_TIME)
        end = len(self._rows) if end_ms is None else bisect_left(self._rows, end_ms, key=_TIME)
        return self._rows[max(begin, end - limit) : end][::-1]

    def __len__(self) -> int:
        return len(self._rows)
