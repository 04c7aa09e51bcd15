"""Ready maps: what the drivers of well-known meters and sensors share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from drivers.modbus._registers import Device, Register
from gatewayd.driver import Evidence
from gatewayd.errors import DeviceError
from gatewayd.fields import Seconds
from gatewayd.model import Quality, Value
from gatewayd.ports.modbus import TIMEOUT_S

if TYPE_CHECKING:
    from gatewayd.ports import Ports
    from gatewayd.ports.modbus import Slave

Parity = Literal["none", "even", "odd"]
SLAVES = range(1, 248)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Keys of the device's section.

    Attributes:
        answer_timeout: the most that one answer may take.
        baudrate, parity, stopbits: of a serial line that has no `[port.NAME]` section.
    """

    port: str
    slave: int = 1
    answer_timeout: Seconds = TIMEOUT_S
    baudrate: int = 9600
    parity: Parity = "none"
    stopbits: Literal[1, 2] = 1

    def __post_init__(self) -> None:
        """Find what cannot work before a device is touched."""
        refuse_slave(self.slave)


def refuse_slave(slave: int) -> None:
    """Raise ValueError for a number that no meter can have."""
    if slave not in SLAVES:
        raise ValueError("slave is 1 to 247")


class Settings(Protocol):
    """The part of a configuration that tells line and slave."""

    @property
    def port(self) -> str: ...
    @property
    def slave(self) -> int: ...
    @property
    def answer_timeout(self) -> float: ...
    @property
    def baudrate(self) -> int: ...
    @property
    def parity(self) -> Parity: ...
    @property
    def stopbits(self) -> Literal[1, 2]: ...


@asynccontextmanager
async def open_slave(config: Settings, ports: Ports) -> AsyncIterator[Slave]:
    """Open the line; the slave itself is not asked yet. Raises DeviceAbsent."""
    async with ports.modbus(
        config.port, baudrate=config.baudrate, parity=config.parity, stopbits=config.stopbits
    ) as port:
        yield port.slave(config.slave, timeout_s=config.answer_timeout)


@asynccontextmanager
async def open_map(
    config: Settings, ports: Ports, registers: Mapping[str, Register], spare: int = 0
) -> AsyncIterator[Device]:
    """Open the line and prove with a first read that a slave with such registers is there.

    Raises as `Device.read`.
    """
    async with open_slave(config, ports) as slave:
        device = Device(registers, slave, spare)
        await device.read()
        yield device


async def find_values(
    slave: Slave, registers: Mapping[str, Register], spare: int = 0
) -> dict[str, Value] | None:
    """Return what a slave holds where a map says, or None unless every value is there and can
    physically be."""
    try:
        measured = await Device(registers, slave, spare).read()
    except DeviceError:
        return None
    found = {each.channel: each.value for each in measured if each.quality is Quality.GOOD}
    good = {
        name: value
        for name, value in found.items()
        if value is not None and is_possible(value, registers[name])
    }
    return good if len(good) == len(registers) else None


def is_possible(value: Value, register: Register) -> bool:
    """Return whether a value is within what its register can say."""
    if not isinstance(value, int | float):
        return True
    low, high = register.minimum, register.maximum
    return (low is None or value >= low) and (high is None or value <= high)


def hint(what: str, values: Mapping[str, Value]) -> Evidence:
    """Return the evidence of plausible values: others may have the same registers."""
    shown = ", ".join(f"{name} {value:.6g}" for name, value in values.items())
    return Evidence(f"{what}: {shown}", is_proof=False)
