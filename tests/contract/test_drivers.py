"""Every driver there is, found and not listed, held to the contract in `gatewayd.driver`.

A driver brings what this needs in its docstring: `Channels:`, `Source:`, `Example:` (the TOML that
uses it, read here by the real configuration) and, where the device can prove what it is,
`Identity:`. The wire is the driver's folder.
"""

from __future__ import annotations

import asyncio
import dataclasses
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from gatewayd.config import DeviceSettings, inspect
from gatewayd.config.devices import COMMON
from gatewayd.config.names import is_name
from gatewayd.driver import (
    Actuator,
    Driver,
    Listener,
    Sensor,
    driver_kinds,
    is_output,
    load_driver,
)
from gatewayd.errors import DeviceAbsent, DeviceError, DeviceFault, DeviceTimeout
from gatewayd.model import Measurement
from gatewayd.testing.clock import run_simulated
from gatewayd.testing.i2c import RegisterChip
from gatewayd.testing.ports import FakePorts

ATTACH: MappingProxyType[str, Callable[[FakePorts, str], object]] = MappingProxyType(
    {
        "ble": FakePorts.attach_ble,
        "gpio": FakePorts.attach_lines,
        "hid": FakePorts.attach_hid,
        "i2c": FakePorts.attach_i2c,
        "modbus": FakePorts.attach_modbus,
        "onewire": FakePorts.attach_files,
        "pwm": FakePorts.attach_files,
        "serial": FakePorts.attach_serial,
        "sysfs": FakePorts.attach_files,
    }
)
"""How a wire is put in place, by the folder of its drivers."""

WIRELESS = ("host", "sim")
"""Folders of drivers that need no wire."""

KINDS = driver_kinds()
FOLDERS = {kind: module.split(".")[1] for kind, module in KINDS.items()}
WIRED = [kind for kind in KINDS if FOLDERS[kind] in ATTACH]

PROVABLE = [
    kind for kind in WIRED if FOLDERS[kind] == "i2c" and "\nIdentity:" in load_driver(kind).doc
]
"""Chips that say what they are; the others are taken on trust, there is no asking them."""

PATIENCE_S = 3600.0
"""Simulated: nobody may wait for a device that long without saying that it is late."""


def settings_of(kind: str, folder: Path) -> DeviceSettings:
    """Return what the real configuration makes of a driver's own example."""
    file = folder / "config.toml"
    file.write_text(load_driver(kind).example(), encoding="utf-8")
    settings, problems = inspect(file, {})
    mistakes = [str(problem) for problem in problems if not problem.is_warning]
    assert settings is not None, "\n".join(mistakes)
    (device,) = (each for each in settings.devices.values() if each.driver.kind == kind)
    return device


@pytest.fixture
def driver(kind: str) -> Driver:
    return load_driver(kind)


@pytest.fixture
def device(kind: str, tmp_path: Path) -> DeviceSettings:
    return settings_of(kind, tmp_path)


async def use(device: DeviceSettings, ports: FakePorts) -> object:
    """Open a device and do with it once what its runner does all day."""
    async with device.driver.open(device.config, ports) as opened:
        if isinstance(opened, Sensor):
            return await opened.read()
        if isinstance(opened, Listener):
            return await anext(opened.measurements())
        assert isinstance(opened, Actuator), "a driver yields a Sensor, a Listener or an Actuator"
        channel = device.channels[0].id
        await opened.write(channel, device.limits[channel].safe)
        return await opened.read_back(channel)


def attach(device: DeviceSettings, ports: FakePorts) -> Any:
    """Put the device's wire in place, with nothing on it."""
    return ATTACH[FOLDERS[device.driver.kind]](ports, port_of(device))


def port_of(device: DeviceSettings) -> str:
    port = device.config.port  # type: ignore[attr-defined]  # Every wired driver has it.
    assert isinstance(port, str)
    return port


@pytest.mark.parametrize("kind", KINDS)
def test_a_driver_stands_in_the_folder_of_its_wire(kind: str) -> None:
    """A new wire needs a fake here, so that its drivers are held to the contract too."""
    assert FOLDERS[kind] in {*ATTACH, *WIRELESS}


@pytest.mark.parametrize("kind", KINDS)
def test_the_docstring_tells_channels_source_and_an_example(driver: Driver) -> None:
    """One line of what; then what it measures, where that is from, and how it is used."""
    first, *rest = driver.doc.splitlines()
    assert first.endswith("."), first
    for section in ("Channels:", "Example:", "Source:"):
        assert any(line.startswith(section) for line in rest), f"no {section}"


@pytest.mark.parametrize("kind", KINDS)
def test_the_example_passes_the_check(device: DeviceSettings, kind: str) -> None:
    """The lines that the documentation shows are the lines that work."""
    assert device.driver.kind == kind
    assert device.channels, "an example shows at least one channel"


@pytest.mark.parametrize("kind", KINDS)
def test_the_configuration_is_frozen(driver: Driver) -> None:
    """A driver cannot change what the owner said; a typing error cannot add a key."""
    assert dataclasses.is_dataclass(driver.config)
    assert driver.config.__dataclass_params__.frozen  # type: ignore[attr-defined]  # Dataclasses'.
    assert "__slots__" in vars(driver.config)


