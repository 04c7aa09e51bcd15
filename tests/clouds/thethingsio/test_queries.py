"""What stands after the question mark."""

from __future__ import annotations

import pytest

from gatewayd.clouds.thethingsio.queries import ROWS_MAX, limit_of, number_of, stretch_of
from gatewayd.errors import Malformed


@pytest.mark.parametrize(
    ("query", "limit"),
    [({}, 1), ({"limit": ""}, 1), ({"limit": "7"}, 7), ({"limit": "5000"}, ROWS_MAX)],
)
def test_so_many_values_are_asked_for(query: dict[str, str], limit: int) -> None:
    """One, where nobody says; never more than the cloud gives at a time."""
    assert limit_of(query) == limit


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "many", "²", "1" * 10])
def test_what_is_no_number_of_values_is_refused(text: str) -> None:
    """As the cloud has it: from 1 on, in plain digits."""
    with pytest.raises(Malformed, match="limit is not a number"):
        limit_of({"limit": text})


def test_a_stretch_is_open_where_nobody_says() -> None:
    """Both ends in any of the forms of the cloud's dates."""
    assert stretch_of({}) == (None, None)
    asked = {"startDate": "19700101000001", "endDate": "1970-01-01T00:00:02.500Z"}
    assert stretch_of(asked) == (1000, 2500)
    with pytest.raises(Malformed, match="endDate is no date"):
        stretch_of({"endDate": "tomorrow"})


def test_a_number_may_be_missing() -> None:
    """Then it is the usual one."""
    assert number_of({}, "keepAlive", 60_000) == 60_000
    assert number_of({"keepAlive": "1500"}, "keepAlive", 60_000) == 1500
