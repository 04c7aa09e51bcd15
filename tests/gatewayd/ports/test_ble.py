"""A Bluetooth adapter through real bleak: opened, listened to by many, closed."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from gatewayd.errors import ConfigError, DeviceAbsent, DeviceTimeout
from gatewayd.ports import Ports
from gatewayd.ports.ble import BlePort, Settings, open_ble, settings_of
from gatewayd.ports.ble_advertisement import Advertisement, Wish, uuid16
from gatewayd.ports.ble_ear import QUEUE_MAX
from tests.peers.ble_port import DEADLINE_S, HASTY, hear_one, open_air, until
from tests.peers.bluez import running_bluez

ADDRESS, OTHER = "A4:C1:38:12:34:56", "A4:C1:38:12:34:57"
BTHOME = uuid16(0xFCD2)
WISH = Wish(ADDRESS, services=frozenset({BTHOME}))
RUUVI = Wish(OTHER, companies=frozenset({0x0499}))


@pytest.mark.parametrize(
    ("name", "section", "settings"),
    [
        ("ble", None, Settings()),
        ("ble:0", None, Settings()),
        ("ble:1", None, Settings(adapter="hci1")),
        ("radio", {"type": "ble", "mode": "active"}, Settings(mode="active")),
        ("radio", {"type": "ble", "adapter": "hci2"}, Settings(adapter="hci2")),
        (
            "radio",
            {"type": "ble", "adapter": "dc:a6:32:00:00:01"},
            Settings(adapter="DC:A6:32:00:00:01"),
        ),
    ],
)
def test_an_adapter_has_many_names(
    name: str, section: dict[str, object] | None, settings: Settings
) -> None:
    """Directly, by the kernel's name, or by its address."""
    assert settings_of(name, section) == settings


@pytest.mark.parametrize(
    ("name", "section"),
    [
        ("ble:x", None),
        ("hci0", None),
        ("radio", {"type": "serial"}),
        ("radio", {"type": "ble", "adapter": "usb0"}),
        ("radio", {"type": "ble", "mode": "loud"}),
    ],
)
def test_what_names_no_adapter_is_refused(name: str, section: dict[str, object] | None) -> None:
    """The owner must act."""
    with pytest.raises(ConfigError):
        settings_of(name, section)


async def test_a_tag_is_heard_passively() -> None:
    """Where BlueZ can: only what is asked for is let through, and nothing is sent."""
    async with open_air() as air:
        hearing = asyncio.create_task(hear_one(air.port, WISH))
        await air.say(ADDRESS, service_data={0xFCD2: b"\x40\x01\x61"}, name="cellar", rssi=-71)
        heard = await hearing
        assert (heard.address, heard.name, heard.rssi) == (ADDRESS, "cellar", -71)
        assert heard.service_data == {BTHOME: b"\x40\x01\x61"}
        assert air.bluez.log == ["register"]
        assert not air.bluez.advertise(OTHER, company_data={0x004C: b"\x10"})
        await until(lambda: air.noted("bluetooth scans"))
        assert air.noted("bluetooth scans")[0]["mode"] == "passive"


async def test_a_tag_is_heard_actively_where_bluez_cannot() -> None:
    """And the log says why."""
    async with open_air(has_monitor=False) as air:
        hearing = asyncio.create_task(hear_one(air.port, WISH))
        await air.say(ADDRESS, service_data={0xFCD2: b"\x40\x01\x61"})
        assert (await hearing).service_data == {BTHOME: b"\x40\x01\x61"}
        assert air.bluez.log == ["filter", "start"]
        await until(lambda: air.noted("bluetooth scans"))
        (told,) = air.noted("bluetooth scans")
        assert told["mode"] == "active"
        assert "experimental" in told["reason"]


async def test_a_monitor_that_is_refused_is_done_without() -> None:
    """Some kernels and controllers have none, whatever BlueZ believes."""
    async with open_air() as air:
        air.bluez.faults["register"] = "NotSupported"
        hearing = asyncio.create_task(hear_one(air.port, WISH))
        await air.say(ADDRESS, service_data={0xFCD2: b"\x40"})
        await hearing
        await until(lambda: air.noted("bluetooth scans"))
        assert "refuses" in air.noted("bluetooth scans")[0]["reason"]


