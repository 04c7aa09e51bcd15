"""The little boards with an SHT20 and Modbus (XY-MD02 and kin): temperature and humidity.

Channels:
    temperature  °C
    humidity     % relative

Example:

    [device.cellar]
    driver = "sht20_rs485"
    port = "/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0"
    slave = 1

Tested: the manual's worked answer; a real pymodbus server on a serial line.

Source: XY-MD02 product manual, input registers 0x0001 and 0x0002.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from drivers.modbus._map import Config, find_values, hint, open_map
from drivers.modbus._registers import Device, Register, channels
from gatewayd.driver import Evidence
from gatewayd.model import Channel

if TYPE_CHECKING:
    from gatewayd.ports import Ports
    from gatewayd.ports.modbus import Slave

LINE = {"baudrate": 9600}

REGISTERS: Mapping[str, Register] = {
    "temperature": Register(
        address=1,
        table="input",
        type="int16",
        scale=0.1,
        kind="temperature",
        unit="Cel",
        decimals=1,
        minimum=-40,
        maximum=125,
    ),
    "humidity": Register(
        address=2,
        table="input",
        type="int16",
        scale=0.1,
        kind="humidity",
        unit="%",
        decimals=1,
        minimum=0,
        maximum=100,
    ),
}


def describe(config: Config) -> tuple[Channel, ...]:
    """Return the two channels."""
    return channels(REGISTERS)


def open_driver(config: Config, ports: Ports) -> AbstractAsyncContextManager[Device]:
    """Open the line and prove with a first read that such a board is there.

    Raises as `Device.read`.
    """
    return open_map(config, ports, REGISTERS)


async def recognise(slave: Slave) -> Evidence | None:
    """Know a board by two values that a room can have; a hint."""
    values = await find_values(slave, REGISTERS)
    if values is None or not values["humidity"]:
        return None
    return hint("an SHT20 board's registers", values)
