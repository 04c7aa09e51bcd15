"""What INA219 and INA226 have in common: a shunt, a calibration, four results; pure on top.

Source: TI INA219 data sheet SBOS448 §8.5 (programming), §8.6 (registers); TI INA226 data sheet
SBOS547 §7.5, §7.6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from drivers.i2c._table import Chip, Command, Field, Query, Table, TableSensor
from gatewayd.errors import DeviceFault
from gatewayd.model import Measurement, Quality

CONFIGURATION, SHUNT, BUS, POWER, CURRENT, CALIBRATION = 0x00, 0x01, 0x02, 0x03, 0x04, 0x05

CURRENT_COUNTS = 1 << 15
"""Of the largest current."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One of the two chips.

    Attributes:
        factor: calibration = factor / (A a count · Ω), without its fraction.
        calibration_mask: the bits that the calibration register has.
        power_counts: a count of power is so many of current, in W and A.
        shunt_v: a count of the shunt's voltage. The voltage is a field of its own: its bits differ.
        overflow: register and bit that say that current and power are nonsense.
    """

    factor: float
    calibration_mask: int
    power_counts: int
    shunt_v: float
    shunt_v_max: float
    voltage: Field
    overflow: tuple[int, int]


def calibration_of(kind: Kind, shunt_ohm: float, current_max_a: float) -> int:
    """Return the calibration that lets a count of current be `current_max_a` / 32768.

    Raises:
        ValueError: shunt and current do not go together.
    """
    if not (shunt_ohm > 0 and current_max_a > 0):
        raise ValueError("shunt_ohm and current_max_a are more than 0")
    if shunt_ohm * current_max_a > kind.shunt_v_max * 1.000_001:  # 0.1 · 3.2 is 0.32, and a bit.
        most_a = kind.shunt_v_max / shunt_ohm
        raise ValueError(f"current_max_a is {most_a:.6g} at the most with this shunt_ohm")
    calibration = int(kind.factor * CURRENT_COUNTS / (current_max_a * shunt_ohm) + 1e-6)
    if calibration > kind.calibration_mask:
        least_a = kind.factor * CURRENT_COUNTS / (kind.calibration_mask * shunt_ohm)
        raise ValueError(f"current_max_a is {least_a:.6g} at the least with this shunt_ohm")
    return calibration & kind.calibration_mask


def table_of(kind: Kind, configuration: int, calibration: int, shunt_ohm: float) -> Table:
    """Return the table of a chip with this calibration; its fraction lost is put right here."""
    count_a = kind.factor / (calibration * shunt_ohm)
    count_w = kind.power_counts * count_a
    most_a = count_a * CURRENT_COUNTS
    most_v = kind.voltage.maximum or 0
    shunt = Field(
        name="shunt",
        kind="voltage",
        unit="V",
        decimals=5,
        is_signed=True,
        scale=kind.shunt_v,
        minimum=-kind.shunt_v_max,
        maximum=kind.shunt_v_max,
    )
    current = Field(
        name="current",
        kind="current",
        unit="A",
        decimals=3,
        is_signed=True,
        scale=count_a,
        minimum=-most_a,
        maximum=most_a,
    )
    power = Field(
        name="power",
        kind="power",
        unit="W",
        decimals=3,
        scale=count_w,
        minimum=0,
        maximum=most_a * most_v,
    )
    registers = ((BUS, kind.voltage), (CURRENT, current), (POWER, power), (SHUNT, shunt))
    return Table(
        start=(
            Command(bytes([CALIBRATION]) + calibration.to_bytes(2, "big")),
            # Continuously; 16 conversions of both voltages take 35 ms in an INA226.
            Command(bytes([CONFIGURATION]) + configuration.to_bytes(2, "big"), 0.04),
        ),
        queries=tuple(
            Query(write=bytes([register]), count=2, fields=(field,))
            for register, field in registers
        ),
    )


class Ina:
    """One chip with its calibration."""

    def __init__(self, chip: Chip, kind: Kind, table: Table, calibration: int) -> None:
        self._sensor = TableSensor(chip, table)
        self._kind = kind
        self._calibration = calibration

    async def start(self) -> None:
        """Write calibration and configuration."""
        await self._sensor.chip.tell(*self._sensor.table.start)

    async def read(self) -> Sequence[Measurement]:
        """Return voltage, current, power and the shunt's voltage.

        Current and power are FAULT where the chip could not compute them.

        Raises:
            DeviceFault: the calibration is gone: it would compute zeros.
            DeviceError: the bus says so.
        """
        chip = self._sensor.chip
        found = await chip.register(CALIBRATION)
        if found != self._calibration:
            raise DeviceFault(
                f"{chip.where} has calibration {found:04x}, not {self._calibration:04x}: "
                "it may have lost power"
            )
        register, bit = self._kind.overflow
        is_overflown = await chip.register(register) & bit
        measured = await self._sensor.read()
        if not is_overflown:
            return measured
        return [
            Measurement(each.channel, None, Quality.FAULT)
            if each.channel in {"current", "power"}
            else each
            for each in measured
        ]
