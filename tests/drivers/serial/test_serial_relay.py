"""A relay board that never answers, with a peer that keeps its relays."""

from __future__ import annotations

import pytest

from drivers.serial.serial_relay import Config, describe, encode, open_driver
from gatewayd.errors import DeviceAbsent, DeviceFault
from gatewayd.model import Access
from gatewayd.ports import Ports
from tests.peers.lcus import LcusBoard
from tests.peers.pty import plugged


def test_frames_are_the_vendors() -> None:
    """On and off, byte for byte. Source: LCUS-1 product description."""
    assert encode(1, is_on=True).hex(" ") == "a0 01 01 a2"
    assert encode(1, is_on=False).hex(" ") == "a0 01 00 a1"


async def test_a_relay_is_switched_and_no_other() -> None:
    """The board does what the frame says."""
    board = LcusBoard(4)
    with plugged(board) as pty:
        async with open_driver(Config(port=pty.path, relays=4), Ports()) as relays:
            await relays.write("relay2", True)
            await pty.wait_received(4)
            assert board.relays == [False, True, False, False]
            await relays.write("relay2", False)
            await pty.wait_received(8)
    assert (board.relays, board.nonsense) == ([False] * 4, 0)


async def test_the_board_cannot_say_what_it_did() -> None:
    """Its state is assumed, and never claimed as read."""
    with plugged(LcusBoard(1)) as pty:
        async with open_driver(Config(port=pty.path), Ports()) as relays:
            await relays.write("relay", True)
            answers = [await relays.read_back("relay")]  # type: ignore[func-returns-value]  # None is the answer.
    assert answers == [None]


@pytest.mark.parametrize(("channel", "value"), [("relay9", True), ("relay", 1), ("relay", "on")])
async def test_what_is_no_relay_or_no_state_moves_nothing(
    channel: str, value: bool | int | str
) -> None:
    """Refused before a byte is sent."""
    with plugged(LcusBoard(1)) as pty:
        async with open_driver(Config(port=pty.path), Ports()) as relays:
            with pytest.raises(DeviceFault):
                await relays.write(channel, value)
        assert not pty.received


async def test_an_unplugged_board_is_absent() -> None:
    """A relay that cannot be reached is no success."""
    with plugged(LcusBoard(1)) as pty:
        async with open_driver(Config(port=pty.path), Ports()) as relays:
            pty.unplug()
            with pytest.raises(DeviceAbsent):
                await relays.write("relay", True)


async def test_an_adapter_that_is_not_there_does_not_open() -> None:
    """The board itself cannot prove anything; its adapter can."""
    with pytest.raises(DeviceAbsent):
        async with open_driver(Config(port="/dev/serial/none"), Ports()):
            pass


def test_every_relay_is_an_output() -> None:
    """A single one has no number."""
    assert [each.id for each in describe(Config(port="x"))] == ["relay"]
    channels = describe(Config(port="x", relays=8))
    assert [each.id for each in channels][::7] == ["relay1", "relay8"]
    assert {each.access for each in channels} == {Access.WRITE}


@pytest.mark.parametrize("relays", [0, 9])
def test_boards_that_do_not_exist_are_refused(relays: int) -> None:
    """One to eight relays."""
    with pytest.raises(ValueError, match="1 to 8"):
        Config(port="x", relays=relays)
