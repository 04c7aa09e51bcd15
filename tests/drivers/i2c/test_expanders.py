"""Relays and contacts on I²C expanders and relay boards: real smbus2 over a fake kernel."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from drivers.i2c import expander_input, expander_relay, relay_board
from gatewayd.errors import DeviceAbsent, DeviceFault
from gatewayd.model import Measurement
from gatewayd.ports import Ports
from gatewayd.testing.i2c import ChipModel, FakeI2cKernel, RegisterChip
from gatewayd.testing.i2c_bystanders import Pcf8574Chip, RelayBoardChip

ADDRESS = 0x20
IODIR, IPOL_B, GPPU, GPIO, OLAT = 0x00, 0x03, 0x0C, 0x12, 0x14


class Mcp23017(RegisterChip):
    """Sixteen pins; a pin that is an output shows its latch, an input what is outside.

    Attributes:
        history: (directions, latch) after each write, as the pins saw them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.outside = 0xFFFF
        self.history: list[tuple[int, int]] = []
        self.lose_power()

    def lose_power(self) -> None:
        self.registers = bytearray(256)
        self.registers[IODIR : IODIR + 2] = b"\xff\xff"

    def word(self, register: int) -> int:
        return int.from_bytes(self.registers[register : register + 2], "little")

    def write(self, data: bytes) -> None:
        super().write(data)
        directions, latch = self.word(IODIR), self.word(OLAT)
        pins = latch & ~directions | self.outside & directions
        self.registers[GPIO : GPIO + 2] = pins.to_bytes(2, "little")
        self.history.append((directions, latch))


@pytest.fixture
def kernel() -> Iterator[FakeI2cKernel]:
    with FakeI2cKernel({1: {}}).installed() as kernel:
        yield kernel


@asynccontextmanager
async def opened(
    kernel: FakeI2cKernel, driver: Any, config: Any, chip: ChipModel
) -> AsyncIterator[Any]:
    kernel.buses[1][config.address] = chip
    async with driver.open_driver(config, Ports()) as device:
        yield device


def mcp(**relays: int) -> expander_relay.Config:
    return expander_relay.Config(
        port="i2c:1", chip="mcp23017", address=ADDRESS, relays=relays, active="low"
    )


async def test_a_pin_has_its_level_before_it_becomes_an_output(kernel: FakeI2cKernel) -> None:
    """In the other order a low-active relay would click for an instant."""
    chip = Mcp23017()
    async with opened(kernel, expander_relay, mcp(pump=0, valve=8), chip) as relays:
        assert chip.word(IODIR) == 0xFFFF, "opening moves nothing"
        await relays.write("pump", False)
        await relays.write("valve", True)
        assert await relays.read_back("pump") is False and await relays.read_back("valve") is True
    for directions, latch in chip.history:
        assert directions & 1 or latch & 1, "the pump's pin was low while an output"
    assert (chip.word(IODIR), chip.word(OLAT) & 0x0101) == (0xFEFE, 0x0001)


async def test_pins_of_others_stay_as_they_are(kernel: FakeI2cKernel) -> None:
    """Another program has an output there."""
    chip = Mcp23017()
    chip.write(bytes([OLAT, 0x80, 0x00]))
    chip.write(bytes([IODIR, 0x7F, 0xFF]))
    async with opened(kernel, expander_relay, mcp(pump=0), chip) as relays:
        await relays.write("pump", True)
    assert (chip.word(OLAT) & 0x80, chip.word(IODIR) & 0x80) == (0x80, 0)


async def test_a_chip_that_lost_its_power_is_noticed_and_told_everything_again(
    kernel: FakeI2cKernel,
) -> None:
    """Not only the relay that is written next: what the others were told, too."""
    chip = Mcp23017()
    async with opened(kernel, expander_relay, mcp(pump=0, valve=8), chip) as relays:
        await relays.write("pump", True)
        await relays.write("valve", False)
        chip.lose_power()
        with pytest.raises(DeviceFault, match="lost its power"):
            await relays.read_back("pump")
        await relays.write("valve", False)
        assert await relays.read_back("pump") is True


async def test_pins_that_are_no_relay_stay_inputs_on_a_chip_without_registers(
    kernel: FakeI2cKernel,
) -> None:
    """Driving low what a contact pulls low would make it stay closed for ever."""
    config = expander_relay.Config(
        port="i2c:1", chip="pcf8574", address=ADDRESS, relays={"pump": 0, "fan": 1}, active="low"
    )
    chip = Pcf8574Chip(pins=0b0111_1110)  # A contact pulls pin 7 low; the pump is on.
    async with opened(kernel, expander_relay, config, chip) as relays:
        await relays.write("fan", True)
        assert chip.state == 0b1111_1100, "the pump stays as it was, pin 7 is an input"
        await relays.write("pump", False)
        assert (chip.state, await relays.read_back("fan")) == (0b1111_1101, True)


