"""An adapter that goes deaf, hangs or goes away, through real bleak: the ladder, and its end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gatewayd.errors import DeviceAbsent, DeviceError
from gatewayd.ports.ble_advertisement import Wish, uuid16
from tests.peers.ble_port import DEADLINE_S, HASTY, hear_one, open_air, until
from tests.peers.bluez import Bluez

ADDRESS, OTHER = "A4:C1:38:12:34:56", "A4:C1:38:12:34:57"
WISH = Wish(ADDRESS, services=frozenset({uuid16(0xFCD2)}))
ACTIVE: dict[str, object] = {"type": "ble", "mode": "active"}
PACKET: dict[str, Any] = {"service_data": {0xFCD2: b"\x40"}}


async def test_a_scan_that_has_stopped_silently_is_started_anew() -> None:
    """The first rung helps where BlueZ only believes that it scans."""
    async with open_air(ACTIVE, HASTY) as air:
        hearing = asyncio.create_task(hear_one(air.port, WISH))
        await until(lambda: air.bluez.is_discovering)
        air.bluez.is_discovering = False
        await until(lambda: air.noted("bluetooth deaf"))
        await air.say(ADDRESS, **PACKET)
        await hearing
        assert air.noted("bluetooth deaf")[0]["step"] == "restarted"
        assert air.noted("bluetooth hears again")[0]["helped"] == "starting the scan anew"
        assert "off" not in air.bluez.log


async def test_a_deaf_radio_is_switched_off_and_on() -> None:
    """The second rung; what helped is noted."""
    async with open_air(ACTIVE, HASTY) as air, air.chatter(ADDRESS, **PACKET):
        air.bluez.is_deaf = True
        async with asyncio.timeout(DEADLINE_S):
            await hear_one(air.port, WISH)
        assert [each["step"] for each in air.noted("bluetooth deaf")] == [
            "restarted",
            "power_cycled",
        ]
        assert air.noted("bluetooth hears again")[0]["helped"] == "switching it off and on"
        assert air.port.is_hearing


async def test_a_radio_that_nothing_revives_is_absent_with_the_reason() -> None:
    """Whoever opens it next begins from the bottom."""
    async with open_air(ACTIVE, HASTY) as air:
        with pytest.raises(DeviceAbsent, match=r"nobody was heard .* neither a new scan nor"):
            await hear_one(air.port, WISH)
        assert air.port.is_broken
        assert air.bluez.log.count("start") == 3
        assert (air.bluez.log.count("off"), air.bluez.log.count("on")) == (1, 1)
        with pytest.raises(DeviceAbsent):
            await hear_one(air.port, WISH)


async def test_while_it_is_suspected_silence_proves_nothing() -> None:
    """A beacon is not said to have gone."""
    async with open_air(ACTIVE, HASTY) as air:
        hearing = asyncio.create_task(hear_one(air.port, WISH))
        await until(lambda: air.noted("bluetooth deaf"))
        assert not air.port.is_hearing
        await air.say(ADDRESS, **PACKET)
        await hearing
        assert air.port.is_hearing


async def test_a_quiet_place_is_told_from_a_deaf_radio() -> None:
    """Passively only ours are heard, and they speak seldom: an active look hears the neighbours'
    telephones, and the next silence is borne for longer."""
    async with open_air(None, HASTY) as air, air.chatter(OTHER, company_data={0x004C: b"\x10"}):
        hearing = asyncio.create_task(hear_one(air.port, WISH))
        await until(lambda: air.noted("bluetooth hears again"))
        await until(lambda: air.bluez.log.count("register") == 2)
        began_s = asyncio.get_running_loop().time()
        await until(lambda: len(air.noted("bluetooth deaf")) == 2)
        assert asyncio.get_running_loop().time() - began_s > 0.5
        assert "off" not in air.bluez.log
        await air.say(ADDRESS, **PACKET)
        await hearing


@pytest.mark.parametrize("act", ["start", "stop"])
async def test_in_progress_counts_as_hung(act: str) -> None:
    """Starting or stopping; the radio is switched off and on."""
    async with open_air(ACTIVE, HASTY) as air:
        air.bluez.faults[act] = "InProgress"
        hearing = asyncio.create_task(hear_one(air.port, WISH))
        await until(lambda: "on" in air.bluez.log)
        air.bluez.faults.clear()
        await air.say(ADDRESS, **PACKET)
        async with asyncio.timeout(DEADLINE_S):
            await hearing
        assert "InProgress" in air.noted("bluetooth deaf")[0]["reason"]


async def test_a_bluetoothd_that_hangs_ends_the_listening_in_time() -> None:
    """And the daemon's other devices go on; here, this test."""
    async with open_air(ACTIVE, HASTY) as air:
        hearing = asyncio.create_task(hear_one(air.port, WISH))
        await until(lambda: air.bluez.is_discovering)
        air.bluez.is_hung = True
        async with asyncio.timeout(30.0):
            with pytest.raises(DeviceError, match="bluetoothd does not answer"):
                await hearing
        assert air.port.is_broken
        air.bluez.is_hung = False


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (Bluez.unplug, "removed"),
        (Bluez.die, "bluetoothd has ended"),
        (lambda bluez: bluez.switch(is_on=False), "switched off"),
    ],
)
async def test_an_adapter_that_goes_away_ends_the_listening_at_once(act: Any, words: str) -> None:
    """Before the watchdog would see it."""
    async with open_air(ACTIVE, HASTY) as air:
        hearing = asyncio.create_task(hear_one(air.port, WISH))
        await until(lambda: air.bluez.is_discovering)
        act(air.bluez)
        with pytest.raises(DeviceAbsent, match=words):
            await hearing
        assert air.port.is_broken


async def test_nobody_listens_and_nobody_scans() -> None:
    """The radio rests, and its silence is no trouble."""
    async with open_air(ACTIVE, HASTY) as air:
        await asyncio.sleep(0.7)
        assert air.bluez.log == []
        assert air.notes == []
