"""The lines of a GPIO chip: our own port over a stand-in for libgpiod, and over gpio-sim."""

from __future__ import annotations

import asyncio
import errno
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import gpiod
import pytest
from gpiod.line import Direction, Value

from gatewayd.errors import ConfigError, DeviceAbsent, DeviceFault
from gatewayd.ports.line import LinePort, chip_choice, open_lines
from tests.peers.gpio import raised_by_gpiod

LINES = 8
NAMES = {"GPIO3": 3}


@dataclass
class Kernel:
    """Stands for libgpiod and the chips below; remembers what each pin showed, in order.

    Attributes:
        pins: (offset, level of the pin, or None when released).
        entered, may_go_on: hold a request midway.
    """

    labels: dict[str, str]
    pins: list[tuple[int, bool | None]] = field(default_factory=list)
    held: set[int] = field(default_factory=set)
    set_errno: int = 0
    request_errno: int = 0
    entered: threading.Event = field(default_factory=threading.Event)
    may_go_on: threading.Event = field(default_factory=threading.Event)

    def request_lines(
        self, path: str, *, consumer: str, config: dict[int | str, gpiod.LineSettings]
    ) -> Request:
        ((line, settings),) = config.items()
        self.entered.set()
        assert self.may_go_on.wait(5)
        offset = NAMES.get(line, LINES) if isinstance(line, str) else line
        if offset >= LINES:
            raise ValueError("line offset of out range")
        if self.request_errno or offset in self.held:
            raise raised_by_gpiod(self.request_errno or errno.EBUSY)
        assert consumer == "gatewayd"
        assert settings.direction is Direction.OUTPUT
        self.held.add(offset)
        request = Request(self, offset, settings.active_low)
        request.show(settings.output_value)
        return request

    @contextmanager
    def chip(self, path: str) -> Iterator[SimpleNamespace]:
        info = SimpleNamespace(label=self.labels[Path(path).name])
        yield SimpleNamespace(get_info=lambda: info)


@dataclass
class Request:
    kernel: Kernel
    offset: int
    active_low: bool
    value: Value = Value.INACTIVE

    def show(self, value: Value) -> None:
        self.value = value
        self.kernel.pins.append((self.offset, (value is Value.ACTIVE) != self.active_low))

    def set_value(self, line: int | str, value: Value) -> None:
        if self.kernel.set_errno:
            raise raised_by_gpiod(self.kernel.set_errno)
        self.show(value)

    def get_value(self, line: int | str) -> Value:
        if self.kernel.set_errno:
            raise raised_by_gpiod(self.kernel.set_errno)
        return self.value

    def release(self) -> None:
        self.kernel.held.discard(self.offset)
        self.kernel.pins.append((self.offset, None))


@pytest.fixture
def dev(tmp_path: Path) -> Path:
    (tmp_path / "gpiochip0").touch()
    (tmp_path / "gpiochip4").touch()
    return tmp_path


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    kernel = Kernel({"gpiochip0": "raspberrypi-exp-gpio", "gpiochip4": "pinctrl-rp1"})
    kernel.may_go_on.set()
    monkeypatch.setattr(gpiod, "request_lines", kernel.request_lines)
    monkeypatch.setattr(gpiod, "Chip", kernel.chip)
    return kernel


@pytest.fixture
async def port(kernel: Kernel, dev: Path) -> AsyncIterator[LinePort]:
    port = await open_lines("gpio:0", dev=dev)
    yield port
    await port.close()


async def test_level_and_direction_come_in_one_act(port: LinePort, kernel: Kernel) -> None:
    """The pin never shows a level that nobody asked for: its first one is the initial value."""
    async with port.output(3, active_low=False, initial=True):
        assert kernel.pins == [(3, True)]


async def test_an_active_low_output_drives_the_pin_low_for_true(
    port: LinePort, kernel: Kernel
) -> None:
    """On is a low pin, off a high one, from the first moment on."""
    async with port.output(3, active_low=True, initial=False) as out:
        await out.set(True)
        assert await out.get() is True
        assert kernel.pins == [(3, True), (3, False)]


async def test_a_line_is_released_at_the_end_of_its_scope(port: LinePort, kernel: Kernel) -> None:
    """Whoever comes next can have it."""
    async with port.output(3, active_low=False, initial=False):
        pass
    assert kernel.pins[-1] == (3, None)
    async with port.output("GPIO3", active_low=False, initial=True):
        assert kernel.held == {3}


async def test_a_held_line_is_refused_and_its_owner_undisturbed(
    port: LinePort, kernel: Kernel
) -> None:
    """Two devices on one line are a mistake of the file; the first keeps working."""
    async with port.output(3, active_low=False, initial=False) as first:
        with pytest.raises(DeviceFault, match="line 3 of gpio:0 is held"):
            async with port.output(3, active_low=False, initial=True):
                pytest.fail("nobody may hold a line twice")
        await first.set(True)
        assert kernel.pins == [(3, False), (3, True)]


@pytest.mark.parametrize("line", [LINES, "GPIO99"])
async def test_a_line_that_is_not_there_is_named(
    port: LinePort, kernel: Kernel, line: int | str
) -> None:
    """Offsets and names are both checked by the chip."""
    with pytest.raises(DeviceFault, match=f"gpio:0 has no line {line}"):
        async with port.output(line, active_low=False, initial=False):
            pytest.fail("there is no such line")


async def test_a_chip_that_is_gone_is_noticed_although_it_takes_values(
    port: LinePort, dev: Path
) -> None:
    """A CP2112 that is pulled out accepts every write without a word; its node is gone though."""
    async with port.output(3, active_low=False, initial=False) as out:
        (dev / "gpiochip0").unlink()
        with pytest.raises(DeviceAbsent, match="gpio:0 is gone"):
            await out.set(True)
        assert port.is_broken


