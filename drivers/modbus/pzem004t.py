"""Peacefair PZEM-004T v3, a meter of one alternating current (10 A, or 100 A with a coil).

Channels:
    voltage, current, power  V, A, W
    energy                   kWh since it was reset last; kept without power
    frequency, power_factor  Hz, 1
    alarm                    whether the power is above the limit set in the meter

It measures only what has between 80 and 260 V, and answers only while that is there. Version 1 and
2 of it, without Modbus, are another device.

Example:

    [device.fridge]
    driver = "pzem004t"
    port = "/dev/serial/by-path/platform-xhci-hcd.0-usb-0:1:1.0-port0"
    slave = 1

Tested: the manual's worked answer; a real pymodbus server on a serial line.

Source: Peacefair PZEM-004T-100A V3.0 user manual, 2.3 and 2.5.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from drivers.modbus._map import Config, find_values, hint, open_map
from drivers.modbus._registers import Device, Register, Type, channels
from gatewayd.driver import Evidence
from gatewayd.model import Channel

if TYPE_CHECKING:
    from gatewayd.ports import Ports
    from gatewayd.ports.modbus import Slave

LINE = {"baudrate": 9600}


def _input(
    address: int, kind: str, unit: str, scale: float, maximum: float, *, is_long: bool = False
) -> Register:
    """Return an input register; of a long one the lower half comes first."""
    type: Type = "uint32" if is_long else "uint16"
    return Register(
        address=address,
        table="input",
        type=type,
        word_order="little",
        kind=kind,
        unit=unit,
        scale=scale,
        minimum=0,
        maximum=maximum,
    )


REGISTERS: Mapping[str, Register] = {
    "voltage": _input(0, "voltage", "V", 0.1, 300),
    "current": _input(1, "current", "A", 0.001, 110, is_long=True),
    "power": _input(3, "power", "W", 0.1, 30_000, is_long=True),
    "energy": _input(5, "energy", "kWh", 0.001, 10_000, is_long=True),
    "frequency": _input(7, "frequency", "Hz", 0.1, 70),
    "power_factor": _input(8, "powerfactor", "", 0.01, 1),
    "alarm": Register(address=9, table="input", type="bool", kind="switch"),
}


def describe(config: Config) -> tuple[Channel, ...]:
    """Return one channel for each register."""
    return channels(REGISTERS)


def open_driver(config: Config, ports: Ports) -> AbstractAsyncContextManager[Device]:
    """Open the line and prove with a first read that such a meter is there.

    Raises as `Device.read`.
    """
    return open_map(config, ports, REGISTERS)


async def recognise(slave: Slave) -> Evidence | None:
    """Know a meter by voltage and frequency in their places; a hint."""
    asked = {name: REGISTERS[name] for name in ("voltage", "frequency", "power_factor")}
    values = await find_values(slave, asked)
    if values is None or not float(str(values["frequency"])) >= 45 or not values["voltage"]:
        return None
    return hint("a PZEM-004T's registers", values)
