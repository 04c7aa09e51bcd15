"""Chips that are a table: what to write, how long to wait, what to read, what the bits mean.

Strategy: a driver of such a chip is a `Table` and nothing else; `Field.decode` is pure, and one
`TableSensor` runs every table. Nothing is held between two transactions, so that other chips have
the bus while this one converts, and a cancelled read leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import math
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from drivers.i2c._crc import Checksum, unsealed
from gatewayd.errors import DeviceAbsent, DeviceFault, DeviceTimeout
from gatewayd.model import Channel, Measurement, Quality

if TYPE_CHECKING:
    from gatewayd.ports import Ports
    from gatewayd.ports.i2c import I2cPort

Order = Literal["big", "little"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One quantity in an answer: value = (bits of the answer) · scale + offset.

    Attributes:
        start: its first byte, counted from 0 in the answer without checksums.
        bits, shift: the value's bits, and how many bits of its last byte are right of them.
        is_float: an IEEE 754 number of 32 bits.
        clamp: the formula's results outside are that limit (humidity of a real chip's −1 %).
        is_void: whether the number in all its bytes, spare bits too, means "no value".
        minimum, maximum: what can physically be.
    """

    name: str
    kind: str
    unit: str = ""
    decimals: int | None = None
    start: int = 0
    bits: int = 16
    shift: int = 0
    is_signed: bool = False
    order: Order = "big"
    is_float: bool = False
    scale: float = 1.0
    offset: float = 0.0
    clamp: tuple[float, float] | None = None
    is_void: Callable[[int], bool] | None = None
    minimum: float | None = None
    maximum: float | None = None

    @property
    def size(self) -> int:
        """How many bytes it takes."""
        return 4 if self.is_float else (self.bits + self.shift + 7) // 8

    @property
    def channel(self) -> Channel:
        """The channel that shows it."""
        return Channel(
            self.name,
            self.kind,
            self.unit,
            self.decimals,
            minimum=self.minimum,
            maximum=self.maximum,
        )

    def decode(self, data: bytes) -> Measurement:
        """Return the value in an answer; FAULT where the chip says that it has none."""
        raw = data[self.start : self.start + self.size]
        assert len(raw) == self.size, f"{self.name} stands beyond the answer"
        word = int.from_bytes(raw, self.order)
        if self.is_void is not None and self.is_void(word):
            return Measurement(self.name, None, Quality.FAULT)
        number = self._number(word) * self.scale + self.offset
        if not math.isfinite(number):
            return Measurement(self.name, None, Quality.FAULT)
        if self.clamp is not None:
            number = min(max(number, self.clamp[0]), self.clamp[1])
        # 3 · 0.1 is 0.3, not 0.30000000000000004; no chip has twelve digits.
        return Measurement(self.name, float(f"{number:.12g}"))

    def _number(self, word: int) -> float:
        if self.is_float:
            return float(struct.unpack(">f", word.to_bytes(4, "big"))[0])
        number = word >> self.shift & (1 << self.bits) - 1
        if self.is_signed and number >> (self.bits - 1):
            number -= 1 << self.bits
        return number


@dataclass(frozen=True, slots=True)
class Command:
    """Something to write, and how long the chip then needs before it listens again."""

    data: bytes
    wait_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One question.

    Attributes:
        write: the register or command; empty for a chip that answers a bare read.
        wait_s: 0: the read follows with a repeated start. More: STOP, the wait, then the read.
        count: bytes to read, checksums included.
        polls: how often the read is tried again, after `wait_s` each, while the chip does not
            acknowledge it: that is how some say "not yet".
    """

    write: bytes = b""
    wait_s: float = 0.0
    count: int
    checksum: Checksum | None = None
    fields: tuple[Field, ...] = ()
    polls: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """A question asked until the chip is ready: until the answer's masked bits are `wanted`.

    Attributes:
        mask: of the answer as one big-endian number, checksums taken out.
        wanted: None for any of the masked bits.
        every_s, tries: the pace, and how often at the most.
    """

    query: Query
    mask: int
    wanted: int | None = None
    every_s: float
    tries: int

    def is_ready(self, data: bytes) -> bool:
        """Return whether this answer means that the values are there."""
        bits = int.from_bytes(data, "big") & self.mask
        return bool(bits) if self.wanted is None else bits == self.wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A whole chip.

    Attributes:
        start: written once when the chip is opened.
        before: written before each reading; starts a conversion.
        ready: asked between `before` and the queries.
    """

    queries: tuple[Query, ...]
    start: tuple[Command, ...] = ()
    before: tuple[Command, ...] = ()
    ready: Poll | None = None

    def channels(self) -> tuple[Channel, ...]:
        """Return the channels of all fields, in the order of reading."""
        return tuple(field.channel for query in self.queries for field in query.fields)


