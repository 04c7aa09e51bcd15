"""Connections through real bleak: read, told, refused, hung up, hanging, one at a time."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace

import pytest

from drivers.ble import ble_gatt
from gatewayd.driver import Listener, Sensor
from gatewayd.errors import DeviceAbsent, DeviceError, DeviceFault, DeviceTimeout
from gatewayd.ports import Ports
from gatewayd.ports.ble_advertisement import Wish, uuid16
from tests.peers.ble_port import DEADLINE_S, HASTY, hear_one, open_air, until
from tests.peers.bluez import running_bluez

ADDRESS, OTHER = "C4:7C:8D:6B:4F:F3", "C4:7C:8D:6B:4F:F4"
CLIMATE, BATTERY, NOWHERE = uuid16(0x2A6E), uuid16(0x2A19), uuid16(0x2A00)
PACKET = {1: b"a"}
SHORT_S = 0.5


async def test_a_characteristic_is_read_and_written_and_the_device_hung_up() -> None:
    """Nobody scans meanwhile it is connected to: the radio has one thing to do at a time."""
    async with open_air() as air, air.chatter(ADDRESS, company_data=PACKET):
        climate = air.bluez.add_characteristic(ADDRESS, CLIMATE, b"\xca\x09")
        async with air.port.connect(ADDRESS) as link:
            assert await link.read(CLIMATE) == b"\xca\x09"
            await link.write(CLIMATE, b"\x01")
        assert climate.written == [b"\x01"]
        order = [each for each in air.bluez.log if each != "filter"]
        assert order == ["start", "stop", f"connect {ADDRESS}", f"disconnect {ADDRESS}"]


async def test_listeners_hear_again_after_the_connecting() -> None:
    """And while a lasting connection stands."""
    async with open_air() as air, air.chatter(ADDRESS, company_data=PACKET):
        air.bluez.add_characteristic(ADDRESS, CLIMATE)
        async with air.port.connect(ADDRESS, is_lasting=True):
            hearing = asyncio.create_task(hear_one(air.port, Wish(OTHER)))
            await air.say(OTHER, company_data=PACKET)
            await hearing


async def test_a_device_tells_by_itself() -> None:
    """Two characteristics, in their order."""
    async with open_air() as air, air.chatter(ADDRESS, company_data=PACKET):
        climate = air.bluez.add_characteristic(ADDRESS, CLIMATE)
        battery = air.bluez.add_characteristic(ADDRESS, BATTERY)
        async with (
            air.port.connect(ADDRESS, is_lasting=True) as link,
            aclosing(link.values((CLIMATE, BATTERY))) as values,
        ):
            told = asyncio.ensure_future(anext(values))
            await asyncio.wait_for(battery.is_notifying.wait(), DEADLINE_S)
            climate.notify(b"\x01")
            battery.notify(b"\x02")
            assert [await told, await anext(values)] == [(CLIMATE, b"\x01"), (BATTERY, b"\x02")]


async def test_a_device_that_hangs_up_is_absent() -> None:
    """While it is listened to, and afterwards."""
    async with open_air() as air, air.chatter(ADDRESS, company_data=PACKET):
        climate = air.bluez.add_characteristic(ADDRESS, CLIMATE)
        async with air.port.connect(ADDRESS, is_lasting=True) as link:
            told = asyncio.ensure_future(anext(link.values((CLIMATE,))))
            await asyncio.wait_for(climate.is_notifying.wait(), DEADLINE_S)
            air.bluez.devices[ADDRESS].hang_up()
            with pytest.raises(DeviceAbsent, match="hung up"):
                await told
            with pytest.raises(DeviceAbsent, match="hung up"):
                await link.read(CLIMATE)


async def test_a_device_that_tells_nothing_is_late() -> None:
    """After the silence that is borne."""
    async with open_air() as air, air.chatter(ADDRESS, company_data=PACKET):
        air.bluez.add_characteristic(ADDRESS, CLIMATE)
        async with air.port.connect(ADDRESS, is_lasting=True) as link:
            with pytest.raises(DeviceTimeout, match="nothing"):
                await anext(link.values((CLIMATE,), silence_s=0.1))


async def test_what_a_device_has_not_got_is_a_fault() -> None:
    """A typing error in the configuration, or another model."""
    async with open_air() as air, air.chatter(ADDRESS, company_data=PACKET):
        air.bluez.add_characteristic(ADDRESS, CLIMATE)
        async with air.port.connect(ADDRESS) as link:
            with pytest.raises(DeviceFault, match=NOWHERE):
                await link.read(NOWHERE)
            with pytest.raises(DeviceFault, match=NOWHERE):
                await anext(link.values((NOWHERE,)))


async def test_a_device_that_is_not_there_is_late() -> None:
    """It is not heard, so nothing is tried."""
    async with open_air() as air:
        with pytest.raises(DeviceTimeout, match="not heard"):
            async with air.port.connect(ADDRESS, timeout_s=SHORT_S):
                pytest.fail("connected to nobody")
        assert not any(each.startswith("connect") for each in air.bluez.log)


async def test_a_device_that_refuses_is_absent() -> None:
    """It is connected to somebody else's telephone."""
    async with open_air() as air, air.chatter(ADDRESS, company_data=PACKET):
        air.bluez.faults["connect"] = "Failed"
        with pytest.raises(DeviceAbsent, match="Failed"):
            async with air.port.connect(ADDRESS):
                pytest.fail("connected in spite of it")


