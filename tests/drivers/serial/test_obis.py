"""OBIS codes, lines and units."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as some

from drivers.serial._obis import Entry, Item, convert, is_meant, items, number
from gatewayd.errors import Malformed


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("1-0:1.8.1(001581.123*kWh)", [Item("1-0", "1.8.1", ("001581.123*kWh",))]),
        ("1-0:1.8.0*255(0001.5*kWh)", [Item("1-0", "1.8.0", ("0001.5*kWh",))]),
        ("1.8.0(12.5)", [Item("", "1.8.0", ("12.5",))]),
        ("F.F(00000000)", [Item("", "F.F", ("00000000",))]),
        ("0-1:24.2.1(16W)(9*m3)", [Item("0-1", "24.2.1", ("16W", "9*m3"))]),
        ("0-1:24.3.0(09)(m3)\r\n(00000.5)", [Item("0-1", "24.3.0", ("09", "m3", "00000.5"))]),
        ("1.8.0*05(0011111.0*kWh)", []),
        ("0-0:96.13.0()", [Item("0-0", "96.13.0", ("",))]),
        ("/ISK5\\2MT382-1000", []),
        ("1-0:1.8.1(001581.1", []),
    ],
)
def test_lines_are_read(line: str, wanted: list[Item]) -> None:
    """With and without medium, several brackets, a bracket on the next line; no past months."""
    assert list(items(line)) == wanted


def test_a_code_means_one_value() -> None:
    """With its medium where it is written, any medium where it is not."""
    entry = Entry(code="1-0:1.8.0", kind="energy")
    assert is_meant(entry, "1-0", "1.8.0")
    assert not is_meant(entry, "7-0", "1.8.0")
    assert is_meant(Entry(code="1.8.0*255", kind="energy"), "7-0", "1.8.0")
    assert not is_meant(Entry(code="1.8.0", kind="energy"), "1-0", "21.8.0")


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("001581.123*kWh", "kWh", 1581.123),
        ("02.027*kW", "W", 2027.0),
        ("-1.19*kW", "W", -1190.0),
        ("230,1*V", "V", 230.1),
        ("5", "A", 5.0),
        ("3600*MJ", "GJ", 3.6),
        ("1250*l", "m3", 1.25),
    ],
)
def test_numbers_are_converted(text: str, unit: str, value: float) -> None:
    """To the channel's unit, exactly."""
    assert number(text, unit) == value


@pytest.mark.parametrize("text", ["1*kWh", "1*furlong", "", "1.2.3", "nan", "1e9", "٣"])
def test_what_is_no_power_is_malformed(text: str) -> None:
    """Energy is no power, and a word no number."""
    with pytest.raises(Malformed):
        number(text, "W")


@given(some.text(max_size=60), some.sampled_from(["W", "", "m3"]))
def test_any_text_is_a_number_or_malformed(text: str, unit: str) -> None:
    """Nothing else is raised."""
    list(items(text))
    with suppress(Malformed):
        assert number(text, unit) == number(text, unit)


def test_an_unknown_unit_fits_itself_only() -> None:
    """A meter may have units that nobody thought of."""
    assert convert(3, "bar", "bar") == 3
    with pytest.raises(Malformed, match="bar, not W"):
        convert(3, "bar", "W")
