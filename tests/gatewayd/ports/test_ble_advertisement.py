"""What a device says and who wants to hear it: addresses, UUIDs, wishes, what is new."""

from __future__ import annotations

import pytest

from gatewayd.ports.ble_advertisement import (
    DEVICES_MAX,
    MANUFACTURER,
    SERVICE_DATA_16,
    SERVICE_DATA_128,
    Memory,
    Pattern,
    Wish,
    proper_address,
    proper_uuid,
    uuid16,
)

ADDRESS, OTHER = "A4:C1:38:12:34:56", "A4:C1:38:12:34:57"
BTHOME = uuid16(0xFCD2)
LONG = "0000fe59-cafe-beef-0000-000102030405"


@pytest.mark.parametrize("text", ["a4:c1:38:12:34:56", "A4-C1-38-12-34-56", f" {ADDRESS} "])
def test_an_address_has_one_form(text: str) -> None:
    """As BlueZ writes it."""
    assert proper_address(text) == ADDRESS


@pytest.mark.parametrize("text", ["", "A4:C1:38:12:34", "A4C138123456", "A4:C1:38:12:34:5G"])
def test_what_is_no_address_is_refused(text: str) -> None:
    """With an example of one."""
    with pytest.raises(ValueError, match="expected A4"):
        proper_address(text)


@pytest.mark.parametrize(
    ("text", "uuid"),
    [("fcd2", BTHOME), ("0xFCD2", BTHOME), (BTHOME.upper(), BTHOME), (LONG, LONG)],
)
def test_a_uuid_has_one_form(text: str, uuid: str) -> None:
    """The long one, in small letters."""
    assert proper_uuid(text) == uuid


@pytest.mark.parametrize("text", ["", "fcd", "fcd2fcd", "xyzw", LONG[:-1]])
def test_what_is_no_uuid_is_refused(text: str) -> None:
    """Four digits, eight, or all."""
    with pytest.raises(ValueError, match="no UUID"):
        proper_uuid(text)


def test_a_wish_for_a_device_is_met_by_it_alone() -> None:
    """Whatever it sends."""
    wish = Wish(ADDRESS, frozenset({0x0499}))
    assert wish.is_met(ADDRESS, {}, ())
    assert not wish.is_met(OTHER, {0x0499: b""}, ())


def test_a_wish_for_a_format_is_met_by_whoever_sends_it() -> None:
    """A company's data have to begin as wanted, too."""
    wish = Wish(None, frozenset({0x004C}), frozenset({BTHOME}), prefix=b"\x02\x15")
    assert wish.is_met(OTHER, {0x004C: b"\x02\x15\x00"}, ())
    assert wish.is_met(OTHER, {}, (BTHOME,))
    assert not wish.is_met(OTHER, {0x004C: b"\x10\x05"}, ())
    assert not wish.is_met(OTHER, {0x0499: b"\x02\x15"}, (LONG,))


def test_patterns_are_what_stands_in_the_packet() -> None:
    """Company ids and UUIDs are sent lowest byte first."""
    wish = Wish(ADDRESS, frozenset({0x0499}), frozenset({BTHOME, LONG}), prefix=b"\x05")
    assert wish.patterns() == {
        Pattern(0, MANUFACTURER, b"\x99\x04\x05"),
        Pattern(0, SERVICE_DATA_16, b"\xd2\xfc"),
        Pattern(0, SERVICE_DATA_128, bytes.fromhex(LONG.replace("-", ""))[::-1]),
    }


def test_only_what_has_changed_was_in_the_packet() -> None:
    """BlueZ hands over the data of earlier packets with each."""
    memory = Memory()
    first = {1: b"a", 2: b"b"}
    assert memory.news(ADDRESS, first, {}) == (first, {})
    assert memory.news(ADDRESS, {1: b"a", 2: b"c"}, {BTHOME: b"x"}) == ({2: b"c"}, {BTHOME: b"x"})
    assert memory.news(OTHER, first, {}) == (first, {})


def test_a_repetition_is_told_where_there_is_only_one_thing_to_repeat() -> None:
    """Of several, nobody can say which it was."""
    memory = Memory()
    memory.news(ADDRESS, {}, {BTHOME: b"x"})
    assert memory.news(ADDRESS, {}, {BTHOME: b"x"}) == ({}, {BTHOME: b"x"})
    memory.news(OTHER, {1: b"a"}, {BTHOME: b"x"})
    assert memory.news(OTHER, {1: b"a"}, {BTHOME: b"x"}) == ({}, {})


def test_the_memory_is_bounded() -> None:
    """Telephones change their addresses every quarter of an hour."""
    memory = Memory()
    for count in range(2 * DEVICES_MAX):
        memory.news(f"{count}", {1: b"a", 2: b"b"}, {})
    assert len(memory) == DEVICES_MAX
    assert memory.news("0", {1: b"a", 2: b"b"}, {}) == ({1: b"a", 2: b"b"}, {})
