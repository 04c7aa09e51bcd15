"""From one unit to another: UCUM codes, scale and offset; pure."""

from __future__ import annotations

_DIMENSIONS: dict[str, dict[str, float]] = {
    "pressure": {
        "Pa": 1,
        "hPa": 1e2,
        "mbar": 1e2,
        "cbar": 1e3,
        "kPa": 1e3,
        "bar": 1e5,
        "MPa": 1e6,
        "[psi]": 6894.757293168361,
    },
    "length": {"um": 1e-6, "mm": 1e-3, "cm": 1e-2, "m": 1, "km": 1e3},
    "volume": {"mL": 1e-3, "L": 1, "m3": 1e3, "[gal_us]": 3.785411784},
    "flow": {"L/h": 1 / 60, "L/min": 1, "L/s": 60, "m3/h": 1000 / 60, "m3/s": 6e4},
    "mass": {"mg": 1e-3, "g": 1, "kg": 1e3, "t": 1e6},
    "power": {"mW": 1e-3, "W": 1, "kW": 1e3, "MW": 1e6},
    "energy": {"J": 1, "kJ": 1e3, "Wh": 3600, "kWh": 3.6e6, "MWh": 3.6e9},
    "voltage": {"uV": 1e-6, "mV": 1e-3, "V": 1, "kV": 1e3},
    "current": {"uA": 1e-6, "mA": 1e-3, "A": 1},
    "frequency": {"Hz": 1, "kHz": 1e3, "MHz": 1e6, "GHz": 1e9},
    "speed": {"mm/s": 1e-3, "km/h": 1 / 3.6, "m/s": 1, "[kn_i]": 1852 / 3600},
    "time": {"ms": 1e-3, "s": 1, "min": 60, "h": 3600, "d": 86400},
    "share": {"%": 1e-2, "1": 1},
    "fraction": {"[ppb]": 1e-3, "[ppm]": 1},
    "dust": {"ug/m3": 1e-6, "mg/m3": 1e-3, "g/m3": 1},
    "conductivity": {"uS/cm": 1e-3, "mS/cm": 1, "dS/m": 1, "S/m": 10},
    "acceleration": {"m/s2": 1, "[g]": 9.80665, "m[g]": 9.80665e-3},
    "angle": {"deg": 1, "rad": 57.29577951308232},
}
_TEMPERATURES = {"Cel": (1.0, 0.0), "K": (1.0, -273.15), "[degF]": (5 / 9, -160 / 9)}
"""To °C."""


def conversion(unit: str, wanted: str) -> tuple[float, float]:
    """Return scale and offset from one UCUM unit to another; 1 and 0 where nobody knows."""
    if unit == wanted:
        return 1.0, 0.0
    if unit in _TEMPERATURES and wanted in _TEMPERATURES:
        (scale, offset), (its_scale, its_offset) = _TEMPERATURES[unit], _TEMPERATURES[wanted]
        return scale / its_scale, (offset - its_offset) / its_scale
    for units in _DIMENSIONS.values():
        if unit in units and wanted in units:
            return units[unit] / units[wanted], 0.0
    return 1.0, 0.0


def is_convertible(unit: str, wanted: str) -> bool:
    """Return whether `conversion` knows the way."""
    return unit == wanted or wanted in units_beside(unit)


def units_beside(unit: str) -> tuple[str, ...]:
    """Return every unit of the same quantity, this one too; none of a unit that nobody knows."""
    families = [tuple(_TEMPERATURES), *map(tuple, _DIMENSIONS.values())]
    return next((units for units in families if unit in units), ())
