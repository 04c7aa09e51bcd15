"""What stands after the question mark of a call: how many values, from when to when; pure.

Source: thethings.iO App Development guide, "Query parameters"; API reference, thing subscribe.
"""

from __future__ import annotations

from collections.abc import Mapping

from gatewayd.clouds.thethingsio.codec import decode_time
from gatewayd.errors import Malformed

ROWS_MAX = 1000
"""Values of one answer; who asks for more gets these."""

KEEP_ALIVE_MS = 60_000
"""After so much silence a stream says `{}`, where nobody asks for another time."""

_DIGITS_MAX = 9

Query = Mapping[str, str]


def limit_of(query: Query) -> int:
    """Return how many values are asked for. Raises Malformed."""
    limit = number_of(query, "limit", 1)
    if limit < 1:
        raise Malformed(f"limit is not a number from 1 to {ROWS_MAX}")
    return min(limit, ROWS_MAX)


def stretch_of(query: Query) -> tuple[int | None, int | None]:
    """Return from when and to before when values are asked for, UTC milliseconds.

    Raises:
        Malformed: no date.
    """
    return _instant_of(query, "startDate"), _instant_of(query, "endDate")


def _instant_of(query: Query, name: str) -> int | None:
    text = query.get(name, "")
    try:
        return decode_time(text) if text else None
    except Malformed:
        raise Malformed(f"{name} is no date; YYYYMMDDHHmmss is expected") from None


def number_of(query: Query, name: str, default: int) -> int:
    """Return a whole number of at most nine digits. Raises Malformed."""
    text = query.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdecimal()) or len(text) > _DIGITS_MAX:
        raise Malformed(f"{name} is not a number")
    return int(text)
