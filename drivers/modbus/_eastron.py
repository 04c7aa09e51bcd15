"""Eastron's meters: one address for each quantity in all of them, each a big-endian float.

Source: Eastron SDM120-Modbus, SDM230-Modbus and SDM630-Modbus protocol manuals, input registers.
"""

from __future__ import annotations

from drivers.modbus._registers import Register

SPARE = 6
"""Registers read along for nothing: the single-phase meters have a value in every sixth, and
answer 0 for those between. More than 80 in one request is refused; no block here is longer."""


def _float(address: int, kind: str, unit: str, decimals: int, bound: float) -> Register:
    return Register(
        address=address,
        table="input",
        type="float32",
        kind=kind,
        unit=unit,
        decimals=decimals,
        minimum=-bound,
        maximum=bound,
    )


def voltage(address: int) -> Register:
    """Return the register of a voltage between a phase and neutral."""
    return _float(address, "voltage", "V", 1, 600)


def current(address: int) -> Register:
    """Return the register of a current; transformers of the SDM630 go up to 9999 A."""
    return _float(address, "current", "A", 3, 10_000)


def power(address: int, kind: str = "power", unit: str = "W") -> Register:
    """Return the register of a power; negative is what is fed out."""
    return _float(address, kind, unit, 1, 1e7)


def factor(address: int) -> Register:
    """Return the register of a power factor; its sign is the current's direction."""
    return _float(address, "powerfactor", "", 3, 1)


def frequency() -> Register:
    """Return the register of the line's frequency, 0 without voltage."""
    return _float(0x46, "frequency", "Hz", 2, 70)


def energy(address: int, unit: str = "kWh") -> Register:
    """Return the register of a total; it goes on after a cut of the power."""
    return _float(address, "energy", unit, 3, 1e9)


def single_phase() -> dict[str, Register]:
    """Return what all single-phase meters have."""
    return {
        "voltage": voltage(0x00),
        "current": current(0x06),
        "power": power(0x0C),
        "power_apparent": power(0x12, "powerapparent", "V.A"),
        "power_reactive": power(0x18, "powerreactive", "var"),
        "power_factor": factor(0x1E),
        "frequency": frequency(),
        "energy_in": energy(0x48),
        "energy_out": energy(0x4A),
        "energy": energy(0x156),
    }
