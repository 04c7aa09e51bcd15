"""The lines of one GPIO chip: /dev/gpiochipN through libgpiod 2, in a thread of its own.

Strategy: an output is requested with its level, so that level and direction reach the hardware in
one act and the line never shows a value that nobody asked for. Requests live in the thread that
makes them: whoever is cancelled while a line is being requested finds it released behind him, in
order. A chip on a USB adapter that is pulled out goes on taking values without a word (seen with
a CP2112 on Linux 6.1 and 6.12), so after every access the chip's node must still be the same one.
What inputs can do is in `gatewayd.ports.inputs`.
"""

from __future__ import annotations

import errno
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from gatewayd.errors import ConfigError, DeviceAbsent, DeviceError, DeviceFault
from gatewayd.ports.edges import CONSUMER, InputSettings, errno_kept, request_inputs
from gatewayd.ports.inputs import Inputs
from gatewayd.ports.worker import Worker

if TYPE_CHECKING:
    from gpiod import LineRequest
    from gpiod.line import Value

T = TypeVar("T")

Line = int | str
"""An offset on its chip (17), or the name that the board's maker gave it ("GPIO17")."""

DEV = Path("/dev")

LINE_S = 2.0
"""One access. Lines of the processor take microseconds, those behind USB or I²C milliseconds;
after two seconds the chip hangs."""

_GONE = frozenset({errno.ENODEV, errno.ENOENT, errno.ENXIO, errno.EBADF})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The keys of a `[port.NAME]` section with `type = "gpio"`: a chip's path or label."""

    chip: str


def chip_choice(name: str, settings: Mapping[str, object] | None) -> str:
    """Return the chip that a wire's name or its `[port.NAME]` section means.

    `gpio:0` is /dev/gpiochip0. `gpio:pinctrl-bcm2711` is the chip with that label, which stays
    the same when another chip is plugged in first.

    Raises:
        ConfigError: neither says which chip.
    """
    if settings is not None:
        chip = settings.get("chip")
        if settings.get("type") != "gpio" or not isinstance(chip, str) or not chip:
            raise ConfigError(
                f'[port.{name}] is no GPIO chip; expected type = "gpio" and chip = "…", '
                "a path such as /dev/gpiochip0 or a label"
            )
        return chip
    match = re.fullmatch(r"gpio:(\S+)", name)
    if match is None:
        raise ConfigError(f"{name!r} is no GPIO chip; expected gpio:0 or gpio:LABEL")
    return f"gpiochip{match[1]}" if match[1].isdigit() else match[1]


def chip_path(choice: str, dev: Path = DEV) -> Path:
    """Return the node of a chip. Raises DeviceAbsent where no chip has that label."""
    is_node = re.fullmatch(r"/.*|gpiochip\d+", choice)
    return dev / choice if is_node else _find_chip(dev, choice)


async def open_lines(
    name: str, settings: Mapping[str, object] | None = None, dev: Path = DEV
) -> LinePort:
    """Open a chip.

    Raises:
        ConfigError: the name or section says no chip.
        DeviceAbsent: there is no such chip, or it may not be opened.
    """
    port = LinePort(name, chip_choice(name, settings), dev)
    try:
        await port.open()
    except BaseException:
        await port.close()
        raise
    return port


