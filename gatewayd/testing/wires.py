"""The single wires of `gatewayd.testing.ports`: same surface as the real ones, no hardware."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from gatewayd.errors import DeviceAbsent, DeviceError, DeviceFault, DeviceTimeout
from gatewayd.ports.edges import InputSettings
from gatewayd.ports.line import Line
from gatewayd.ports.serial import Splitter, find_end
from gatewayd.testing.i2c import ChipModel
from gatewayd.testing.inputs import FakeInputs


class Gate:
    """What every transaction passes through; while it is shut, they wait.

    Attributes:
        waiting: how many transactions stand before it now.
    """

    def __init__(self) -> None:
        self.waiting = 0
        self._is_open = asyncio.Event()
        self._is_open.set()
        self._arrived = asyncio.Event()

    def shut(self) -> None:
        """Make every wire hang."""
        self._is_open.clear()

    def open(self) -> None:
        """Let everybody through again."""
        self._is_open.set()

    async def pass_through(self) -> None:
        """Wait while the gate is shut."""
        if self._is_open.is_set():
            return
        self.waiting += 1
        self._arrived.set()
        try:
            await self._is_open.wait()
        finally:
            self.waiting -= 1
            self._arrived.clear()

    async def wait_arrival(self) -> None:
        """Wait until a transaction stands before the shut gate."""
        await self._arrived.wait()


@dataclass(slots=True)
class FakeI2c:
    """An I²C bus with chip models on it; the surface of `I2cPort`.

    Attributes:
        chips: by address. One that raises OSError did not acknowledge.
        log: (address, "w" or "r", bytes), in the order on the wire.
    """

    name: str
    gate: Gate
    chips: dict[int, ChipModel] = field(default_factory=dict)
    log: list[tuple[int, str, bytes]] = field(default_factory=list)
    fault: DeviceError | None = None
    is_broken: bool = False

    async def transfer(self, address: int, write: bytes, read_count: int) -> bytes:
        """Write, then read."""
        await self._begin()
        self._write(address, write)
        return self._read(address, read_count)

    async def write(self, address: int, data: bytes) -> None:
        """Write alone."""
        await self._begin()
        self._write(address, data)

    async def read(self, address: int, count: int) -> bytes:
        """Read alone."""
        await self._begin()
        return self._read(address, count)

    async def close(self) -> None:
        """Forget nothing: a test may look at the log afterwards."""

    async def _begin(self) -> None:
        await self.gate.pass_through()
        if self.fault is not None:
            raise self.fault

    def _write(self, address: int, data: bytes) -> None:
        try:
            self._chip(address).write(data)
        except OSError as error:
            raise DeviceAbsent(f"{self.name}/0x{address:02x} does not answer") from error
        self.log.append((address, "w", data))

    def _read(self, address: int, count: int) -> bytes:
        try:
            data = self._chip(address).read(count)
        except OSError as error:
            raise DeviceAbsent(f"{self.name}/0x{address:02x} does not answer") from error
        self.log.append((address, "r", data))
        return data

    def _chip(self, address: int) -> ChipModel:
        if address not in self.chips:
            raise OSError("nobody acknowledges")
        return self.chips[address]


@dataclass(slots=True)
class FakeLines:
    """A GPIO chip; the surface of `LinePort`.

    Attributes:
        log: (line, what the pin shows: True is high, None is released), in order. The first
            entry of a line is the level that came together with its direction.
        levels: the pins as they are now; a released pin keeps its level, as on a Raspberry Pi.
        held: lines that are requested now.
        fault: raised instead of doing anything.
        watched: the inputs that are held now.
        has_edges: set it to False, and the chip has no interrupts.
    """

    name: str
    gate: Gate
    log: list[tuple[Line, bool | None]] = field(default_factory=list)
    levels: dict[Line, bool] = field(default_factory=dict)
    held: set[Line] = field(default_factory=set)
    fault: DeviceError | None = None
    is_broken: bool = False
    watched: list[FakeInputs] = field(default_factory=list)
    has_edges: bool = True

    def drive(self, line: Line, is_high: bool, *, missed: int = 0) -> None:
        """Move a pin from outside; whoever watches it sees the edge, and `missed` before it."""
        self.levels[line] = is_high
        for inputs in self.watched:
            if line in inputs.lines:
                inputs.see(line, is_high, missed)

    def unplug(self) -> None:
        """Take the chip away: who holds a line finds out."""
        self.is_broken = True
        self.fault = DeviceAbsent(f"{self.name} is gone")
        for inputs in self.watched:
            inputs.wake()

    @asynccontextmanager
    async def inputs(
        self, lines: Sequence[Line], settings: InputSettings
    ) -> AsyncIterator[FakeInputs]:
        """Own lines as inputs."""
        await self.begin()
        if taken := self.held & set(lines):
            raise DeviceFault(f"line {taken} of {self.name} is held by another program or driver")
        owned = FakeInputs(self, tuple(lines), settings, self.has_edges)
        self.held.update(lines)
        self.watched.append(owned)
        try:
            yield owned
        finally:
            self.held.difference_update(lines)
            self.watched.remove(owned)

    async def begin(self) -> None:
        """What every access passes: the gate, then the fault."""
        await self.gate.pass_through()
        if self.fault is not None:
            raise self.fault

    @asynccontextmanager
    async def output(
        self, line: Line, *, active_low: bool, initial: bool
    ) -> AsyncIterator[FakeOutput]:
        """Own one line as an output."""
        if line in self.held:
            raise DeviceFault(f"line {line} of {self.name} is held by another program or driver")
        owned = FakeOutput(self, line, active_low)
        await owned.set(initial)
        self.held.add(line)
        try:
            yield owned
        finally:
            self.held.discard(line)
            self.log.append((line, None))

    async def close(self) -> None:
        """Forget nothing: a test may look at the pins afterwards."""


@dataclass(slots=True)
class FakeOutput:
    """One line of `FakeLines`; the surface of `OutputLine`."""

    chip: FakeLines
    line: Line
    active_low: bool

    async def set(self, value: bool) -> None:
        """Show a value."""
        await self.chip.begin()
        self.chip.levels[self.line] = value != self.active_low
        self.chip.log.append((self.line, self.chip.levels[self.line]))

    async def get(self) -> bool:
        """Return the value that the pin shows."""
        await self.chip.begin()
        return self.chip.levels[self.line] != self.active_low


@dataclass(slots=True)
class FakeSerial:
    """A serial line; the surface of `SerialPort`.

    Attributes:
        written: everything sent, one entry a write or question.
        answer: what the device says to a question; b"" is silence.
        settings: what the driver asked for when it entered.
    """

    name: str
    gate: Gate
    written: list[bytes] = field(default_factory=list)
    answer: Callable[[bytes], bytes] = lambda _: b""
    settings: dict[str, object] = field(default_factory=dict)
    is_broken: bool = False
    noise: int = 0
    _spoken: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)

    def say(self, data: bytes) -> None:
        """Speak unasked."""
        self._spoken.put_nowait(data)

    def unplug(self) -> None:
        """End the line, after what was said before."""
        self.is_broken = True
        self._spoken.put_nowait(b"")

    async def exchange(
        self, request: bytes, *, until: bytes | int, timeout_s: float, break_s: float = 0.0
    ) -> bytes:
        """Send a question and return the answer; a silent device times out at once."""
        await self.write(request)
        answer = self.answer(request)
        if not answer:
            raise DeviceTimeout(f"{self.name} did not answer within {timeout_s:g} s")
        size = find_end(answer, until)
        if size is None:
            raise DeviceFault(f"{self.name} broke off after {len(answer)} bytes")
        return answer[:size]

    async def write(self, data: bytes) -> None:
        """Send bytes that nobody answers."""
        await self.gate.pass_through()
        if self.is_broken:
            raise DeviceAbsent(f"{self.name} is gone")
        self.written.append(data)

    async def change_baudrate(self, baudrate: int) -> None:
        """Go on at another speed."""
        self.settings["baudrate"] = baudrate

    async def chunks(self, *, silence_s: float | None = None) -> AsyncIterator[bytes]:
        """Yield what was said."""
        await self.gate.pass_through()
        while True:
            try:
                async with asyncio.timeout(silence_s):
                    chunk = await self._spoken.get()
            except TimeoutError as error:
                raise DeviceTimeout(f"{self.name} has been silent for {silence_s} s") from error
            if not chunk:
                raise DeviceAbsent(f"{self.name} is gone")
            yield chunk

    async def lines(
        self, terminator: bytes = b"\n", *, silence_s: float | None = None
    ) -> AsyncIterator[bytes]:
        """Yield what was said, line by line."""
        splitter = Splitter(terminator)
        async for chunk in self.chunks(silence_s=silence_s):
            for line in splitter.feed(chunk):
                yield line
            self.noise += splitter.take_noise()

    async def close(self) -> None:
        """Forget nothing: a test may look at what was written afterwards."""
