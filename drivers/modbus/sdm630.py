"""Eastron SDM630, a three-phase electricity meter.

Channels:
    voltage_l1 … voltage_l3, current_l1 …     V, A
    power_l1 …, power                         W of each phase and of all; negative is fed out
    power_factor_l1 …, power_factor           the sign is the direction
    power_apparent, power_reactive            V·A, var of all phases
    frequency                                 Hz
    energy_in, energy_out, energy             kWh in, out, and both together

Example:

    [device.supply]
    driver = "sdm630"
    port = "/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0"
    slave = 2

Tested: the protocol manual's worked answer; a real pymodbus server on a serial line.

Source: Eastron SDM630-Modbus protocol manual V1.5, input registers.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from drivers.modbus import _eastron
from drivers.modbus._map import Config, find_values, hint, open_map
from drivers.modbus._registers import Device, Register, channels
from gatewayd.driver import Evidence
from gatewayd.model import Channel

if TYPE_CHECKING:
    from gatewayd.ports import Ports
    from gatewayd.ports.modbus import Slave

LINE = {"baudrate": 9600}

PHASES = ("l1", "l2", "l3")

REGISTERS: Mapping[str, Register] = {
    **{f"voltage_{name}": _eastron.voltage(2 * i) for i, name in enumerate(PHASES)},
    **{f"current_{name}": _eastron.current(0x06 + 2 * i) for i, name in enumerate(PHASES)},
    **{f"power_{name}": _eastron.power(0x0C + 2 * i) for i, name in enumerate(PHASES)},
    **{f"power_factor_{name}": _eastron.factor(0x1E + 2 * i) for i, name in enumerate(PHASES)},
    "power": _eastron.power(0x34),
    "power_apparent": _eastron.power(0x38, "powerapparent", "V.A"),
    "power_reactive": _eastron.power(0x3C, "powerreactive", "var"),
    "power_factor": _eastron.factor(0x3E),
    "frequency": _eastron.frequency(),
    "energy_in": _eastron.energy(0x48),
    "energy_out": _eastron.energy(0x4A),
    "energy": _eastron.energy(0x156),
}


def describe(config: Config) -> tuple[Channel, ...]:
    """Return one channel for each register."""
    return channels(REGISTERS)


def open_driver(config: Config, ports: Ports) -> AbstractAsyncContextManager[Device]:
    """Open the line and prove with a first read that such a meter is there.

    Raises as `Device.read`.
    """
    return open_map(config, ports, REGISTERS, _eastron.SPARE)


async def recognise(slave: Slave) -> Evidence | None:
    """Know a meter by frequency and the voltage of two phases; a hint."""
    asked = {name: REGISTERS[name] for name in ("voltage_l1", "voltage_l2", "frequency")}
    values = await find_values(slave, asked)
    if values is None or not values["frequency"] or not values["voltage_l2"]:
        return None
    return hint("a three-phase meter with Eastron's registers", values)
