"""SML: a frame captured from an Iskra meter, the encoding, and real pyserial over a pty."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as some
from pydantic import TypeAdapter

from drivers.serial import sml as module
from drivers.serial._obis import USUAL, Entry
from drivers.serial._sml import DEPTH_MAX, Value, messages, parse
from drivers.serial.sml import Config, decode, open_driver, recognise
from gatewayd.errors import DeviceFault, DeviceTimeout, Malformed
from gatewayd.model import Measurement, Quality
from gatewayd.ports import Ports
from tests.frames.serial.vectors import ESCAPED, ISKRA, KAIFA, sml_framed
from tests.peers.pty import plugged

SERVER = "0A0149534B00047A5544"
VALUES = (
    Measurement("energy_in", 79.1393),
    Measurement("energy_out", 0.0),
    Measurement("power", 2144),
)


def test_a_captured_frame_is_read() -> None:
    """Wh become kWh, the power of ten is applied, and the meter's number is known."""
    (message,) = messages(ISKRA)
    assert message.server.hex().upper() == SERVER
    assert decode(message, USUAL) == VALUES
    assert message.values[1] == Value("1-0", "1.8.0", 79139.3, "Wh")


def test_what_the_meter_does_not_say_is_absent_and_what_does_not_fit_a_fault() -> None:
    """A missing code; an energy asked for as a power; a text asked for as a number."""
    (message,) = messages(ISKRA)
    wanted = {
        "voltage": Entry(code="32.7.0", kind="voltage", unit="V"),
        "power": Entry(code="1.8.0", kind="power", unit="W"),
        "number": Entry(code="96.1.0", kind="level"),
        "server": Entry(code="1-0:96.1.0", kind="text"),
    }
    heard = decode(message, wanted)
    assert [each.value for each in heard] == [None, None, None, SERVER]
    assert [each.quality for each in heard] == [
        Quality.ABSENT,
        Quality.FAULT,
        Quality.FAULT,
        Quality.GOOD,
    ]


@pytest.mark.parametrize(
    ("data", "tree"),
    [
        ("01", None),
        ("03 41 42", b"AB"),
        ("42 01", True),
        ("52 ff", -1),
        ("62 ff", 255),
        ("55 ff ff ff fe", -2),
        ("72 62 01 62 02", [1, 2]),
        ("81 02" + "00" * 16, bytes(16)),
        ("f1 00" + "01" * 16, [None] * 16),
    ],
)
def test_values_are_encoded_as_the_specification_says(data: str, tree: object) -> None:
    """Every type, and lengths of two bytes. Source: SML 1.04, 6.2."""
    raw = bytes.fromhex(data)
    assert parse(raw, 0) == (tree, len(raw))


@pytest.mark.parametrize(
    "data", ["", "05 41", "72 62 01", "22 01", "51", "5a" + "00" * 9, "f1", "8f" * 9 + "0f"]
)
def test_what_breaks_off_is_malformed(data: str) -> None:
    """Or is of no known type, or longer than can be."""
    with pytest.raises(Malformed):
        parse(bytes.fromhex(data), 0)


def test_lists_within_lists_end_somewhere() -> None:
    """A frame cannot exhaust the stack."""
    with pytest.raises(Malformed, match="too deep"):
        parse(b"\x71" * (DEPTH_MAX + 2), 0)


@given(some.binary(max_size=300))
def test_any_contents_are_read_or_malformed(contents: bytes) -> None:
    """Also with a right checksum."""
    with suppress(Malformed):
        list(messages(sml_framed(contents)))


def test_an_escape_inside_is_not_the_end() -> None:
    """The sender doubles it; what is inside is 12 1B 1B 1B 1B, no SML."""
    with pytest.raises(Malformed):
        list(messages(ESCAPED))


def test_a_truth_is_no_number() -> None:
    """Where a number should stand; Python takes one for the other."""
    contents = ISKRA[8:-8].replace(bytes.fromhex("65000C1361"), bytes.fromhex("4201"))
    (message,) = messages(sml_framed(contents))
    assert decode(message, USUAL)[0].quality is Quality.ABSENT


@pytest.mark.parametrize("power", ["4201", "5213", "52ED", "0271"])
def test_a_power_of_ten_that_is_none_spoils_the_list(power: str) -> None:
    """A value without it would be ten or a million times too large."""
    assert bytes.fromhex("52FF65000C1361") in ISKRA
    wrong = bytes.fromhex(f"{power}65000C1361")
    contents = ISKRA[8:-8].replace(bytes.fromhex("52FF65000C1361"), wrong)
    with pytest.raises(Malformed, match="power of ten"):
        list(messages(sml_framed(contents)))


def test_a_meter_is_known_by_its_frame() -> None:
    """And nothing else is taken for one."""
    assert recognise(ISKRA[9:] + ISKRA) is not None
    assert recognise(KAIFA) is None


async def test_a_meter_is_listened_to() -> None:
    """Real pyserial over a pty; silence is told."""
    with plugged() as pty:
        config = Config(port=pty.path, silence=0.3, server=SERVER.lower())
        async with open_driver(config, Ports()) as meter:
            spoken = aiter(meter.measurements())
            pty.write(b"\x00" * 9 + ISKRA)
            async with asyncio.timeout(5.0):
                assert await anext(spoken) == VALUES
            with pytest.raises(DeviceTimeout):
                await anext(spoken)


async def test_another_meter_is_a_fault() -> None:
    """Heads get swapped."""
    with plugged() as pty:
        async with open_driver(Config(port=pty.path, server="0A01"), Ports()) as meter:
            spoken = aiter(meter.measurements())
            pty.write(ISKRA)
            with pytest.raises(DeviceFault, match=f"is meter {SERVER}, not 0A01"):
                await anext(spoken)


async def test_frames_that_say_nothing_are_counted_and_then_a_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One is skipped; when nothing else comes, somebody must be told."""
    monkeypatch.setattr(module, "REJECTS_MAX", 3)
    with plugged() as pty:
        async with open_driver(Config(port=pty.path), Ports()) as meter:
            spoken = aiter(meter.measurements())
            pty.write(ESCAPED * 2 + ISKRA + ESCAPED * 3)
            assert await anext(spoken) == VALUES
            with pytest.raises(DeviceFault, match="another SML"):
                await anext(spoken)
            assert meter.rejects == 5


def test_the_configuration_is_what_a_technician_writes() -> None:
    """Values are tables; a section without them has the usual ones; an empty one is refused."""
    section = {"code": "1-0:1.8.0", "kind": "energy", "unit": "kWh"}
    config = TypeAdapter(Config).validate_python({"port": "x", "values": {"e": section}})
    assert config.values["e"] == Entry(code="1-0:1.8.0", kind="energy", unit="kWh")
    assert Config(port="x").values == USUAL
    with pytest.raises(ValueError, match="at least one"):
        Config(port="x", values={})