@pytest.mark.parametrize("kind", KINDS)
def test_a_driver_claims_no_key_that_every_device_has(driver: Driver) -> None:
    """The configuration keeps those for itself: the driver would never see what is written."""
    assert not {each.name for each in dataclasses.fields(driver.config)} & set(COMMON)


@pytest.mark.parametrize("kind", KINDS)
def test_describing_is_pure_and_gives_legal_channels(device: DeviceSettings) -> None:
    """Known before any hardware is touched, the same every time, fit for topics and URLs."""
    channels = device.driver.describe(device.config)
    assert channels == device.driver.describe(device.config) == device.channels
    assert len({channel.id for channel in channels}) == len(channels)
    for channel in channels:
        assert is_name(channel.id), channel
        assert re.fullmatch(r"[a-z][a-z0-9_]*", channel.kind), channel
        assert re.fullmatch(r"\S*", channel.unit), channel


@pytest.mark.parametrize("kind", KINDS)
def test_an_example_gives_every_output_a_safe_value(device: DeviceSettings) -> None:
    """Nobody copies an output without one."""
    assert device.limits.keys() == {each.id for each in device.channels if is_output(each)}


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - set(WIRED)))
def test_a_driver_without_a_wire_works_as_it_is(kind: str, tmp_path: Path) -> None:
    """One measurement for each channel, or the value that was written."""
    device = _somewhere_else(settings_of(kind, tmp_path), tmp_path)
    told = run_simulated(_using(device, FakePorts()))
    if isinstance(told, list):
        assert [each.channel for each in told] == [each.id for each in device.channels]
        assert all(_is_a_value_or_a_reason(each) for each in told)
    else:
        assert told == device.limits[device.channels[0].id].safe


@pytest.mark.parametrize("kind", WIRED)
def test_without_its_wire_a_device_is_absent(device: DeviceSettings) -> None:
    """An adapter that is not plugged in."""
    with pytest.raises(DeviceAbsent):
        run_simulated(_using(device, FakePorts()))


@pytest.mark.parametrize("kind", [kind for kind in WIRED if FOLDERS[kind] != "gpio"])
def test_a_device_that_does_not_answer_is_absent_or_late(device: DeviceSettings) -> None:
    """The wire is there, nobody is on it. A board that confirms nothing cannot be missed: then
    its state is not claimed to be known. (A GPIO line has nobody who could answer.)
    """

    async def main() -> object:
        ports = FakePorts()
        attach(device, ports)
        async with asyncio.timeout(PATIENCE_S):
            return await use(device, ports)

    with suppress(DeviceAbsent, DeviceTimeout):
        assert run_simulated(main()) is None


@pytest.mark.parametrize("kind", PROVABLE)
@pytest.mark.parametrize("fill", [0x00, 0xFF])
def test_something_else_at_the_address_is_a_fault(device: DeviceSettings, fill: int) -> None:
    """A chip that can prove what it is must not be taken on trust."""

    async def main() -> None:
        ports = FakePorts()
        bus = attach(device, ports)
        bus.chips[device.config.address] = RegisterChip(fill=fill)  # type: ignore[attr-defined]  # An I²C driver's.
        await use(device, ports)

    with pytest.raises(DeviceFault):
        run_simulated(main())


@pytest.mark.parametrize("kind", WIRED)
def test_a_cancelled_device_leaves_its_wire_usable(device: DeviceSettings) -> None:
    """Cancelled in the middle of a transaction: it goes at once, holds nothing, and whoever
    comes next has the wire.
    """

    async def main() -> None:
        ports = FakePorts()
        attach(device, ports)
        ports.gate.shut()
        using = asyncio.create_task(_using(device, ports))
        await ports.gate.wait_arrival()
        using.cancel()
        with pytest.raises(asyncio.CancelledError):
            await using
        assert ports.users.total() == 0
        assert ports.gate.waiting == 0
        ports.gate.open()
        async with asyncio.timeout(PATIENCE_S):
            with suppress(DeviceError):  # Nobody is on the wire; what counts is that it was asked.
                await use(device, ports)
        assert ports.entered == [port_of(device)] * 2

    run_simulated(main())


@pytest.mark.parametrize("kind", WIRED)
def test_a_device_that_hangs_holds_up_nobody(device: DeviceSettings) -> None:
    """Its runner's deadline ends it, wherever it hangs; the deadline is not swallowed."""

    async def main() -> None:
        ports = FakePorts()
        attach(device, ports)
        ports.gate.shut()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(device.timeout):
                await use(device, ports)
        assert ports.users.total() == 0

    run_simulated(main())


async def _using(device: DeviceSettings, ports: FakePorts) -> object:
    return await use(device, ports)


def _somewhere_else(device: DeviceSettings, folder: Path) -> DeviceSettings:
    """Return the device with every path of its example moved into a folder of this test's."""
    config: Any = device.config
    moved = {
        each.name: folder / getattr(config, each.name).name
        for each in dataclasses.fields(config)
        if each.name.endswith("_file")
    }
    return dataclasses.replace(device, config=dataclasses.replace(config, **moved))


def _is_a_value_or_a_reason(measurement: Measurement) -> bool:
    return (measurement.value is not None) == measurement.quality.has_value
