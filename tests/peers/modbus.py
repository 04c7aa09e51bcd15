"""A Modbus line with devices on it: pymodbus's own server, with faults on demand.

async with rtu_line({1: Slave(coils=[False] * 8)}) as line:
    ...                       # open line.port with the program under test
    assert line.coils(1)[0]
    line.fault = silent(1)    # slave 1 stops answering
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from pymodbus.framer import FramerType
from pymodbus.pdu import ModbusPDU
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice
from pymodbus.simulator.simcore import SimCore

from tests.peers.listening import free_port
from tests.peers.pty import Pty, crossover

Fault = Callable[[bytes], bytes]
"""From the answer's frame to what really goes out; the slave's id is its first byte (RTU) or its
seventh (TCP)."""

TABLES = ("coil", "discrete", "holding", "input")
FUNCTIONS = {1: "coil", 2: "discrete", 3: "holding", 4: "input"}


@dataclass(frozen=True, slots=True)
class Slave:
    """What one device holds at the addresses from 0 on; bits in multiples of 16."""

    coils: Sequence[bool] = (False,) * 16
    discrete: Sequence[bool] = (False,) * 16
    holding: Sequence[int] = (0,) * 16
    input: Sequence[int] = (0,) * 16

    def device(self, id: int) -> SimDevice:
        """Return pymodbus's description of this device."""
        bits = [
            [SimData(0, values=_padded(each), datatype=DataType.BITS)]
            for each in (self.coils, self.discrete)
        ]
        words = [
            [SimData(0, values=list(each), datatype=DataType.REGISTERS)]
            for each in (self.holding, self.input)
        ]
        return SimDevice(id, (bits[0], bits[1], words[0], words[1]))


@dataclass(slots=True)
class Line:
    """A running server. `port` is what a driver's `port` key must say."""

    port: str
    fault: Fault | None = None
    requests: list[tuple[int, int, int, int]] = field(default_factory=list)
    """Every request heard: slave, function code, address, count."""
    pty: Pty | None = None
    """The cable's end of an RTU line; `unplug` it."""
    _server: ModbusSerialServer | ModbusTcpServer | None = None

    def coils(self, slave: int) -> list[bool]:
        """Return what the coils of a slave are now."""
        words = self._block(slave, "c")
        return [bool(word >> bit & 1) for word in words for bit in range(16)]

    def set_coil(self, slave: int, address: int, *, is_on: bool) -> None:
        """Move a coil behind the gateway's back, as a hand switch does."""
        words = self._block(slave, "c")
        mask = 1 << address % 16
        words[address // 16] = words[address // 16] & ~mask | (mask if is_on else 0)

    def holding(self, slave: int) -> list[int]:
        """Return the holding registers of a slave; change the list to change them."""
        return self._block(slave, "h")

    def input(self, slave: int) -> list[int]:
        """Return the input registers of a slave; change the list to change them."""
        return self._block(slave, "i")

    def _block(self, slave: int, table: str) -> list[int]:
        assert self._server is not None
        assert isinstance(self._server.context, SimCore)
        words: list[int] = self._server.context.devices[slave].block[table][2]
        return words

    def _trace_packet(self, is_sending: bool, data: bytes) -> bytes:
        return self.fault(data) if is_sending and self.fault else data

    def _trace_pdu(self, is_sending: bool, pdu: ModbusPDU) -> ModbusPDU:
        if not is_sending:
            self.requests.append((pdu.dev_id, pdu.function_code, pdu.address, pdu.count))
        return pdu


def silent(slave: int, at: int = 0) -> Fault:
    """Return a fault: this slave does not answer. `at` is where its id stands (TCP: 6)."""
    return lambda frame: b"" if frame[at] == slave else frame


def garbage(frame: bytes) -> bytes:
    """A fault: every bit of the answer is wrong."""
    return bytes(byte ^ 0xFF for byte in frame)


def short(frame: bytes) -> bytes:
    """A fault: the answer breaks off."""
    return frame[:-3]


@asynccontextmanager
async def rtu_line(slaves: Mapping[int, Slave]) -> AsyncIterator[Line]:
    """Run an RTU line on a real serial cable."""
    with crossover() as (near, far):
        line = Line(near.path, pty=near)
        line._server = ModbusSerialServer(
            [slave.device(id) for id, slave in slaves.items()],
            framer=FramerType.RTU,
            port=far.path,
            baudrate=9600,
            trace_packet=line._trace_packet,
            trace_pdu=line._trace_pdu,
        )
        await line._server.serve_forever(background=True)
        try:
            yield line
        finally:
            await line._server.shutdown()  # type: ignore[no-untyped-call]  # pymodbus lacks it.


@asynccontextmanager
async def tcp_line(slaves: Mapping[int, Slave]) -> AsyncIterator[Line]:
    """Run a Modbus TCP gateway on the loopback."""
    port = free_port()
    line = Line(f"tcp:127.0.0.1:{port}")
    line._server = ModbusTcpServer(
        [slave.device(id) for id, slave in slaves.items()],
        address=("127.0.0.1", port),
        trace_packet=line._trace_packet,
        trace_pdu=line._trace_pdu,
    )
    await line._server.serve_forever(background=True)
    try:
        yield line
    finally:
        await line._server.shutdown()  # type: ignore[no-untyped-call]  # pymodbus lacks it.


def _padded(bits: Sequence[bool]) -> list[bool]:
    return [*bits, *[False] * (-len(bits) % 16)]
