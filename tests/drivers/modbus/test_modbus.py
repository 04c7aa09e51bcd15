"""The Modbus sensor: pure decoding and planning, and a real line."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as some
from pymodbus.client import AsyncModbusTcpClient

from drivers.modbus.modbus import (
    Block,
    Config,
    Order,
    Register,
    Type,
    decode,
    describe,
    open_driver,
    plan,
)
from gatewayd.errors import DeviceAbsent, DeviceFault, DeviceTimeout
from gatewayd.model import Measurement, Quality
from gatewayd.ports import Ports
from gatewayd.ports.modbus import BITS_MAX, REGISTERS_MAX
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


def _register(type: Type, words: Order = "big", bytes: Order = "big") -> Register:
    return Register(address=0, kind="level", type=type, word_order=words, byte_order=bytes)


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    async with rtu_line({1: METER}) as line:
        yield line


@pytest.mark.parametrize(
    ("words", "register", "value"),
    [
        ([0xFFFF], _register("int16"), -1),
        ([0xFFFF], _register("uint16"), 65535),
        ([0x0001, 0x0000], _register("uint32"), 65536),
        ([0x0000, 0x0001], _register("uint32", words="little"), 65536),
        ([0x0100, 0x0000], _register("uint32", bytes="little"), 65536),
        ([0x0000, 0x0100], _register("uint32", "little", "little"), 65536),
        ([0xFFFF, 0xFFFF], _register("int32"), -1),
        ([0xFFFF, 0xFFFF, 0xFFFF, 0xFFFE], _register("int64"), -2),
        ([0, 0, 0, 7], _register("uint64"), 7),
        ([0x4148, 0x0000], _register("float32"), 12.5),
        ([0x0000, 0x4148], _register("float32", words="little"), 12.5),
        ([0x4029, 0, 0, 0], _register("float64"), 12.5),
        ([1], _register("bool"), True),
        ([0b1000], Register(address=0, kind="switch", bit=3), True),
        ([0b1000], Register(address=0, kind="switch", bit=2), False),
        ([3], Register(address=0, kind="level", scale=0.1), 0.3),
    ],
)
def test_registers_are_decoded(words: list[int], register: Register, value: float) -> None:
    """Every type, in every order that devices have."""
    assert decode(words, register) == value


@pytest.mark.parametrize("words", [[0x7FC0, 0], [0x7F80, 0]])
def test_a_float_that_is_no_number_is_a_fault(words: list[int]) -> None:
    """NaN is how many meters say that they do not know."""
    with pytest.raises(DeviceFault, match=r"holds (nan|inf)"):
        decode(words, _register("float32"))


@given(some.integers(-(2**63), 2**63 - 1), some.sampled_from(["big", "little"]))
def test_decoding_agrees_with_pymodbus(number: int, order: Order) -> None:
    """What the library encodes, this decodes."""
    library = AsyncModbusTcpClient
    words = library.convert_to_registers(number, library.DATATYPE.INT64, word_order=order)
    assert decode(words, _register("int64", order)) == number


def test_neighbours_are_fetched_together() -> None:
    """One request for what stands side by side, another for each hole and table."""
    assert plan(REGISTERS, 0) == (
        Block("discrete", 1, 1, ("door",)),
        Block("holding", 0, 5, ("temperature", "outside", "power", "alarm")),
    )


def test_holes_are_read_along_when_allowed() -> None:
    """`spare` registers between two wanted ones join two requests; one more does not."""
    two = {"a": Register(address=0, kind="level"), "b": Register(address=4, kind="level")}
    assert len(plan(two, 3)) == 1
    assert len(plan(two, 2)) == 2


@given(
    some.lists(
        some.builds(
            Register,
            address=some.integers(0, 5000),
            kind=some.just("level"),
            table=some.sampled_from(["coil", "holding"]),
            type=some.sampled_from(["uint16", "float64"]),
        ),
        max_size=40,
    ),
    some.integers(0, 100),
)
def test_a_plan_fetches_everything_once_within_the_limits(
    registers: list[Register], spare: int
) -> None:
    """No register is forgotten, cut, or asked for in a request that no device would answer."""
    named = {str(number): each for number, each in enumerate(registers)}
    blocks = plan(named, spare)
    assert sorted(itertools.chain(*(block.names for block in blocks))) == sorted(named)
    for block in blocks:
        assert block.count <= (BITS_MAX if block.table == "coil" else REGISTERS_MAX)
        for name in block.names:
            each = named[name]
            assert block.table == each.table
            assert block.address <= each.address
            assert each.address + each.size <= block.address + block.count


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
    config = Config(port=line.port, registers=REGISTERS, answer_timeout=SHORT_S)
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
