"""Characteristics as a technician describes them, over a fake adapter; the real one is in
tests/gatewayd/ports/test_ble_link.py."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from drivers.ble import ble_gatt as module
from drivers.ble.ble_gatt import Characteristic, Config, Told, decode, describe, open_driver
from gatewayd.driver import Listener, Sensor
from gatewayd.errors import DeviceAbsent, DeviceFault, DeviceTimeout
from gatewayd.model import Measurement, Quality
from gatewayd.ports.ble_advertisement import uuid16
from gatewayd.testing.ports import FakePorts
from gatewayd.testing.simulated import simulated

ADDRESS = "C4:7C:8D:6B:4F:F3"
CLIMATE, BATTERY = uuid16(0x2A6E), uuid16(0x2A19)


def config(**keys: Any) -> Config:
    characteristics = {
        "temperature": Characteristic(uuid="2a6e", type="int16", scale=0.01, kind="temperature"),
        "battery": Characteristic(uuid="0x2A19", type="uint8", kind="battery", invalid=(0xFF,)),
        "alarm": Characteristic(uuid="2a6e", at=2, type="bool", mask=1, kind="switch"),
    }
    base: dict[str, Any] = {"port": "ble:0", "address": ADDRESS}
    return Config(**(base | {"characteristics": characteristics} | keys))


def test_several_values_may_be_in_one_characteristic() -> None:
    """It is read once."""
    assert module.uuids_of(config()) == (CLIMATE, BATTERY)
    assert decode(config(), CLIMATE, bytes.fromhex("CA0901")) == (
        Measurement("temperature", 25.06),
        Measurement("alarm", value=True),
    )


def test_a_short_value_is_a_fault_and_a_missing_one_absent() -> None:
    """Each of its channel alone."""
    assert [each.quality for each in decode(config(), CLIMATE, b"\xca\x09")] == [
        Quality.GOOD,
        Quality.FAULT,
    ]
    assert decode(config(), BATTERY, b"\xff")[0].quality is Quality.ABSENT


@simulated
async def test_reading_connects_and_hangs_up() -> None:
    """Every time."""
    ports = FakePorts()
    air = ports.attach_ble("ble:0")
    air.characteristics[ADDRESS] = {CLIMATE: bytes.fromhex("CA0900"), BATTERY: b"\x61"}
    async with open_driver(config(), ports) as device:
        assert isinstance(device, Sensor)
        for _ in range(2):
            told = {each.channel: each.value for each in await device.read()}
            assert told == {"temperature": 25.06, "alarm": False, "battery": 97}
    assert air.connected == [ADDRESS] * 2


@simulated
async def test_a_device_without_the_characteristic_is_a_fault() -> None:
    """And one that is not there is late."""
    ports = FakePorts()
    air = ports.attach_ble("ble:0")
    async with open_driver(config(), ports) as device:
        assert isinstance(device, Sensor)
        with pytest.raises(DeviceTimeout):
            await device.read()
        air.characteristics[ADDRESS] = {CLIMATE: bytes.fromhex("CA0900")}
        with pytest.raises(DeviceFault, match="2a19"):
            await device.read()


@simulated
async def test_what_is_told_is_passed_on_and_a_short_value_skipped() -> None:
    """A value that is half good counts for its good half."""
    ports = FakePorts()
    air = ports.attach_ble("ble:0")
    air.characteristics[ADDRESS] = {CLIMATE: b"", BATTERY: b""}
    async with open_driver(config(mode="notify"), ports) as device:
        assert isinstance(device, Told)
        told = device.measurements()
        first = asyncio.ensure_future(anext(told))
        await asyncio.sleep(1.0)
        air.notify(ADDRESS, BATTERY, b"")
        air.notify(ADDRESS, CLIMATE, bytes.fromhex("CA09"))
        assert await first == [Measurement("temperature", 25.06)]
        air.notify(ADDRESS, BATTERY, b"\x61")
        assert await anext(told) == [Measurement("battery", 97)]
        assert device.rejects == 2
        air.unplug()
        with pytest.raises(DeviceAbsent):
            await anext(told)


@simulated
async def test_a_device_that_tells_nothing_is_late() -> None:
    """After `silent_after`."""
    ports = FakePorts()
    ports.attach_ble("ble:0").characteristics[ADDRESS] = {CLIMATE: b"", BATTERY: b""}
    async with open_driver(config(mode="notify", silent_after=60.0), ports) as device:
        assert isinstance(device, Listener)
        with pytest.raises(DeviceTimeout):
            await anext(device.measurements())


@pytest.mark.parametrize("keys", [{"characteristics": {}}, {"address": "freezer"}])
def test_impossible_settings_are_found(keys: dict[str, Any]) -> None:
    """Before anybody connects; a UUID that is none too."""
    with pytest.raises(ValueError, match=r"characteristics|address"):
        config(**keys)
    with pytest.raises(ValueError, match="UUID"):
        Characteristic(uuid="2a", kind="battery")


def test_each_characteristic_is_a_channel() -> None:
    """In the order of the file."""
    assert [each.id for each in describe(config())] == ["temperature", "battery", "alarm"]