async def test_a_chip_that_came_back_is_another_one(port: LinePort, dev: Path) -> None:
    """The request belongs to the chip that left: reading it says nothing about the new one."""
    async with port.output(3, active_low=False, initial=False) as out:
        (dev / "new").touch()
        (dev / "new").replace(dev / "gpiochip0")
        with pytest.raises(DeviceAbsent):
            await out.get()
        assert port.is_broken


@pytest.mark.parametrize(
    ("code", "is_broken"),
    [(errno.ENODEV, True), (errno.EIO, False), (errno.EINVAL, False), (errno.EOPNOTSUPP, False)],
)
async def test_a_failing_line_is_absent(
    port: LinePort, kernel: Kernel, code: int, is_broken: bool
) -> None:
    """An expander behind I²C fails and comes back; a chip without a device does not. Two errors
    of the kernel are no OSError in libgpiod's Python.
    """
    async with port.output(3, active_low=False, initial=False) as out:
        kernel.set_errno = code
        with pytest.raises(DeviceAbsent):
            await out.set(True)
        with pytest.raises(DeviceAbsent):
            await out.get()
        assert port.is_broken is is_broken


async def test_a_forbidden_chip_names_the_group(port: LinePort, kernel: Kernel) -> None:
    """The right to use the lines is a group on every Pi."""
    kernel.request_errno = errno.EACCES
    with pytest.raises(DeviceAbsent, match="group gpio"):
        async with port.output(3, active_low=False, initial=False):
            pytest.fail("the chip may not be opened")


async def test_who_is_cancelled_while_requesting_leaves_the_line_free(
    port: LinePort, kernel: Kernel
) -> None:
    """The request under way ends first and is released behind the one who left."""
    kernel.may_go_on.clear()

    async def use() -> None:
        async with port.output(3, active_low=False, initial=False):
            pytest.fail("cancelled before that")

    using = asyncio.create_task(use())
    await asyncio.get_running_loop().run_in_executor(None, kernel.entered.wait, 5)
    using.cancel()
    await asyncio.sleep(0)
    kernel.may_go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await using
    assert kernel.pins == [(3, False), (3, None)]
    async with port.output(3, active_low=False, initial=True):
        assert kernel.held == {3}


async def test_closing_the_port_releases_every_line(kernel: Kernel, dev: Path) -> None:
    """Nothing outlives the wire."""
    port = await open_lines("gpio:0", dev=dev)
    async with port.output(3, active_low=False, initial=True) as out:
        await port.close()
        assert kernel.held == set()
        with pytest.raises(DeviceAbsent):
            await out.set(False)


async def test_a_chip_is_found_by_its_label(kernel: Kernel, dev: Path) -> None:
    """Numbers change when another chip is plugged in first; labels do not."""
    port = await open_lines("gpio:pinctrl-rp1", dev=dev)
    async with port.output(3, active_low=False, initial=True):
        (dev / "gpiochip0").unlink()
    assert not port.is_broken
    await port.close()


async def test_an_unknown_label_tells_those_that_are_there(kernel: Kernel, dev: Path) -> None:
    """The owner can copy the right one from the message."""
    with pytest.raises(DeviceAbsent, match="there are raspberrypi-exp-gpio, pinctrl-rp1"):
        await open_lines("gpio:pinctrl-bcm2711", dev=dev)


async def test_a_chip_that_is_not_there_is_absent(dev: Path) -> None:
    """A number without a node."""
    with pytest.raises(DeviceAbsent, match="gpiochip7"):
        await open_lines("gpio:7", dev=dev)


def test_a_chip_is_named_directly_or_by_its_section() -> None:
    """By number, label or path."""
    assert chip_choice("gpio:0", None) == "gpiochip0"
    assert chip_choice("gpio:pinctrl-rp1", None) == "pinctrl-rp1"
    assert chip_choice("relays", {"type": "gpio", "chip": "/dev/gpiochip2"}) == "/dev/gpiochip2"


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("gpio", None),
        ("gpio:", None),
        ("i2c:1", None),
        ("relays", {"type": "i2c", "chip": "x"}),
        ("relays", {"type": "gpio"}),
        ("relays", {"type": "gpio", "chip": 0}),
    ],
)
def test_what_names_no_chip_is_a_mistake_of_the_file(
    name: str, settings: dict[str, object] | None
) -> None:
    """The owner is told, and nothing is switched on a guess."""
    with pytest.raises(ConfigError):
        chip_choice(name, settings)


def _gpio_sim() -> Path | None:
    """Return the node of a chip made by the kernel's gpio-sim, where there is one."""
    for path in sorted(Path("/dev").glob("gpiochip*")):
        try:
            with gpiod.Chip(str(path)) as chip:
                if "gpio-sim" in chip.get_info().label:
                    return path
        except OSError:
            continue
    return None


@pytest.mark.skipif(_gpio_sim() is None, reason="this kernel shows no gpio-sim chip in /dev")
async def test_a_real_kernel_keeps_the_same_promises() -> None:
    """The same claims against the kernel's own simulator: initial level, set, get, exclusion."""
    path = _gpio_sim()
    assert path is not None
    port = await open_lines("sim", {"type": "gpio", "chip": str(path)})
    try:
        async with port.output(0, active_low=True, initial=True) as out:
            assert await out.get() is True
            await out.set(False)
            assert await out.get() is False
            with pytest.raises(DeviceFault):
                async with port.output(0, active_low=False, initial=False):
                    pytest.fail("nobody may hold a line twice")
    finally:
        await port.close()
