"""Registers of Modbus devices: what one holds, which requests fetch them, and the fetching."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gatewayd.errors import DeviceFault
from gatewayd.model import Channel, Measurement, Quality, Value
from gatewayd.ports.modbus import BITS_MAX, REGISTERS_MAX, Table
from gatewayd.ports.modbus_asking import Refused

if TYPE_CHECKING:
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

ADDRESSES = range(65536)


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


def channels(registers: Mapping[str, Register]) -> tuple[Channel, ...]:
    """Return one channel for each register."""
    return tuple(
        Channel(
            name, each.kind, each.unit, each.decimals, minimum=each.minimum, maximum=each.maximum
        )
        for name, each in registers.items()
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

    def __init__(self, registers: Mapping[str, Register], slave: Slave, spare: int = 0) -> None:
        self._registers = registers
        self._slave = slave
        self._blocks = plan(registers, spare)

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