async def test_a_connection_that_comes_to_no_end_is_given_up() -> None:
    """In its time, and the next one is not held up by it."""
    async with open_air() as air, air.chatter(ADDRESS, company_data=PACKET):
        air.bluez.add_characteristic(ADDRESS, CLIMATE, b"\x01")
        air.bluez.hanging.add("connect")
        with pytest.raises(DeviceTimeout):
            async with air.port.connect(ADDRESS, timeout_s=SHORT_S):
                pytest.fail("connected in spite of it")
        air.bluez.hanging.clear()
        async with air.port.connect(ADDRESS) as link:
            assert await link.read(CLIMATE) == b"\x01"
        assert f"disconnect {ADDRESS}" in air.bluez.log


async def test_a_characteristic_that_does_not_answer_is_late() -> None:
    """And the device is hung up all the same."""
    async with open_air(None, HASTY) as air, air.chatter(ADDRESS, company_data=PACKET):
        air.bluez.add_characteristic(ADDRESS, CLIMATE).is_hanging = True
        with pytest.raises(DeviceTimeout, match="read"):
            async with air.port.connect(ADDRESS) as link:
                await link.read(CLIMATE)
        assert air.bluez.log[-1] == f"disconnect {ADDRESS}"


async def test_a_device_that_is_connected_already_is_taken_over() -> None:
    """Left over from a life that was killed: it does not advertise, and would never be found."""
    async with open_air() as air:
        air.bluez.add_characteristic(ADDRESS, CLIMATE, b"\x07")
        hearing = asyncio.create_task(hear_one(air.port, Wish(ADDRESS)))
        await air.say(ADDRESS, company_data=PACKET)
        await hearing
        air.bluez.devices[ADDRESS].connect_from_elsewhere()
        async with air.port.connect(ADDRESS, timeout_s=DEADLINE_S) as link:
            assert await link.read(CLIMATE) == b"\x07"
        assert not air.bluez.devices[ADDRESS].is_connected