async def test_many_listeners_share_one_scan() -> None:
    """Each hears its own; those that come together start one."""
    async with open_air() as air:
        hearing = [asyncio.create_task(hear_one(air.port, each)) for each in (WISH, RUUVI, WISH)]
        await air.say(ADDRESS, service_data={0xFCD2: b"\x40"})
        await air.say(OTHER, company_data={0x0499: b"\x05"})
        heard = await asyncio.gather(*hearing)
        assert [each.address for each in heard] == [ADDRESS, OTHER, ADDRESS]
        assert air.bluez.log == ["register"]


async def test_a_newcomer_with_another_format_widens_the_scan() -> None:
    """Who listened before goes on listening."""
    async with open_air() as air, aclosing(air.port.advertisements(WISH)) as first:
        waiting = asyncio.ensure_future(anext(first))
        await air.say(ADDRESS, service_data={0xFCD2: b"\x40"})
        await waiting
        hearing = asyncio.create_task(hear_one(air.port, RUUVI))
        await air.say(OTHER, company_data={0x0499: b"\x05"})
        await hearing
        waiting = asyncio.ensure_future(anext(first))
        await air.say(ADDRESS, service_data={0xFCD2: b"\x41"})
        assert (await waiting).service_data == {BTHOME: b"\x41"}
        assert air.bluez.log[:3] == ["register", "unregister", "register"]


async def test_only_what_was_in_the_packet_is_told() -> None:
    """BlueZ keeps what a device said before under its other ids."""
    async with open_air({"type": "ble", "mode": "active"}) as air:
        async with aclosing(air.port.advertisements(Wish(ADDRESS))) as heard:
            told: list[Advertisement] = []
            for packet in ({1: b"a"}, {2: b"b"}, {1: b"c"}):
                waiting = asyncio.ensure_future(anext(heard))
                await air.say(ADDRESS, company_data=packet)
                told.append(await waiting)
            waiting = asyncio.ensure_future(anext(heard))
            await air.say(ADDRESS, rssi=-70)
            told.append(await waiting)
        assert [dict(each.manufacturer_data) for each in told] == [
            {1: b"a"},
            {2: b"b"},
            {1: b"c"},
            {},
        ]


async def test_a_slow_listener_loses_the_oldest_and_harms_nobody() -> None:
    """Counted at the port."""
    async with open_air() as air, aclosing(air.port.advertisements(WISH)) as heard:
        waiting = asyncio.ensure_future(anext(heard))
        await air.say(ADDRESS, service_data={0xFCD2: b"\xff"})
        await waiting
        for count in range(QUEUE_MAX + 5):
            assert air.bluez.advertise(ADDRESS, service_data={0xFCD2: bytes([count])})
        await until(lambda: air.port.heard == 1 + QUEUE_MAX + 5)
        assert (await anext(heard)).service_data == {BTHOME: bytes([5])}
        await heard.aclose()
        assert air.port.dropped == 5


async def test_silence_of_one_among_others_is_its_own() -> None:
    """The adapter hears others, and is well."""
    async with (
        open_air({"type": "ble", "mode": "active"}) as air,
        air.chatter(OTHER, company_data={1: b"a"}),
    ):
        with pytest.raises(DeviceTimeout, match=ADDRESS):
            await anext(air.port.advertisements(WISH, silence_s=0.5))
        assert air.port.is_hearing
        assert not air.noted("bluetooth deaf")


async def test_an_adapter_that_is_off_is_switched_on() -> None:
    """A Pi's is, after a fresh installation."""
    async with open_air(is_powered=False) as air:
        assert air.bluez.log == ["on"]


@pytest.mark.parametrize(
    ("section", "fault", "words"),
    [
        ({"type": "ble", "adapter": "hci1"}, {}, "BlueZ knows hci0"),
        (None, {"power": "Blocked"}, "rfkill"),
    ],
)
async def test_an_adapter_that_cannot_be_used_is_absent(
    section: dict[str, object] | None, fault: dict[str, str], words: str
) -> None:
    """With the reason."""
    async with running_bluez(is_powered=False, faults=fault):
        with pytest.raises(DeviceAbsent, match=words):
            await open_ble("ble:0", section)


