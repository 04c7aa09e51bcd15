"""What the API tells: whole records, sparse ones, and anything at all."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.clouds.thingsee.envelope import record_in, records_in
from gatewayd.clouds.thingsee.rest_types import (
    Alert,
    Group,
    GroupOfThing,
    GroupThings,
    Installation,
    Location,
    LoggedCommand,
    Renamed,
    Selection,
    Sent,
    ThingInfo,
)
from gatewayd.errors import Malformed

NAMES = (
    *("tuid", "timestamp", "responsible", "command", "commands", "group_id", "old", "renamed"),
    *("battery_level", "location", "lat", "lon", "alerts", "from", "to", "alert_type", "tuids"),
    *("installation_status", "tsmId", "tsmEv", "tsmTs", "gateway_tuid", "version"),
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
JSON = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6)
    ),
    max_leaves=12,
)
READERS: tuple[Callable[[object], object], ...] = (
    lambda data: ThingInfo.of("X", data),
    lambda data: [Alert.of(each) for each in records_in(data)],
    lambda data: [LoggedCommand.of(each) for each in records_in(data)],
    lambda data: [Installation.of(each) for each in records_in(data)],
    lambda data: Group.of(record_in(data)),
    Sent.of,
    GroupOfThing.of,
    GroupThings.of,
    Renamed.of,
)


@given(JSON | st.lists(JSON, max_size=2))
def test_whatever_the_cloud_sends_is_read_or_malformed(data: object) -> None:
    """Nothing else comes out of an answer that makes no sense."""
    for read in READERS:
        with suppress(Malformed):
            read(data)


def test_a_selection_says_only_what_is_asked() -> None:
    """Lists with commas, zeros included."""
    assert Selection().asked() == {}
    whole = Selection(message_ids=(1, 2), event_ids=(3,), from_s=0, to_s=5, limit=0)
    assert whole.asked() == {
        "messageid": "1,2",
        "eventid": "3",
        "from": 0,
        "to": 5,
        "limit": 0,
    }


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"lat": 65.01, "lon": 25.52}, (65.01, 25.52)),
        ({"lat": "65.01", "lon": "25.52"}, (65.01, 25.52)),
        ({"lat": "", "lon": "nan"}, (None, None)),
        ({"lat": float("inf")}, (None, None)),
        (None, (None, None)),
    ],
)
def test_a_place_is_numbers_or_texts(
    record: dict[str, object] | None, expected: tuple[float | None, float | None]
) -> None:
    """The vendor's page says text and shows numbers."""
    place = Location.of(record)
    assert (place.lat, place.lon) == expected
