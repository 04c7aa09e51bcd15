"""What all listeners share: repeats, silence, what is merely there, an adapter that goes."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from types import ModuleType

import pytest

from drivers.ble import atc, ibeacon
from drivers.ble._listening import (
    ADDRESSES_MAX,
    PAYLOADS_MAX,
    REPLAYED_MAX,
    Beacon,
    Heard,
    Repeats,
    listening,
)
from drivers.ble.atc import Config
from gatewayd.errors import DeviceAbsent, DeviceFault, DeviceTimeout
from gatewayd.fields import Secret
from gatewayd.ports import Ports
from gatewayd.ports.ble_advertisement import Wish
from gatewayd.testing.ports import FakePorts
from gatewayd.testing.simulated import simulated
from tests.drivers.ble.air import hear, said

ADDRESS = "A4:C1:38:8D:18:B2"
FIRST, SECOND = "B2188D38C1A42B089011F70A43200F", "B2188D38C1A42B089011F70A43210F"
CONFIG = Config(port="ble:0", address=ADDRESS, silent_after=60.0)


def heard(payload: bytes, sequence: int | None = None) -> Heard:
    return Heard({}, payload, sequence)


def test_a_number_makes_a_repeat_at_any_time() -> None:
    """And the same number with other bytes is another part of the same."""
    repeats = Repeats()
    seen = [
        repeats.is_repeat(heard(payload, number), time_s)
        for payload, number, time_s in [
            (b"a", 1, 0.0),
            (b"a", 1, 3600.0),
            (b"b", 1, 3600.0),
            (b"a", 1, 3601.0),
            (b"c", 2, 3602.0),
            (b"a", 1, 3603.0),
        ]
    ]
    assert seen == [False, True, False, True, False, False]


def test_without_a_number_only_a_second_makes_a_repeat() -> None:
    """The same bytes later are a new measurement of the same."""
    repeats = Repeats()
    times = (0.0, 0.5, 0.99, 1.0, 1.5, 3.0)
    assert [repeats.is_repeat(heard(b"a"), each) for each in times] == [
        False,
        True,
        True,
        False,
        True,
        False,
    ]


def test_what_is_remembered_of_one_number_is_bounded() -> None:
    """A tag whose number never changes does not fill the memory."""
    repeats = Repeats()
    for count in range(100):
        repeats.is_repeat(heard(bytes([count]), 7), 0.0)
    assert len(repeats._payloads) == PAYLOADS_MAX


def test_the_addresses_that_one_device_has_had_are_bounded() -> None:
    """A beacon that changes its own every quarter of an hour."""
    uuid = "FDA50693-A4E2-4FB1-AFCF-C6EB07647825"
    config = ibeacon.Config(port="ble:0", uuid=uuid)
    frame = {0x004C: "0215" + uuid.replace("-", "") + "000A0007C5"}
    addresses = [f"C1:00:00:00:00:{count:02X}" for count in range(2 * ADDRESSES_MAX)]
    told = hear(ibeacon, config, *[said(each, company=frame) for each in addresses])
    assert [each["present"] for each in told.values] == [True] * 2 * ADDRESSES_MAX


def test_silence_is_a_timeout() -> None:
    """The supervisor begins anew; the channels say why they are empty."""
    assert hear(atc, CONFIG, patience_s=59).error is None
    assert isinstance(hear(atc, CONFIG, patience_s=61).error, DeviceTimeout)


def test_a_word_of_any_kind_ends_the_silence() -> None:
    """BlueZ tells that the tag was heard, but not what it said: it repeats itself."""
    merely = said(ADDRESS)
    told = hear(atc, CONFIG, said(ADDRESS, service={0x181A: FIRST}), 50.0, merely, 50.0, merely)
    assert told.error is None
    assert [set(each) for each in told.values[1:]] == [{"rssi"}, {"rssi"}]


def test_a_device_that_was_never_understood_is_not_merely_there() -> None:
    """Its strength would be that of something else."""
    assert hear(atc, CONFIG, said(ADDRESS), said(ADDRESS)).measured == []


def test_what_has_no_strength_has_none() -> None:
    """Only what is in a packet is told."""
    packet = said(ADDRESS, service={0x181A: FIRST}, rssi=None)
    assert "rssi" not in hear(atc, CONFIG, packet).values[0]


def test_replays_are_refused_counted_and_in_the_end_a_fault() -> None:
    """A new battery makes a tag count from the start: whoever listens anew believes it."""
    key = Secret("b9ea895fac7eea6d30532432a516f3a3")
    config = replace(CONFIG, key=key)
    sealed = said(ADDRESS, service={0x181A: "11d603fbfa7b6dfb1e26fd"})
    decoder = atc.Decoder(key)
    decoder.counter.accept(0x12)
    told = hear(_with(decoder), config, *[sealed] * REPLAYED_MAX)
    assert isinstance(told.error, DeviceFault)
    assert "a replay?" in str(told.error)
    assert told.rejects == REPLAYED_MAX
    assert hear(atc, config, sealed).values[0]["temperature"] == 23.45


def _with(decoder: atc.Decoder) -> ModuleType:
    """Return the driver with a decoder that has heard something before."""
    module = ModuleType("atc_with_a_past")

    def open_driver(config: Config, ports: Ports) -> AbstractAsyncContextManager[Beacon]:
        wish = Wish(config.address)
        return listening(config, ports, wish, atc.describe(config), decoder.decode)

    vars(module)["open_driver"] = open_driver
    return module


@simulated
async def test_an_adapter_that_is_pulled_out_ends_the_listening() -> None:
    """After what was heard before."""
    ports = FakePorts()
    air = ports.attach_ble("ble:0")
    async with atc.open_driver(CONFIG, ports) as device:
        told = device.measurements()
        first = asyncio.ensure_future(anext(told))
        await air.wait_listener()
        air.advertise(said(ADDRESS, service={0x181A: FIRST}))
        await first
        air.advertise(said(ADDRESS, service={0x181A: SECOND}))
        air.unplug()
        await anext(told)
        with pytest.raises(DeviceAbsent):
            await anext(told)
    assert ports.users.total() == 0


@simulated
async def test_many_listeners_hear_each_its_own() -> None:
    """One adapter."""
    ports = FakePorts()
    air = ports.attach_ble("ble:0")
    other = replace(CONFIG, address="A4:C1:38:00:00:01")
    beacon = ibeacon.Config(port="ble:0", uuid="FDA50693-A4E2-4FB1-AFCF-C6EB07647825")
    async with (
        atc.open_driver(CONFIG, ports) as mine,
        atc.open_driver(other, ports) as theirs,
        ibeacon.open_driver(beacon, ports) as third,
    ):
        tasks = [
            asyncio.ensure_future(anext(each.measurements())) for each in (mine, theirs, third)
        ]
        await asyncio.sleep(1.0)  # Simulated: all three listen by now.
        assert len(air.wishes) == 3
        air.advertise(said(ADDRESS, service={0x181A: FIRST}))
        await asyncio.sleep(1.0)
        assert [each.done() for each in tasks] == [True, False, False]
        for task in tasks[1:]:
            task.cancel()
        await asyncio.wait(tasks)
