"""The Modbus sensor, on a real line."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from drivers.modbus._registers import Register
from drivers.modbus.modbus import Config, describe, open_driver
from gatewayd.errors import DeviceAbsent, DeviceFault, DeviceTimeout
from gatewayd.model import Measurement, Quality
from gatewayd.ports import Ports
from tests.peers.modbus import Line, Slave, garbage, rtu_line, silent, tcp_line

METER = Slave(
    holding=[215, 0xFFF6, 0x4148, 0x0000, 0b0100, *[0] * 27],
    input=[1, 2],
    discrete=[False, True] * 8,
)
REGISTERS = {
    "temperature": Register(address=0, kind="temperature", unit="Cel", scale=0.1),
    "outside": Register(address=1, kind="temperature", type="int16"),
    "power": Register(address=2, kind="power", type="float32"),
    "alarm": Register(address=4, kind="switch", bit=2),
    "door": Register(address=1, kind="switch", table="discrete"),
}
VALUES = (
    Measurement("temperature", 21.5),
    Measurement("outside", -10),
    Measurement("power", 12.5),
    Measurement("alarm", True),
    Measurement("door", True),
)
SHORT_S = 0.05
ANSWER_S = 0.25


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    async with rtu_line({1: METER}) as line:
        yield line


async def test_a_device_is_read_in_few_requests(line: Line) -> None:
    """Values in the order of the file, and one request for each block."""
    config = Config(port=line.port, registers=REGISTERS)
    async with open_driver(config, Ports()) as device:
        line.requests.clear()
        assert await device.read() == VALUES
    assert line.requests == [(1, 2, 1, 1), (1, 3, 0, 5)]


async def test_a_device_behind_a_network_is_read_alike() -> None:
    """TCP differs in the port alone."""
    async with (
        tcp_line({1: METER}) as line,
        open_driver(Config(port=line.port, registers=REGISTERS), Ports()) as device,
    ):
        assert await device.read() == VALUES


async def test_a_refused_block_spoils_its_own_channels_only(line: Line) -> None:
    """The rest keep their values."""
    registers = {**REGISTERS, "wrong": Register(address=900, kind="level")}
    async with open_driver(Config(port=line.port, registers=registers), Ports()) as device:
        assert await device.read() == (*VALUES, Measurement("wrong", None, Quality.FAULT))


async def test_a_device_that_refuses_everything_is_another_device(line: Line) -> None:
    """It does not open."""
    config = Config(port=line.port, registers={"wrong": Register(address=900, kind="level")})
    with pytest.raises(DeviceFault, match="illegal address"):
        async with open_driver(config, Ports()):
            pass


async def test_a_slave_that_is_not_there_does_not_open(line: Line) -> None:
    """Nobody has that number."""
    line.fault = silent(1)
    config = Config(port=line.port, registers=REGISTERS, answer_timeout=SHORT_S)
    with pytest.raises(DeviceTimeout):
        async with open_driver(config, Ports()):
            pass


async def test_a_line_that_is_not_there_does_not_open() -> None:
    """Nobody has plugged it in."""
    with pytest.raises(DeviceAbsent):
        async with open_driver(Config(port="/dev/serial/none", registers=REGISTERS), Ports()):
            pass


async def test_garbage_is_a_fault_and_passes(line: Line) -> None:
    """A disturbed line gives no value, and the next one is good."""
    config = Config(port=line.port, registers=REGISTERS, answer_timeout=ANSWER_S)
    async with open_driver(config, Ports()) as device:
        line.fault = garbage
        with pytest.raises(DeviceFault, match="garbage"):
            await device.read()
        line.fault = None
        assert await device.read() == VALUES


async def test_several_slaves_share_a_line() -> None:
    """Each has its own number; a dead one does not silence the other."""
    async with rtu_line({1: METER, 2: METER}) as line:
        ports = Ports()
        first = Config(port=line.port, slave=1, registers=REGISTERS, answer_timeout=SHORT_S)
        second = Config(port=line.port, slave=2, registers=REGISTERS)
        async with open_driver(first, ports) as one, open_driver(second, ports) as two:
            line.fault = silent(1)
            with pytest.raises(DeviceTimeout):
                await one.read()
            assert await two.read() == VALUES


@pytest.mark.parametrize(
    "wrong",
    [
        {"slave": 0},
        {"spare": -1},
        {"registers": {}},
        {"registers": {"a": Register(address=65535, kind="level", type="int32")}},
        {"registers": {"a": Register(address=0, kind="switch", bit=16)}},
        {"registers": {"a": Register(address=0, kind="switch", bit=0, type="int32")}},
    ],
)
def test_what_cannot_work_is_found_before_a_device_is_touched(wrong: dict[str, object]) -> None:
    """The owner's mistakes are told by `gatewayd check`."""
    with pytest.raises(ValueError, match=r"slave|spare|register"):
        Config(**{"port": "rs485", "registers": REGISTERS, **wrong})  # type: ignore[arg-type]  # Wrong on purpose.


def test_channels_are_the_registers() -> None:
    """Named and measured as the owner wrote."""
    channels = describe(Config(port="x", registers=REGISTERS))
    assert [(each.id, each.unit) for each in channels][:2] == [
        ("temperature", "Cel"),
        ("outside", ""),
    ]
