"""Chips that kernels of the Raspberry Pi have drivers for: their channels and ranges.

Source: the chips' data sheets (ranges), the kernel's drivers (channel names).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

Limits = Mapping[str, tuple[float, float]]
"""By kind, both ends included, in our units."""


@dataclass(frozen=True, slots=True)
class Chip:
    """One kind of chip.

    Attributes:
        channels: the kernel's names, all that are worth reading.
        limits: what the chip can measure, where it is less than what can be.
        bits: of a converter whose reference is the supply: `vref` may be set.
        is_thermocouple: a refused read (EINVAL) is a broken or shorted thermocouple.
    """

    channels: tuple[str, ...]
    limits: Limits = field(default_factory=dict)
    bits: int = 0
    is_thermocouple: bool = False


def _limits(
    *,
    celsius: tuple[float, float] | None = None,
    volts: tuple[float, float] | None = None,
    pascal: tuple[float, float] | None = None,
) -> Limits:
    found = {"temperature": celsius, "voltage": volts, "pressure": pascal}
    return {kind: limits for kind, limits in found.items() if limits is not None}


_AIR = _limits(celsius=(-40, 125))
_BAROMETER = _limits(celsius=(-40, 85), pascal=(30_000, 110_000))
_CLIMATE = ("in_temp", "in_humidityrelative")
_GASES = ("in_concentration_co2", "in_concentration_voc")
_SUPPLY = ("in0", "in1", "curr1", "power1")


def _converter(count: int, bits: int) -> Chip:
    """Return a SPI converter that measures against its supply."""
    channels = tuple(f"in_voltage{number}" for number in range(count))
    return Chip(channels, _limits(volts=(0, 5.5)), bits)


_THERMOCOUPLE = Chip(
    ("in_temp", "in_temp_ambient"), _limits(celsius=(-270, 1820)), is_thermocouple=True
)

CHIPS: Mapping[str, Chip] = MappingProxyType(
    {
        "bme280": Chip(("in_temp", "in_pressure", _CLIMATE[1]), _BAROMETER),
        "bme680": Chip(("in_temp", "in_pressure", _CLIMATE[1], "in_resistance"), _BAROMETER),
        **dict.fromkeys(
            ("bmp085", "bmp180", "bmp280", "bmp380", "dps310", "ms5637", "ms5805"),
            Chip(("in_temp", "in_pressure"), _BAROMETER),
        ),
        **dict.fromkeys(("hdc100x", "htu21", "si7020", "dht11"), Chip(_CLIMATE, _AIR)),
        **dict.fromkeys(("aht10", "aht20", "sht3x", "sht4x"), Chip(("temp1", "humidity1"), _AIR)),
        **dict.fromkeys(
            ("adt7410", "ds1621", "ds3231", "jc42", "lm75", "tmp102"),
            Chip(("temp1",), _limits(celsius=(-55, 150))),
        ),
        "tmp117": Chip(("in_temp",), _limits(celsius=(-55, 150))),
        "mlx90614": Chip(("in_temp_object", "in_temp_ambient"), _limits(celsius=(-70, 383))),
        "max31865": Chip(("in_temp",), _limits(celsius=(-200, 850))),
        "mcp9600": Chip(("in_temp", "in_temp_ambient"), _limits(celsius=(-270, 1820))),
        **dict.fromkeys(
            ("bh1750", "tsl2591", "tsl4531", "veml6030", "veml7700"), Chip(("in_illuminance",))
        ),
        **dict.fromkeys(("ina219", "ina226"), Chip(_SUPPLY, _limits(volts=(-0.5, 40)))),
        **dict.fromkeys(("ccs811", "sgp30"), Chip(_GASES)),
        "vl53l0x": Chip(("in_distance",)),
        "scd30": Chip((*_CLIMATE, "in_concentration_co2"), _AIR),
        "scd4x": Chip((*_CLIMATE, "in_concentration_co2"), _AIR),
        "sps30": Chip(
            tuple(f"in_massconcentration_{size}" for size in ("pm1", "pm2p5", "pm4", "pm10"))
        ),
        **dict.fromkeys(
            ("ads1015", "ads1115"),
            Chip(tuple(f"in_voltage{n}" for n in range(4)), _limits(volts=(-0.3, 6.144))),
        ),
        **{
            name: Chip(tuple(f"in_voltage{n}" for n in range(count)), _limits(volts=(-2.05, 2.05)))
            for name, count in (("mcp3421", 1), ("mcp3422", 2), ("mcp3424", 4))
        },
        "mcp3004": _converter(4, 10),
        "mcp3008": _converter(8, 10),
        "mcp3202": _converter(2, 12),
        "mcp3204": _converter(4, 12),
        "mcp3208": _converter(8, 12),
        "max6675": Chip(("in_temp",), _limits(celsius=(0, 1024)), is_thermocouple=True),
        **dict.fromkeys(
            ("max31855", *(f"max31855{kind}" for kind in "kjnster")),
            _THERMOCOUPLE,
        ),
    }
)
"""By the name that the kernel knows the chip by."""

UNKNOWN = Chip(())


def chip_of(name: str) -> Chip:
    """Return what is known of a chip, at least nothing."""
    return CHIPS.get(name, UNKNOWN)
