"""What meters say: OBIS codes, the lines that carry them, and their units; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from gatewayd.errors import Malformed
from gatewayd.model import Channel, Measurement, Quality, Value

TEXT_MAX = 128
"""Characters of a text value; an equipment id has up to 34."""

_LINE = re.compile(
    r"(?:(?P<medium>\d{1,3}-\d{1,3}):)?(?P<code>[0-9A-Z]{1,3}(?:\.[0-9A-Z]{1,3}){1,2})"
    r"(?:[*&](?P<past>\d{1,3}))?(?P<values>(?:\([^()]*\))+)",
    re.ASCII,
)
_NUMBER = re.compile(r"([+-]?\d{1,12}(?:[.,]\d{1,9})?)(?:\*(\w{1,8}))?", re.ASCII)

_UNITS = {
    "Wh": ("Wh", 1.0),
    "kWh": ("Wh", 1e3),
    "MWh": ("Wh", 1e6),
    "W": ("W", 1.0),
    "kW": ("W", 1e3),
    "MW": ("W", 1e6),
    "varh": ("varh", 1.0),
    "kvarh": ("varh", 1e3),
    "var": ("var", 1.0),
    "kvar": ("var", 1e3),
    "VAh": ("VAh", 1.0),
    "kVAh": ("VAh", 1e3),
    "VA": ("VA", 1.0),
    "kVA": ("VA", 1e3),
    "V.A": ("VA", 1.0),
    "V": ("V", 1.0),
    "A": ("A", 1.0),
    "mA": ("A", 1e-3),
    "Hz": ("Hz", 1.0),
    "deg": ("deg", 1.0),
    "Cel": ("Cel", 1.0),
    "m3": ("m3", 1.0),
    "l": ("m3", 1e-3),
    "GJ": ("J", 1e9),
    "MJ": ("J", 1e6),
}
"""What meters and channels write, as a base unit and how much of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One value of a meter: `[device.NAME.values.CHANNEL]`.

    Attributes:
        code: as the meter's list has it: `1.8.0`, or with the medium, `1-0:1.8.0`.
        kind: the quantity; `text` takes what stands there as it is.
        unit: what to report in; the meter's own unit is converted.
    """

    code: str
    kind: str
    unit: str = ""
    decimals: int | None = None
    minimum: float | None = None
    maximum: float | None = None


ENERGY_MAX = 1e9
"""kWh that no meter of a house or factory reaches."""

USUAL: Mapping[str, Entry] = {
    "energy_in": Entry(
        code="1.8.0", kind="energy", unit="kWh", decimals=3, minimum=0, maximum=ENERGY_MAX
    ),
    "energy_out": Entry(
        code="2.8.0", kind="energy", unit="kWh", decimals=3, minimum=0, maximum=ENERGY_MAX
    ),
    "power": Entry(code="16.7.0", kind="power", unit="W", minimum=-1e7, maximum=1e7),
}
"""What nearly every meter of electricity has; power is negative while energy is fed out."""


class Item(NamedTuple):
    """One line of a telegram.

    Attributes:
        medium: `1-0`, or empty where the meter leaves it out.
        code: `1.8.0`.
        values: what stands in the brackets, one text each.
    """

    medium: str
    code: str
    values: tuple[str, ...]


def channels(values: Mapping[str, Entry]) -> tuple[Channel, ...]:
    """Return one channel for each entry."""
    return tuple(
        Channel(
            name, each.kind, each.unit, each.decimals, minimum=each.minimum, maximum=each.maximum
        )
        for name, each in values.items()
    )


def items(text: str) -> Iterator[Item]:
    """Yield the lines of a telegram that carry values of now; values of past months, such as
    `1.8.0*05(…)`, and lines of other forms are passed over.

    A line that begins with a bracket goes on where the last one ended.
    """
    for line in re.sub(r"[\r\n]+\(", "(", text).splitlines():
        match = _LINE.fullmatch(line.strip())
        if match is not None and match["past"] in (None, "255"):
            values = tuple(match["values"][1:-1].split(")("))
            yield Item(match["medium"] or "", match["code"], values)


def is_meant(entry: Entry, medium: str, code: str) -> bool:
    """Return whether a value of the meter is the one that an entry means."""
    wanted_medium, _, wanted = entry.code.rpartition(":")
    return code == wanted.partition("*")[0] and wanted_medium in ("", medium)


def number(text: str, unit: str) -> float:
    """Return the number that stands in a bracket, `001581.123*kWh`, in the unit wanted.

    Raises:
        Malformed: no number, or one in a unit of another kind.
    """
    match = _NUMBER.fullmatch(text.strip())
    if match is None:
        raise Malformed(f"{text[:40]!r} is no number")
    return convert(float(match[1].replace(",", ".")), match[2] or unit, unit)


def convert(value: float, said: str, wanted: str) -> float:
    """Return a value in the unit wanted.

    Raises:
        Malformed: the meter's unit is of another kind, or unknown.
    """
    if said == wanted:
        return value
    base, factor = _UNITS.get(said, (said, 1.0))
    wanted_base, wanted_factor = _UNITS.get(wanted, (wanted, 1.0))
    if base != wanted_base:
        raise Malformed(f"a value in {said}, not {wanted}")
    return float(f"{value * factor / wanted_factor:.12g}")  # 1.19 kW is 1190 W, not 1189.99….


def measured(text: str, name: str, entry: Entry) -> Measurement:
    """Return what stands in a bracket as the measurement of an entry; FAULT where it does not
    fit."""
    if entry.kind == "text":
        value: Value = text[:TEXT_MAX]
        return Measurement(name, value)
    try:
        return Measurement(name, number(text, entry.unit))
    except Malformed:
        return Measurement(name, None, Quality.FAULT)
