"""Kernel files: real ones in a folder of the test's, and those of /proc and /dev that misbehave."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from gatewayd.errors import ConfigError, DeviceAbsent, DeviceError, DeviceFault, DeviceTimeout
from gatewayd.ports import Ports
from gatewayd.ports import files as module
from gatewayd.ports.files import FOUND_MAX, FilesPort, open_files, root_of, translated, tried_twice


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[FilesPort]:
    port = await open_files(str(tmp_path))
    yield port
    await port.close()


def failing(*codes: int) -> Callable[[], str]:
    """Return a job that fails with each of these errors in turn, then works."""
    left = list(codes)

    def job() -> str:
        if left:
            code = left.pop(0)
            raise OSError(code, os.strerror(code))
        return "fine"

    return job


async def test_a_file_is_read_without_white_space(port: FilesPort, tmp_path: Path) -> None:
    """The kernel ends every value with a new line, and some of its drivers with a zero."""
    (tmp_path / "temp1_input").write_text(" 21500\n")
    (tmp_path / "name").write_bytes(b"bme280\0")
    assert await port.read("temp1_input") == "21500"
    assert await port.read("name") == "bme280"


async def test_an_empty_file_is_an_empty_text(port: FilesPort, tmp_path: Path) -> None:
    """What it means is the driver's to know: a 1-Wire sensor is still converting."""
    (tmp_path / "temperature").touch()
    assert await port.read("temperature") == ""


async def test_a_write_replaces_what_was_there(port: FilesPort, tmp_path: Path) -> None:
    """Also a longer text."""
    (tmp_path / "duty_cycle").write_text("1000000\n")
    await port.write("duty_cycle", "0")
    assert (tmp_path / "duty_cycle").read_text() == "0"
    with pytest.raises(DeviceAbsent):
        await port.write("no_such_file", "0")
    assert not (tmp_path / "no_such_file").exists()


async def test_a_missing_file_is_absent(port: FilesPort, tmp_path: Path) -> None:
    """Never there, or gone with its device."""
    with pytest.raises(DeviceAbsent, match=r"there is no .*temp1_input"):
        await port.read("temp1_input")
    (tmp_path / "temp1_input").write_text("1\n")
    assert await port.read("temp1_input") == "1"
    (tmp_path / "temp1_input").unlink()
    with pytest.raises(DeviceAbsent):
        await port.read("temp1_input")


async def test_a_failing_file_is_a_fault(port: FilesPort, tmp_path: Path) -> None:
    """A real EIO: this process has nothing at address 0."""
    (tmp_path / "temp1_input").symlink_to("/proc/self/mem")
    with pytest.raises(DeviceFault, match="Input/output error"):
        await port.read("temp1_input")


async def test_a_file_without_end_is_a_fault(port: FilesPort, tmp_path: Path) -> None:
    """No attribute is longer than a page."""
    (tmp_path / "temp1_input").symlink_to("/dev/zero")
    with pytest.raises(DeviceFault, match="more than 4096 bytes"):
        await port.read("temp1_input")