async def test_connections_are_made_one_after_the_other() -> None:
    """Who waits too long is told that the adapter is busy; a lasting one lets others in."""
    async with (
        open_air() as air,
        air.chatter(ADDRESS, company_data=PACKET),
        air.chatter(OTHER, company_data=PACKET),
    ):
        for each in (ADDRESS, OTHER):
            air.bluez.add_characteristic(each, CLIMATE, b"\x01")
        async with air.port.connect(ADDRESS):
            with pytest.raises(DeviceTimeout, match="busy"):
                async with air.port.connect(OTHER, timeout_s=SHORT_S):
                    pytest.fail("two at a time")
        async with (
            air.port.connect(ADDRESS, is_lasting=True) as first,
            air.port.connect(OTHER) as second,
        ):
            assert await first.read(CLIMATE) == await second.read(CLIMATE)


async def test_who_is_cancelled_while_connecting_leaves_nothing_behind() -> None:
    """The next one connects."""
    async with open_air() as air, air.chatter(ADDRESS, company_data=PACKET):
        air.bluez.add_characteristic(ADDRESS, CLIMATE, b"\x01")
        air.bluez.hanging.add("connect")

        async def connect() -> None:
            async with air.port.connect(ADDRESS):
                pytest.fail("connected in spite of it")

        connecting = asyncio.create_task(connect())
        await until(lambda: f"connect {ADDRESS}" in air.bluez.log)
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        air.bluez.hanging.clear()
        async with air.port.connect(ADDRESS) as link:
            assert await link.read(CLIMATE) == b"\x01"


async def test_a_bluetoothd_that_hangs_under_a_connection_has_the_radio_switched() -> None:
    """Not even hanging up comes to an end then; the block does, and the port is suspected."""
    async with open_air(None, HASTY) as air, air.chatter(ADDRESS, company_data=PACKET):
        air.bluez.add_characteristic(ADDRESS, CLIMATE, b"\x01")
        with pytest.raises(DeviceTimeout):
            async with air.port.connect(ADDRESS) as link:
                air.bluez.is_hung = True
                await link.read(CLIMATE)
        air.bluez.is_hung = False
        await until(lambda: air.noted("bluetooth deaf"))
        assert "BlueZ gives no answer" in air.noted("bluetooth deaf")[0]["reason"]


async def test_a_bluetoothd_that_dies_ends_a_lasting_connection() -> None:
    """bleak tells nobody: no disconnected callback comes."""
    async with open_air() as air, air.chatter(ADDRESS, company_data=PACKET):
        climate = air.bluez.add_characteristic(ADDRESS, CLIMATE)
        with pytest.raises(DeviceError):
            async with air.port.connect(ADDRESS, is_lasting=True) as link:
                told = asyncio.ensure_future(anext(link.values((CLIMATE,))))
                await asyncio.wait_for(climate.is_notifying.wait(), DEADLINE_S)
                air.bluez.die()
                await asyncio.wait_for(told, DEADLINE_S)
        assert air.port.is_broken


async def test_the_driver_of_characteristics_reads_and_is_told() -> None:
    """From its TOML to its measurements, through all of it."""
    characteristic = ble_gatt.Characteristic(uuid="2a6e", type="int16", scale=0.01, kind="climate")
    config = ble_gatt.Config(
        port="ble:0", address=ADDRESS, characteristics={"temperature": characteristic}
    )
    async with running_bluez() as bluez:
        climate = bluez.add_characteristic(ADDRESS, CLIMATE, b"\xca\x09")

        async def speak() -> None:
            count = 0
            while True:
                count += 1
                bluez.advertise(ADDRESS, company_data=PACKET, rssi=-60 - count % 5)
                await asyncio.sleep(0.01)

        speaking = asyncio.create_task(speak())
        async with ble_gatt.open_driver(config, Ports()) as device:
            assert isinstance(device, Sensor)
            assert (await device.read())[0].value == 25.06
        async with ble_gatt.open_driver(replace(config, mode="notify"), Ports()) as device:
            assert isinstance(device, Listener)
            told = asyncio.ensure_future(anext(device.measurements()))
            await asyncio.wait_for(climate.is_notifying.wait(), DEADLINE_S)
            climate.notify(b"\x02\x00")
            assert (await told)[0].value == 0.02
        speaking.cancel()
