"""What each chip of `gatewayd.testing.i2c_chips` must say, and how it can go wrong."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from drivers.i2c.ads1115 import Input
from gatewayd.driver import Driver, load_driver
from gatewayd.testing.i2c import RegisterChip
from gatewayd.testing.i2c_chips import CHIPS
from gatewayd.testing.i2c_models import crc8


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One driver.

    Attributes:
        values: what its worked example says, by channel; `within` is how exactly. None is a FAULT.
        keys: of its configuration, besides port and address.
        sealed: reads of one reading, counted from 0, in which no bit may be wrong.
        waits: the chip model's counter of "not yet" answers, if it can say so.
        outside: makes the chip say something that cannot be; the channel that then is a FAULT.
        believed: what a line held at a level is taken for once the chip is open, where nothing in
            an answer could tell it from a value.
    """

    kind: str
    values: Mapping[str, float | None]
    within: float = 0.005
    keys: Mapping[str, Any] = field(default_factory=dict)
    sealed: tuple[int, ...] = ()
    waits: str = ""
    outside: tuple[Callable[[Any], object], str] | None = None
    believed: Mapping[int, float] = field(default_factory=dict)

    @property
    def driver(self) -> Driver:
        """The driver, imported."""
        return load_driver(self.kind)

    @property
    def address(self) -> int:
        """Where the chip is found."""
        return CHIPS[self.kind].address

    @property
    def is_proven(self) -> bool:
        """Whether the chip can prove what it is."""
        return "\nIdentity:" in self.driver.doc

    def config(self) -> Any:
        """Return the driver's configuration on bus 1."""
        return self.driver.config(port="i2c:1", address=self.address, **self.keys)


def answer(command: str, words: bytes, start: int) -> Callable[[Any], object]:
    """Return what lets a command chip answer with these words, their checksums behind each."""

    def change(chip: Any) -> None:
        pairs = (words[n : n + 2] for n in range(0, len(words), 2))
        sealed = b"".join(pair + bytes([crc8(pair, 0x31, start)]) for pair in pairs)
        chip.answers[bytes.fromhex(command)] = sealed

    return change


def register(number: int, word: int) -> Callable[[Any], object]:
    """Return what puts a word into a register."""
    return lambda chip: chip.registers.__setitem__(number, word)


def bare(data: str) -> Callable[[Any], object]:
    """Return what lets a bare read answer so."""
    return lambda chip: setattr(chip, "answer", bytes.fromhex(data))


def _hot(chip: RegisterChip) -> None:
    chip.registers[0xFA:0xFD] = b"\xff\xff\xf0"


INPUTS = {
    "half": Input(pins="0"),
    "full": Input(pins="1"),
    "one": Input(pins="3", range_v=2.048),
    "between": Input(pins="0-1", range_v=0.256),
}

CASES = (
    Case(
        kind="ads1115",
        keys={"inputs": INPUTS},
        values={"half": 2.048, "full": None, "one": 62.5e-6, "between": -7.8125e-6},
        within=1e-9,
        waits="busy",
        outside=(lambda chip: chip.inputs.update({4: 0x8000}), "half"),
    ),
    Case(
        kind="aht20",
        values={"temperature": 25.0, "humidity": 50.0},
        sealed=(1,),
        waits="busy",
        outside=(
            lambda chip: setattr(
                chip, "answer", (b := bytes.fromhex("1c8000000000")) + bytes([crc8(b, 0x31, 0xFF)])
            ),
            "temperature",
        ),
    ),
    Case(
        kind="bh1750",
        values={"illuminance": 28067},
        within=0.5,
        outside=(bare("ffff"), "illuminance"),
        believed={0x00: 0.0},
    ),
    Case(
        kind="bme280",
        values={"temperature": 25.08, "pressure": 100653.27, "humidity": 27.675},
        outside=(_hot, "temperature"),
    ),
    Case(
        kind="bmp280",
        values={"temperature": 25.08, "pressure": 100653.27},
        outside=(_hot, "temperature"),
    ),
    Case(
        kind="htu21d",
        values={"temperature": 24.69, "humidity": 32.34},
        sealed=(0, 1),
        waits="late",
        outside=(answer("f3", b"\x00\x04", 0x00), "temperature"),
    ),
    Case(
        kind="ina219",
        keys={"shunt_ohm": 0.002, "current_max_a": 32.768},
        values={"voltage": 11.98, "current": 10.0, "power": 119.8, "shunt": 0.02},
        within=0.0001,
        outside=(register(2, 0xFFF8), "voltage"),
    ),
    Case(
        kind="ina226",
        keys={"shunt_ohm": 0.002, "current_max_a": 32.768},
        values={"voltage": 11.98, "current": 10.0, "power": 119.8, "shunt": 0.02},
        within=0.0001,
        outside=(register(2, 0x7FFF), "voltage"),
    ),
    Case(
        kind="lm75",
        values={"temperature": 25.0},
        outside=(register(0, 0x7F80), "temperature"),
        believed={0x00: 0.0},
    ),
    Case(
        kind="mcp9808",
        values={"temperature": 25.0},
        outside=(register(5, 0x0FFF), "temperature"),
        believed={0x00: 0.0},
    ),
    Case(
        kind="mlx90614",
        values={"object": 28.01, "ambient": 23.81},
        sealed=(0, 1),
        outside=(lambda chip: chip.words.update({7: 0x7FFF}), "object"),
    ),
    Case(
        kind="scd30",
        values={"co2": 439.1, "temperature": 27.24, "humidity": 48.8},
        within=0.05,
        sealed=(0, 1),
        waits="busy",
        outside=(answer("0300", struct.pack(">fff", 0, 20, 50), 0xFF), "co2"),
    ),
    Case(
        kind="scd4x",
        values={"co2": 500, "temperature": 25.0, "humidity": 37.0},
        sealed=(0, 1),
        waits="busy",
        outside=(answer("ec05", bytes.fromhex("000066675eb9"), 0xFF), "co2"),
    ),
    Case(
        kind="sht3x",
        values={"temperature": 25.0, "humidity": 50.0},
        sealed=(0,),
        waits="late",
    ),
    Case(
        kind="sht4x",
        values={"temperature": 25.0, "humidity": 40.25},
        sealed=(0,),
        waits="late",
    ),
    Case(
        kind="tmp102",
        values={"temperature": 25.0},
        outside=(register(0, 0x7FF0), "temperature"),
        believed={0x00: 0.0},
    ),
    Case(
        kind="tmp117",
        values={"temperature": 25.0},
        outside=(register(0, 0x7FFF), "temperature"),
        believed={0x00: 0.0, 0xFF: -0.0078125},
    ),
    Case(
        kind="veml7700",
        values={"illuminance": 67.2},
        outside=(lambda chip: setattr(chip, "light", 1e9), "illuminance"),
    ),
)
