"""The catalogue of messages."""

from __future__ import annotations

import pytest

from gatewayd.clouds.thingsee.catalogue import CATALOGUE, Kind, Way, fields_of
from tests.clouds.thingsee.frames import frames


def test_a_message_is_looked_up_with_its_fields() -> None:
    """Name, way, fields with their kinds; what may be missing is marked."""
    assert CATALOGUE[12100].name == "weather"
    assert CATALOGUE[12100].way is Way.UP
    assert all(field.is_optional for field in fields_of(12100).values())
    assert fields_of(1100)["swVersion"] == ("swVersion", Kind.TEXT, False)
    assert fields_of(1206)["beaconData"].kind is Kind.BYTES


def test_an_unknown_message_has_no_fields() -> None:
    """It is no mistake to ask."""
    assert fields_of(999) == fields_of(1404) == {}


@pytest.mark.parametrize("id", CATALOGUE)
def test_every_layout_can_be_read(id: int) -> None:
    """No field twice, and no message under another's number."""
    entry = CATALOGUE[id]
    assert entry.id == id
    assert len(fields_of(id)) == (entry.layout.count(",") + 1 if entry.layout else 0)


@pytest.mark.parametrize(
    ("id", "fields"),
    [
        (12101, {"hall"}),
        (1111, {"accx", "accy", "accz"}),
        (17100, {"dist"}),
        (1202, {"tuid", "rssi"}),
        (1312, {"binaryVersion"}),
        (1403, {"errorType"}),
    ],
)
def test_ids_that_a_guess_gets_wrong(id: int, fields: set[str]) -> None:
    """12101 is the magnet switch, 1403 is error info."""
    assert fields <= fields_of(id).keys()


def test_the_vendors_samples_are_in_it() -> None:
    """Every field of every recorded message is known."""
    header = {"tsmId", "tsmEv", "tsmTs", "tsmTuid", "tsmDstTuid", "tsmGw", "deploymentGroupId"}
    for sample in frames("messages")["messages"]:
        said = sample.keys() - header - {"transactionId"}
        assert said <= fields_of(sample["tsmId"]).keys()