async def test_contacts_are_read_in_one_instant_and_their_pins_made_inputs(
    kernel: FakeI2cKernel,
) -> None:
    """With the chip's own resistors, for our pins alone."""
    config = expander_input.Config(
        port="i2c:1",
        chip="mcp23017",
        address=ADDRESS,
        inputs={"door": 0, "window": 8},
        active="low",
        pull_ups=True,
    )
    chip = Mcp23017()
    chip.write(bytes([IODIR, 0x00, 0x00]))
    async with opened(kernel, expander_input, config, chip) as contacts:
        assert (chip.word(IODIR), chip.word(GPPU)) == (0x0101, 0x0101)
        chip.outside = 0xFFFE
        chip.write(bytes([IPOL_B, 0x00]))  # Any write makes the model look outside.
        assert await contacts.read() == [
            Measurement("door", True),
            Measurement("window", False),
        ]


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ({"chip": "pcf8574", "relays": {"a": 8}}, "pins are 0 to 7"),
        ({"chip": "mcp23017", "relays": {"a": 1, "b": 1}}, "one name"),
        ({"chip": "mcp23017", "relays": {}}, "at least one pin"),
        ({"chip": "mcp23017", "relays": {"a": 1}, "address": 0x38}, "address cannot be 0x38"),
    ],
)
def test_what_the_chip_does_not_have_is_refused(keys: dict[str, Any], why: str) -> None:
    """Before anything is touched."""
    with pytest.raises(ValueError, match=why):
        expander_relay.Config(**{"port": "i2c:1", "address": ADDRESS, "active": "low", **keys})


def test_a_pcf8574_has_no_resistors_to_switch() -> None:
    """Its pins are high by themselves."""
    with pytest.raises(ValueError, match="no pull_ups"):
        expander_input.Config(
            port="i2c:1",
            chip="pcf8574",
            address=ADDRESS,
            inputs={"a": 0},
            active="low",
            pull_ups=True,
        )


SEQUENT = {1: 0x01, 2: 0x04, 3: 0x40, 4: 0x10, 5: 0x20, 6: 0x80, 7: 0x08, 8: 0x02}


@pytest.mark.parametrize("number", SEQUENT)
async def test_a_sequent_relay_has_the_bit_that_its_maker_gave_it(
    kernel: FakeI2cKernel, number: int
) -> None:
    """Their order is not the pins'."""
    chip = RegisterChip({0x03: b"\xff"})
    config = relay_board.Config(port="i2c:1", board="sequent_8relays", address=0x27)
    async with opened(kernel, relay_board, config, chip) as relays:
        await relays.write(f"relay{number}", True)
    assert (chip.registers[0x01], chip.registers[0x03]) == (
        SEQUENT[number],
        0xFF & ~SEQUENT[number],
    )


async def test_a_seeed_board_switches_on_with_a_cleared_bit(kernel: FakeI2cKernel) -> None:
    """Register 6, one bit a relay, low is on."""
    chip = RegisterChip({0x06: b"\xff"})
    config = relay_board.Config(port="i2c:1", board="seeed_v1", address=ADDRESS)
    async with opened(kernel, relay_board, config, chip) as relays:
        await relays.write("relay3", True)
        assert (chip.registers[0x06], await relays.read_back("relay3")) == (0xFB, True)


async def test_a_grove_board_is_never_given_a_new_address(kernel: FakeI2cKernel) -> None:
    """Register 0x10 alone is written; what the relays do is assumed."""
    chip = RegisterChip()
    config = relay_board.Config(port="i2c:1", board="grove_4", address=0x11)
    async with opened(kernel, relay_board, config, chip) as relays:
        await relays.write("relay1", True)
        await relays.write("relay4", True)
        await relays.write("relay1", False)
        assert await relays.read_back("relay4") is None
    assert chip.writes == [(0x10, b"\x01"), (0x10, b"\x09"), (0x10, b"\x08")]


async def test_a_52pi_board_has_a_register_a_relay(kernel: FakeI2cKernel) -> None:
    """0xFF and 0x00; anything else is a fault."""
    chip = RelayBoardChip()
    config = relay_board.Config(port="i2c:1", board="dockerpi_4", address=0x10)
    async with opened(kernel, relay_board, config, chip) as relays:
        await relays.write("relay2", True)
        assert (chip.state, await relays.read_back("relay2")) == (b"\x00\xff\x00\x00", True)
        chip.registers[2] = 0x5A
        with pytest.raises(DeviceFault, match="neither on nor off"):
            await relays.read_back("relay2")


async def test_what_is_no_switch_is_refused(kernel: FakeI2cKernel) -> None:
    """And a relay that there is not."""
    async with opened(kernel, expander_relay, mcp(pump=0), Mcp23017()) as relays:
        with pytest.raises(DeviceFault, match="on or off"):
            await relays.write("pump", 1.0)
        with pytest.raises(DeviceFault, match="no relay"):
            await relays.write("pmup", True)


async def test_an_expander_that_went_away_is_absent(kernel: FakeI2cKernel) -> None:
    """The keeper then knows that nobody can say."""
    async with opened(kernel, expander_relay, mcp(pump=0), Mcp23017()) as relays:
        del kernel.buses[1][ADDRESS]
        with pytest.raises(DeviceAbsent):
            await relays.write("pump", True)
