"""A Modbus line without a line; the surface of `ModbusPort` and its slaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from gatewayd.errors import DeviceError, DeviceTimeout
from gatewayd.ports.modbus import TIMEOUT_S, Table
from gatewayd.ports.modbus_asking import Refused
from gatewayd.ports.modbus_reads import Span
from gatewayd.testing.wires import Gate


@dataclass(slots=True)
class SlaveModel:
    """What one slave holds: for each table, values by address."""

    coil: dict[int, int] = field(default_factory=dict)
    discrete: dict[int, int] = field(default_factory=dict)
    holding: dict[int, int] = field(default_factory=dict)
    input: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class FakeModbus:
    """A Modbus line with slaves on it.

    Attributes:
        slaves: by id; one that is not here is silent.
        log: (slave id, table, address, values written), in order.
        fault: raised instead of any answer.
    """

    name: str
    gate: Gate
    slaves: dict[int, SlaveModel] = field(default_factory=dict)
    log: list[tuple[int, Table, int, tuple[int, ...]]] = field(default_factory=list)
    fault: DeviceError | None = None
    is_broken: bool = False

    def slave(self, id: int, *, timeout_s: float = TIMEOUT_S) -> FakeSlave:
        """Return one device on this line."""
        return FakeSlave(self, id, timeout_s)

    async def read(self, slave: FakeSlave, table: Table, span: Span) -> Sequence[int]:
        """Return registers, or bits as 0 and 1."""
        return await slave.read_registers(table, span.address, span.size)

    async def close(self) -> None:
        """Forget nothing: a test may look at the log afterwards."""


@dataclass(slots=True)
class FakeSlave:
    """One device on the line; the surface of `Slave`."""

    port: FakeModbus
    id: int
    timeout_s: float

    async def read_bits(self, table: Table, address: int, count: int) -> list[bool]:
        """Return coils or discrete inputs."""
        return [bool(value) for value in await self._read(table, address, count)]

    async def read_registers(self, table: Table, address: int, count: int) -> list[int]:
        """Return registers."""
        return await self._read(table, address, count)

    async def write_coil(self, address: int, *, is_on: bool) -> None:
        """Set one coil."""
        await self._write("coil", address, [is_on])

    async def write_coils(self, address: int, states: Sequence[bool]) -> None:
        """Set neighbouring coils."""
        await self._write("coil", address, states)

    async def write_registers(self, address: int, words: Sequence[int]) -> None:
        """Set neighbouring registers."""
        await self._write("holding", address, words)

    async def _read(self, table: Table, address: int, count: int) -> list[int]:
        values = await self._table(table)
        wanted = range(address, address + count)
        if not values.keys() >= set(wanted):
            raise Refused(f"slave {self.id} at {self.port.name}: illegal address")
        return [values[each] for each in wanted]

    async def _write(self, table: Table, address: int, values: Sequence[int]) -> None:
        (await self._table(table)).update(enumerate(values, address))
        self.port.log.append((self.id, table, address, tuple(values)))

    async def _table(self, table: Table) -> dict[int, int]:
        await self.port.gate.pass_through()
        if self.port.fault is not None:
            raise self.port.fault
        model = self.port.slaves.get(self.id)
        if model is None:
            raise DeviceTimeout(
                f"slave {self.id} at {self.port.name} did not answer within {self.timeout_s:g} s"
            )
        held: dict[int, int] = getattr(model, table)
        return held
