"""A serial line: RS-232, RS-485, USB, or one behind a network (`socket://`, `rfc2217://`).

Strategy: pyserial blocks, in the line's own thread. Nothing there waits longer than `SLICE_S`
at a time, so a caller who leaves frees the thread within that, on every kind of line. Whatever
pyserial and the kernel raise is translated once, here; the first sign of an unplugged cable
closes the line for good, and the next one to enter gets a fresh one.

Characteristics: in bytes or a question · out bytes, lines or an answer · buffered the kernel's
4 KiB and one unfinished line · when full the kernel drops bytes, an overlong line is dropped and
counted · ordered · event loop only · not durable.
"""

from __future__ import annotations

import termios
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from gatewayd.errors import ConfigError, DeviceAbsent, DeviceFault, DeviceTimeout
from gatewayd.ports.tty import WRITE_S, Settings, open_device, settings_of, why_closed
from gatewayd.ports.worker import Worker

if TYPE_CHECKING:
    import serial

T = TypeVar("T")

LINE_BYTES_MAX = 4096
"""A longer line or answer is noise. Devices stay far below; a wrong baudrate makes endless ones."""

NOISE_MAX = 4
"""Overlong lines in a row after which the line is given up: nobody speaks this protocol here."""

LISTEN_S = 1.0
"""How long one job listens before the thread reports back with nothing; who else has something
to say on the line waits as long."""

WAIT_S = 10.0
"""How long a caller queues for the line, besides the time that its own transaction may take."""

OPEN_S = 10.0
"""For opening; a network line may take 5 s to refuse."""


@dataclass(slots=True)
class Splitter:
    """Cuts a stream of bytes into lines and drops noise; pure.

    Attributes:
        noise: lines dropped because they were longer than `LINE_BYTES_MAX`, not yet taken.
        noise_in_a_row: how many of them since the last good line.
        is_midway: what comes up to the next terminator is the end of a line, not a line.
    """

    terminator: bytes = b"\n"
    noise: int = 0
    noise_in_a_row: int = 0
    is_midway: bool = False
    _rest: bytes = b""

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the lines that this chunk completes, without their terminators."""
        *lines, self._rest = (self._rest + chunk).split(self.terminator)
        if lines and self.is_midway:
            del lines[0]
            self.is_midway = False
        good = [line for line in lines if len(line) <= LINE_BYTES_MAX]
        self._count(len(lines) - len(good))
        if good:
            self.noise_in_a_row = 0
        if len(self._rest) > LINE_BYTES_MAX:
            self._count(1)
            self.is_midway = True
            # The last bytes may be the beginning of a terminator.
            self._rest = self._rest[len(self._rest) - len(self.terminator) + 1 :]
        return good

    def take_noise(self) -> int:
        """Return the overlong lines dropped since the last call."""
        noise, self.noise = self.noise, 0
        return noise

    def _count(self, lines: int) -> None:
        self.noise += lines
        self.noise_in_a_row += lines


@dataclass(slots=True)
class _Wait:
    """One caller's wait, seen from the thread: is anybody still interested?"""

    is_over: bool = False


