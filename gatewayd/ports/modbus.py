"""A Modbus line: RTU over a serial line or a serial server, or Modbus TCP.

Strategy: one pymodbus client for all slaves of a line, one transaction at a time, each in its
caller's turn; so a device of many registers does not push the others aside. A transaction is
never abandoned half-way: in RTU an answer does not say what it answers, and the late answer to
one question would be taken for the answer to the next. For the same reason a slave that answered
late or not at all is left alone for one timeout before it is asked again, while others are asked.

Characteristics: in a question to one slave · out its registers or bits · buffered 64 callers ·
when full refuses · ordered first come, first served · event loop only · not durable.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from gatewayd.errors import DeviceAbsent, DeviceFault, DeviceTimeout
from gatewayd.ports.modbus_client import Ear, open_client
from gatewayd.ports.tty import settings_of
from gatewayd.ports.worker import CLOSE_S, Turns

if TYPE_CHECKING:
    from pymodbus.pdu import ModbusPDU

    from gatewayd.ports.modbus_client import Client

Table = Literal["coil", "discrete", "holding", "input"]

REGISTERS_MAX = 125
"""Registers in one answer. Source: Modbus application protocol V1.1b3, 6.3."""

BITS_MAX = 2000
"""Coils or discrete inputs in one answer. Source: Modbus application protocol V1.1b3, 6.1."""

TIMEOUT_S = 0.5
"""For one answer where nobody says otherwise: 256 bytes at 9600 baud and a slow slave."""

QUEUE_S = 60.0
"""How long a caller may wait for the line and its answer: 60 dead slaves before it."""

REASONS = {
    1: "illegal function",
    2: "illegal address",
    3: "illegal value",
    4: "device failure",
    5: "busy for long",
    6: "busy",
    10: "gateway has no path",
    11: "gateway got no answer",
}
"""Source: Modbus application protocol V1.1b3, 7."""

GATEWAY_GOT_NO_ANSWER = 11


@dataclass(slots=True)
class ModbusPort:
    """One open line with all its slaves."""

    name: str
    client: Client
    """pymodbus's own, for making requests; only `ask` awaits them."""
    _ear: Ear
    _turns: Turns
    _quiet_until_s: dict[int, float] = field(default_factory=dict)
    """Loop time until which an answer that nobody waits for may still come, by slave (≤ 256)."""

    @property
    def is_broken(self) -> bool:
        """True when the line is gone or closed."""
        return self._ear.is_lost

    def slave(self, id: int, *, timeout_s: float = TIMEOUT_S) -> Slave:
        """Return one device on this line; `timeout_s` is for each of its answers."""
        return Slave(self, id, timeout_s)

    async def ask(
        self, slave: Slave, function: int, request: Callable[[], Awaitable[ModbusPDU]]
    ) -> ModbusPDU:
        """Return the answer to one request, after all who asked before.

        Raises:
            DeviceTimeout: silence.
            DeviceFault: the slave refuses, or answers garbage.
            DeviceAbsent: the line is gone.
        """
        wait_s = self._quiet_until_s.get(slave.id, 0.0) - asyncio.get_running_loop().time()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        # The task is the transaction; the turns keep it to its end, which has a deadline.
        answer = await self._turns.run(
            lambda: asyncio.ensure_future(self._transact(slave, request)), timeout_s=QUEUE_S
        )
        if answer.isError():
            reason = REASONS.get(answer.exception_code, f"exception {answer.exception_code}")
            error = DeviceTimeout if answer.exception_code == GATEWAY_GOT_NO_ANSWER else DeviceFault
            raise error(f"{slave} refuses function {function}: {reason}")
        if answer.function_code != function:
            raise DeviceFault(f"{slave} answers function {answer.function_code}, not {function}")
        return answer

    async def close(self) -> None:
        """Let go of the line, after the transaction that is running.

        By then everything is sent, so that closing does not block on a full output buffer.
        """
        self._ear.is_lost = True
        self._turns.close()
        await self._turns.wait_idle(CLOSE_S)
        with suppress(OSError):
            self.client.close()

    async def _transact(
        self, slave: Slave, request: Callable[[], Awaitable[ModbusPDU]]
    ) -> ModbusPDU:
        from pymodbus.exceptions import ConnectionException, ModbusException

        self._ear.heard = 0
        self.client.ctx.comm_params.timeout_connect = slave.timeout_s
        is_settled = False
        try:
            if self.is_broken:
                raise DeviceAbsent(f"{self.name} is gone")
            answer = await request()
            is_settled = not answer.retries
        except (ConnectionException, OSError) as error:
            self._ear.is_lost = True
            raise DeviceAbsent(f"{self.name} is gone: {error}") from error
        except ModbusException as error:
            raise self._why_nothing(slave) from error
        finally:
            if not is_settled:
                now_s = asyncio.get_running_loop().time()
                self._quiet_until_s[slave.id] = now_s + slave.timeout_s
        return answer

    def _why_nothing(self, slave: Slave) -> DeviceAbsent | DeviceFault | DeviceTimeout:
        if self.is_broken:
            return DeviceAbsent(f"{self.name} is gone")
        if self._ear.heard:
            return DeviceFault(f"{slave} answered {self._ear.heard} bytes of garbage")
        return DeviceTimeout(f"{slave} did not answer within {slave.timeout_s:g} s")


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
        client = self.port.client
        function, read = {
            "coil": (1, client.read_coils),
            "discrete": (2, client.read_discrete_inputs),
        }[table]
        answer = await self.port.ask(
            self, function, lambda: read(address, count=count, device_id=self.id)
        )
        if len(answer.bits) != (count + 7) // 8 * 8:
            raise DeviceFault(f"{self} answered {len(answer.bits)} bits, not {count}")
        return list(answer.bits[:count])

    async def read_registers(
        self, table: Literal["holding", "input"], address: int, count: int
    ) -> list[int]:
        """Return `count` registers (0–65535) from `address` on."""
        client = self.port.client
        function, read = {
            "holding": (3, client.read_holding_registers),
            "input": (4, client.read_input_registers),
        }[table]
        answer = await self.port.ask(
            self, function, lambda: read(address, count=count, device_id=self.id)
        )
        if len(answer.registers) != count:
            raise DeviceFault(f"{self} answered {len(answer.registers)} registers, not {count}")
        return list(answer.registers)

    async def write_coil(self, address: int, *, is_on: bool) -> None:
        """Set one coil; the slave has confirmed it on return."""
        client = self.port.client
        answer = await self.port.ask(
            self, 5, lambda: client.write_coil(address, is_on, device_id=self.id)
        )
        if answer.address != address or answer.bits[:1] != [is_on]:
            raise DeviceFault(f"{self} confirmed another coil or state than coil {address}")

    async def write_coils(self, address: int, states: Sequence[bool]) -> None:
        """Set neighbouring coils in one act."""
        client = self.port.client
        await self.port.ask(
            self, 15, lambda: client.write_coils(address, list(states), device_id=self.id)
        )

    async def write_registers(self, address: int, words: Sequence[int]) -> None:
        """Set neighbouring holding registers in one act."""
        client = self.port.client
        await self.port.ask(
            self, 16, lambda: client.write_registers(address, list(words), device_id=self.id)
        )


async def open_modbus(name: str, wanted: Mapping[str, object]) -> ModbusPort:
    """Open the line `name`: `tcp:host[:port]`, `socket://host:port` (RTU through a serial
    server), a serial path, or the name of a `[port.NAME]` section.

    Raises as `open_client`.
    """
    client, ear = await open_client(name, settings_of(name, wanted))
    return ModbusPort(name, client, ear, Turns(name))
