"""A Modbus line: RTU over a serial line or a serial server, or Modbus TCP.

Strategy: one pymodbus client for all slaves of a line, one transaction at a time, each in its
caller's turn; so a device of many registers does not push the others aside. A transaction is
never abandoned half-way: in RTU an answer does not say what it answers, and the late answer to
one question would be taken for the answer to the next. For the same reason a slave that answered
late or not at all is left alone for one timeout before it is asked again, while others are asked.
How long each is waited for is learned (`modbus_timing`): a dead slave costs the others little.

Characteristics: in a question to one slave · out its registers or bits · buffered 64 callers ·
when full refuses · ordered first come, first served · event loop only · not durable.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, MutableMapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from gatewayd.errors import DeviceFault
from gatewayd.ports.modbus_asking import READS, Asking, Question, Refused
from gatewayd.ports.modbus_client import open_client
from gatewayd.ports.modbus_find import find_line
from gatewayd.ports.modbus_reads import Read, Span, joined
from gatewayd.ports.tty import Settings, settings_of
from gatewayd.ports.worker import CLOSE_S, Turns

if TYPE_CHECKING:
    from pymodbus.pdu import ModbusPDU

    from gatewayd.ports.modbus_client import Client

T = TypeVar("T")

Table = Literal["coil", "discrete", "holding", "input"]

REGISTERS_MAX = 125
"""Registers in one answer. Source: Modbus application protocol V1.1b3, 6.3."""

BITS_MAX = 2000
"""Coils or discrete inputs in one answer. Source: Modbus application protocol V1.1b3, 6.1."""

TIMEOUT_S = 0.5
"""For one answer where nobody says otherwise: 256 bytes at 9600 baud and a slow slave."""

QUEUE_S = 60.0
"""How long a caller may wait for the line and its answer: 60 dead slaves before it."""


@dataclass(slots=True)
class ModbusPort:
    """One open line with all its slaves."""

    name: str
    _asking: Asking
    _turns: Turns
    _waiting: dict[tuple[int, Table], list[Read]] = field(default_factory=dict)
    """Reads that wait for their turn, by slave (≤ 256) and table."""
    _unmerged: set[int] = field(default_factory=set)
    """Slaves that refused reads which were merged; each is asked for its own from then on."""

    @property
    def client(self) -> Client:
        """pymodbus's own, for making requests; only `ask` awaits them."""
        return self._asking.client

    @property
    def is_broken(self) -> bool:
        """True when the line is gone or closed."""
        return self._asking.ear.is_lost

    def slave(self, id: int, *, timeout_s: float = TIMEOUT_S) -> Slave:
        """Return one device on this line; `timeout_s` is the most that one answer may take."""
        return Slave(self, id, timeout_s)

    async def read(self, slave: Slave, table: Table, span: Span) -> Sequence[int]:
        """Return registers, or bits as 0 and 1; neighbours that wait too are fetched along.

        Raises as `ask`.
        """
        read = Read(span)
        waiting = self._waiting.setdefault((slave.id, table), [])
        waiting.append(read)
        try:
            # Who was woken by the same tick of the clock joins the queue meanwhile.
            await asyncio.sleep(0)
            await self._asking.wait_quiet(slave)
            try:
                await self._turn(lambda: self._fetch(slave, table, read, waiting))
            except Refused:
                if slave.id in self._unmerged or len(waiting) == 1:
                    raise
                self._unmerged.add(slave.id)
                await self._turn(lambda: self._fetch(slave, table, read, waiting))
        finally:
            waiting.remove(read)
        assert read.answer is not None, "a read that raised nothing has its answer"
        return read.answer

    async def ask(self, slave: Slave, question: Question) -> ModbusPDU:
        """Return the answer to one question, after all who asked before.

        Raises:
            DeviceTimeout: silence.
            DeviceFault: the slave refuses (`Refused`), or answers garbage.
            DeviceAbsent: the line is gone.
        """
        await self._asking.wait_quiet(slave)
        return await self._turn(lambda: self._asking.ask(slave, question))

    async def close(self) -> None:
        """Let go of the line, after the transaction that is running.

        What is not sent by then never will be: closing would block until the line took it.
        """
        self._asking.ear.is_lost = True
        self._turns.close()
        await self._turns.wait_idle(CLOSE_S)
        self._asking.drop_unsent()
        with suppress(OSError):
            self.client.close()

    async def _turn(self, transaction: Callable[[], Coroutine[Any, Any, T]]) -> T:
        # The task is the transaction; the turns keep it to its end, which has a deadline.
        return await self._turns.run(
            lambda: asyncio.ensure_future(transaction()), timeout_s=QUEUE_S
        )

    async def _fetch(self, slave: Slave, table: Table, own: Read, waiting: list[Read]) -> None:
        """Ask for a read and those that touch it, and give each its answer."""
        if own.answer is not None:  # Fetched along with another's.
            return
        others = [] if slave.id in self._unmerged else [each.span for each in waiting]
        is_bits = table in {"coil", "discrete"}
        span = joined(own.span, others, BITS_MAX if is_bits else REGISTERS_MAX)
        answer = await self._asking.ask(slave, slave.question(table, span))
        values: Sequence[int] = answer.bits if is_bits else answer.registers
        if len(values) != (-(-span.size // 8) * 8 if is_bits else span.size):
            things = "bits" if is_bits else "registers"
            raise DeviceFault(f"{slave} answered {len(values)} {things}, not {span.size}")
        for each in waiting:
            each.take(span, values)


@dataclass(frozen=True, slots=True)
class Slave:
    """One device on a line. Every method raises as `ModbusPort.ask`."""

    port: ModbusPort
    id: int
    timeout_s: float

    def __str__(self) -> str:
        return f"slave {self.id} at {self.port.name}"

    async def read_bits(
        self, table: Literal["coil", "discrete"], address: int, count: int
    ) -> list[bool]:
        """Return `count` coils or discrete inputs from `address` on."""
        bits = await self.port.read(self, table, Span(address, count))
        return [bool(bit) for bit in bits[:count]]

    async def read_registers(
        self, table: Literal["holding", "input"], address: int, count: int
    ) -> list[int]:
        """Return `count` registers (0–65535) from `address` on."""
        return list(await self.port.read(self, table, Span(address, count)))

    async def write_coil(self, address: int, *, is_on: bool) -> None:
        """Set one coil; the slave has confirmed it on return."""
        client = self.port.client
        send = partial(client.write_coil, address, is_on, device_id=self.id)
        answer = await self.port.ask(self, Question(5, 8, send))
        if answer.address != address or answer.bits[:1] != [is_on]:
            raise DeviceFault(f"{self} confirmed another coil or state than coil {address}")

    async def write_coils(self, address: int, states: Sequence[bool]) -> None:
        """Set neighbouring coils in one act."""
        client = self.port.client
        send = partial(client.write_coils, address, list(states), device_id=self.id)
        await self.port.ask(self, Question(15, 8, send))

    async def write_registers(self, address: int, words: Sequence[int]) -> None:
        """Set neighbouring holding registers in one act."""
        client = self.port.client
        send = partial(client.write_registers, address, list(words), device_id=self.id)
        await self.port.ask(self, Question(16, 8, send))

    def question(self, table: Table, span: Span) -> Question:
        """Return the question that reads so much of a table."""
        client = self.port.client
        read = {
            "coil": client.read_coils,
            "discrete": client.read_discrete_inputs,
            "holding": client.read_holding_registers,
            "input": client.read_input_registers,
        }[table]
        size = -(-span.size // 8) if table in {"coil", "discrete"} else 2 * span.size
        send = partial(read, span.address, count=span.size, device_id=self.id)
        return Question(READS[table], 5 + size, send)


async def open_modbus(
    name: str, wanted: Mapping[str, object], found: MutableMapping[str, str] | None = None
) -> ModbusPort:
    """Open the line `name`: `tcp:host[:port]`, `socket://host:port` (RTU through a serial
    server), a serial path, or the name of a `[port.NAME]` section.

    Args:
        found: where lines that are found by a slave were found last, by name.

    Raises as `open_client`.
    """
    settings = settings_of(name, wanted)
    if settings.find is not None:
        return await find_line(name, settings.find, partial(_open_at, name, settings), found)
    return await _open(name, settings)


async def _open_at(name: str, settings: Settings, path: str) -> ModbusPort:
    return await _open(name, replace(settings, path=path, find=None))


async def _open(name: str, settings: Settings) -> ModbusPort:
    client, ear = await open_client(name, settings)
    return ModbusPort(name, Asking(name, client, ear, settings.baudrate), Turns(name))
