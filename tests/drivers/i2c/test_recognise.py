"""A scan of an unknown bus: each chip is known by its own driver, and nothing is disturbed."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from gatewayd.config import inspect
from gatewayd.driver import Evidence, driver_kinds
from gatewayd.testing.clock import run_simulated
from gatewayd.testing.i2c import ChipModel, RegisterChip
from gatewayd.testing.i2c_bystanders import (
    Bystander,
    Ds2482Chip,
    LidarLiteChip,
    Mcp4725Chip,
    Mcp4728Chip,
    Pca9685Chip,
    Pcf8574Chip,
    Pcf8591Chip,
    RelayBoardChip,
    Tca9548aChip,
)
from gatewayd.testing.i2c_chips import CHIPS
from gatewayd.testing.i2c_models import BareChip, CommandChip, StuckChip, WordChip
from gatewayd.testing.ports import FakePorts

HINTS = {"bh1750"}
"""Chips that have nothing to prove themselves with."""

BYSTANDERS: tuple[tuple[range, Callable[[int], Bystander]], ...] = (
    (range(0x20, 0x28), lambda _: Pcf8574Chip()),
    (range(0x38, 0x40), lambda _: Pcf8574Chip()),
    (range(0x38, 0x40), lambda _: Pcf8574Chip(0xFF)),
    (range(0x38, 0x40), lambda _: Pcf8574Chip(0x00)),
    (range(0x48, 0x50), lambda _: Pcf8591Chip()),
    (range(0x40, 0x78), lambda _: Pca9685Chip()),
    (range(0x70, 0x78), lambda _: Tca9548aChip()),
    (range(0x70, 0x78), lambda _: Tca9548aChip(0x00)),
    (range(0x60, 0x68), lambda _: Mcp4725Chip()),
    (range(0x60, 0x68), Mcp4728Chip),
    (range(0x62, 0x63), lambda _: LidarLiteChip()),
    (range(0x18, 0x1C), lambda _: Ds2482Chip()),
    (range(0x10, 0x14), lambda _: RelayBoardChip()),
)
"""Chips with something to lose, and where they live."""


def module_of(kind: str) -> Any:
    """Return a driver's module; Any, because the contract is looked up by name."""
    return importlib.import_module(driver_kinds()[kind])


SCANNED = sorted(
    kind
    for kind, module in driver_kinds().items()
    if module.startswith("drivers.i2c.") and kind in CHIPS
)


def recognised(kind: str, address: int, chip: ChipModel | None) -> Evidence | None:
    """Return what a driver says of a chip at an address."""
    ports = FakePorts()
    bus = ports.attach_i2c("i2c:1")
    if chip is not None:
        bus.chips[address] = chip

    async def main() -> Evidence | None:
        evidence: Evidence | None = await module_of(kind).recognise(bus, address)
        return evidence

    return run_simulated(main())


def test_every_chip_can_be_scanned_for() -> None:
    """Each driver of a chip says where to look and how."""
    assert set(SCANNED) == set(CHIPS)
    for kind in SCANNED:
        assert CHIPS[kind].address in module_of(kind).ADDRESSES


@pytest.mark.parametrize("kind", SCANNED)
def test_a_chip_is_known_by_its_driver(kind: str) -> None:
    """As it wakes up, with evidence in words."""
    evidence = recognised(kind, CHIPS[kind].address, CHIPS[kind].make())
    assert evidence is not None
    assert evidence.words
    assert evidence.is_proof is (kind not in HINTS)


@pytest.mark.parametrize("kind", SCANNED)
def test_the_evidence_makes_a_section_that_passes_the_check(kind: str, tmp_path: Path) -> None:
    """What a scan writes into the file is read again as it is."""
    placed = CHIPS[kind]
    evidence = recognised(kind, placed.address, placed.make())
    assert evidence is not None
    lines = [
        "[device.found]",
        f'driver = "{kind}"',
        'port = "i2c:1"',
        f"address = {placed.address}",
        *(f"{key} = {_toml(value)}" for key, value in evidence.keys.items()),
    ]
    file = tmp_path / "config.toml"
    file.write_text("\n".join(lines), encoding="utf-8")
    settings, problems = inspect(file, {})
    assert [str(each) for each in problems if not each.is_warning] == []
    assert settings is not None
    assert settings.devices["found"].channels


@pytest.mark.parametrize("kind", SCANNED)
def test_nobody_is_nothing(kind: str) -> None:
    """An address without a chip is no error of a scan."""
    for address in module_of(kind).ADDRESSES:
        assert recognised(kind, address, None) is None


@pytest.mark.parametrize("kind", SCANNED)
@pytest.mark.parametrize("fill", [0x00, 0xFF])
def test_a_stuck_line_proves_nothing(kind: str, fill: int) -> None:
    """A short circuit answers at every address."""
    evidence = recognised(kind, CHIPS[kind].address, StuckChip(fill))
    assert evidence is None or (kind in HINTS and not evidence.is_proof)


