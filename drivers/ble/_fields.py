"""A value in bytes that no driver knows: where it stands and what it means; pure."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from gatewayd.errors import Malformed
from gatewayd.model import Channel, Value

Type = Literal[
    "uint8",
    "int8",
    "uint16",
    "int16",
    "uint24",
    "int24",
    "uint32",
    "int32",
    "float32",
    "medfloat16",
    "bool",
    "text",
]
"""`medfloat16` is the medical one of Bluetooth: 12 bits, signed, and 4 of a power of ten."""

SIZES = MappingProxyType(
    {
        "uint8": 1,
        "int8": 1,
        "bool": 1,
        "uint16": 2,
        "int16": 2,
        "medfloat16": 2,
        "uint24": 3,
        "int24": 3,
        "uint32": 4,
        "int32": 4,
        "float32": 4,
    }
)

AT_MAX = 511
"""The longest attribute of Bluetooth LE has 512 bytes."""

TEXT_MAX = 256

MEDFLOAT_SPECIAL = range(0x7FE, 0x803)
"""Infinite, not a number, not at this resolution. Source: IEEE 11073-20601, SFLOAT."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One value.

    Attributes:
        at: its first byte; the first of all is 0.
        type: `bool` is true where a bit of `mask` is set; `text` goes on to the end.
        order: of its bytes.
        mask: bits of a whole number that count, moved down to its lowest.
        scale, offset: the value is `raw * scale + offset`.
        invalid: raw numbers that say that there is no value.
    """

    kind: str
    at: int = 0
    type: Type = "uint16"
    order: Literal["little", "big"] = "little"
    unit: str = ""
    decimals: int | None = None
    minimum: float | None = None
    maximum: float | None = None
    mask: int | None = None
    scale: float = 1.0
    offset: float = 0.0
    invalid: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Find what can never be decoded."""
        if not 0 <= self.at <= AT_MAX:
            raise ValueError(f"at is 0 to {AT_MAX}, found {self.at}")
        if self.mask is not None and self.mask <= 0:
            raise ValueError("mask has at least one bit")


def channel_of(name: str, field: Field) -> Channel:
    """Return the channel of a field."""
    return Channel(
        name,
        field.kind,
        field.unit,
        field.decimals,
        minimum=field.minimum,
        maximum=field.maximum,
    )


def is_within(field: Field, data: bytes) -> bool:
    """Return whether the bytes go as far as the field."""
    return len(data) >= field.at + SIZES.get(field.type, 0)


def decode_field(field: Field, data: bytes) -> Value | None:
    """Return a field's value, None where the device says that it has none.

    Raises:
        Malformed: the bytes end before it, or hold no number.
    """
    if not is_within(field, data):
        raise Malformed(f"{len(data)} bytes, and the value stands at {field.at}")
    if field.type == "text":
        return data[field.at : field.at + TEXT_MAX].decode("utf-8", "replace").rstrip("\0")
    raw = data[field.at : field.at + SIZES[field.type]]
    if field.type == "float32":
        number: float = struct.unpack("<f" if field.order == "little" else ">f", raw)[0]
    else:
        whole = int.from_bytes(raw, field.order, signed=field.type.startswith("int"))
        if whole in field.invalid:
            return None
        if field.type == "medfloat16":
            return _scaled(field, _medfloat(whole))
        number = _masked(field, whole)
    if field.type == "bool":
        return bool(number)
    return _scaled(field, number)


def _masked(field: Field, whole: int) -> int:
    if field.mask is None:
        return whole
    low = (field.mask & -field.mask).bit_length() - 1
    return (whole & field.mask) >> low


def _medfloat(whole: int) -> float | None:
    mantissa, exponent = whole & 0xFFF, whole >> 12
    if mantissa in MEDFLOAT_SPECIAL:
        return None
    mantissa -= 0x1000 if mantissa & 0x800 else 0
    exponent -= 0x10 if exponent & 0x8 else 0
    return float(mantissa * 10.0**exponent)


def _scaled(field: Field, number: float | None) -> Value | None:
    if number is None:
        return None
    if not math.isfinite(number):
        raise Malformed("a number that is none")
    if (field.scale, field.offset) == (1.0, 0.0):
        return number
    return round(number * field.scale + field.offset, 9)
