"""Govee: captured packets of every family."""

from __future__ import annotations

import pytest

from drivers.ble import govee as module
from drivers.ble.govee import Config, decode, decode_all, recognise
from gatewayd.errors import Malformed
from gatewayd.ports.ble_advertisement import Advertisement
from tests.drivers.ble.air import hear, said

ADDRESS = "A4:C1:38:6B:E0:12"
TAIL = "4C000215" + b"INTELLI_ROCKS_HWPu".hex() + "F2FF0C"


@pytest.mark.parametrize(
    ("company", "data", "values"),
    [
        (0xEC88, "000341C26400", (21.3, 44.2, 100)),
        (0xEC88, "00834E206400", (-21.6, 60.8, 100)),
        (0xEC88, "00e609bc126402", (25.34, 47.96, 100)),
        (0xEC88, "00ba0af90f63020101", (27.46, 40.89, 99)),
        (0xEC88, "00210ab61218c80001", (25.93, 47.9, 24)),
        (0x0001, "0101033aed64" + TAIL, (21.1, 69.3, 100)),
        (0x0001, "010103362664", (21.0, 47.0, 100)),
        (0x8801, "ec0001010a0aa40664", (25.7, 17.0, 100)),
    ],
)
def test_a_packet_of_each_family(company: int, data: str, values: tuple[float, float, int]) -> None:
    """H5075 twice, H5074, H5051, H5071, H5105 with its glued-on iBeacon, H5177, H5179."""
    heard = decode(company, bytes.fromhex(data))
    assert heard is not None
    assert tuple(heard.values.values()) == values


@pytest.mark.parametrize("data", ["", "00", "000341C264", "000341C2640000000000"])
def test_a_length_that_no_family_has_is_refused(data: str) -> None:
    """Of Govee's own company id; of another's it is another's."""
    with pytest.raises(Malformed):
        decode_all(said(ADDRESS, company={0xEC88: data}))
    assert decode_all(said(ADDRESS, company={0x0001: data})) is None


def test_a_sensor_that_has_failed_says_so() -> None:
    """In the highest bit of the battery; what it measures then is nothing."""
    with pytest.raises(Malformed, match="failed"):
        decode(0xEC88, bytes.fromhex("000341C2E400"))


def test_its_ibeacon_is_passed_over() -> None:
    """Some send one under Apple's id in turn with their values."""

    def packet(company: int, data: str) -> Advertisement:
        return said(ADDRESS, company={company: data})

    apple, own = packet(0x004C, "0215" + "00" * 21), packet(0xEC88, "000341C26400")
    told = hear(module, Config(port="ble:0", address=ADDRESS), apple, own, apple)
    assert [each.get("temperature") for each in told.values] == [21.3, None]
    assert told.rejects == 0


def test_a_scan_knows_it_by_name_and_packet() -> None:
    """Company ids that are others' prove nothing without the name."""
    data = {0x0001: "010103362664"}
    named = recognise(said(ADDRESS, company=data, name="GVH5177_2EC8"))
    assert named is not None
    assert (named.is_proof, named.keys["address"]) == (True, ADDRESS)
    assert recognise(said(ADDRESS, company=data, name="Nokia")) is None
    unnamed = recognise(said(ADDRESS, company={0xEC88: "000341C26400"}))
    assert unnamed is not None
    assert not unnamed.is_proof
    assert recognise(said(ADDRESS, company={0xEC88: "00"})) is None
    assert recognise(said(ADDRESS)) is None
