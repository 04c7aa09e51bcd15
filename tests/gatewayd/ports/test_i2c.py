"""An I²C bus: the real smbus2 over a small kernel of our own."""

from __future__ import annotations

import asyncio
import errno
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gatewayd.errors import ConfigError, DeviceAbsent, DeviceFault, DeviceTimeout
from gatewayd.ports import Ports
from gatewayd.ports.i2c import I2cPort, bus_number, open_i2c
from gatewayd.testing.i2c import FakeI2cKernel, RegisterChip


@pytest.fixture
def kernel() -> Iterator[FakeI2cKernel]:
    with FakeI2cKernel({1: {0x76: RegisterChip({0xD0: b"\x60\x61"})}}).installed() as kernel:
        yield kernel


@pytest.fixture
def sysfs(tmp_path: Path) -> Path:
    (tmp_path / "i2c-1").mkdir()
    return tmp_path


@pytest.fixture
async def port(kernel: FakeI2cKernel, sysfs: Path) -> AsyncIterator[I2cPort]:
    port = await open_i2c("i2c:1", sysfs=sysfs)
    yield port
    await port.close()


async def test_a_transfer_writes_then_reads_in_one_transaction(
    port: I2cPort, kernel: FakeI2cKernel
) -> None:
    """The pointer goes out and the registers come back, with no STOP in between."""
    assert await port.transfer(0x76, b"\xd0", 2) == b"\x60\x61"
    assert kernel.messages == [(1, 0x76, "w", b"\xd0"), (1, 0x76, "r", b"\x60\x61")]
    assert kernel.transactions == 1


async def test_write_and_read_are_transactions_of_their_own(
    port: I2cPort, kernel: FakeI2cKernel
) -> None:
    """Chips that want a STOP after the command get one."""
    await port.write(0x76, b"\xd0")
    assert await port.read(0x76, 1) == b"\x60"
    assert kernel.transactions == 2


@pytest.mark.parametrize("code", [errno.EREMOTEIO, errno.ENXIO, errno.EIO])
async def test_a_silent_chip_is_absent(port: I2cPort, kernel: FakeI2cKernel, code: int) -> None:
    """Adapters name a missing acknowledgement differently; none of the names breaks the bus."""
    kernel.nack_errno = code
    with pytest.raises(
        DeviceAbsent, match=r"i2c:1/0x40 does not answer \(" + errno.errorcode[code]
    ):
        await port.transfer(0x40, b"\x00", 1)
    assert not port.is_broken
    assert await port.transfer(0x76, b"\xd0", 1) == b"\x60"


@pytest.mark.parametrize("code", [errno.ETIMEDOUT, errno.EAGAIN])
async def test_a_held_bus_is_a_timeout(port: I2cPort, kernel: FakeI2cKernel, code: int) -> None:
    """A stretched clock or a lost arbitration is late, not absent."""
    kernel.nack_errno = code
    with pytest.raises(DeviceTimeout):
        await port.read(0x40, 1)
    assert not port.is_broken


async def test_an_smbus_only_adapter_is_named(port: I2cPort, kernel: FakeI2cKernel) -> None:
    """Some PC adapters cannot do plain transactions; the sentence says so."""
    kernel.nack_errno = errno.EOPNOTSUPP
    with pytest.raises(DeviceFault, match="cannot do plain I²C"):
        await port.read(0x40, 1)


async def test_a_chip_that_stops_midway_is_absent(port: I2cPort, kernel: FakeI2cKernel) -> None:
    """An acknowledgement that fails after the address is no answer either."""

    class Midway(RegisterChip):
        def read(self, count: int) -> bytes:
            raise OSError(errno.EREMOTEIO, "")

    kernel.buses[1][0x44] = Midway()
    with pytest.raises(DeviceAbsent):
        await port.transfer(0x44, b"\x00", 6)


async def test_a_chip_of_the_kernel_is_never_touched(
    port: I2cPort, kernel: FakeI2cKernel, sysfs: Path
) -> None:
    """Two masters spoil a chip's state; the kernel does not refuse, so the port does."""
    (sysfs / "drivers" / "bmp280").mkdir(parents=True)
    (sysfs / "1-0076").mkdir()
    (sysfs / "1-0076" / "driver").symlink_to(sysfs / "drivers" / "bmp280")
    with pytest.raises(DeviceFault, match="i2c:1/0x76 belongs to the kernel driver bmp280"):
        await port.transfer(0x76, b"\xd0", 1)
    assert kernel.messages == []