class Chip:
    """One chip on a bus, and the few ways to speak with it. Each raises what the port raises."""

    def __init__(self, bus: I2cPort, address: int, where: str = "") -> None:
        self.bus = bus
        self.address = address
        self.where = where or f"0x{address:02x}"

    async def tell(self, *commands: Command) -> None:
        """Write commands, with the wait that each needs."""
        for command in commands:
            await self.bus.write(self.address, command.data)
            await asyncio.sleep(command.wait_s)

    async def ask(self, query: Query) -> bytes:
        """Return the answer to a question, its checksums proven and taken out.

        Raises:
            DeviceFault: a checksum is wrong.
        """
        if query.write and not query.wait_s:
            raw = await self.bus.transfer(self.address, query.write, query.count)
        else:
            if query.write:
                await self.bus.write(self.address, query.write)
            raw = await self._read(query)
        if query.checksum is None:
            return raw
        before = b""
        if query.checksum.is_packet:
            to, fro = self.address << 1, self.address << 1 | 1
            is_one_packet = query.write and not query.wait_s
            before = bytes([to, *query.write, fro] if is_one_packet else [fro])
        try:
            return unsealed(raw, query.checksum, before)
        except DeviceFault as error:
            raise DeviceFault(f"{self.where}: {error}") from error

    async def register(self, register: int, count: int = 2) -> int:
        """Return a register's content as one big-endian number."""
        return int.from_bytes(await self.ask(Query(write=bytes([register]), count=count)), "big")

    async def wait_ready(self, poll: Poll) -> None:
        """Ask until the chip is ready.

        Raises:
            DeviceTimeout: it still is not after `poll.tries` questions.
        """
        for tried in range(poll.tries):
            if tried:
                await asyncio.sleep(poll.every_s)
            if poll.is_ready(await self.ask(poll.query)):
                return
        raise DeviceTimeout(f"{self.where} is still not ready after {poll.tries} questions")

    async def _read(self, query: Query) -> bytes:
        for _ in range(query.polls):
            await asyncio.sleep(query.wait_s)
            try:
                return await self.bus.read(self.address, query.count)
            except DeviceAbsent:
                continue  # Not yet; the last read, below, tells whether it is more than that.
        await asyncio.sleep(query.wait_s)
        return await self.bus.read(self.address, query.count)


class TableSensor:
    """Runs one table. It remembers nothing: every read begins from the beginning."""

    def __init__(self, chip: Chip, table: Table) -> None:
        self.chip = chip
        self.table = table

    async def read(self) -> Sequence[Measurement]:
        """Convert, wait, ask everything, and return one measurement for each field.

        Raises:
            DeviceTimeout: the chip stays busy.
            DeviceFault: a checksum is wrong.
            DeviceError: the bus says so.
        """
        await self.chip.tell(*self.table.before)
        if self.table.ready is not None:
            await self.chip.wait_ready(self.table.ready)
        measured: list[Measurement] = []
        for query in self.table.queries:
            data = await self.chip.ask(query)
            measured += [field.decode(data) for field in query.fields]
        return measured


class Addressed(Protocol):
    """The two keys that every configuration of an I²C chip has."""

    @property
    def port(self) -> str: ...
    @property
    def address(self) -> int: ...


@asynccontextmanager
async def open_chip(config: Addressed, ports: Ports) -> AsyncIterator[Chip]:
    """Enter the bus and yield the chip, of which nothing is known yet."""
    async with ports.i2c(config.port) as bus:
        yield Chip(bus, config.address, f"{config.port}/0x{config.address:02x}")


@asynccontextmanager
async def open_table(
    config: Addressed, ports: Ports, table: Table, prove: Callable[[Chip], Awaitable[None]]
) -> AsyncIterator[TableSensor]:
    """Enter the bus, let the chip prove what it is, start it, yield its sensor."""
    async with open_chip(config, ports) as chip:
        await prove(chip)
        await chip.tell(*table.start)
        yield TableSensor(chip, table)
