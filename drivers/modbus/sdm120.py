"""Eastron SDM120, a single-phase electricity meter.

Channels:
    voltage, current, frequency                  V, A, Hz
    power, power_apparent, power_reactive        W, V·A, var; negative power is fed out
    power_factor                                 the sign is the direction
    energy_in, energy_out, energy                kWh in, out, and both together

Example:

    [device.heatpump]
    driver = "sdm120"
    port = "/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0"
    slave = 1
    baudrate = 2400               # as it leaves the factory; the button on its face changes it

Tested: the protocol manual's worked answer; a real pymodbus server on a serial line.

Source: Eastron SDM120-Modbus protocol manual, input registers.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from drivers.modbus import _eastron
from drivers.modbus._map import Parity, find_values, hint, open_map, refuse_slave
from drivers.modbus._registers import Device, Register, channels
from gatewayd.driver import Evidence
from gatewayd.fields import Seconds
from gatewayd.model import Channel
from gatewayd.ports.modbus import TIMEOUT_S

if TYPE_CHECKING:
    from gatewayd.ports import Ports
    from gatewayd.ports.modbus import Slave

LINE = {"baudrate": 2400}

REGISTERS: Mapping[str, Register] = _eastron.single_phase()


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Keys of the device's section.

    Attributes:
        answer_timeout: the most that one answer may take.
        baudrate, parity, stopbits: of a serial line that has no `[port.NAME]` section.
    """

    port: str
    slave: int = 1
    answer_timeout: Seconds = 2 * TIMEOUT_S
    baudrate: int = 2400
    parity: Parity = "none"
    stopbits: Literal[1, 2] = 1

    def __post_init__(self) -> None:
        """Find what cannot work before a device is touched."""
        refuse_slave(self.slave)


def describe(config: Config) -> tuple[Channel, ...]:
    """Return one channel for each register."""
    return channels(REGISTERS)


def open_driver(config: Config, ports: Ports) -> AbstractAsyncContextManager[Device]:
    """Open the line and prove with a first read that such a meter is there.

    Raises as `Device.read`.
    """
    return open_map(config, ports, REGISTERS, _eastron.SPARE)


async def recognise(slave: Slave) -> Evidence | None:
    """Know a meter on a live line by voltage, frequency and total together; a hint."""
    asked = {name: REGISTERS[name] for name in ("voltage", "frequency", "energy")}
    values = await find_values(slave, asked)
    if values is None or not values["frequency"] or not values["voltage"]:
        return None
    return hint("a single-phase meter with Eastron's registers", values)
