"""A relay board with Modbus coils, on a real line."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from drivers.modbus.modbus_relay import Config, describe, open_driver
from gatewayd.errors import DeviceAbsent, DeviceFault, DeviceTimeout
from gatewayd.model import Access
from gatewayd.ports import Ports
from tests.peers.modbus import Line, Slave, rtu_line, silent

SHORT_S = 0.05


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    async with rtu_line({1: Slave()}) as line:
        yield line


async def test_a_relay_is_switched_and_read_back(line: Line) -> None:
    """The coil moves, and no other."""
    async with open_driver(Config(port=line.port), Ports()) as board:
        await board.write("relay3", True)
        assert [place for place, is_on in enumerate(line.coils(1)) if is_on] == [2]
        assert await board.read_back("relay3") is True
        await board.write("relay3", False)
        assert not any(line.coils(1))
        assert await board.read_back("relay3") is False


async def test_reading_back_tells_what_the_board_says(line: Line) -> None:
    """Not what was written: a hand switch at the board is seen."""
    async with open_driver(Config(port=line.port, coil=4, relays=2), Ports()) as board:
        await board.write("relay1", True)
        line.set_coil(1, 4, is_on=False)
        line.set_coil(1, 5, is_on=True)
        assert await board.read_back("relay1") is False
        assert await board.read_back("relay2") is True


async def test_a_write_without_confirmation_is_unknown(line: Line) -> None:
    """The relay moved and the answer was lost: a timeout, never a success."""
    async with open_driver(Config(port=line.port, answer_timeout=SHORT_S), Ports()) as board:
        line.fault = silent(1)
        with pytest.raises(DeviceTimeout):
            await board.write("relay1", True)
        assert line.coils(1)[0]


async def test_a_write_to_a_line_that_died_is_absence(line: Line) -> None:
    """Nothing can be said to the board."""
    async with open_driver(Config(port=line.port, answer_timeout=SHORT_S), Ports()) as board:
        assert line.pty is not None
        line.pty.unplug()
        with pytest.raises(DeviceAbsent):
            await board.write("relay1", True)


@pytest.mark.parametrize(("channel", "value"), [("relay9", True), ("relay1", 1), ("relay1", "on")])
async def test_what_is_no_relay_or_no_state_moves_nothing(
    line: Line, channel: str, value: bool | int | str
) -> None:
    """Refused before a byte is sent."""
    async with open_driver(Config(port=line.port), Ports()) as board:
        line.requests.clear()
        with pytest.raises(DeviceFault):
            await board.write(channel, value)
        assert not line.requests


async def test_a_board_with_fewer_relays_does_not_open(line: Line) -> None:
    """A wrong number of relays is found before one of them is needed."""
    with pytest.raises(DeviceFault, match="illegal address"):
        async with open_driver(Config(port=line.port, relays=64), Ports()):
            pass


async def test_a_board_that_is_not_there_does_not_open(line: Line) -> None:
    """Silence is a timeout, a missing adapter is absence."""
    line.fault = silent(1)
    with pytest.raises(DeviceTimeout):
        async with open_driver(Config(port=line.port, answer_timeout=SHORT_S), Ports()):
            pass
    with pytest.raises(DeviceAbsent):
        async with open_driver(Config(port="/dev/serial/none"), Ports()):
            pass


def test_every_relay_is_an_output() -> None:
    """A single one has no number."""
    assert [each.id for each in describe(Config(port="x", relays=1))] == ["relay"]
    channels = describe(Config(port="x", relays=2))
    assert [each.id for each in channels] == ["relay1", "relay2"]
    assert {each.access for each in channels} == {Access.WRITE}


@pytest.mark.parametrize("wrong", [{"slave": 0}, {"relays": 0}, {"coil": -1}, {"coil": 65535}])
def test_boards_that_do_not_exist_are_refused(wrong: dict[str, int]) -> None:
    """The owner's mistakes are told by `gatewayd check`."""
    with pytest.raises(ValueError, match=r"slave|relays|coil"):
        Config(port="x", **wrong)  # type: ignore[arg-type]  # Wrong on purpose.
