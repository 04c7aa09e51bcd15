"""Relay boards that sit on the I²C bus: Sequent, Seeed, Grove, 52Pi.

Channels:
    relay1 … relay8 (switch), written; read back where the board can say (all but the Grove boards)

Example:

    [device.board]
    driver = "relay_board"
    port = "i2c:1"
    board = "sequent_8relays"
    address = 0x27          # 0x20 or 0x38 plus 7 minus the stack level
    safe = "off"

Boards: `sequent_8relays`, `sequent_4relind` (its four relays; its inputs are an `expander_input`
on another board), `seeed_v1`, `grove_4`, `grove_8`, `dockerpi_4`. A Grove board says nothing about
its relays, so the first write of one switches off those that were not yet written.

Tested: registers of board models; real smbus2 over a fake kernel.

Source: the makers' own programs: SequentMicrosystems/8relind-rpi and 4relind-rpi,
johnwargo/seeed-studio-relay-v1, Seeed-Studio/Multi_Channel_Relay_Arduino_Library; 52Pi EP-0099.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from drivers.i2c._expander import CHIPS, Active, Expander, Registers, Relays, switches
from gatewayd.errors import DeviceFault
from gatewayd.model import Access, Channel, Value

if TYPE_CHECKING:
    from gatewayd.driver import Actuator
    from gatewayd.ports import Ports

Name = Literal["sequent_8relays", "sequent_4relind", "seeed_v1", "grove_4", "grove_8", "dockerpi_4"]

GROVE_STATES = 0x10
"""One bit a relay. The next register stores a new address for ever: it is never written."""

ON, OFF = 0xFF, 0x00
"""What a 52Pi board's registers 1 to 4 hold."""


@dataclass(frozen=True, slots=True)
class Board:
    """One product: the bit of each relay in its register, and the chip that has that register."""

    bits: tuple[int, ...]
    addresses: range | tuple[int, ...]
    chip: Expander | None = None
    active: Active = "high"


SEQUENT = (*range(0x20, 0x28), *range(0x38, 0x40))

BOARDS: dict[Name, Board] = {
    "sequent_8relays": Board(
        (0x01, 0x04, 0x40, 0x10, 0x20, 0x80, 0x08, 0x02), SEQUENT, CHIPS["pca9554"]
    ),
    "sequent_4relind": Board((0x80, 0x40, 0x20, 0x10), SEQUENT, CHIPS["pca9554"]),
    # It switches by making its pins inputs or outputs: register 6 is all there is to it.
    "seeed_v1": Board((1, 2, 4, 8), range(0x20, 0x24), Expander(8, outputs=0x06), "low"),
    "grove_4": Board((1, 2, 4, 8), range(0x08, 0x78)),
    "grove_8": Board(tuple(1 << bit for bit in range(8)), range(0x08, 0x78)),
    "dockerpi_4": Board((1, 2, 3, 4), range(0x10, 0x14)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The keys of a `[device.NAME]` section with this driver."""

    port: str
    board: Name
    address: int

    def __post_init__(self) -> None:
        """Refuse addresses that the board's jumpers do not give."""
        addresses = BOARDS[self.board].addresses
        if self.address not in addresses:
            known = ", ".join(f"{each:#04x}" for each in addresses)
            raise ValueError(f"{self.board} cannot be at {self.address:#04x}; it has {known}")


def describe(config: Config) -> tuple[Channel, ...]:
    """Return one output for each relay."""
    return switches(_names(config), Access.WRITE)


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[Actuator]:
    """Find the board and yield its relays; one is touched by its first write.

    Raises:
        DeviceAbsent: nobody answers there.
    """
    board = BOARDS[config.board]
    bits = dict(zip(_names(config), board.bits, strict=True))
    async with ports.i2c(config.port) as bus:
        registers = Registers(bus, config.address)
        if board.chip is not None:
            await registers.read(board.chip.outputs)
            yield Relays(registers, board.chip, bits, board.active)
        elif config.board == "dockerpi_4":
            await registers.read(bits["relay1"])
            yield Bytes(registers, bits)
        else:
            await bus.read(config.address, 1)
            yield Blind(registers, bits)


@dataclass(slots=True)
class Bytes:
    """A register for each relay."""

    registers: Registers
    numbers: dict[str, int]

    async def write(self, channel: str, value: Value) -> None:
        """Switch one relay. Raises DeviceError."""
        await self.registers.write(self.numbers[channel], ON if _state(value) else OFF)

    async def read_back(self, channel: str) -> bool:
        """Return what the board says. Raises DeviceError, DeviceFault for neither on nor off."""
        state = await self.registers.read(self.numbers[channel])
        if state not in {ON, OFF}:
            raise DeviceFault(f"{channel} is neither on nor off but {state:#04x}")
        return state == ON


@dataclass(slots=True)
class Blind:
    """One register for all relays, which cannot be read."""

    registers: Registers
    bits: dict[str, int]
    _on: set[str] = field(default_factory=set)

    async def write(self, channel: str, value: Value) -> None:
        """Switch one relay. Raises DeviceError."""
        on = self._on | {channel} if _state(value) else self._on - {channel}
        await self.registers.write(GROVE_STATES, sum(self.bits[name] for name in on))
        self._on = on

    async def read_back(self, channel: str) -> None:
        """Return nothing: the board cannot say."""


def _names(config: Config) -> list[str]:
    return [f"relay{number}" for number in range(1, len(BOARDS[config.board].bits) + 1)]


def _state(value: Value) -> bool:
    if not isinstance(value, bool):
        raise DeviceFault(f"a relay is on or off, not {value!r}")
    return value
