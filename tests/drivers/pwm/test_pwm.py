"""A PWM output, in a tree that keeps the kernel's rules."""

from __future__ import annotations

import asyncio
import errno
import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from drivers.pwm.pwm import SHOWN_S, Config, describe, open_driver
from gatewayd.driver import is_output
from gatewayd.errors import DeviceAbsent, DeviceFault, DeviceTimeout
from gatewayd.ports import Ports
from gatewayd.ports.files import Tree, translated
from gatewayd.testing.clock import run_simulated
from gatewayd.testing.files import FakeFiles
from gatewayd.testing.ports import FakePorts

PORT = "sysfs:pwm"
FAN = Config(port=PORT, chip="3f20c000.pwm", output=0, frequency=25_000)
BLOCK = "devices/platform/soc/3f20c000.pwm/pwm/pwmchip0"


@dataclass(frozen=True)
class Kernel(Tree):
    """The rules of drivers/pwm: what may be written when, and what a new output shows."""

    log: list[str] = field(default_factory=list)
    pins: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    udev_is_slow: bool = False

    def write(self, path: str, text: str) -> None:
        folder, _, name = path.rpartition("/")
        if name in self.late:
            self.late.remove(name)
            self._refuse(path, errno.ETIMEDOUT)
        if name == "export":
            self.show(int(text))
        else:
            self._check(folder, name, text)
            super().write(path, text)
        self.log.append(f"{name}={text}")
        output = folder if name != "export" else f"{folder}/pwm{text}"
        now = {each: self.read(f"{output}/{each}") for each in ("enable", "period", "duty_cycle")}
        self.pins.append("{duty_cycle}/{period}".format(**now) if now["enable"] == "1" else "off")

    def may_write(self, path: str) -> bool:
        return super().may_write(path) and not self.udev_is_slow

    def show(self, output: int, **files: str) -> None:
        folder = self.root / BLOCK / f"pwm{output}"
        folder.mkdir()
        fresh = {"period": "0", "duty_cycle": "0", "enable": "0", "polarity": "normal"}
        for name, text in (fresh | files).items():
            (folder / name).write_text(text + "\n")

    def _check(self, folder: str, name: str, text: str) -> None:
        now = {
            each: self.read(f"{folder}/{each}") for each in ("period", "duty_cycle", "enable")
        } | {name: text}
        period, duty = int(now["period"]), int(now["duty_cycle"])
        if name in ("period", "duty_cycle") and (period <= 0 or duty > period):
            self._refuse(f"{folder}/{name}", errno.EINVAL)
        if name == "polarity" and now["enable"] == "1":
            self._refuse(f"{folder}/{name}", errno.EBUSY)

    def _refuse(self, path: str, code: int) -> None:
        error = OSError(code, os.strerror(code))
        raise translated(self.root / path, error) from error


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    folder = tmp_path / BLOCK
    folder.mkdir(parents=True)
    (folder / "npwm").write_text("2\n")
    (folder / "export").touch()
    (tmp_path / "class/pwm").mkdir(parents=True)
    (tmp_path / "class/pwm/pwmchip0").symlink_to(folder)
    return Kernel(tmp_path)


@pytest.fixture
def ports() -> FakePorts:
    return FakePorts()


@pytest.fixture
def files(ports: FakePorts, kernel: Kernel) -> FakeFiles:
    files = ports.attach_files(PORT, kernel.root)
    files.tree = kernel
    return files


async def test_opening_touches_nothing(ports: FakePorts, files: FakeFiles, kernel: Kernel) -> None:
    """The driver does not know what is safe; its keeper says so with the first write."""
    async with open_driver(FAN, ports) as fan:
        assert await fan.read_back("level") is None
    assert kernel.log == []


async def test_the_first_pulse_is_the_right_one(
    ports: FakePorts, files: FakeFiles, kernel: Kernel
) -> None:
    """Off until period and duty are set: 25 kHz are 40 µs, 30 % of it 12 µs."""
    async with open_driver(FAN, ports) as fan:
        await fan.write("level", 30)
        assert await fan.read_back("level") == pytest.approx(30)
    assert kernel.log == ["export=0", "period=40000", "duty_cycle=12000", "enable=1"]
    assert kernel.pins == ["off", "off", "off", "12000/40000"]


