"""Any I²C chip that this gateway has no driver for, from the numbers of its data sheet.

Channels:
    one for each `[device.NAME.fields.CHANNEL]`, with the kind and unit written there

Example:

    [device.solar]
    driver = "registers"
    port = "i2c:1"
    address = 0x29
    init = ["A0 03", "A1 10"]       # written once when the chip is opened, each as bytes
    init_wait = "120ms"             # after the last of them
    identity = { register = 0xB2, expected = 0x50 }

    [device.solar.fields.visible]
    register = 0xB4                 # the chip's register or command
    order = "little"
    kind = "light"

    [device.solar.fields.infrared]
    register = 0xB6
    order = "little"
    kind = "light"

Fields without a `register` of their own are taken from the answer to the device's `command`:

    command = "24 00"               # written before each reading; empty: the chip is only read
    wait = "16ms"                   # then STOP and wait; without it the read follows at once
    length = 6                      # bytes to read, checksums included
    crc = "sensirion"               # or "htu": behind each two bytes; "pec": behind all of them

    [….fields.temperature]
    start = 0                       # first byte, counted from 0 without the checksums
    bits = 16                       # how many bits the value has …
    shift = 0                       # … and how many unused ones are right of them
    signed = false
    scale = 0.0026703               # value = number · scale + offset
    offset = -45.0

Tested: an SHT3x, HTU21D, INA226 and MLX90614 written as TOML; real smbus2 over a fake kernel.
Source: the chip's data sheet; NXP UM10204 (I²C).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from drivers.i2c._crc import HTU_WORDS, SENSIRION_WORDS, Checksum, pec
from drivers.i2c._table import Chip, Command, Field, Order, Query, Table, TableSensor, open_table
from gatewayd.errors import DeviceFault
from gatewayd.fields import Seconds
from gatewayd.model import Channel

if TYPE_CHECKING:
    from gatewayd.ports import Ports

Crc = Literal["none", "sensirion", "htu", "pec"]

BYTES_MAX = 256
"""Of one write or read. No sensor's answer is longer; the port's own limit is above it."""

WAIT_MAX_S = 8.0
"""A reading must fit into the device's timeout, which is 10 s where nothing else is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One quantity: `[device.NAME.fields.CHANNEL]`.

    Attributes:
        register: a register or command of its own, read for this field alone.
        start: first byte in the answer to the device's `command`, without checksums.
        bits, shift: of the number, and unused ones right of it in its last byte.
        type: `float32` is IEEE 754 and needs neither bits nor shift.
    """

    kind: str
    register: int | None = None
    start: int = 0
    bits: int = 16
    shift: int = 0
    signed: bool = False
    type: Literal["integer", "float32"] = "integer"
    order: Order = "big"
    scale: float = 1.0
    offset: float = 0.0
    unit: str = ""
    decimals: int | None = None
    minimum: float | None = None
    maximum: float | None = None

    def field(self, name: str) -> Field:
        """Return what decodes it."""
        return Field(
            name=name,
            kind=self.kind,
            unit=self.unit,
            decimals=self.decimals,
            start=self.start,
            bits=self.bits,
            shift=self.shift,
            is_signed=self.signed,
            is_float=self.type == "float32",
            order=self.order,
            scale=self.scale,
            offset=self.offset,
            minimum=self.minimum,
            maximum=self.maximum,
        )

    def mistake(self) -> str | None:
        """Return what cannot be meant, or None."""
        if self.register is not None and self.register not in range(256):
            return "register is 0x00 to 0xFF"
        if self.start not in range(BYTES_MAX):
            return f"start is 0 to {BYTES_MAX - 1}"
        if not 1 <= self.bits <= 64 or not 0 <= self.shift <= 64:
            return "bits is 1 to 64, shift 0 to 64"
        if not self.scale:
            return "scale is not 0"
        if None not in (self.minimum, self.maximum) and self.minimum >= self.maximum:  # type: ignore[operator]  # Neither is None.
            return "minimum is below maximum"
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What proves the chip: a register, how many bytes it has, and the number in them.

    It is read with a repeated start and without a checksum, as registers of ids are.
    """

    register: int
    expected: int
    length: Literal[1, 2, 4] = 1
    order: Order = "big"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The keys of a `[device.NAME]` section with this driver.

    Attributes:
        init, init_wait: written once, each text the bytes of one write; the wait after them.
        command: written before each reading, for the fields without a register of their own.
        wait: between writing and reading. 0: they are one transaction, with a repeated start.
        length: bytes to read after the command; None: as many as the fields need.
        crc: of every answer: behind each two bytes, or (`pec`) behind all of them.
    """

    port: str
    address: int
    init: tuple[str, ...] = ()
    init_wait: Seconds = 0.0
    identity: Identity | None = None
    command: str = ""
    wait: Seconds = 0.0
    length: int | None = None
    crc: Crc = "none"
    fields: Mapping[str, Value]

    def __post_init__(self) -> None:
        """Find what cannot work before a chip is touched."""
        if not 0x08 <= self.address <= 0x77:
            raise ValueError("address is 0x08 to 0x77")
        if not self.fields:
            raise ValueError("a chip needs at least one [….fields.CHANNEL]")
        for key, wait_s in (("wait", self.wait), ("init_wait", self.init_wait)):
            if wait_s > WAIT_MAX_S:
                raise ValueError(f"{key} is {WAIT_MAX_S:g} s at the most")
        for text in (*self.init, self.command):
            bytes_of(text)
        if not all(self.init):
            raise ValueError('init: an empty text writes nothing; write bytes like "A0 03"')
        for name, value in self.fields.items():
            if (mistake := value.mistake()) is not None:
                raise ValueError(f"field {name}: {mistake}")
        self._check_identity()
        self._check_length()

    def _check_identity(self) -> None:
        identity = self.identity
        if identity is None:
            return
        if identity.register not in range(256):
            raise ValueError("identity: register is 0x00 to 0xFF")
        if not 0 <= identity.expected < 1 << 8 * identity.length:
            raise ValueError(f"identity: expected does not fit into {identity.length} byte(s)")

    def _check_length(self) -> None:
        """Find fields beyond the answer, and an answer that its checksums do not divide."""
        if self.length is None:
            return
        if not 1 <= self.length <= BYTES_MAX:
            raise ValueError(f"length is 1 to {BYTES_MAX}")
        if self.crc in {"sensirion", "htu"} and self.length % 3:
            raise ValueError("length is a multiple of 3 with crc: two bytes and their checksum")
        has = size_of(self.crc, self.length)
        for name, value in self.fields.items():
            end = value.start + value.field(name).size
            if value.register is None and end > has:
                raise ValueError(f"field {name} ends with byte {end}, the answer has {has}")


def bytes_of(text: str) -> bytes:
    """Return the bytes of a text such as `A0 03` or `2400`.

    Raises:
        ValueError: it is none.
    """
    try:
        data = bytes.fromhex(text)
    except ValueError:
        raise ValueError(f'{text!r} is no bytes; write each as two digits: "A0 03"') from None
    if len(data) > BYTES_MAX:
        raise ValueError(f"{len(data)} bytes are too many; {BYTES_MAX} at the most")
    return data


def checksum_of(crc: Crc, size: int) -> Checksum | None:
    """Return how an answer of `size` data bytes is protected; a PEC stands behind all of them."""
    if crc == "pec":
        return Checksum(pec, size, is_packet=True)
    return {"none": None, "sensirion": SENSIRION_WORDS, "htu": HTU_WORDS}[crc]


def length_of(crc: Crc, size: int) -> int:
    """Return how many bytes are read for `size` of data."""
    if crc == "none":
        return size
    return size + 1 if crc == "pec" else (size + 1) // 2 * 3


def size_of(crc: Crc, length: int) -> int:
    """Return how many bytes of data are in an answer; the inverse of `length_of`."""
    if crc == "none":
        return length
    return length - 1 if crc == "pec" else length // 3 * 2


def table_of(config: Config) -> Table:
    """Return the table that the owner has written."""
    queries = []
    shared = [(name, each) for name, each in config.fields.items() if each.register is None]
    if shared:
        fields = tuple(each.field(name) for name, each in shared)
        queries.append(_query(config, bytes_of(config.command), fields, config.length))
    for name, each in config.fields.items():
        if each.register is not None:
            queries.append(_query(config, bytes([each.register]), (each.field(name),), None))
    start = [Command(bytes_of(text)) for text in config.init]
    if start:
        start[-1] = Command(start[-1].data, config.init_wait)
    return Table(queries=tuple(queries), start=tuple(start))


def _query(config: Config, write: bytes, fields: tuple[Field, ...], length: int | None) -> Query:
    size = max(field.start + field.size for field in fields)
    count = length_of(config.crc, size) if length is None else length
    return Query(
        write=write,
        wait_s=config.wait,
        count=count,
        checksum=checksum_of(config.crc, size_of(config.crc, count)),
        fields=fields,
    )


def describe(config: Config) -> tuple[Channel, ...]:
    """Return one channel for each field, in the order of the file."""
    return tuple(each.field(name).channel for name, each in config.fields.items())


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[TableSensor]:
    """Prove the chip where the owner says how, write what he wants, read once, yield the sensor."""

    async def prove(chip: Chip) -> None:
        identity = config.identity
        if identity is None:
            return
        data = await chip.ask(Query(write=bytes([identity.register]), count=identity.length))
        found = int.from_bytes(data, identity.order)
        if found != identity.expected:
            raise DeviceFault(
                f"{chip.where} says identity 0x{found:0{2 * identity.length}x}, "
                f"not 0x{identity.expected:0{2 * identity.length}x}"
            )

    async with open_table(config, ports, table_of(config), prove) as sensor:
        await sensor.read()
        yield sensor
