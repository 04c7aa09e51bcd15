"""A value as a cloud that speaks JSON takes it: numbers for switches, scaled, finite; pure."""

from __future__ import annotations

import math
from typing import Protocol

import orjson

from gatewayd.model import Value

NOT_FINITE = "not a finite number"
TOO_LARGE = "value too large"

VALUE_BYTES_MAX = 63 * 1024
"""One value as JSON. The links send messages of 64 KiB; the rest is for its name and time."""

_SHORT = 4096
"""A text of this length fits, whatever JSON makes of its characters (six bytes each)."""


class Scaling(Protocol):
    """How a channel's numbers become the cloud's: `value * scale + offset`."""

    @property
    def scale(self) -> float: ...

    @property
    def offset(self) -> float: ...

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing to do."""
        ...


def wire_value(value: Value, scaling: Scaling) -> tuple[Value, str]:
    """Return a value as the cloud takes it, and why it does not (empty if it does)."""
    if isinstance(value, bool):
        return int(value), ""
    if isinstance(value, int | float):
        return _wire_number(value, scaling)
    if isinstance(value, dict) and not all(map(math.isfinite, value.values())):
        return value, NOT_FINITE
    if isinstance(value, str):
        value = value.encode(errors="replace").decode()  # JSON has no half characters.
        if len(value) <= _SHORT:
            return value, ""
    if len(orjson.dumps(value)) > VALUE_BYTES_MAX:
        return value, TOO_LARGE
    return value, ""


def _wire_number(value: float, scaling: Scaling) -> tuple[Value, str]:
    """As `wire_value`, for a number."""
    if scaling.is_plain and isinstance(value, int) and -(2**63) <= value < 2**63:
        return value, ""
    try:
        number = float(value)
    except OverflowError:
        return value, NOT_FINITE
    if not scaling.is_plain:
        # Nine decimals are more than any sensor has, and hide the multiplication's dust.
        number = round(number * scaling.scale + scaling.offset, 9)
    return number, "" if math.isfinite(number) else NOT_FINITE
