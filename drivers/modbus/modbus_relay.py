"""Relay boards with Modbus coils: Waveshare Modbus RTU Relay and kin, over RTU or TCP.

Channels:
    relay            on a board with one relay
    relay1 … relayN  on the others

After a cut of its power the board wakes with all relays off.

Example:

    [device.board]
    driver = "modbus_relay"
    port = "tcp:10.0.0.8:502"     # or a [port.NAME], or a serial path
    relays = 8
    safe = "off"

Tested: real pymodbus over a pty, its own server at the other end.

Source: Waveshare Modbus RTU Relay, development protocol: coil 0 is the first relay, function 5
switches it, function 1 reads all back.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gatewayd.errors import DeviceFault
from gatewayd.fields import Seconds
from gatewayd.model import Access, Channel, Value
from gatewayd.ports.modbus import TIMEOUT_S

if TYPE_CHECKING:
    from gatewayd.ports import Ports
    from gatewayd.ports.modbus import Slave

RELAYS_MAX = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Keys of the device's section.

    Attributes:
        coil: of the first relay, counted from 0.
        answer_timeout: the most that one answer may take.
        baudrate, parity, stopbits: of a serial line that has no `[port.NAME]` section.
    """

    port: str
    slave: int = 1
    relays: int = 8
    coil: int = 0
    answer_timeout: Seconds = TIMEOUT_S
    baudrate: int = 9600
    parity: Literal["none", "even", "odd"] = "none"
    stopbits: Literal[1, 2] = 1

    def __post_init__(self) -> None:
        """Refuse boards that do not exist."""
        if not 1 <= self.slave <= 255:
            raise ValueError("slave is 1 to 255")
        if not 1 <= self.relays <= RELAYS_MAX:
            raise ValueError(f"relays is 1 to {RELAYS_MAX}")
        if not 0 <= self.coil <= 65536 - self.relays:
            raise ValueError("coil is 0 to 65535, also of the last relay")


def describe(config: Config) -> tuple[Channel, ...]:
    """Return one output for each relay."""
    return tuple(Channel(name, "switch", access=Access.WRITE) for name in _names(config))


def _names(config: Config) -> tuple[str, ...]:
    if config.relays == 1:
        return ("relay",)
    return tuple(f"relay{number}" for number in range(1, config.relays + 1))


@dataclass(slots=True)
class Relays:
    """One board."""

    _slave: Slave
    _coils: dict[str, int]

    async def write(self, channel: str, value: Value) -> None:
        """Switch a relay; on return the board has confirmed it.

        Raises:
            DeviceTimeout: no confirmation; the relay's state is unknown.
            DeviceFault: the board refuses, there is no such relay, or neither on nor off.
            DeviceAbsent: the line is gone.
        """
        if not isinstance(value, bool):
            raise DeviceFault(f"{channel} cannot be {value!r}; a relay is on or off")
        await self._slave.write_coil(self._coil(channel), is_on=value)

    async def read_back(self, channel: str) -> bool:
        """Return what the board says of a relay. Raises as `write`."""
        return (await self._slave.read_bits("coil", self._coil(channel), 1))[0]

    def _coil(self, channel: str) -> int:
        if channel not in self._coils:
            raise DeviceFault(f"{self._slave} has no {channel}")
        return self._coils[channel]


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[Relays]:
    """Open the line and prove with a read that a board with so many relays is there.

    Raises:
        DeviceTimeout: silence.
        DeviceFault: the board has fewer coils.
        DeviceAbsent: the line is gone.
    """
    async with ports.modbus(
        config.port, baudrate=config.baudrate, parity=config.parity, stopbits=config.stopbits
    ) as port:
        slave = port.slave(config.slave, timeout_s=config.answer_timeout)
        await slave.read_bits("coil", config.coil, config.relays)
        coils = {name: config.coil + place for place, name in enumerate(_names(config))}
        yield Relays(slave, coils)
