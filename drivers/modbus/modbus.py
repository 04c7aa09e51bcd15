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

Source: Modbus application protocol specification V1.1b3; the device's own register list.
"""

from __future__ import annotations

import math
import struct
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gatewayd.errors import DeviceFault
from gatewayd.fields import Seconds
from gatewayd.model import Channel, Measurement, Quality, Value
from gatewayd.ports.modbus import BITS_MAX, REGISTERS_MAX, TIMEOUT_S, Table
from gatewayd.ports.modbus_asking import Refused

if TYPE_CHECKING:
    from gatewayd.ports import Ports
    from gatewayd.ports.modbus import Slave

Type = Literal[
    "bool", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"
]
Order = Literal["big", "little"]

FORMATS: dict[Type, str] = {
    "bool": ">H",
    "int16": ">h",
    "uint16": ">H",
    "int32": ">i",
    "uint32": ">I",
    "int64": ">q",
    "uint64": ">Q",
    "float32": ">f",
    "float64": ">d",
}

SLAVES = range(1, 256)
"""0 is a broadcast, which nobody answers; above 247 is reserved, and used all the same."""

ADDRESSES = range(65536)
SPARE_MAX = 100
"""Registers read for nothing: more would cost more time on the line than another request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """One value of the device: `[device.NAME.registers.CHANNEL]`.

    Attributes:
        address: counted from 0, as it goes over the line.
        type: what the registers hold; coils and discrete inputs are always `bool`.
        bit: of a register that holds flags, 0 being the lowest; the value is then on or off.
        word_order: "big" when the register with the lower address holds the upper half.
        byte_order: "big" as the specification says; some devices swap the bytes of a register.
        scale: the value is what the registers hold, times this.
    """

    address: int
    kind: str
    table: Table = "holding"
    type: Type = "uint16"
    bit: int | None = None
    word_order: Order = "big"
    byte_order: Order = "big"
    scale: float = 1.0
    unit: str = ""
    decimals: int | None = None
    minimum: float | None = None
    maximum: float | None = None

    @property
    def is_bit(self) -> bool:
        """True for a coil or a discrete input."""
        return self.table in {"coil", "discrete"}

    @property
    def size(self) -> int:
        """How many addresses it takes."""
        return 1 if self.is_bit else struct.calcsize(FORMATS[self.type]) // 2


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
    return tuple(
        Channel(
            name, each.kind, each.unit, each.decimals, minimum=each.minimum, maximum=each.maximum
        )
        for name, each in config.registers.items()
    )


def decode(words: Sequence[int], register: Register) -> Value:
    """Return the value that registers hold.

    Args:
        words: `register.size` of them, 0–65535, the lowest address first.

    Raises:
        DeviceFault: a float that is no number.
    """
    ordered = words if register.word_order == "big" else tuple(reversed(words))
    raw = b"".join(word.to_bytes(2, register.byte_order) for word in ordered)
    (value,) = struct.unpack(FORMATS[register.type], raw)
    if register.bit is not None or register.type == "bool":
        return bool(value >> (register.bit or 0) & 1)
    if register.scale != 1:
        value = float(f"{value * register.scale:.12g}")  # 3 · 0.1 is 0.3, not 0.30000000000000004.
    if not math.isfinite(value):
        raise DeviceFault(f"register {register.address} holds {value}")
    return value  # type: ignore[no-any-return]  # struct says Any; an int or a float here.


@dataclass(frozen=True, slots=True)
class Block:
    """What one request fetches."""

    table: Table
    address: int
    count: int
    names: tuple[str, ...]


def plan(registers: Mapping[str, Register], spare: int) -> tuple[Block, ...]:
    """Return the fewest requests that fetch all registers, with at most `spare` holes between."""
    blocks: list[Block] = []
    ordered = sorted(registers.items(), key=lambda item: (item[1].table, item[1].address))
    for name, each in ordered:
        end = each.address + each.size
        limit = BITS_MAX if each.is_bit else REGISTERS_MAX
        last = blocks[-1] if blocks else None
        if (
            last is not None
            and last.table == each.table
            and each.address - (last.address + last.count) <= spare
            and end - last.address <= limit
        ):
            count = max(last.count, end - last.address)
            blocks[-1] = Block(last.table, last.address, count, (*last.names, name))
        else:
            blocks.append(Block(each.table, each.address, each.size, (name,)))
    return tuple(blocks)


class Device:
    """One slave and its registers."""

    def __init__(self, config: Config, slave: Slave) -> None:
        self._registers = config.registers
        self._slave = slave
        self._blocks = plan(config.registers, config.spare)

    async def read(self) -> Sequence[Measurement]:
        """Fetch every register; those of a refused request are FAULT.

        Raises:
            DeviceFault: the device refuses everything, or answers garbage.
            DeviceTimeout: silence.
            DeviceAbsent: the line is gone.
        """
        values: dict[str, Value] = {}
        fault: DeviceFault | None = None
        for block in self._blocks:
            try:
                words = await self._fetch(block)
            except Refused as error:  # Garbage ends the visit: the others wait for the line.
                fault = error
                continue
            for name in block.names:
                register = self._registers[name]
                start = register.address - block.address
                try:
                    values[name] = _value(words[start : start + register.size], register)
                except DeviceFault as error:
                    fault = error
        if fault is not None and not values:
            raise fault
        return tuple(
            Measurement(name, values[name])
            if name in values
            else Measurement(name, None, Quality.FAULT)
            for name in self._registers
        )

    async def _fetch(self, block: Block) -> Sequence[int]:
        if block.table == "coil" or block.table == "discrete":  # noqa: PLR1714 — mypy narrows by it.
            return await self._slave.read_bits(block.table, block.address, block.count)
        return await self._slave.read_registers(block.table, block.address, block.count)


def _value(words: Sequence[int], register: Register) -> Value:
    return bool(words[0]) if register.is_bit else decode(words, register)


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[Device]:
    """Open the line and prove with a first read that the slave is there and has such registers.

    Raises as `Device.read`.
    """
    async with ports.modbus(
        config.port, baudrate=config.baudrate, parity=config.parity, stopbits=config.stopbits
    ) as port:
        device = Device(config, port.slave(config.slave, timeout_s=config.answer_timeout))
        await device.read()
        yield device
