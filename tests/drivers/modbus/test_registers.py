"""Registers: decoding and planning, pure."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as some
from pymodbus.client import AsyncModbusTcpClient

from drivers.modbus._registers import Block, Order, Register, Type, decode, plan
from gatewayd.errors import DeviceFault
from gatewayd.ports.modbus import BITS_MAX, REGISTERS_MAX

REGISTERS = {
    "temperature": Register(address=0, kind="temperature", unit="Cel", scale=0.1),
    "outside": Register(address=1, kind="temperature", type="int16"),
    "power": Register(address=2, kind="power", type="float32"),
    "alarm": Register(address=4, kind="switch", bit=2),
    "door": Register(address=1, kind="switch", table="discrete"),
}


def _register(type: Type, words: Order = "big", bytes: Order = "big") -> Register:
    return Register(address=0, kind="level", type=type, word_order=words, byte_order=bytes)


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
