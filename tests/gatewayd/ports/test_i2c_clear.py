"""A bus that a chip holds is freed by clock pulses; one that is free is left alone."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import gpiod
import pytest
from gpiod.line import Direction, Drive, Value

from gatewayd.config import inspect
from gatewayd.errors import DeviceAbsent, DeviceFault
from gatewayd.ports.i2c import open_i2c
from gatewayd.ports.i2c_clear import Clear, clear_bus, opened_lines, rebind
from gatewayd.testing.i2c import FakeI2cKernel, RegisterChip

SCL, SDA = 3, 2
CLEAR = Clear(chip="gpio:0", scl=SCL, sda=SDA)


@dataclass
class Wires:
    """Two open-drain lines with pull-ups, and a chip in the middle of a byte.

    Attributes:
        holds: clock pulses for which the chip still holds SDA.
        log: what the master did to each line, in order.
    """

    holds: int = 0
    ours: dict[int, bool] = field(default_factory=lambda: {SCL: True, SDA: True})
    log: list[tuple[str, bool]] = field(default_factory=list)
    stops: int = 0

    def is_sda_high(self) -> bool:
        return self.ours[SDA] and not self.holds

    def set_scl(self, level: bool) -> None:
        if level and not self.ours[SCL]:
            self.holds = max(0, self.holds - 1)
        self.ours[SCL] = level
        self.log.append(("scl", level))

    def set_sda(self, level: bool) -> None:
        if level and not self.ours[SDA] and self.ours[SCL]:
            self.stops += 1
        self.ours[SDA] = level
        self.log.append(("sda", level))


@pytest.mark.parametrize("bits", range(1, 10))
def test_a_chip_that_wants_to_finish_is_let_finish(bits: int) -> None:
    """So many pulses as it holds the line, then one STOP; both lines are let go."""
    wires = Wires(holds=bits)
    assert clear_bus(wires) == bits
    assert (wires.stops, wires.ours) == (1, {SCL: True, SDA: True})


def test_a_free_bus_is_left_alone() -> None:
    """One dead chip does not hold it: there is nothing to clear."""
    wires = Wires()
    assert clear_bus(wires) == 0 and wires.log == []


def test_a_short_circuit_is_told() -> None:
    """Nine pulses and no more; no STOP is pretended."""
    wires = Wires(holds=1000)
    with pytest.raises(DeviceFault, match="nine clock pulses"):
        clear_bus(wires)
    assert (wires.stops, wires.ours[SCL]) == (0, True)
    assert wires.log.count(("scl", False)) == 9


@dataclass
class Request:
    """Stands for libgpiod's request of both lines."""

    wires: Wires
    is_released: bool = False

    def get_value(self, line: int) -> Value:
        assert line == SDA
        return Value.ACTIVE if self.wires.is_sda_high() else Value.INACTIVE

    def set_value(self, line: int, value: Value) -> None:
        {SCL: self.wires.set_scl, SDA: self.wires.set_sda}[line](value is Value.ACTIVE)

    def __enter__(self) -> Request:
        return self

    def __exit__(self, *_: object) -> None:
        self.is_released = True


@pytest.fixture
def request_of(monkeypatch: pytest.MonkeyPatch) -> Iterator[Request]:
    """libgpiod, at its own boundary."""
    made = Request(Wires(holds=4))

    def request_lines(
        path: str, *, consumer: str, config: dict[tuple[int, int], gpiod.LineSettings]
    ) -> Request:
        ((lines, settings),) = config.items()
        assert (path, lines) == ("/dev/gpiochip0", (SCL, SDA))
        assert settings.direction is Direction.OUTPUT and settings.drive is Drive.OPEN_DRAIN
        assert settings.output_value is Value.ACTIVE, "asking for the lines pulls none"
        return made

    monkeypatch.setattr(gpiod, "request_lines", request_lines)
    yield made


async def test_the_port_frees_its_bus_over_the_pins(request_of: Request, tmp_path: Path) -> None:
    """As the recovery ladder asks it to."""
    (tmp_path / "i2c-1").mkdir()
    with FakeI2cKernel({1: {0x76: RegisterChip()}}).installed():
        settings: dict[str, object] = {"type": "i2c", "bus": 1, "clear": CLEAR}
        port = await open_i2c("main", settings, tmp_path)
        assert await port.reset() == "4 clock pulses freed the bus"
        assert request_of.is_released
        assert await port.reset() == "", "it is free now"
        await port.close()


async def test_without_lines_nothing_is_touched(tmp_path: Path) -> None:
    """And nothing is claimed."""
    (tmp_path / "i2c-1").mkdir()
    with FakeI2cKernel({1: {}}).installed():
        port = await open_i2c("i2c:1", None, tmp_path)
        assert await port.reset() == ""
        await port.close()


def test_lines_that_cannot_be_had_are_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program holds them."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))

    monkeypatch.setattr(gpiod, "request_lines", refuse)
    with (
        pytest.raises(DeviceAbsent, match="lines 3 and 2"),
        opened_lines(Path("/dev/gpiochip0"), CLEAR),
    ):
        pass


def platform_adapter(root: Path, subsystem: str = "platform") -> Path:
    """Return an adapter's folder below a device with its driver, as sysfs has it."""
    driver = root / "bus/platform/drivers/i2c-bcm2835"
    device = root / "devices/platform/soc/fe804000.i2c"
    adapter = device / "i2c-1"
    driver.mkdir(parents=True)
    adapter.mkdir(parents=True)
    (root / f"bus/{subsystem}").mkdir(parents=True, exist_ok=True)
    (device / "driver").symlink_to(driver)
    (device / "subsystem").symlink_to(root / f"bus/{subsystem}")
    (driver / "unbind").touch()
    (driver / "bind").touch()
    return adapter


def test_the_driver_is_bound_anew(tmp_path: Path) -> None:
    """That gives the pins back to the adapter."""
    adapter = platform_adapter(tmp_path)
    assert rebind(adapter) == "fe804000.i2c"
    driver = adapter.parent / "driver"
    assert [(driver / each).read_text() for each in ("unbind", "bind")] == ["fe804000.i2c"] * 2


def test_what_is_no_platform_device_is_left_bound(tmp_path: Path) -> None:
    """A USB adapter has a ladder of its own."""
    adapter = platform_adapter(tmp_path, "usb")
    assert rebind(adapter) == "" and not (adapter.parent / "driver/unbind").read_text()


def test_the_key_is_read_from_the_file(tmp_path: Path) -> None:
    """With its mistakes found."""
    file = tmp_path / "config.toml"
    text = '[port.main]\ntype = "i2c"\nbus = 1\nclear = { chip = "gpio:0", scl = 3, sda = 2 }\n'
    file.write_text(text)
    settings, problems = inspect(file, {})
    assert settings is not None and settings.ports["main"]["clear"] == CLEAR, problems
    file.write_text(text.replace("scl", "slc"))
    settings, problems = inspect(file, {})
    assert settings is None and any("scl" in str(problem) for problem in problems)
