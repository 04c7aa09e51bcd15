"""SenseAir S8, an infrared sensor of carbon dioxide.

Channels:
    co2  ppm; FAULT while the sensor reports an error of its own

Its factory address is unknown to most owners, and need not be known: it answers to 254 whatever
it is. So nothing else may be on its line.

Example:

    [device.classroom]
    driver = "senseair_s8"
    port = "/dev/serial/by-path/platform-xhci-hcd.0-usb-0:1:1.0-port0"

Tested: the document's worked answers; a real pymodbus server on a serial line.

Source: SenseAir, Modbus on SenseAir S8 (TDE2067), input registers IR1 and IR4, sensor type IR26 and
IR27.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from drivers.modbus._map import Parity, open_slave
from gatewayd.driver import Evidence
from gatewayd.errors import DeviceError
from gatewayd.fields import Seconds
from gatewayd.model import Channel, Measurement, Quality
from gatewayd.ports.modbus import TIMEOUT_S

if TYPE_CHECKING:
    from gatewayd.ports import Ports
    from gatewayd.ports.modbus import Slave

LINE = {"baudrate": 9600}

ANY_ADDRESS = 254
CO2_MAX = 10_000
"""ppm; the sensor's extended range."""

ERRORS = (
    "fatal",
    "offset regulation",
    "algorithm",
    "output",
    "self-diagnostics",
    "out of range",
    "memory",
)
"""Bits of the meter status, the lowest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Keys of the device's section.

    Attributes:
        slave: 254 is any sensor; its own address where several share a line.
        answer_timeout: the most that one answer may take.
        baudrate, parity, stopbits: of a serial line that has no `[port.NAME]` section.
    """

    port: str
    slave: int = ANY_ADDRESS
    answer_timeout: Seconds = TIMEOUT_S
    baudrate: int = 9600
    parity: Parity = "none"
    stopbits: Literal[1, 2] = 1

    def __post_init__(self) -> None:
        """Find what cannot work before a device is touched."""
        if self.slave not in range(1, ANY_ADDRESS + 1):
            raise ValueError("slave is 1 to 247, or 254 for any")


def describe(config: Config) -> tuple[Channel, ...]:
    """Return the one channel."""
    return (Channel("co2", "co2", "[ppm]", decimals=0, minimum=0, maximum=CO2_MAX),)


def decode(words: Sequence[int]) -> Measurement:
    """Return the carbon dioxide, FAULT where the status has any error bit.

    Args:
        words: input registers IR1 to IR4: meter status, alarm, output, ppm (signed).
    """
    ppm = words[3] - 0x10000 if words[3] & 0x8000 else words[3]
    return Measurement("co2", None, Quality.FAULT) if errors(words[0]) else Measurement("co2", ppm)


def errors(status: int) -> tuple[str, ...]:
    """Return what the sensor says is wrong with it."""
    return tuple(name for bit, name in enumerate(ERRORS) if status >> bit & 1)


@dataclass(frozen=True, slots=True)
class Co2:
    """One sensor."""

    _slave: Slave

    async def read(self) -> Sequence[Measurement]:
        """Ask for status and value together.

        Raises:
            DeviceTimeout: silence.
            DeviceFault: the sensor refuses, or answers garbage.
            DeviceAbsent: the line is gone.
        """
        return (decode(await self._slave.read_registers("input", 0, 4)),)


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[Co2]:
    """Open the line and prove with a first read that a sensor is there. Raises as `Co2.read`."""
    async with open_slave(config, ports) as slave:
        sensor = Co2(slave)
        await sensor.read()
        yield sensor


async def recognise(slave: Slave) -> Evidence | None:
    """Know a sensor by its sixteen registers of which the first are status and ppm; a hint."""
    try:
        words = await slave.read_registers("input", 0, 4)
        kind = await slave.read_registers("input", 25, 2)
    except DeviceError:
        return None
    ppm = decode(words).value
    if not isinstance(ppm, int) or not 100 <= ppm <= CO2_MAX or words[0] >> len(ERRORS):
        return None
    type_id = (kind[0] & 0xFF) << 16 | kind[1]
    keys = {"slave": slave.id} if slave.id != ANY_ADDRESS else {}
    return Evidence(f"{ppm} ppm, sensor type {type_id:06X}", is_proof=False, keys=keys)
