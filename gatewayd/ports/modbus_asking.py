"""One question on a Modbus line and its answer, one at a time, and what slaves are known to be.

Strategy: a lost frame is everyday on RS-485 and costs one repetition; how long each try waits is
learned (`modbus_timing`). A slave whose answer may still come is left alone meanwhile.
"""

from __future__ import annotations

import asyncio
import termios
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

from gatewayd.errors import DeviceAbsent, DeviceFault, DeviceTimeout
from gatewayd.ports.modbus_timing import Timing, wire_s

if TYPE_CHECKING:
    from pymodbus.pdu import ModbusPDU

    from gatewayd.ports.modbus_client import Client, Ear

READS = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
"""The function that reads each table. Source: Modbus application protocol V1.1b3, 6."""

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


class Refused(DeviceFault):
    """The slave is there and says no; what else it is asked may well be answered."""


class Question(NamedTuple):
    """What goes to a slave: the function, the size of a good answer (bytes), and how to send it."""

    function: int
    answer_bytes: int
    send: Callable[[], Awaitable[ModbusPDU]]

    @property
    def is_read(self) -> bool:
        """Whether it changes nothing, and is answered as quickly as the last one."""
        return self.function in READS.values()


class Addressed(Protocol):
    """What is asked: its `str` names it in sentences."""

    @property
    def id(self) -> int:
        """Its number on the line."""
        ...

    @property
    def timeout_s(self) -> float:
        """The most that one answer may take."""
        ...


@dataclass(slots=True)
class Asking:
    """The line as seen by who has the turn."""

    name: str
    client: Client
    ear: Ear
    baudrate: int
    _quiet_until_s: dict[int, float] = field(default_factory=dict)
    """Loop time until which an answer that nobody waits for may still come, by slave (≤ 256)."""
    _timings: dict[int, Timing] = field(default_factory=dict)
    """By slave (≤ 256)."""

    async def wait_quiet(self, slave: Addressed) -> None:
        """Wait until no late answer of this slave can be on its way; others may be asked."""
        wait_s = self._quiet_until_s.get(slave.id, 0.0) - asyncio.get_running_loop().time()
        if wait_s > 0:
            await asyncio.sleep(wait_s)

    async def ask(self, slave: Addressed, question: Question) -> ModbusPDU:
        """Return the answer; runs in its turn, to its end.

        Raises:
            DeviceTimeout: silence.
            DeviceFault: the slave refuses (`Refused`), or answers garbage.
            DeviceAbsent: the line is gone.
        """
        loop = asyncio.get_running_loop()
        timing = self._timings.setdefault(slave.id, Timing())
        on_wire_s = wire_s(question.answer_bytes, self.baudrate)
        self.ear.heard = 0
        tries_s: tuple[float, ...] = (slave.timeout_s, slave.timeout_s)
        if question.is_read:  # A write takes its time, and half of one is worse than a late one.
            tries_s = timing.tries_s(on_wire_s, slave.timeout_s)
        for number, wait_s in enumerate(tries_s):
            asked_s = loop.time()
            # Who answered garbage did not lack time.
            answer = await self._try(question, tries_s[0] if self.ear.heard else wait_s)
            if answer is None:
                continue
            if number:  # The answer to the first try may still come.
                self._quiet_until_s[slave.id] = loop.time() + slave.timeout_s
            took_s = loop.time() - asked_s
            return self._judged(slave, question, answer, took_s if question.is_read else None)
        timing.failed(is_silent=not self.ear.heard)
        self.drop_unsent()
        self._quiet_until_s[slave.id] = loop.time() + slave.timeout_s
        if self.ear.heard:
            raise DeviceFault(f"{slave} answered {self.ear.heard} bytes of garbage")
        raise DeviceTimeout(f"{slave} did not answer within {tries_s[-1]:.2g} s")

    async def _try(self, question: Question, timeout_s: float) -> ModbusPDU | None:
        """Return what answers in time, or None. Raises DeviceAbsent."""
        from pymodbus.exceptions import ConnectionException, ModbusException

        self.client.ctx.comm_params.timeout_connect = timeout_s
        self.ear.is_listening = True
        try:
            if not self.ear.is_lost:
                return await question.send()
        except (ConnectionException, OSError) as error:
            self.ear.is_lost = True
            raise DeviceAbsent(f"{self.name} is gone: {error}") from error
        except ModbusException:
            if not self.ear.is_lost:
                return None
        finally:
            self.ear.is_listening = False
        raise DeviceAbsent(f"{self.name} is gone")

    def _judged(
        self, slave: Addressed, question: Question, answer: ModbusPDU, took_s: float | None
    ) -> ModbusPDU:
        """Return a good answer. Raises DeviceFault, or DeviceTimeout of a gateway in between."""
        timing = self._timings[slave.id]
        if answer.isError():
            reason = REASONS.get(answer.exception_code, f"exception {answer.exception_code}")
            told = f"{slave} refuses function {question.function}: {reason}"
            if answer.exception_code == GATEWAY_GOT_NO_ANSWER:
                timing.failed(is_silent=True)
                raise DeviceTimeout(told)
            timing.failures = 0
            raise Refused(told)
        if took_s is not None:
            timing.answered(took_s, wire_s(question.answer_bytes, self.baudrate))
        if answer.function_code != question.function:
            told = f"answers function {answer.function_code}, not {question.function}"
            raise DeviceFault(f"{slave} {told}")
        return answer

    def drop_unsent(self) -> None:
        """Forget questions that a wedged line did not take: nobody waits for their answers."""
        tty = getattr(self.client.ctx.transport, "sync_serial", None)  # A network line has none.
        if tty is not None:
            self.client.ctx.transport.flush()  # type: ignore[attr-defined]  # pymodbus types too little.
            with suppress(OSError, termios.error):  # The line is gone; who asks next is told.
                tty.reset_output_buffer()
