"""What the kernel's sensor files measure, by their names: kind, unit, factor, range; pure.

hwmon names a channel by a word and a number (`temp1`, `in0`, `curr1`), IIO by `in_`, a word and
what tells it from its like (`in_temp`, `in_voltage3`, `in_temp_ambient`, `in_concentration_co2`).

Source: Linux kernel, Documentation/hwmon/sysfs-interface.rst and ABI/testing/sysfs-bus-iio.
"""

from __future__ import annotations

import math
import re
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from gatewayd.errors import DeviceAbsent, DeviceFault
from gatewayd.model import Channel

VALUE_MAX = 1e15
"""No file holds more (the energy of a power station in microjoules)."""

HUMIDITY_SLACK = 20.0
"""Sensors are allowed to say −6 % or 118 % where the air is dry or dripping; it means 0 or 100."""


class Quantity(NamedTuple):
    """One row of the table: the value in our unit is the kernel's value times `factor`."""

    kind: str
    unit: str
    factor: float
    decimals: int
    minimum: float
    maximum: float
    is_counter: bool = False


_TEMPERATURE = Quantity("temperature", "Cel", 1e-3, 2, -273.15, 2000)
_HUMIDITY = Quantity("humidity", "%", 1e-3, 1, 0, 100)
_VOLTAGE = Quantity("voltage", "V", 1e-3, 4, -1000, 1000)
_CURRENT = Quantity("current", "A", 1e-3, 4, -10_000, 10_000)
_GAS = Quantity("concentration", "[ppm]", 1e4, 1, 0, 1e6)

HWMON = {
    "temp": _TEMPERATURE,
    "humidity": _HUMIDITY,
    "in": _VOLTAGE,
    "curr": _CURRENT,
    "power": Quantity("power", "W", 1e-6, 3, -1e6, 1e6),
    "energy": Quantity("energy", "kWh", 1e-6 / 3.6e6, 6, 0, 1e9, is_counter=True),
    "fan": Quantity("rotation", "/min", 1, 0, 0, 1e6),
    "freq": Quantity("frequency", "Hz", 1, 0, 0, 1e12),
}
"""By the word before the number."""

IIO = {
    "temp": _TEMPERATURE,
    "humidityrelative": _HUMIDITY,
    "pressure": Quantity("pressure", "Pa", 1e3, 0, 0, 1e9),
    "voltage": _VOLTAGE,
    "current": _CURRENT,
    "power": Quantity("power", "W", 1e-3, 3, -1e6, 1e6),
    "resistance": Quantity("resistance", "Ohm", 1, 0, 0, 1e12),
    "illuminance": Quantity("illuminance", "lx", 1, 1, 0, 200_000),
    "massconcentration": Quantity("dust", "ug/m3", 1, 1, 0, 10_000),
    "concentration": _GAS,
    "distance": Quantity("distance", "m", 1, 3, 0, 10_000),
    "accel": Quantity("acceleration", "m/s2", 1, 3, -10_000, 10_000),
    "ph": Quantity("ph", "[pH]", 1, 2, 0, 14),
    "electricalconductivity": Quantity("conductivity", "S/m", 1, 4, 0, 1e7),
}
"""By the word after `in_`."""

NAMES = {"humidityrelative": "humidity", "temp": "temperature", "in": "voltage", "curr": "current"}
"""What a channel is called where the kernel's word is no word."""


FILE_WORDS = frozenset({"input", "raw", "scale", "offset", "average"})
"""What ends a file's name, not a channel's."""


class Parts(NamedTuple):
    """A kernel's channel name, taken apart: `in_voltage3` is IIO, voltage, 3, nothing."""

    is_iio: bool
    word: str
    number: str
    modifier: str


def parse(name: str) -> Parts:
    """Return the parts of a kernel's channel name.

    Raises:
        ValueError: it is none, or of a quantity that is not in the tables.
    """
    if match := re.fullmatch(r"in_([a-z]+)(\d{0,3}(?:-[a-z]+\d{1,3})?)(?:_([a-z0-9]+))?", name):
        if match[1] in IIO and match[3] not in FILE_WORDS:
            return Parts(True, match[1], match[2], match[3] or "")
    elif (match := re.fullmatch(r"([a-z]+)(\d{1,3})", name)) and match[1] in HWMON:
        return Parts(False, match[1], match[2], "")
    raise ValueError(
        f"{name!r} is no channel that this driver knows; expected a name such as temp1, in0, "
        "in_temp or in_voltage3, without _input or _raw"
    )


