"""A tag that a technician describes: which packets are meant, and what is in them."""

from __future__ import annotations

from typing import Any

import pytest

from drivers.ble import ble_fields as module
from drivers.ble._fields import Field
from drivers.ble.ble_fields import Config, describe
from gatewayd.errors import DeviceFault
from gatewayd.model import Quality
from gatewayd.ports.ble_advertisement import Advertisement
from tests.drivers.ble.air import hear, said

ADDRESS = "D0:CF:5E:01:02:03"
LEVEL = Field(kind="level", unit="cm", at=2, scale=0.1, invalid=(0xFFFF,))


def config(**keys: Any) -> Config:
    base: dict[str, Any] = {"company": 0x0590, "prefix": "02", "sequence_at": 1}
    return Config(
        **({"port": "ble:0", "address": ADDRESS, "fields": {"level": LEVEL}} | base | keys)
    )


def packet(data: str) -> Advertisement:
    return said(ADDRESS, company={0x0590: data})


def test_the_packets_that_are_meant_are_decoded() -> None:
    """By company and prefix, once a number; others are passed over."""
    packets = [packet(each) for each in ("02012C01", "0301FFFF", "02012C01", "02023001")]
    told = hear(module, config(), *packets)
    assert [each["level"] for each in told.values if "level" in each] == [30.0, 30.4]
    assert (told.repeats, told.rejects) == (1, 0)


def test_the_values_may_be_under_a_service() -> None:
    """Given as four digits or all; without a number, the same bytes later are told again."""
    by_service = config(company=None, service="fcd2", prefix="", sequence_at=None)
    data = said(ADDRESS, service={0xFCD2: "00002C01"})
    assert [each["level"] for each in hear(module, by_service, data, data).values] == [30.0, 30.0]


def test_a_length_tells_packets_apart_too() -> None:
    """Two kinds that begin alike."""
    told = hear(module, config(length=4), packet("02012C0100"), packet("02022C01"))
    assert len(told.measured) == 1


def test_a_short_packet_is_counted_and_skipped() -> None:
    """And one that says that there is no value is absent."""
    told = hear(module, config(), packet("02012C"), packet("0202FFFF"))
    assert told.rejects == 1
    assert told.qualities == [{"level": Quality.ABSENT, "rssi": Quality.GOOD}]


def test_a_tag_that_says_nothing_readable_any_more_is_a_fault() -> None:
    """It is there, but what it measures is not; for as long as silence would have been borne."""
    garbled = [each for _ in range(8) for each in (packet("0201"), 10.0)]
    told = hear(module, config(silent_after=60.0), packet("02012C01"), *garbled)
    assert isinstance(told.error, DeviceFault)
    assert "nothing readable" in str(told.error)
    assert told.rejects >= 5


@pytest.mark.parametrize(
    "keys",
    [
        {"company": None},
        {"service": "fcd2"},
        {"company": 0x10000},
        {"company": None, "service": "fcd"},
        {"prefix": "0"},
        {"fields": {}},
        {"fields": {"rssi": LEVEL}},
        {"address": "D0:CF"},
        {"silent_after": 5.0},
    ],
)
def test_impossible_settings_are_found(keys: dict[str, Any]) -> None:
    """Before anybody listens."""
    with pytest.raises(ValueError):
        config(**keys)


def test_each_field_is_a_channel() -> None:
    """And the strength of the signal."""
    assert [each.id for each in describe(config())] == ["level", "rssi"]
