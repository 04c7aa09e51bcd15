"""The adapter without a radio does what the real one does, as far as a driver can see."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from gatewayd.errors import DeviceAbsent, DeviceFault, DeviceTimeout
from gatewayd.ports.ble import BlePort
from gatewayd.ports.ble_advertisement import Advertisement, Wish, uuid16
from gatewayd.ports.ble_link import BleLink
from gatewayd.testing.ble import FakeBle, FakeLink
from gatewayd.testing.ports import FakePorts
from gatewayd.testing.simulated import simulated

ADDRESS, OTHER = "A4:C1:38:12:34:56", "A4:C1:38:12:34:57"
UUID = uuid16(0x2A6E)


def test_it_has_the_surface_of_the_real_one() -> None:
    """What a driver may use."""
    for real, fake in ((BlePort, FakeBle), (BleLink, FakeLink)):
        public = {name for name in vars(real) if not name.startswith("_")}
        assert public - {"open", "close", "heard", "dropped"} <= {*dir(fake)}, (real, fake)


@simulated
async def test_a_listener_hears_what_it_wants() -> None:
    """With the time at which it was said."""
    air = FakePorts().attach_ble("ble:0")
    async with aclosing(air.advertisements(Wish(ADDRESS), silence_s=5.0)) as heard:
        waiting = asyncio.ensure_future(anext(heard))
        await air.wait_listener()
        air.advertise(Advertisement(OTHER))
        await asyncio.sleep(3.0)
        air.advertise(Advertisement(ADDRESS))
        assert (await waiting).heard_s == 3.0
        with pytest.raises(DeviceTimeout):
            await anext(heard)
    assert air.wishes == []


@simulated
async def test_a_device_is_connected_read_and_written() -> None:
    """One that is not there is late, and what it has not got is a fault."""
    air = FakePorts().attach_ble("ble:0")
    air.characteristics[ADDRESS] = {UUID: b"\x01"}
    async with air.connect(ADDRESS) as link:
        assert await link.read(UUID) == b"\x01"
        await link.write(UUID, b"\x02")
        with pytest.raises(DeviceFault):
            await link.read(uuid16(0))
        told = asyncio.ensure_future(anext(link.values((UUID,), silence_s=5.0)))
        await asyncio.sleep(0)
        air.notify(ADDRESS, UUID, b"\x03")
        assert await told == (UUID, b"\x03")
        air.unplug()
        with pytest.raises(DeviceAbsent):
            await link.read(UUID)
    assert air.written == [(ADDRESS, UUID, b"\x02")]
    with pytest.raises(DeviceTimeout):
        async with air.connect(OTHER):
            pytest.fail("connected to nobody")
