"""What a scan finds by looking at the kernel's files: 1-Wire sensors, serial ports, I²C buses."""

from __future__ import annotations

import tomllib
from pathlib import Path

from gatewayd.config import inspect
from gatewayd.ports import Ports
from gatewayd.scan import Found, View, hid, onewire
from gatewayd.scan.i2c import buses
from gatewayd.scan.serial import ports_of
from gatewayd.scan.toml import sections_of

TWO = ("28-01191b5c2dff", "28-3c01d6077a12")


async def found(view: View) -> list[Found]:
    return [each async for each in onewire.find(view)]


def with_sensors(root: Path, *numbers: str) -> Path:
    for number in numbers:
        (root / onewire.SYSFS / number).mkdir(parents=True)
    return root


async def test_sensors_of_one_kind_are_one_device(tmp_path: Path) -> None:
    """They convert at once; and the lines that are offered pass the check."""
    each = await found(View(Ports(), root=with_sensors(tmp_path, *TWO)))
    ((name, (_, text)),) = sections_of(each).items()
    assert tomllib.loads(text)["device"][name]["sensors"] == {
        "temperature1": TWO[0],
        "temperature2": TWO[1],
    }
    file = tmp_path / "config.toml"
    file.write_text(text)
    settings, problems = inspect(file, {})
    assert settings is not None and [c.id for c in settings.devices[name].channels] == [
        "temperature1",
        "temperature2",
    ], problems


async def test_a_sensor_that_is_configured_is_named_and_left_out(tmp_path: Path) -> None:
    """The other one stands alone."""
    root = with_sensors(tmp_path, *TWO)
    used: dict[tuple[str, object], str] = {("sysfs:w1", TWO[0]): "tank"}
    old, new = await found(View(Ports(), used, root=root))
    assert (old.place, old.remark) == (TWO[0], "is tank already")
    assert new.guesses[0].section["sensor"] == TWO[1]


async def test_a_family_that_nobody_knows_is_told(tmp_path: Path) -> None:
    """A switch, say."""
    (each,) = await found(View(Ports(), root=with_sensors(tmp_path, "3a-000000112233")))
    assert not each.guesses and "family 3a" in each.remark


def test_a_port_has_the_name_that_stays(tmp_path: Path) -> None:
    """By id before by path, and once; a UART that a PC might have is none."""
    dev, by_id = tmp_path / "dev", tmp_path / "dev/serial/by-id"
    by_id.mkdir(parents=True)
    for name in ("ttyUSB0", "ttyAMA0", "ttyS0", "ttyS1"):
        (dev / name).touch()
        (tmp_path / "sys/class/tty" / name).mkdir(parents=True)
    (tmp_path / "sys/class/tty/ttyS0/type").write_text("4\n")
    (tmp_path / "sys/class/tty/ttyS1/type").write_text("0\n")
    (by_id / "usb-FTDI-if00").symlink_to("../../ttyUSB0")
    names = [Path(port).name for port in ports_of(tmp_path)]
    assert names == ["usb-FTDI-if00", "ttyAMA0", "ttyS0"]


def test_buses_are_those_of_the_kernel(tmp_path: Path) -> None:
    """A chip's folder beside them is none."""
    for name in ("i2c-1", "i2c-20", "1-0076"):
        (tmp_path / "sys/bus/i2c/devices" / name).mkdir(parents=True)
    assert sorted(buses(tmp_path)) == [1, 20]


def with_board(root: Path) -> Path:
    node = root / hid.SYSFS / "hidraw0/device"
    node.mkdir(parents=True)
    node.joinpath("uevent").write_text(
        "HID_ID=0003:000016C0:000005DF\nHID_NAME=www.dcttech.com USBRelay2\n"
        "HID_PHYS=usb-0000:01:00.0-1.2/input0\n"
    )
    return root


async def test_a_relay_board_is_offered_without_a_safe_value(tmp_path: Path) -> None:
    """Nobody but its owner knows what is safe; until then the check says so."""
    (board,) = [each async for each in hid.find(View(Ports(), root=with_board(tmp_path)))]
    ((name, (_, text)),) = sections_of([board]).items()
    assert "relays = 2" in text and "#safe" in text
    file = tmp_path / "config.toml"
    file.write_text(text)
    _, problems = inspect(file, {})
    assert any('no "safe"' in str(problem) for problem in problems)
    file.write_text(text.replace("#safe", "safe") + 'hold_max = "1h"\n')
    settings, problems = inspect(file, {})
    assert settings is not None and name in settings.devices, problems


async def test_a_board_that_is_configured_is_named(tmp_path: Path) -> None:
    """By its place too."""
    used: dict[tuple[str, object], str] = {("hid:usb-0000:01:00.0-1.2", None): "board"}
    (board,) = [each async for each in hid.find(View(Ports(), used, root=with_board(tmp_path)))]
    assert board.remark == "is board already"