async def test_later_writes_change_the_duty_alone(
    ports: FakePorts, files: FakeFiles, kernel: Kernel
) -> None:
    """Without a gap in the pulses; 0 and 100 are as good as any other."""
    async with open_driver(FAN, ports) as fan:
        await fan.write("level", 50.0)
        kernel.log.clear()
        for level in (0, 100, 33.3):
            await fan.write("level", level)
            assert await fan.read_back("level") == pytest.approx(level, abs=0.1)
    assert kernel.log == ["duty_cycle=0", "duty_cycle=40000", "duty_cycle=13320"]


async def test_what_runs_already_is_taken_over_without_a_gap(
    ports: FakePorts, files: FakeFiles, kernel: Kernel
) -> None:
    """As `gatewayd safe` finds it after a crash."""
    kernel.show(0, period="40000", duty_cycle="40000", enable="1")
    async with open_driver(FAN, ports) as fan:
        await fan.write("level", 0)
    assert kernel.log == ["duty_cycle=0"]
    assert kernel.pins == ["0/40000"]


async def test_another_frequency_is_set_at_duty_0(
    ports: FakePorts, files: FakeFiles, kernel: Kernel
) -> None:
    """A longer duty than the new period would be refused; a pulse in between is never longer
    than asked for.
    """
    kernel.show(0, period="1000000", duty_cycle="900000", enable="1")
    async with open_driver(FAN, ports) as fan:
        await fan.write("level", 10)
    assert kernel.log == ["duty_cycle=0", "period=40000", "duty_cycle=4000"]
    assert kernel.pins == ["0/1000000", "0/40000", "4000/40000"]


async def test_polarity_is_turned_while_the_output_is_off(
    ports: FakePorts, files: FakeFiles, kernel: Kernel
) -> None:
    """The kernel refuses it otherwise."""
    kernel.show(0, period="40000", duty_cycle="20000", enable="1")
    low = Config(port=PORT, chip=0, output=0, frequency=25_000, active="low")
    async with open_driver(low, ports) as fan:
        await fan.write("level", 10)
        assert await fan.read_back("level") == pytest.approx(10)
    assert kernel.log == [
        "duty_cycle=0",
        "enable=0",
        "polarity=inversed",
        "period=40000",
        "duty_cycle=4000",
        "enable=1",
    ]


async def test_a_chip_that_cannot_turn_is_not_believed_to(
    ports: FakePorts, files: FakeFiles, kernel: Kernel
) -> None:
    """Else off would be full on."""
    kernel.show(0)
    (kernel.root / BLOCK / "pwm0/polarity").unlink()
    low = Config(port=PORT, chip=0, output=0, frequency=25_000, active="low")
    async with open_driver(low, ports) as fan:
        with pytest.raises(DeviceFault, match="cannot be active"):
            await fan.write("level", 0)
    assert kernel.log == []
    async with open_driver(FAN, ports) as fan:
        await fan.write("level", 0)


@pytest.mark.parametrize("step", ["export", "period", "duty_cycle", "enable"])
async def test_a_write_that_fails_midway_is_begun_again(
    ports: FakePorts, files: FakeFiles, kernel: Kernel, step: str
) -> None:
    """The keeper writes safe after an uncertain write; it must not trust half a set-up."""
    kernel.late.append(step)
    async with open_driver(FAN, ports) as fan:
        with pytest.raises(DeviceTimeout):
            await fan.write("level", 80)
        assert await fan.read_back("level") is None
        await fan.write("level", 0)
        assert await fan.read_back("level") == 0
        assert kernel.pins[-1] == "0/40000"