@dataclass(slots=True)
class SerialPort:
    """One open serial line and its thread."""

    name: str
    _serial: serial.Serial
    _worker: Worker
    is_midway: bool
    """Whether the next byte may be in the middle of something that a device is saying."""
    is_broken: bool = False
    noise: int = 0
    """Overlong lines dropped since the line was opened."""

    async def exchange(
        self, request: bytes, *, until: bytes | int, timeout_s: float, break_s: float = 0.0
    ) -> bytes:
        """Send a question and return the answer; what came unasked before is dropped.

        Args:
            until: the answer's terminator (not returned), or its length in bytes.
            timeout_s: from the last byte of the question to the last of the answer.
            break_s: hold the line at break for so long first, and let it rest as long: what
                wakes the sensors of an SDI-12 line.

        Raises:
            DeviceTimeout: silence.
            DeviceFault: an answer that is too short or has no end.
            DeviceAbsent: the line is gone.
        """
        return await self._run(
            lambda wait: self._exchange(request, until, timeout_s, break_s, wait),
            timeout_s + 2 * break_s,
        )

    async def write(self, data: bytes) -> None:
        """Send bytes that nobody answers; on return the kernel has them.

        Raises:
            DeviceTimeout: the line did not take them in time; some may have been sent.
            DeviceAbsent: the line is gone.
        """
        await self._run(lambda _: self._serial.write(data), WRITE_S)

    async def change_baudrate(self, baudrate: int) -> None:
        """Send what is waiting to be sent, and go on at another speed.

        Raises:
            DeviceTimeout: the line does not take the rest.
            DeviceAbsent: the line is gone.
        """
        await self._run(lambda _: self._change_baudrate(baudrate), WRITE_S)

    async def chunks(self, *, silence_s: float | None = None) -> AsyncGenerator[bytes, None]:
        """Yield bytes as they come.

        Raises:
            DeviceTimeout: nothing came for `silence_s`.
            DeviceAbsent: the line is gone.
        """
        listen_s = min(LISTEN_S, silence_s or LISTEN_S)
        silent_s = 0.0
        while True:
            chunk = await self._run(lambda wait: self._listen(listen_s, wait), listen_s)
            silent_s = 0.0 if chunk else silent_s + listen_s
            if chunk:
                yield chunk
            elif silence_s is not None and silent_s >= silence_s:
                raise DeviceTimeout(f"{self.name} has been silent for {silence_s:g} s")

    async def lines(
        self, terminator: bytes = b"\n", *, silence_s: float | None = None
    ) -> AsyncGenerator[bytes, None]:
        """Yield lines as they come, without terminators; overlong ones are dropped and counted.

        Where a device is already speaking, what is left of that line is dropped: the end of
        `112.5 g` looks like a good `12.5 g`.

        Raises:
            DeviceTimeout: nothing came for `silence_s`.
            DeviceFault: noise alone, no end of a line in sight.
            DeviceAbsent: the line is gone.
        """
        splitter = Splitter(terminator, is_midway=self.is_midway)
        async for chunk in self.chunks(silence_s=silence_s):
            self.is_midway = True  # For who comes after us: the rest of this line is in our hands.
            for line in splitter.feed(chunk):
                yield line
            self.noise += splitter.take_noise()
            if splitter.noise_in_a_row >= NOISE_MAX:
                raise DeviceFault(f"{self.name} sends bytes but no lines; is the baudrate right?")

    async def close(self) -> None:
        """Let go of the line and end its thread."""
        self.is_broken = True
        await self._worker.close(self._serial.close)

    async def _run(self, job: Callable[[_Wait], T], timeout_s: float) -> T:
        wait = _Wait()
        try:
            return await self._worker.run(self._guarded, job, wait, timeout_s=timeout_s + WAIT_S)
        finally:
            wait.is_over = True

    # All below runs in the thread.

    def _guarded(self, job: Callable[[_Wait], T], wait: _Wait) -> T:
        """Run a job; the one place where foreign exceptions of an open line are translated."""
        import serial

        try:
            return job(wait)
        except serial.SerialTimeoutException as error:
            raise DeviceTimeout(f"{self.name} takes no bytes") from error
        except (OSError, termios.error) as error:
            self.is_broken = True
            with suppress(OSError):
                self._serial.close()
            raise DeviceAbsent(f"{self.name} is gone: {error}") from error

    def _change_baudrate(self, baudrate: int) -> None:
        self._serial.flush()
        if self._serial.baudrate != baudrate:
            self._serial.baudrate = baudrate

    def _exchange(
        self, request: bytes, until: bytes | int, timeout_s: float, break_s: float, wait: _Wait
    ) -> bytes:
        if break_s:
            self._serial.send_break(break_s)
            time.sleep(break_s)
        self._serial.reset_input_buffer()
        self._serial.write(request)
        answer = b""
        end = time.monotonic() + timeout_s
        while (size := find_end(answer, until)) is None:
            if wait.is_over or time.monotonic() >= end:
                raise _incomplete(self.name, answer, timeout_s)
            if len(answer) > LINE_BYTES_MAX:
                raise DeviceFault(f"{self.name} answers without end")
            answer += self._receive()
        return answer[:size]

    def _listen(self, listen_s: float, wait: _Wait) -> bytes:
        end = time.monotonic() + listen_s
        while True:
            if chunk := self._receive():
                return chunk
            if wait.is_over or time.monotonic() >= end:
                return b""

    def _receive(self) -> bytes:
        """Return what is there; wait for the first byte, but not longer than `SLICE_S`."""
        return self._serial.read(max(1, min(self._serial.in_waiting, LINE_BYTES_MAX)))


def find_end(answer: bytes, until: bytes | int) -> int | None:
    """Return how many bytes of `answer` are the answer, or None while it is not complete."""
    if isinstance(until, int):
        return until if len(answer) >= until else None
    size = answer.find(until)
    return size if size >= 0 else None


def _incomplete(name: str, answer: bytes, timeout_s: float) -> DeviceFault | DeviceTimeout:
    if answer:
        return DeviceFault(f"{name} broke off after {len(answer)} bytes: {answer[:16].hex(' ')}")
    return DeviceTimeout(f"{name} did not answer within {timeout_s:g} s")


async def open_serial(name: str, wanted: Mapping[str, object]) -> SerialPort:
    """Open the line `name` with the keys of its section.

    Raises:
        ConfigError: impossible settings.
        DeviceAbsent: no such line, no right to it, or another program has it.
        DeviceFault: RS-485 direction control was asked for and the hardware has none.
    """
    settings = settings_of(name, wanted)
    if settings.find is not None:
        raise ConfigError(f"port {name} is found by a Modbus slave; this device needs a path")
    worker = Worker(name)
    opened: list[tuple[serial.Serial, bool]] = []
    try:
        await worker.run(lambda: opened.append(_open_and_hear(settings)), timeout_s=OPEN_S)
    except BaseException:  # Also a cancellation: whatever opens meanwhile is closed again.
        await worker.close(lambda: opened[0][0].close() if opened else None)
        raise
    device, is_midway = opened[0]
    return SerialPort(name, device, worker, is_midway)


def _open_and_hear(settings: Settings) -> tuple[serial.Serial, bool]:
    """Return the open device, and whether somebody on the line is already speaking."""
    device = open_device(settings)
    try:
        return device, bool(device.read(1))
    except OSError as error:
        device.close()
        raise DeviceAbsent(why_closed(settings.path, error)) from error