def shared(kind: str) -> list[tuple[int, str]]:
    """Return where else which other chips of ours may be found that this driver looks at."""
    return [
        (address, other)
        for other in SCANNED
        if other != kind
        for address in sorted(set(module_of(kind).ADDRESSES) & set(module_of(other).ADDRESSES))
    ]


@pytest.mark.parametrize("kind", [kind for kind in SCANNED if shared(kind)])
def test_no_driver_claims_anothers_chip(kind: str) -> None:
    """Wherever both may be, only the right one is sure; and the chip has not been written to."""
    for address, other in shared(kind):
        chip = CHIPS[other].make()
        evidence = recognised(kind, address, chip)
        assert evidence is None or not evidence.is_proof, other
        if isinstance(chip, WordChip | RegisterChip | BareChip):
            assert chip.writes == [], other
        if isinstance(chip, CommandChip):
            assert set(chip.writes) <= set(chip.answers), "questions and nothing else"


@pytest.mark.parametrize("kind", SCANNED)
def test_who_lives_at_the_same_address_is_not_disturbed(kind: str) -> None:
    """Relays keep their state, voltages theirs, switches their channels; nobody is mistaken."""
    looked = 0
    for address in module_of(kind).ADDRESSES:
        for home, make in BYSTANDERS:
            if address in home:
                chip = make(address)
                before = chip.state
                evidence = recognised(kind, address, chip)
                assert evidence is None or not evidence.is_proof, type(chip).__name__
                assert chip.state == before, type(chip).__name__
                looked += 1
    assert looked, "every address is shared with somebody"


def test_bystanders_do_feel_what_is_done_to_them() -> None:
    """A model that never changes would let every driver pass."""
    for home, make in BYSTANDERS:
        chip = make(home[0])
        states = [chip.state]
        for data in (b"\x01\x55", b"\xf0\x01", b"\x55\x55\x55"):
            with suppress(OSError):  # Not every chip acknowledges everything.
                chip.write(data)
            states.append(chip.state)
        assert any(state != states[0] for state in states), type(chip).__name__


def test_a_chip_in_use_is_known_too() -> None:
    """A scan beside a running gateway meets chips that were set up by it."""
    for kind, register, word, is_proof in (
        ("ads1115", 1, 0xC383, False),
        ("ina219", 0, 0x219F, False),
        ("ina226", 0, 0x4527, True),
        ("tmp102", 2, 0x1000, False),
    ):
        chip = CHIPS[kind].make()
        assert isinstance(chip, WordChip)
        chip.registers[register] = word
        evidence = recognised(kind, CHIPS[kind].address, chip)
        assert evidence is not None, kind
        assert evidence.is_proof is is_proof


def test_an_aht20_that_never_converted_is_a_hint() -> None:
    """It has a status and nothing that a checksum could be of."""
    evidence = recognised("aht20", 0x38, BareChip(bytes.fromhex("18 80 00 00 00 00 00")))
    assert evidence is not None
    assert not evidence.is_proof


def test_a_converter_of_a_steady_voltage_is_left_alone() -> None:
    """The thermometers' registers would switch its output off."""
    for kind in ("ads1115", "tmp102", "tmp117", "lm75", "ina219", "ina226"):
        chip = Pcf8591Chip()
        assert recognised(kind, 0x48, chip) is None
        assert chip.control == 0x40, "nothing was written"


def test_a_register_that_holds_a_small_number_is_no_converter() -> None:
    """An ADS1115 that last saw one count of 62.5 µV is still looked at."""
    chip = CHIPS["ads1115"].make()
    assert isinstance(chip, WordChip)
    chip.registers[0] = 0x0001
    evidence = recognised("ads1115", 0x48, chip)
    assert evidence is not None
    assert evidence.is_proof


@pytest.mark.parametrize("pins", [0x08, 0x18, 0x1C, 0x98])
def test_a_port_whose_pins_look_like_a_status_is_no_aht20(pins: int) -> None:
    """It says the same again and again; an AHT20 has more to say."""
    assert recognised("aht20", 0x38, Pcf8574Chip(pins)) is None


def test_half_an_identity_is_none() -> None:
    """The right device number of another maker, and a thermometer that shows an INA219's bits."""
    assert recognised("ina226", 0x40, WordChip({0: 0x4127, 0xFE: 0x1234, 0xFF: 0x2260})) is None
    assert recognised("ina219", 0x48, WordChip({0: 0x0C87})) is None
    assert recognised("sht3x", 0x44, CommandChip({b"\xf3\x2d": bytes.fromhex("500c 1b")})) is None


def _toml(value: object) -> str:
    """Return a value as TOML, tables inline."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(each)}" for key, each in value.items()) + " }"
    return f'"{value}"' if isinstance(value, str) else str(value)
