"""Every target belongs to one fuzzer."""

from __future__ import annotations

import pytest

from tests.fuzz.families import FAMILIES, Homeless, families, family_of
from tests.fuzz.targets import targets


def test_every_target_belongs_to_a_fuzzer() -> None:
    """And none of the fuzzers has nothing to do."""
    found = families(targets())
    assert set(found) == set(FAMILIES)
    assert sorted(name for those in found.values() for name in those) == sorted(targets())


def test_they_are_divided_by_where_the_bytes_come_from() -> None:
    """Who knocks, what lies on the card, what devices say and what clouds answer."""
    assert family_of("console raw") == "doors"
    assert family_of("file configuration") == "files"
    assert family_of("drivers.ble.ruuvi.recognise") == "devices"
    assert family_of("gatewayd.ports.frames.read_frame") == "devices"
    assert family_of("thinger classic") == "clouds"
    assert family_of("gatewayd.transports.http.refusal") == "clouds"


def test_a_target_without_a_fuzzer_is_an_error() -> None:
    """It would never be attacked."""
    with pytest.raises(Homeless):
        family_of("gatewayd.nowhere.parse")
