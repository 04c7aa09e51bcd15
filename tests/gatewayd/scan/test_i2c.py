"""A scan of an I²C bus: the real smbus2 over a fake kernel with chip models."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from gatewayd.config import inspect
from gatewayd.ports import Ports
from gatewayd.scan import Found, View, i2c
from gatewayd.scan.toml import sections_of
from gatewayd.testing.i2c import ChipModel, FakeI2cKernel
from gatewayd.testing.i2c_bystanders import Pca9685Chip
from gatewayd.testing.i2c_chips import CHIPS

FIVE = ("bme280", "sht3x", "tmp117", "scd4x", "mcp9808")


def on_bus(*kinds: str) -> dict[int, ChipModel]:
    return {CHIPS[kind].address: CHIPS[kind].make() for kind in kinds}


async def scan(
    root: Path, chips: dict[int, ChipModel], used: Mapping[tuple[str, object], str] | None = None
) -> list[Found]:
    (root / "sys/bus/i2c/devices/i2c-1").mkdir(parents=True, exist_ok=True)
    with FakeI2cKernel({1: chips}).installed():
        return [each async for each in i2c.find(View(Ports(), used or {}, root=root))]


async def test_five_known_chips_are_named_and_their_toml_runs_unchanged(tmp_path: Path) -> None:
    """Each by proof; the lines go into a file, pass the check, and every device reads."""
    chips = on_bus(*FIVE)
    found = await scan(tmp_path, chips)
    assert {each.guesses[0].driver for each in found} == set(FIVE)
    assert all(each.guesses[0].evidence.is_proof and len(each.guesses) == 1 for each in found)
    file = tmp_path / "config.toml"
    file.write_text("\n".join(text for _, text in sections_of(found).values()))
    settings, problems = inspect(file, {})
    assert settings is not None and len(settings.devices) == len(FIVE), problems
    with FakeI2cKernel({1: chips}).installed():
        for device in settings.devices.values():
            async with device.driver.open(device.config, Ports()) as sensor:
                measured = await sensor.read()  # type: ignore[union-attr]  # All are sensors.
            assert {each.channel for each in measured} == {each.id for each in device.channels}
            assert all(each.value is not None for each in measured)


@pytest.mark.parametrize("kind", CHIPS)
async def test_every_chip_is_among_the_guesses_at_its_address(tmp_path: Path, kind: str) -> None:
    """Alone on the bus; what has no identity is a guess beside others."""
    found = await scan(tmp_path, on_bus(kind))
    (there,) = (each for each in found if each.place == f"i2c:1 {CHIPS[kind].address:#04x}")
    assert kind in {guess.driver for guess in there.guesses}, there


async def test_a_chip_that_nobody_knows_is_seen(tmp_path: Path) -> None:
    """And nothing is written to it: its outputs stay."""
    stranger = Pca9685Chip()
    before = stranger.state
    (found,) = (
        each for each in await scan(tmp_path, {0x43: stranger}) if each.place == "i2c:1 0x43"
    )
    assert not any(guess.evidence.is_proof for guess in found.guesses)
    assert stranger.state == before


async def test_what_the_kernel_owns_is_told_and_left_alone(tmp_path: Path) -> None:
    """Two masters spoil a chip's state."""
    drivers = tmp_path / "sys/bus/i2c/drivers/bmp280"
    drivers.mkdir(parents=True)
    device = tmp_path / "sys/bus/i2c/devices/1-0076"
    device.mkdir(parents=True)
    (device / "driver").symlink_to(drivers)
    (found,) = await scan(tmp_path, on_bus("bme280"))
    assert found.remark == "the kernel's driver bmp280 has it: see sysfs"


async def test_what_is_configured_is_named_and_left_out(tmp_path: Path) -> None:
    """Its section is there already."""
    (found,) = await scan(tmp_path, on_bus("bme280"), {("i2c:1", 0x76): "boiler"})
    assert found.remark == "is boiler already" and not sections_of([found])


async def test_a_bus_that_may_not_be_opened_is_a_sentence(tmp_path: Path) -> None:
    """And the next bus is looked at all the same."""
    (tmp_path / "sys/bus/i2c/devices/i2c-0").mkdir(parents=True)
    found = await scan(tmp_path, on_bus("tmp117"))
    assert found[0].place == "i2c:0" and "/dev/i2c-0" in found[0].remark
    assert found[1].guesses[0].driver == "tmp117"