def test_udev_may_take_a_moment_and_not_for_ever(kernel: Kernel) -> None:
    """A new output's files belong to root at first."""
    slow = Kernel(kernel.root, udev_is_slow=True)

    async def main() -> None:
        ports = FakePorts()
        ports.attach_files(PORT, kernel.root).tree = slow
        async with open_driver(FAN, ports) as fan:
            with pytest.raises(DeviceAbsent, match="udev rule"):
                await fan.write("level", 80)
        assert asyncio.get_running_loop().time() == pytest.approx(SHOWN_S)

    run_simulated(main())
    assert slow.log == ["export=0"]


async def test_the_files_are_read_back(ports: FakePorts, files: FakeFiles, kernel: Kernel) -> None:
    """What another program did is seen; nonsense is not made a level of."""
    folder = kernel.root / BLOCK / "pwm0"
    async with open_driver(FAN, ports) as fan:
        await fan.write("level", 80)
        (folder / "enable").write_text("0\n")
        assert await fan.read_back("level") == 0
        (folder / "enable").write_text("1\n")
        for duty in ("50000", "", "-1"):
            (folder / "duty_cycle").write_text(duty)
            with pytest.raises(DeviceFault, match="of '40000' ns"):
                await fan.read_back("level")


@pytest.mark.parametrize("value", [True, -1, 100.1, float("nan"), "50", {"level": 1.0}])
async def test_what_is_no_level_moves_nothing(
    ports: FakePorts, files: FakeFiles, kernel: Kernel, value: bool | float | str | dict[str, float]
) -> None:
    """A driver guesses nothing."""
    async with open_driver(FAN, ports) as fan:
        with pytest.raises(DeviceFault, match="0 to 100"):
            await fan.write("level", value)
    assert kernel.log == []


async def test_a_chip_is_found_by_what_it_hangs_on(
    ports: FakePorts, files: FakeFiles, kernel: Kernel
) -> None:
    """Its number changed with the kernel; the message names those that are there."""
    kernel.show(1)
    (kernel.root / "class/pwm/pwmchip0").rename(kernel.root / "class/pwm/pwmchip2")
    async with open_driver(FAN, ports):
        pass
    with pytest.raises(DeviceAbsent, match=r"no PWM chip 1f00098000.pwm; there are 3f20c000.pwm"):
        async with open_driver(
            Config(port=PORT, chip="1f00098000.pwm", output=0, frequency=50), ports
        ):
            pytest.fail("there is no such chip")
    with pytest.raises(DeviceAbsent):
        async with open_driver(Config(port=PORT, chip=0, output=0, frequency=50), ports):
            pytest.fail("there is no such number")


async def test_an_output_that_the_chip_has_not_is_a_fault(
    ports: FakePorts, files: FakeFiles
) -> None:
    """Found at opening, not when the fan is needed."""
    with pytest.raises(DeviceFault, match="has 2 outputs"):
        async with open_driver(Config(port=PORT, chip=0, output=2, frequency=50), ports):
            pytest.fail("there is no such output")


async def test_through_real_files(kernel: Kernel) -> None:
    """The real port, in its thread."""
    kernel.show(0)
    config = Config(port=str(kernel.root), chip="3f20c000.pwm", output=0, frequency=50)
    async with open_driver(config, Ports()) as servo:
        await servo.write("level", 7.5)
        assert await servo.read_back("level") == pytest.approx(7.5)
    assert (kernel.root / BLOCK / "pwm0/duty_cycle").read_text() == "1500000"


def test_the_level_is_an_output_in_percent() -> None:
    """Only a keeper writes it."""
    (channel,) = describe(FAN)
    assert (channel.id, channel.unit, channel.minimum, channel.maximum) == ("level", "%", 0, 100)
    assert is_output(channel)


@pytest.mark.parametrize(
    "keys",
    [
        {"output": -1},
        {"chip": -1},
        {"chip": ""},
        {"chip": "../x"},
        {"frequency": 0.0},
        {"frequency": 2_000_000.0},
    ],
)
def test_what_no_chip_can_do_is_refused(keys: dict[str, object]) -> None:
    """Before the hardware is touched."""
    with pytest.raises(ValueError, match=r".+"):
        Config(**{"port": PORT, "chip": 0, "output": 0, "frequency": 50.0, **keys})  # type: ignore[arg-type]  # By name.
