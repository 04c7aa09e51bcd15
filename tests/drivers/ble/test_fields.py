"""A value in bytes that no driver knows: every type, order, mask and scale."""

from __future__ import annotations

from typing import Any

import pytest

from drivers.ble._fields import SIZES, Field, channel_of, decode_field
from gatewayd.errors import Malformed
from gatewayd.model import Channel, Value

DATA = bytes.fromhex("0102038485FF7F00")


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        ({"type": "uint8"}, 1),
        ({"type": "int8", "at": 3}, -124),
        ({"type": "uint16"}, 0x0201),
        ({"type": "uint16", "order": "big"}, 0x0102),
        ({"type": "int16", "at": 3}, -31356),
        ({"type": "uint24"}, 0x030201),
        ({"type": "int24", "at": 2, "order": "big"}, 0x038485),
        ({"type": "uint32", "order": "big"}, 0x01020384),
        ({"type": "int32", "at": 2}, -8027133),
        ({"type": "uint16", "mask": 0x0F00}, 2),
        ({"type": "uint8", "at": 3, "mask": 0x80}, 1),
        ({"type": "bool", "mask": 0x02}, False),
        ({"type": "bool", "at": 1, "mask": 0x02}, True),
        ({"type": "uint8", "scale": 0.5, "offset": -40}, -39.5),
        ({"type": "uint16", "at": 5, "invalid": (0x7FFF,)}, None),
        ({"type": "uint16", "at": 5, "order": "big", "invalid": (0x7FFF,)}, 0xFF7F),
        ({"type": "medfloat16", "at": 1}, 770.0),
    ],
)
def test_each_type(keys: dict[str, Any], value: Value | None) -> None:
    """Worked out by hand from 01 02 03 84 85 FF 7F 00."""
    assert decode_field(Field(kind="number", **keys), DATA) == value


@pytest.mark.parametrize(("data", "value"), [("6EF1", 36.6), ("72FF", -14.2), ("FF07", None)])
def test_the_medical_float(data: str, value: float | None) -> None:
    """Source: IEEE 11073-20601: 0xF16E is 366 × 10⁻¹, 0xFF72 is −142 × 10⁻¹, 0x07FF no number."""
    told = decode_field(Field(kind="temperature", type="medfloat16"), bytes.fromhex(data))
    assert told == (value if value is None else pytest.approx(value))


def test_text_goes_to_the_end() -> None:
    """Without the zeros after it; what is no text is shown as such."""
    field = Field(kind="text", type="text", at=1)
    assert decode_field(field, b"\x01abc\x00\x00") == "abc"
    assert decode_field(field, b"\x01\xff") == "�"


@pytest.mark.parametrize("type", SIZES)
def test_a_value_that_is_cut_off_is_refused(type: Any) -> None:
    """One byte is missing."""
    size = SIZES[type]
    with pytest.raises(Malformed):
        decode_field(Field(kind="number", type=type, at=1), bytes(size))


def test_a_float_that_is_no_number_is_refused() -> None:
    """Not passed on as one."""
    with pytest.raises(Malformed):
        decode_field(Field(kind="number", type="float32"), bytes.fromhex("0000C07F"))


def test_a_field_is_a_channel() -> None:
    """With its limits."""
    field = Field(kind="level", unit="cm", decimals=1, minimum=0, maximum=250)
    assert channel_of("tank", field) == Channel("tank", "level", "cm", 1, minimum=0, maximum=250)


@pytest.mark.parametrize("keys", [{"at": -1}, {"at": 512}, {"mask": 0}])
def test_impossible_fields_are_found(keys: dict[str, int]) -> None:
    """Before anything is decoded."""
    with pytest.raises(ValueError, match=r"at is|mask"):
        Field(kind="number", **keys)  # type: ignore[arg-type]  # Wrong on purpose.
