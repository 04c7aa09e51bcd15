"""The ready maps: the manuals' conversations byte for byte, and real pymodbus servers."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import pytest

from drivers.modbus import pzem004t, sdm120, sdm230, sdm630, senseair_s8, sht20_rs485
from drivers.modbus._eastron import SPARE
from drivers.modbus._map import Config, find_values, is_possible
from drivers.modbus._registers import Register, decode, plan
from drivers.serial._checksums import crc16
from gatewayd.driver import Evidence, Sensor
from gatewayd.errors import DeviceFault, DeviceTimeout
from gatewayd.model import Channel, Quality
from gatewayd.ports import Ports
from gatewayd.ports.modbus import REGISTERS_MAX
from tests.peers.modbus import Line, Slave, garbage, rtu_line, silent
from tests.peers.pty import plugged

SHORT_S = 0.05
ANSWER_S = 0.25


class Module(Protocol):
    """The part of a driver that these tests use."""

    def describe(self, config: object, /) -> tuple[Channel, ...]: ...
    def open_driver(
        self, config: object, ports: Ports, /
    ) -> AbstractAsyncContextManager[Sensor]: ...
    async def recognise(self, slave: object, /) -> Evidence | None: ...


MODULES: dict[str, Module] = {
    "sdm120": sdm120,  # type: ignore[dict-item]  # Each knows its own Config.
    "sdm230": sdm230,  # type: ignore[dict-item]  # As above.
    "sdm630": sdm630,  # type: ignore[dict-item]  # As above.
    "pzem004t": pzem004t,  # type: ignore[dict-item]  # As above.
    "sht20_rs485": sht20_rs485,  # type: ignore[dict-item]  # As above.
    "senseair_s8": senseair_s8,  # type: ignore[dict-item]  # As above.
}


def config_of(name: str, port: str, timeout_s: float = ANSWER_S) -> object:
    """Return the shortest configuration."""
    if name.startswith(("sdm1", "sdm2", "sense")):
        made: object = MODULES[name].Config(port=port, answer_timeout=timeout_s)  # type: ignore[attr-defined]  # Every driver has one.
        return made
    return Config(port=port, answer_timeout=timeout_s)


def floats(values: Mapping[int, float], size: int) -> list[int]:
    """Return registers with big-endian floats at some addresses."""
    words = [0] * size
    for address, value in values.items():
        words[address : address + 2] = struct.unpack(">2H", struct.pack(">f", value))
    return words


def frame(text: str) -> bytes:
    """Return a frame of a manual, after checking that its CRC was copied right."""
    raw = bytes.fromhex(text)
    assert crc16(raw[:-2], initial=0xFFFF) == int.from_bytes(raw[-2:], "little")
    return raw


CONVERSATIONS = [
    (
        "sht20_rs485",
        "01 04 00 01 00 02 20 0B",
        "01 04 04 01 31 02 22 2A CE",
        {"temperature": 30.5, "humidity": 54.6},
    ),
    (
        "pzem004t",
        "01 04 00 00 00 0A 70 0D",
        # The manual prints the values, and no checksum.
        "01 04 14 08 98 03 E8 00 00 08 98 00 00 00 00 00 00 01 F4 00 64 00 00 63 CE",
        {
            "voltage": 220.0,
            "current": 1.0,
            "power": 220.0,
            "energy": 0.0,
            "frequency": 50.0,
            "power_factor": 1.0,
            "alarm": False,
        },
    ),
    (
        "senseair_s8",
        "FE 04 00 00 00 04 E5 C6",
        "FE 04 08 00 00 00 00 00 00 01 90 16 E6",
        {"co2": 400},
    ),
]
"""Driver, question and answer, values. Source: the manuals named in the drivers."""


@pytest.mark.parametrize(("name", "question", "answer", "values"), CONVERSATIONS)
async def test_the_manuals_conversation_is_held(
    name: str, question: str, answer: str, values: dict[str, float]
) -> None:
    """Real pymodbus asks as the manual does, and the manual's answer has the manual's values."""
    asked, told = frame(question), frame(answer)
    with plugged() as pty:
        pty.serve(lambda data: told if data == asked else b"")
        async with MODULES[name].open_driver(config_of(name, pty.path), Ports()) as device:
            measured = await device.read()
    assert {each.channel: each.value for each in measured} == values
    assert set(bytes(pty.received).split(asked)) == {b""}


@pytest.mark.parametrize(("name", "question", "answer", "values"), CONVERSATIONS)
async def test_a_flipped_bit_in_the_answer_gives_no_value(
    name: str, question: str, answer: str, values: dict[str, float]
) -> None:
    """Silence or garbage, never a number."""
    told = bytearray(frame(answer))
    told[4] ^= 0x01
    with plugged() as pty:
        pty.serve(lambda _: bytes(told))
        with pytest.raises((DeviceFault, DeviceTimeout)):
            async with MODULES[name].open_driver(config_of(name, pty.path, SHORT_S), Ports()):
                pass


def test_eastrons_worked_answer() -> None:
    """43 66 33 34 is 230.2 V. Source: Eastron protocol manuals, examples of function 4."""
    told = frame("01 04 04 43 66 33 34 1B 38")
    words = struct.unpack(">2H", told[3:-2])
    assert decode(words, sdm120.REGISTERS["voltage"]) == pytest.approx(230.2)


SINGLE = floats(
    {
        0x00: 230.5,
        0x06: 2.5,
        0x0C: -570.0,
        0x12: 576.0,
        0x18: 12.5,
        0x1E: -0.99,
        0x24: 171.5,
        0x46: 50.0,
        0x48: 12.5,
        0x4A: 1234.5,
        0x156: 1247.0,
    },
    0x160,
)
THREE = floats(
    {
        **{2 * i: 230.0 + i for i in range(3)},
        **{6 + 2 * i: 1.0 + i for i in range(3)},
        **{0x0C + 2 * i: 230.0 + i for i in range(3)},
        **{0x1E + 2 * i: 0.5 for i in range(3)},
        0x34: 693.0,
        0x38: 700.0,
        0x3C: 5.0,
        0x3E: 0.75,
        0x46: 50.0,
        0x48: 1.5,
        0x4A: 2.5,
        0x156: 4.0,
    },
    0x160,
)
PZEM = [2301, 0x86A0, 1, 5, 0, 0x000F, 1, 499, 98, 0xFFFF]
S8 = [0, 0, 0, 612, *[0] * 21, 0x0012, 0x3456, *[0] * 5]

METERS: dict[str, tuple[int, Sequence[int], dict[str, float]]] = {
    "sdm120": (1, SINGLE, {"voltage": 230.5, "power": -570, "energy_out": 1234.5, "energy": 1247}),
    "sdm230": (1, SINGLE, {"phase_angle": 171.5, "frequency": 50, "power_reactive": 12.5}),
    "sdm630": (1, THREE, {"voltage_l3": 232, "current_l2": 2, "power_l1": 230, "energy": 4}),
    "pzem004t": (1, PZEM, {"current": 100.0, "energy": 65.551, "alarm": True}),
    "sht20_rs485": (1, [0, 0xFFF6, 1000], {"temperature": -1.0, "humidity": 100.0}),
    "senseair_s8": (254, S8, {"co2": 612}),
}
"""Number, input registers and some of the values (*syn*)."""


def meter(words: Sequence[int]) -> Slave:
    return Slave(input=[*words, *[0] * (-len(words) % 16)])


@pytest.mark.parametrize("name", METERS)
async def test_a_device_is_read(name: str) -> None:
    """Every channel has a value within its bounds, and the known ones their own."""
    slave, words, values = METERS[name]
    module = MODULES[name]
    async with rtu_line({slave: meter(words)}) as line:
        config = config_of(name, line.port)
        async with module.open_driver(config, Ports()) as device:
            measured = {each.channel: each for each in await device.read()}
    channels = module.describe(config)
    assert measured.keys() == {each.id for each in channels}
    for channel in channels:
        value = measured[channel.id].value
        assert isinstance(value, int | float)
        assert channel.minimum is None or channel.minimum <= value
        assert channel.maximum is None or value <= channel.maximum
        assert not channel.is_counter
    assert {each: measured[each].value for each in values} == pytest.approx(values)


@pytest.mark.parametrize("name", METERS)
async def test_a_device_that_is_silent_or_garbles_gives_no_value(name: str) -> None:
    """Neither does it open; the line is good again afterwards."""
    slave, words, _ = METERS[name]
    async with rtu_line({slave: meter(words)}) as line:
        for fault, error in ((silent(slave), DeviceTimeout), (garbage, DeviceFault)):
            line.fault = fault
            with pytest.raises(error):
                async with MODULES[name].open_driver(config_of(name, line.port, SHORT_S), Ports()):
                    pass
        line.fault = None
        async with MODULES[name].open_driver(config_of(name, line.port), Ports()) as device:
            assert await device.read()


async def _recognise(name: str, line: Line, slave: int) -> Evidence | None:
    async with Ports().modbus(line.port) as port:
        return await MODULES[name].recognise(port.slave(slave, timeout_s=SHORT_S))


@pytest.mark.parametrize("name", METERS)
async def test_a_device_is_recognised_without_being_changed(name: str) -> None:
    """A hint with what was seen, from reading alone."""
    slave, words, _ = METERS[name]
    async with rtu_line({slave: meter(words)}) as line:
        evidence = await _recognise(name, line, slave)
        assert evidence is not None
        assert not evidence.is_proof
        assert {function for _, function, _, _ in line.requests} == {4}


@pytest.mark.parametrize("name", METERS)
@pytest.mark.parametrize("fill", [0, 0xFFFF])
async def test_another_device_is_not_recognised(name: str, fill: int) -> None:
    """Nor one that refuses, nor one that is silent."""
    slave, words, _ = METERS[name]
    for size in (16, len(words) + 16):
        async with rtu_line({slave: meter([fill] * size)}) as line:
            assert await _recognise(name, line, slave) is None
            line.fault = silent(slave)
            assert await _recognise(name, line, slave) is None


def test_an_s8_that_reports_an_error_has_no_value() -> None:
    """Every bit of its status; and the errors have names."""
    for bit, name in enumerate(senseair_s8.ERRORS):
        measured = senseair_s8.decode([1 << bit, 0, 0, 400])
        assert (measured.value, measured.quality) == (None, Quality.FAULT)
        assert senseair_s8.errors(1 << bit) == (name,)
    assert senseair_s8.decode([0, 0, 0, 0xFFFF]).value == -1  # Below its minimum: a fault there.


@pytest.mark.parametrize("registers", [sdm120.REGISTERS, sdm230.REGISTERS, sdm630.REGISTERS])
def test_eastrons_meters_are_read_in_few_requests(registers: Mapping[str, Register]) -> None:
    """And in none that is longer than the meters answer, 80 registers."""
    blocks = plan(registers, SPARE)
    assert len(blocks) <= 4
    assert all(block.count <= min(80, REGISTERS_MAX) for block in blocks)


async def test_values_that_cannot_be_are_no_hint() -> None:
    """A float out of bounds, or one that is no number."""
    register = sdm120.REGISTERS["voltage"]
    assert is_possible(230.0, register)
    assert not is_possible(1e6, register)
    async with (
        rtu_line({1: meter(floats({0: 1e6, 2: float("nan")}, 16))}) as line,
        Ports().modbus(line.port) as port,
    ):
        slave = port.slave(1, timeout_s=SHORT_S)
        assert await find_values(slave, {"voltage": register}) is None


@pytest.mark.parametrize(("make", "slave"), [(Config, 248), (sdm120.Config, 0)])
def test_numbers_that_no_meter_has_are_refused(make: type[Config], slave: int) -> None:
    """1 to 247; an S8 may be 254, which is any."""
    with pytest.raises(ValueError, match="1 to 247"):
        make(port="x", slave=slave)
    with pytest.raises(ValueError, match="254 for any"):
        senseair_s8.Config(port="x", slave=255)