def quantity_of(name: str) -> Quantity:
    """Return what a channel measures. Raises ValueError."""
    parts = parse(name)
    return (IIO if parts.is_iio else HWMON)[parts.word]


def local_name(name: str) -> str:
    """Return what we call a kernel's channel where the owner gives no name. Raises ValueError.

    `temp1` → temperature, `temp2` → temperature2, `in0` → voltage0, `in_voltage3` → voltage3,
    `in_temp_ambient` → temperature_ambient, `in_concentration_co2` → co2.
    """
    parts = parse(name)
    if parts.word == "concentration" and parts.modifier:
        return parts.modifier
    if parts.word == "massconcentration" and parts.modifier:
        return parts.modifier.replace("2p5", "25")
    # hwmon counts voltages from 0 and all else from 1.
    is_only = parts.number == "1" and not parts.is_iio and parts.word != "in"
    word = NAMES.get(parts.word, parts.word)
    return word + ("" if is_only else parts.number) + (parts.modifier and f"_{parts.modifier}")


def channel_of(local: str, name: str, limits: tuple[float, float] | None) -> Channel:
    """Return the channel `local` that shows a kernel's channel; `limits` where the chip has own.

    Raises:
        ValueError: see `parse`.
    """
    quantity, parts = quantity_of(name), parse(name)
    low, high = limits or (quantity.minimum, quantity.maximum)
    is_named_gas = parts.word == "concentration" and parts.modifier in ("co2", "voc")
    return Channel(
        local,
        parts.modifier if is_named_gas else quantity.kind,
        quantity.unit,
        quantity.decimals,
        minimum=low,
        maximum=high,
        is_counter=quantity.is_counter,
    )


class Recipe(NamedTuple):
    """How a channel is read: the file, or `(raw + offset) * scale` of three; file names."""

    value: str
    scale: str = ""
    offset: str = ""
    fixed_scale: float = 1.0
    """Also multiplied: what no file tells."""


def recipe_for(name: str, files: AbstractSet[str], fixed_scale: float | None = None) -> Recipe:
    """Return how a channel is read, from the names of the files that the chip has.

    Scale and offset may be the channel's own (`in_voltage3_scale`) or its kind's
    (`in_voltage_scale`). A `fixed_scale` is believed before them.

    Raises:
        DeviceAbsent: the chip has no such channel.
        DeviceFault: a raw value that nobody gives a scale for.
    """
    parts = parse(name)
    if fixed_scale is None:
        for ready in (f"{name}_input", f"{name}_average"):
            if ready in files:
                return Recipe(ready)
    if not parts.is_iio or f"{name}_raw" not in files:
        known = sorted(re.sub(r"_(input|raw)$", "", each) for each in files if _is_value(each))
        raise DeviceAbsent(f"no channel {name}; there are {', '.join(known) or 'none'}")
    kin = f"in_{parts.word}{re.sub(r'[0-9]', '', parts.number)}"
    offset = next((f for f in (f"{name}_offset", f"{kin}_offset") if f in files), "")
    if fixed_scale is not None:
        return Recipe(f"{name}_raw", "", offset, fixed_scale)
    scale = next((f for f in (f"{name}_scale", f"{kin}_scale") if f in files), "")
    if not scale:
        raise DeviceFault(f"{name} has a raw value and no scale; is its supply described (vref)?")
    return Recipe(f"{name}_raw", scale, offset)


def parse_number(text: str) -> float:
    """Return what a file says; the kernel writes `21500` or `101.325000000`.

    Raises:
        DeviceFault: it is no number.
    """
    try:
        number = float(text)
    except ValueError:
        raise DeviceFault(f"{text[:40]!r} is no number") from None
    if not math.isfinite(number) or abs(number) > VALUE_MAX:
        raise DeviceFault(f"{text[:40]!r} is no number that a sensor gives")
    return number


def convert(name: str, value: float, chip: str) -> float:
    """Return the kernel's value in our unit.

    A bme680 gives hPa where kPa are due on kernels before mid-2024: ten times a pressure that can
    be is that pressure. Humidity a little outside 0–100 % is 0 or 100.
    """
    quantity = quantity_of(name)
    value *= quantity.factor
    if chip == "bme680" and quantity.kind == "pressure" and 300_000 <= value <= 1_100_000:
        return value / 10
    if quantity.kind == "humidity" and -HUMIDITY_SLACK <= value <= 100 + HUMIDITY_SLACK:
        return min(100.0, max(0.0, value))
    return value


def _is_value(file: str) -> bool:
    return re.fullmatch(r".*_(input|raw)", file) is not None
