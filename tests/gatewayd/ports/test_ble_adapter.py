"""What BlueZ says of its adapters, over a real bus: found, switched, gone."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gatewayd.errors import DeviceAbsent, DeviceTimeout
from gatewayd.ports.ble_adapter import ADAPTER, DEVICE, MONITOR_MANAGER, Adapter, facts_of
from gatewayd.ports.ble_plan import Patience
from tests.peers.bluez import Bluez, bluez_on, running_bluez, running_bus

ADDRESS = "DC:A6:32:00:00:01"
HCI0 = "/org/bluez/hci0"
DEADLINE_S = 5.0


def objects(**properties: Any) -> dict[str, dict[str, dict[str, Any]]]:
    adapter = {"Address": ADDRESS, "Powered": True, "Roles": ["central"], **properties}
    return {
        HCI0: {ADAPTER: adapter, MONITOR_MANAGER: {}},
        "/org/bluez/hci10": {ADAPTER: {"Address": "DC:A6:32:00:00:02", "Powered": False}},
        f"{HCI0}/dev_1": {DEVICE: {"Address": "C4:7C:8D:6B:4F:F3", "Connected": True}},
        f"{HCI0}/dev_2": {DEVICE: {"Address": "C4:7C:8D:6B:4F:F4", "Connected": False}},
        "/org/bluez/hci10/dev_3": {DEVICE: {"Address": "C4:7C:8D:6B:4F:F5", "Connected": True}},
    }


def test_an_adapter_is_found_by_name_or_address() -> None:
    """With what it can do, and the devices that are connected by it alone."""
    facts = facts_of(objects(), "hci0")
    assert facts == facts_of(objects(), ADDRESS)
    assert (facts.id, facts.is_powered, facts.has_monitor) == ("hci0", True, True)
    assert facts.connected == {"C4:7C:8D:6B:4F:F3": f"{HCI0}/dev_1"}
    assert not facts_of(objects(), "hci10").has_monitor


def test_what_is_not_there_is_absent_and_what_is_there_is_said() -> None:
    """A dongle that was moved, a machine without any, one of the old kind."""
    with pytest.raises(DeviceAbsent, match="no Bluetooth adapter hci1; BlueZ knows hci0, hci10"):
        facts_of(objects(), "hci1")
    with pytest.raises(DeviceAbsent, match="none at all"):
        facts_of({}, "hci0")
    with pytest.raises(DeviceAbsent, match="without Bluetooth LE"):
        facts_of(objects(Roles=["peripheral"]), "hci0")


async def reach(call_s: float = DEADLINE_S) -> Adapter:
    return await Adapter.reach("ble:0", "hci0", Patience(call=call_s))


async def test_facts_are_asked_and_the_radio_is_switched() -> None:
    """By the same bus as bleak."""
    async with running_bluez(is_powered=False) as bluez:
        adapter = await reach()
        facts = await adapter.ask_facts()
        assert not facts.is_powered
        await adapter.switch(facts.path, is_on=True)
        assert bluez.is_powered
        await adapter.power_cycle(facts.path)
        assert bluez.log == ["on", "off", "on"]
        adapter.close()


async def test_without_a_bus_or_bluetoothd_there_is_no_adapter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each is said in its own words."""
    async with running_bus():
        adapter = await reach()
        with pytest.raises(DeviceAbsent, match="bluetoothd is not running"):
            await adapter.ask_facts()
        adapter.close()
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere/bus")
    with pytest.raises(DeviceAbsent, match="D-Bus cannot be reached"):
        await reach()


async def test_a_radio_that_may_not_be_switched_says_why() -> None:
    """rfkill."""
    async with running_bluez() as bluez:
        adapter = await reach()
        bluez.faults["power"] = "Blocked"
        with pytest.raises(DeviceAbsent, match="rfkill blocks it"):
            await adapter.switch(HCI0, is_on=True)
        adapter.close()


async def test_a_bluetoothd_that_hangs_is_late() -> None:
    """Every call has its deadline."""
    async with running_bluez() as bluez:
        adapter = await reach(0.2)
        bluez.is_hung = True
        with pytest.raises(DeviceTimeout, match="bluetoothd does not answer GetManagedObjects"):
            await adapter.ask_facts()
        adapter.close()


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (Bluez.unplug, "the adapter hci0 was removed"),
        (Bluez.die, "bluetoothd has ended"),
        (lambda bluez: bluez.switch(is_on=False), "the adapter was switched off"),
    ],
)
async def test_a_loss_is_told_at_once(act: Any, words: str) -> None:
    """Not after the ninety seconds of the watchdog."""
    async with running_bluez() as bluez:
        adapter = await reach()
        told: asyncio.Queue[str] = asyncio.Queue()
        adapter.watch((await adapter.ask_facts()).path, told.put_nowait)
        act(bluez)
        async with asyncio.timeout(DEADLINE_S):
            assert await told.get() == words
        adapter.close()


async def test_a_bluetoothd_that_was_replaced_is_told() -> None:
    """What the old one was told, the new one does not know."""
    async with running_bus() as address, bluez_on(address) as old:
        adapter = await reach()
        told: asyncio.Queue[str] = asyncio.Queue()
        adapter.watch((await adapter.ask_facts()).path, told.put_nowait)
        old.die()
        async with bluez_on(address), asyncio.timeout(DEADLINE_S):
            assert [await told.get(), await told.get()] == [
                "bluetoothd has ended",
                "bluetoothd is a new one",
            ]
        adapter.close()


async def test_our_own_switching_is_no_loss() -> None:
    """Off and on again is how it is revived."""
    async with running_bluez():
        adapter = await reach()
        told: list[str] = []
        adapter.watch(HCI0, told.append)
        await adapter.power_cycle(HCI0)
        await adapter.ask_facts()  # What was told before the answer has arrived.
        assert told == []
        adapter.close()
