"""HID relays: the boards' reports, and the whole way over a kernel that remembers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from drivers.hid.hid_relay import (
    IDS,
    Config,
    Model,
    decode,
    describe,
    encode,
    open_driver,
    recognise,
    relays_of,
)
from gatewayd.errors import DeviceAbsent, DeviceFault, Malformed
from gatewayd.model import Access
from gatewayd.ports import Ports
from gatewayd.ports.hid import Found
from gatewayd.testing.hid import FakeHidKernel, HidRelay, UsbRelay

NODE = "/dev/hidraw0"


@pytest.fixture
def board() -> UsbRelay:
    return UsbRelay(2)


@pytest.fixture
def kernel(board: UsbRelay) -> Iterator[FakeHidKernel]:
    with FakeHidKernel({NODE: board}).installed() as kernel:
        yield kernel
        assert not kernel.open_files


@pytest.mark.parametrize(
    ("model", "relay", "is_on", "report"),
    [
        ("usbrelay", 1, True, "00 ff 01 00 00 00 00 00 00"),
        ("usbrelay", 8, False, "00 fd 08 00 00 00 00 00 00"),
        ("hidrelay", 1, True, "00 f1"),
        ("hidrelay", 1, False, "00 01"),
        ("hidrelay", 8, True, "00 f8"),
    ],
)
def test_reports_are_the_boards(model: Model, relay: int, is_on: bool, report: str) -> None:
    """Byte for byte, as published tools send them."""
    assert encode(model, relay, is_on=is_on).hex(" ") == report


@given(some.binary(max_size=9))
def test_any_report_is_states_or_malformed(report: bytes) -> None:
    """Nothing else is raised; what is long enough and has no serial number is another device."""
    with suppress(Malformed):
        assert 0 <= decode(report) <= 255


def test_states_are_in_the_last_byte() -> None:
    """Behind five letters."""
    assert decode(b"BITFT\0\0\x05") == 0b101
    for report in (b"BITFT\0\0", b"\xff" * 8, b"\0" * 8, b""):
        with pytest.raises(Malformed):
            decode(report)


async def test_a_relay_is_switched_read_back_and_no_other(
    kernel: FakeHidKernel, board: UsbRelay
) -> None:
    """What the board says, not what was written."""
    async with open_driver(Config(port=NODE, relays=2), Ports()) as relays:
        await relays.write("relay2", True)
        assert board.relays == [False, True]
        assert await relays.read_back("relay2") is True
        assert await relays.read_back("relay1") is False
        board.relays[1] = False  # By hand, or by another program.
        assert await relays.read_back("relay2") is False


async def test_a_hidrelay_is_switched_and_cannot_say() -> None:
    """Its state is assumed, and never claimed as read."""
    board = HidRelay(2)
    with FakeHidKernel({NODE: board}).installed():
        config = Config(port=NODE, relays=2, model="hidrelay")
        async with open_driver(config, Ports()) as relays:
            await relays.write("relay2", True)
            assert board.relays == [False, True]
            assert await relays.read_back("relay2") is None
            await relays.write("relay2", False)
            assert board.relays == [False, False]


@pytest.mark.parametrize(
    ("config", "title", "sentence"),
    [
        (Config(port=NODE), "obdev.at LED", "calls itself 'obdev.at LED', no usbrelay"),
        (Config(port=NODE, relays=4), "x USBRelay2", "has 2 relays, not 4"),
        (Config(port=NODE, model="hidrelay"), "x USBRelay2", "no hidrelay"),
    ],
)
async def test_another_device_is_never_written_to(
    kernel: FakeHidKernel, board: UsbRelay, config: Config, title: str, sentence: str
) -> None:
    """These USB numbers are shared by all sorts of devices."""
    board.title = title
    with pytest.raises(DeviceFault, match=sentence):
        async with open_driver(config, Ports()):
            pass
    assert not board.reports


async def test_nonsense_in_the_states_is_a_fault(kernel: FakeHidKernel, board: UsbRelay) -> None:
    """A board that garbles is not believed."""
    board.serial = b"\xff" * 5
    with pytest.raises(DeviceFault, match="no report of a USBRelay"):
        async with open_driver(Config(port=NODE), Ports()):
            pass


async def test_an_unplugged_board_is_absent(kernel: FakeHidKernel) -> None:
    """A relay that cannot be reached is no success."""
    async with open_driver(Config(port=NODE), Ports()) as relays:
        del kernel.boards[NODE]
        with pytest.raises(DeviceAbsent):
            await relays.write("relay", True)


@pytest.mark.parametrize(("channel", "value"), [("relay9", True), ("relay", 1), ("relay", "on")])
async def test_what_is_no_relay_or_no_state_moves_nothing(
    kernel: FakeHidKernel, board: UsbRelay, channel: str, value: bool | int | str
) -> None:
    """Refused before a byte is sent."""
    async with open_driver(Config(port=NODE), Ports()) as relays:
        with pytest.raises(DeviceFault):
            await relays.write(channel, value)
    assert not board.reports


def test_a_board_is_known_by_its_numbers_and_its_name() -> None:
    """With the keys that the section needs; numbers alone are anybody's."""
    evidence = recognise(Found(NODE, "16c0:05df", "usb-1", "www.dcttech.com USBRelay4"))
    assert evidence is not None
    assert evidence.keys == {"port": "hid:16c0:05df", "model": "usbrelay", "relays": 4}
    other = recognise(Found(NODE, "0519:2018", "usb-1", "Ucreatefun.com HIDRelay"))
    assert other is not None
    assert other.keys == {"port": "hid:0519:2018", "model": "hidrelay"}
    assert recognise(Found(NODE, "16c0:05df", "usb-1", "obdev.at LED")) is None
    assert recognise(Found(NODE, "046d:c31c", "usb-1", "USBRelay4")) is None
    assert relays_of("usbrelay", "USBRelay8") == 8


def test_the_service_may_open_every_board() -> None:
    """The udev rules name each board that the driver knows, as the kernel writes its numbers."""
    rules = (Path(__file__).parents[3] / "systemd/gatewayd-hid.rules").read_text(encoding="utf-8")
    assert all(f'KERNELS=="0003:{id.upper()}.*", GROUP="gatewayd"' in rules for id in IDS)


def test_every_relay_is_an_output() -> None:
    """A single one has no number; boards that do not exist are refused."""
    assert [each.id for each in describe(Config(port="x"))] == ["relay"]
    channels = describe(Config(port="x", relays=8))
    assert [each.id for each in channels][::7] == ["relay1", "relay8"]
    assert {each.access for each in channels} == {Access.WRITE}
    for relays in (0, 9):
        with pytest.raises(ValueError, match="1 to 8"):
            Config(port="x", relays=relays)
