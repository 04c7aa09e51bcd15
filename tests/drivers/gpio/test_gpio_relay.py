"""One relay on one line."""

from __future__ import annotations

import asyncio

import pytest

from drivers.gpio.gpio_relay import Config, describe, open_driver
from gatewayd.driver import is_output
from gatewayd.errors import DeviceAbsent, DeviceFault, DeviceTimeout
from gatewayd.testing.ports import FakePorts
from gatewayd.testing.wires import FakeLines

LOW = Config(port="gpio:0", line=17, active="low")
HIGH = Config(port="gpio:0", line=17, active="high")


@pytest.fixture
def ports() -> FakePorts:
    return FakePorts()


@pytest.fixture
def lines(ports: FakePorts) -> FakeLines:
    return ports.attach_lines("gpio:0")


async def test_opening_moves_nothing(ports: FakePorts, lines: FakeLines) -> None:
    """The driver does not know what is safe, so it touches the pin at the first write only."""
    async with open_driver(HIGH, ports) as relay:
        assert await relay.read_back("relay") is None
    assert lines.log == []


@pytest.mark.parametrize(("config", "pin"), [(HIGH, False), (LOW, True)])
async def test_the_first_write_is_the_first_level(
    ports: FakePorts, lines: FakeLines, config: Config, pin: bool
) -> None:
    """Off is the level that the board understands as off, in one act with the direction."""
    async with open_driver(config, ports) as relay:
        await relay.write("relay", False)
        assert lines.log == [(17, pin)]
        assert await relay.read_back("relay") is False


async def test_later_writes_drive_the_same_line(ports: FakePorts, lines: FakeLines) -> None:
    """The line is requested once and released at the end of the scope."""
    async with open_driver(LOW, ports) as relay:
        for value in (False, True, True, False):
            await relay.write("relay", value)
            assert await relay.read_back("relay") is value
    assert lines.log == [(17, True), (17, False), (17, False), (17, True), (17, None)]


async def test_a_first_write_that_fails_can_be_repeated(ports: FakePorts, lines: FakeLines) -> None:
    """The keeper writes safe again; nothing stays half requested."""
    async with open_driver(HIGH, ports) as relay:
        lines.fault = DeviceTimeout("hangs")
        with pytest.raises(DeviceTimeout):
            await relay.write("relay", False)
        lines.fault = None
        await relay.write("relay", False)
        assert lines.log == [(17, False)]


async def test_a_write_cancelled_midway_leaves_the_line_to_the_next(
    ports: FakePorts, lines: FakeLines
) -> None:
    """What follows an uncertain write is the safe one, on the same line."""
    async with open_driver(HIGH, ports) as relay:
        ports.gate.shut()
        writing = asyncio.ensure_future(relay.write("relay", True))
        await ports.gate.wait_arrival()
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        ports.gate.open()
        await relay.write("relay", False)
        assert lines.levels == {17: False}


@pytest.mark.parametrize("value", [1, 0.0, "on", {"lat": 0.0}])
async def test_what_is_no_switch_value_moves_nothing(
    ports: FakePorts, lines: FakeLines, value: int | float | str | dict[str, float]
) -> None:
    """A driver guesses nothing: 0.3 is neither on nor off."""
    async with open_driver(HIGH, ports) as relay:
        with pytest.raises(DeviceFault, match="on or off"):
            await relay.write("relay", value)
    assert lines.log == []


async def test_a_missing_chip_is_absent(ports: FakePorts) -> None:
    """Nothing is attached."""
    with pytest.raises(DeviceAbsent):
        async with open_driver(HIGH, ports):
            pytest.fail("there is no chip")


def test_the_relay_is_an_output() -> None:
    """Only a keeper writes it."""
    (channel,) = describe(HIGH)
    assert (channel.id, channel.kind, is_output(channel)) == ("relay", "switch", True)


def test_a_negative_line_is_refused() -> None:
    """Offsets are counted from 0."""
    with pytest.raises(ValueError, match="from 0"):
        Config(port="gpio:0", line=-1, active="low")