async def test_a_bluetoothd_that_hangs_from_the_start_is_late() -> None:
    """The daemon does not hang with it."""
    async with running_bluez(is_hung=False) as bluez:
        bluez.is_hung = True
        with pytest.raises(DeviceTimeout):
            await open_ble("ble:0", patience=HASTY)


async def test_who_leaves_last_stops_the_scan_and_the_port_lets_go() -> None:
    """No task, no monitor, no connection is left behind."""
    async with running_bluez() as bluez:
        before = asyncio.all_tasks()
        ports = Ports()
        async with ports.ble("ble:0") as port:
            hearing = asyncio.create_task(hear_one(port, WISH))
            await until(lambda: bluez.advertise(ADDRESS, service_data={0xFCD2: b"\x40"}))
            await hearing
            await until(lambda: not bluez.monitors)
            assert isinstance(port, BlePort)
        assert port.is_broken
        assert bluez.log == ["register", "unregister"]
        await until(lambda: not _own(asyncio.all_tasks() - before))


async def test_a_scan_that_ends_with_a_bug_ends_the_listening() -> None:
    """It must not look like a quiet place; here whoever takes the notes fails."""

    def fail(event: str, **facts: object) -> None:
        raise LookupError(event)

    async with running_bluez():
        port = await open_ble("ble:0", note=fail)
        with pytest.raises(DeviceAbsent, match="LookupError"):
            await hear_one(port, WISH)
        assert port.is_broken
        await port.close()


async def test_two_names_of_one_adapter_are_one_radio() -> None:
    """BlueZ refuses a second scan of the same program, which would look like a hung one."""
    async with running_bluez() as bluez:
        ports = Ports({"radio": {"type": "ble", "adapter": "hci0"}})
        async with ports.ble("radio") as one, ports.ble("ble:0") as same, ports.ble("ble") as third:
            assert one is same is third
        assert bluez.log == []


async def test_the_status_says_how_it_scans_and_why() -> None:
    """From the moment that it is open."""
    async with running_bluez(has_monitor=False) as bluez:
        ports = Ports()
        assert ports.states() == {}
        async with ports.ble("ble:0") as port:
            assert ports.states()["ble:0"]["scan"] is None
            hearing = asyncio.create_task(hear_one(port, WISH))
            await until(lambda: bluez.advertise(ADDRESS, service_data={0xFCD2: b"\x40"}))
            await hearing
            await until(lambda: ports.states()["ble:0"]["scan"])
            state = ports.states()["ble:0"]
            assert (state["scan"], state["heard"], state["is_hearing"]) == ("active", 1, True)
            assert "experimental" in str(state["reason"])


async def test_the_radio_can_be_reset_from_outside() -> None:
    """The recovery ladder of a device asks for it while nobody is on the wire."""
    async with running_bluez() as bluez:
        ports = Ports()
        async with ports.ble("ble:0"):
            pass
        assert await ports.reset_adapter("ble:0") == "switched hci0 off and on"
        assert bluez.log == ["off", "on"]


async def test_a_port_closed_under_its_listeners_ends_them() -> None:
    """And may be closed again."""
    async with open_air() as air:
        hearing = asyncio.create_task(hear_one(air.port, WISH))
        await until(lambda: air.bluez.monitors)
        await air.port.close()
        with pytest.raises(DeviceAbsent, match="closed"):
            await hearing


async def test_a_listener_that_is_cancelled_is_forgotten() -> None:
    """Whoever comes next hears."""
    async with open_air() as air:
        hearing = asyncio.create_task(hear_one(air.port, WISH))
        await until(lambda: air.bluez.monitors)
        hearing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hearing
        async with (
            air.chatter(ADDRESS, service_data={0xFCD2: b"\x40"}),
            asyncio.timeout(DEADLINE_S),
        ):
            await hear_one(air.port, WISH)


def _own(tasks: set[asyncio.Task[Any]]) -> list[asyncio.Task[Any]]:
    """Return the tasks that are ours; bleak keeps its connection to the bus, and one task."""
    return [each for each in tasks if "_monitor_bus_disconnect" not in repr(each.get_coro())]
