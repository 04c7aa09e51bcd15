"""Any Modbus device: meters, inverters, PLCs, I/O modules; RTU, TCP, or RTU through a server.

Channels:
    one for each `[device.NAME.registers.CHANNEL]`, with the kind and unit written there

Example:

    [device.meter]
    driver = "modbus"
    port = "tcp:10.0.0.7:502"     # or a [port.NAME], or a serial path
    slave = 3

    [device.meter.registers.power]
    address = 52                  # from 0; manuals that say 30053 mean input register 52
    table = "input"
    type = "float32"
    kind = "power"
    unit = "W"

Neighbouring registers are fetched in one request. A request that the device refuses makes its own
channels FAULT; the others keep their values.

Tested: the specification's examples; real pymodbus over a pty and a socket, its own server at the
other end.

Source: Modbus application protocol specification V1.1b3; the device's own register list.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from drivers.modbus._registers import ADDRESSES, Device, Register, channels
from gatewayd.fields import Seconds
from gatewayd.model import Channel
from gatewayd.ports.modbus import TIMEOUT_S

if TYPE_CHECKING:
    from gatewayd.ports import Ports

SLAVES = range(1, 256)
"""0 is a broadcast, which nobody answers; above 247 is reserved, and used all the same."""

SPARE_MAX = 100
"""Registers read for nothing: more would cost more time on the line than another request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Keys of the device's section.

    Attributes:
        answer_timeout: the most that one answer may take. Once the slave has answered, the line
            waits for it about twice as long as it usually takes.
        spare: how many unused registers between two wanted ones may be read along. 0 is safe;
            more is quicker, on devices that do not refuse the holes in their register list.
        baudrate, parity, stopbits: of a serial line that has no `[port.NAME]` section.
    """

    port: str
    slave: int = 1
    registers: Mapping[str, Register]
    answer_timeout: Seconds = TIMEOUT_S
    spare: int = 0
    baudrate: int = 9600
    parity: Literal["none", "even", "odd"] = "none"
    stopbits: Literal[1, 2] = 1

    def __post_init__(self) -> None:
        """Find what cannot work before a device is touched."""
        if self.slave not in SLAVES:
            raise ValueError("slave is 1 to 255")
        if not 0 <= self.spare <= SPARE_MAX:
            raise ValueError(f"spare is 0 to {SPARE_MAX}")
        if not self.registers:
            raise ValueError("a Modbus device needs at least one [….registers.CHANNEL]")
        for name, each in self.registers.items():
            if each.address not in ADDRESSES or each.address + each.size - 1 not in ADDRESSES:
                raise ValueError(f"register {name}: address is 0 to 65535")
            if each.bit is not None and (each.bit not in range(16) or each.size != 1):
                raise ValueError(f"register {name}: bit is 0 to 15, of one register")


def describe(config: Config) -> tuple[Channel, ...]:
    """Return one channel for each register."""
    return channels(config.registers)


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[Device]:
    """Open the line and prove with a first read that the slave is there and has such registers.

    Raises as `Device.read`.
    """
    async with ports.modbus(
        config.port, baudrate=config.baudrate, parity=config.parity, stopbits=config.stopbits
    ) as port:
        slave = port.slave(config.slave, timeout_s=config.answer_timeout)
        device = Device(config.registers, slave, config.spare)
        await device.read()
        yield device