class LinePort:
    """One chip, shared by the devices on its lines; each line has one owner.

    Characteristics: in a level · out the level as driven · one access at a time, first come first
    served · a cancelled caller leaves, the access ends first · not durable.
    """

    def __init__(self, name: str, choice: str, dev: Path = DEV) -> None:
        self.is_broken = False
        self._name = name
        self._choice = choice
        self._dev = dev
        self._worker = Worker(name)
        # The two below belong to the worker's thread.
        self._path = Path()
        self._identity: tuple[int, int] | None = None
        self._requests: dict[OutputLine | Inputs, LineRequest] = {}

    @asynccontextmanager
    async def output(
        self, line: Line, *, active_low: bool, initial: bool
    ) -> AsyncIterator[OutputLine]:
        """Own one line as an output that shows `initial` from its first moment on.

        `active_low` turns every value round: True drives the pin low. On leaving, the line is
        released; what it shows then is the kernel's and the wiring's matter.

        Raises:
            DeviceFault: no such line, or another program holds it.
            DeviceAbsent: the chip is gone.
            DeviceTimeout: the chip hangs; nobody can say what the line does.
        """
        owned = OutputLine(self, line)
        try:
            await self._worker.run(self._request, owned, active_low, initial, timeout_s=LINE_S)
            yield owned
        finally:
            await self._let_go(owned)

    @asynccontextmanager
    async def inputs(self, lines: Sequence[Line], settings: InputSettings) -> AsyncIterator[Inputs]:
        """Own lines as inputs, watched together from the first moment on. Raises as `output`."""
        owned = Inputs(self, lines, settings)
        try:
            await self._worker.run(self._request_inputs, owned, timeout_s=LINE_S)
            yield owned
        finally:
            await self._let_go(owned)

    async def ask(self, owner: Inputs, job: Callable[[], T]) -> T:
        """Run a job on inputs that are held. Raises as `output`."""
        return await self._worker.run(self._asked, owner, job, timeout_s=LINE_S)

    async def set(self, owned: OutputLine, value: bool) -> None:
        """Drive an output that is held. Raises as `output`."""
        await self._worker.run(self._set, owned, value, timeout_s=LINE_S)

    async def get(self, owned: OutputLine) -> bool:
        """Return the value of an output that is held. Raises as `output`."""
        return await self._worker.run(self._get, owned, timeout_s=LINE_S)

    async def open(self) -> None:
        """Find the chip. Raises DeviceAbsent."""
        await self._worker.run(self._open, timeout_s=LINE_S)

    async def close(self) -> None:
        """Release every line behind the access that is under way."""
        await self._worker.close(self._release_all)

    async def _let_go(self, owned: OutputLine | Inputs) -> None:
        try:
            await self._worker.run(self._release, owned, timeout_s=LINE_S)
        except DeviceError:
            # The thread hangs or the port is closed: its end releases every line.
            self.is_broken = True

    def _open(self) -> None:
        self._path = chip_path(self._choice, self._dev)
        self._identity = _identity(self._path)
        if self._identity is None:
            raise DeviceAbsent(f"{self._name}: there is no {self._path}")

    def _request(self, owned: OutputLine, active_low: bool, initial: bool) -> None:
        import gpiod
        from gpiod.line import Direction

        settings = gpiod.LineSettings(
            direction=Direction.OUTPUT, active_low=active_low, output_value=_level(initial)
        )
        try:
            self._requests[owned] = gpiod.request_lines(
                str(self._path), consumer=CONSUMER, config={owned.line: settings}
            )
        except ValueError as error:
            raise DeviceFault(f"{self._name} has no line {owned.line}") from error
        except OSError as error:
            raise self._translated(owned.line, error) from error
        self._prove_present()

    def _set(self, owned: OutputLine, value: bool) -> None:
        try:
            with errno_kept():
                self._requests[owned].set_value(owned.line, _level(value))
        except OSError as error:
            raise self._translated(owned.line, error) from error
        self._prove_present()

    def _get(self, owned: OutputLine) -> bool:
        from gpiod.line import Value

        try:
            with errno_kept():
                value = self._requests[owned].get_value(owned.line)
        except OSError as error:
            raise self._translated(owned.line, error) from error
        self._prove_present()
        return value is Value.ACTIVE

    def _request_inputs(self, owned: Inputs) -> None:
        names = ", ".join(map(str, owned.lines))
        try:
            owned.held = request_inputs(self._path, owned.lines, owned.settings)
        except ValueError as error:
            raise DeviceFault(f"{self._name} has no line {names}, or one twice") from error
        except OSError as error:
            raise self._translated(names, error) from error
        self._requests[owned] = owned.held.request
        self._prove_present()

    def _asked(self, owner: Inputs, job: Callable[[], T]) -> T:
        try:
            result = job()
        except OSError as error:
            raise self._translated(", ".join(map(str, owner.lines)), error) from error
        self._prove_present()
        return result

    def _release(self, owned: OutputLine | Inputs) -> None:
        request = self._requests.pop(owned, None)
        if request is not None:
            request.release()

    def _release_all(self) -> None:
        for owned in tuple(self._requests):
            self._release(owned)

    def _prove_present(self) -> None:
        if self._identity != _identity(self._path):
            self.is_broken = True
            raise DeviceAbsent(f"{self._name} is gone; nobody can say what its lines do")

    def _translated(self, line: Line, error: OSError) -> DeviceError:
        if error.errno == errno.EBUSY:
            return DeviceFault(f"line {line} of {self._name} is held by another program or driver")
        if error.errno in {errno.EACCES, errno.EPERM}:
            return DeviceAbsent(f"{self._path} may not be opened: add this user to the group gpio")
        self.is_broken = error.errno in _GONE or self._identity != _identity(self._path)
        return DeviceAbsent(f"line {line} of {self._name} fails: {error.strerror}")


class OutputLine:
    """One line, owned as an output."""

    def __init__(self, port: LinePort, line: Line) -> None:
        self.line = line
        self._port = port

    async def set(self, value: bool) -> None:
        """Show a value. Raises as `LinePort.output`."""
        await self._port.set(self, value)

    async def get(self) -> bool:
        """Return the value that the pin is driven to, which is not what the load does."""
        return await self._port.get(self)


def _level(value: bool) -> Value:
    from gpiod.line import Value

    return Value.ACTIVE if value else Value.INACTIVE


def _find_chip(dev: Path, label: str) -> Path:
    """Return the node of the chip with that label. Raises DeviceAbsent."""
    import gpiod

    seen: list[str] = []
    for path in sorted(dev.glob("gpiochip*")):
        try:
            with gpiod.Chip(str(path)) as chip:
                found = chip.get_info().label
        except OSError:
            continue  # Not ours to open, or unplugged this moment; the message tells what is left.
        if found == label:
            return path
        seen.append(found)
    raise DeviceAbsent(f"no GPIO chip is labelled {label!r}; there are {', '.join(seen) or 'none'}")


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what tells this chip's node from one made later under the same name."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_rdev