async def test_a_hung_file_is_late_and_the_wire_goes_on_when_it_lets_go(
    port: FilesPort, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening a FIFO without a writer hangs, as a chip on a stuck bus does; who waits behind it
    is told too, and nobody waits for ever.
    """
    monkeypatch.setattr(module, "ACCESS_S", 0.1)
    os.mkfifo(tmp_path / "hung")
    (tmp_path / "other").write_text("7\n")
    with pytest.raises(DeviceTimeout):
        await port.read("hung")
    with pytest.raises(DeviceTimeout):
        await port.read("other")
    # On another wire nobody notices.
    async with asyncio.timeout(5):
        neighbour = await open_files(str(tmp_path))
        assert await neighbour.read("other") == "7"
        await neighbour.close()
    os.close(os.open(tmp_path / "hung", os.O_RDWR))  # The chip lets go.
    monkeypatch.setattr(module, "ACCESS_S", 5.0)
    assert await port.read("other") == "7"


@pytest.mark.parametrize("code", [errno.EIO, errno.ETIMEDOUT, errno.EAGAIN, errno.ENODATA])
def test_an_ordinary_disturbance_is_forgiven_once(code: int) -> None:
    """The second try gives the value; a second disturbance does not."""
    assert tried_twice(failing(code)) == "fine"
    with pytest.raises(OSError, match="Errno"):
        tried_twice(failing(code, code))


@pytest.mark.parametrize("code", [errno.ENOENT, errno.ENODEV, errno.EINVAL, errno.EACCES])
def test_what_is_no_disturbance_is_not_tried_again(code: int) -> None:
    """A missing file is missing."""
    with pytest.raises(OSError, match="Errno"):
        tried_twice(failing(code))


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (errno.ENOENT, DeviceAbsent),
        (errno.ENODEV, DeviceAbsent),
        (errno.ENXIO, DeviceAbsent),
        (errno.EACCES, DeviceAbsent),
        (errno.EROFS, DeviceAbsent),
        (errno.ETIMEDOUT, DeviceTimeout),
        (errno.EAGAIN, DeviceTimeout),
        (errno.EIO, DeviceFault),
        (errno.ENODATA, DeviceFault),
        (errno.EINVAL, DeviceFault),
        (errno.EBUSY, DeviceFault),
    ],
)
def test_every_error_has_its_meaning(code: int, kind: type[DeviceError]) -> None:
    """Nobody there, too late, or nonsense; the message names the file."""
    error = translated(Path("/sys/x"), OSError(code, os.strerror(code)))
    assert type(error) is kind
    assert "/sys/x" in str(error)


async def test_paths_are_found_in_the_order_of_their_numbers(
    port: FilesPort, tmp_path: Path
) -> None:
    """hwmon10 comes behind hwmon9."""
    for number in (10, 9, 1):
        (tmp_path / f"hwmon{number}").mkdir()
        (tmp_path / f"hwmon{number}" / "name").touch()
    found = await port.find("hwmon*/name")
    assert found == ["hwmon1/name", "hwmon9/name", "hwmon10/name"]
    assert await port.find("iio:device*/name") == []


async def test_a_search_has_an_end(port: FilesPort, tmp_path: Path) -> None:
    """A folder with thousands of entries is not what anybody meant."""
    for number in range(FOUND_MAX + 5):
        (tmp_path / f"file{number}").touch()
    assert len(await port.find("file*")) == FOUND_MAX


async def test_a_link_is_followed_but_not_out_of_the_folder(
    port: FilesPort, tmp_path: Path
) -> None:
    """Where a class's entry really hangs tells which chip it is."""
    (tmp_path / "devices" / "1-0076" / "iio:device0").mkdir(parents=True)
    (tmp_path / "iio:device0").symlink_to(tmp_path / "devices" / "1-0076" / "iio:device0")
    assert await port.resolve("iio:device0") == "devices/1-0076/iio:device0"
    (tmp_path / "out").symlink_to("/dev")
    with pytest.raises(DeviceFault, match="leads out of"):
        await port.resolve("out")
    with pytest.raises(DeviceAbsent):
        await port.resolve("nothing")


async def test_the_right_to_write_can_be_asked_for(port: FilesPort, tmp_path: Path) -> None:
    """A file that is not there cannot be written either."""
    (tmp_path / "enable").touch()
    assert await port.may_write("enable")
    assert not await port.may_write("export")


async def test_a_folder_that_is_not_there_is_absent(tmp_path: Path) -> None:
    """A machine without /sys/class/pwm is no reason to stop."""
    with pytest.raises(DeviceAbsent, match="no folder"):
        await open_files(str(tmp_path / "nowhere"))


async def test_devices_in_one_folder_share_its_thread(tmp_path: Path) -> None:
    """And who names another label has another thread."""
    ports = Ports({"chips": {"type": "files", "root": str(tmp_path)}})
    async with ports.files("chips") as first, ports.files("chips") as second:
        assert first is second
    async with ports.files("sysfs:a") as first, ports.files("sysfs:b") as second:
        assert first is not second


def test_a_folder_is_named_by_label_path_or_section() -> None:
    """/sys, when nothing else is said."""
    assert root_of("sysfs:i2c-1", None) == Path("/sys")
    assert root_of("/tmp/tree", None) == Path("/tmp/tree")
    assert root_of("chips", {"type": "files"}) == Path("/sys")
    assert root_of("chips", {"type": "files", "root": "/mnt"}) == Path("/mnt")


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("sysfs", None),
        ("sysfs:", None),
        ("i2c:1", None),
        ("chips", {"type": "i2c", "bus": 1}),
        ("chips", {"type": "files", "root": "sys"}),
        ("chips", {"type": "files", "root": 1}),
    ],
)
def test_what_names_no_folder_is_a_mistake_of_the_file(
    name: str, settings: dict[str, object] | None
) -> None:
    """The owner is told."""
    with pytest.raises(ConfigError):
        root_of(name, settings)