async def test_an_unplugged_adapter_breaks_the_wire(port: I2cPort, kernel: FakeI2cKernel) -> None:
    """ENODEV comes from the adapter, not from a chip."""
    kernel.unplug(1)
    with pytest.raises(DeviceAbsent):
        await port.transfer(0x76, b"\xd0", 1)
    assert port.is_broken


async def test_an_unplugged_usb_adapter_breaks_the_wire_whatever_it_says(
    port: I2cPort, kernel: FakeI2cKernel, sysfs: Path
) -> None:
    """A CP2112 that is pulled out says ETIMEDOUT for ever; sysfs knows better."""
    (sysfs / "i2c-1").rmdir()
    kernel.nack_errno = errno.ETIMEDOUT
    with pytest.raises(DeviceTimeout):
        await port.transfer(0x40, b"\xd0", 1)
    assert port.is_broken


async def test_an_adapter_that_came_back_is_another_one(
    port: I2cPort, kernel: FakeI2cKernel, sysfs: Path
) -> None:
    """The open file belongs to the adapter that left, even if one of the same number is there."""
    (sysfs / "new").mkdir()
    (sysfs / "i2c-1").rmdir()
    (sysfs / "new").rename(sysfs / "i2c-1")
    kernel.nack_errno = errno.ETIMEDOUT
    with pytest.raises(DeviceTimeout):
        await port.read(0x40, 1)
    assert port.is_broken


async def test_a_broken_wire_is_replaced_for_who_enters_next(kernel: FakeI2cKernel) -> None:
    """The old file is closed and the adapter is opened afresh."""
    ports = Ports()
    chips = kernel.buses[1]
    async with ports.i2c("i2c:1") as old:
        kernel.unplug(1)
        with pytest.raises(DeviceAbsent):
            await old.read(0x76, 1)
        kernel.buses[1] = chips
        async with ports.i2c("i2c:1") as new:
            assert new is not old
            assert await new.transfer(0x76, b"\xd0", 1) == b"\x60"
    assert kernel.open_files == {}


async def test_a_cancelled_reader_leaves_the_bus_usable(
    port: I2cPort, kernel: FakeI2cKernel
) -> None:
    """The transaction under way ends first; then the next one has the bus to itself."""
    entered, may_go_on = threading.Event(), threading.Event()

    class Slow(RegisterChip):
        def read(self, count: int) -> bytes:
            entered.set()
            may_go_on.wait(5)
            return super().read(count)

    kernel.buses[1][0x40] = Slow()
    reading = asyncio.create_task(port.transfer(0x40, b"\x00", 1))
    await asyncio.get_running_loop().run_in_executor(None, entered.wait, 5)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    after = asyncio.create_task(port.transfer(0x76, b"\xd0", 1))
    may_go_on.set()
    assert await after == b"\x60"
    assert [address for _, address, _, _ in kernel.messages] == [0x40, 0x40, 0x76, 0x76]


async def test_a_missing_bus_is_absent_and_says_what_to_do() -> None:
    """Without the adapter there is nothing to open, and nothing is left open."""
    with FakeI2cKernel({}).installed() as kernel:
        with pytest.raises(DeviceAbsent, match="no /dev/i2c-1: is I²C switched on"):
            await open_i2c("i2c:1")
        assert kernel.open_files == {}


async def test_a_forbidden_bus_names_the_group(kernel: FakeI2cKernel) -> None:
    """The right to use the bus is a group on every Pi."""
    kernel.open_errno = errno.EACCES
    with pytest.raises(DeviceAbsent, match="group i2c"):
        await open_i2c("i2c:1")


async def test_a_closed_bus_lets_go_of_its_file(kernel: FakeI2cKernel) -> None:
    """Who asks afterwards is told that the wire is closed."""
    port = await open_i2c("i2c:1")
    await port.close()
    assert kernel.open_files == {}
    with pytest.raises(DeviceAbsent):
        await port.read(0x76, 1)


def test_a_bus_is_named_directly_or_by_its_section() -> None:
    """`i2c:1` needs no section; a section may carry any name."""
    assert bus_number("i2c:1", None) == 1
    assert bus_number("attic", {"type": "i2c", "bus": 3}) == 3


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("i2c", None),
        ("i2c:x", None),
        ("/dev/i2c-1", None),
        ("attic", {"type": "serial", "bus": 1}),
        ("attic", {"type": "i2c"}),
        ("attic", {"type": "i2c", "bus": "1"}),
        ("attic", {"type": "i2c", "bus": True}),
    ],
)
def test_what_names_no_bus_is_a_mistake_of_the_file(
    name: str, settings: dict[str, object] | None
) -> None:
    """The owner is told, and nothing is opened on a guess."""
    with pytest.raises(ConfigError):
        bus_number(name, settings)
