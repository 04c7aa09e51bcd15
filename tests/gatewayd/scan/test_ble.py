"""A scan of what is in the air, in simulated time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from gatewayd.config import inspect
from gatewayd.driver import Evidence
from gatewayd.ports.ble_advertisement import Advertisement, uuid16
from gatewayd.scan import Found, View, ble
from gatewayd.scan.toml import sections_of
from gatewayd.testing.ports import FakePorts
from gatewayd.testing.simulated import simulated

RUUVI = Advertisement(
    "CB:B8:33:4C:88:4F",
    manufacturer_data={0x0499: bytes.fromhex("0512FC5394C37C0004FFFC040CAC364200CDCBB8334C884F")},
)
BTHOME = Advertisement(
    "54:48:E6:8F:80:A5",
    "cellar",
    service_data={uuid16(0xFCD2): bytes.fromhex("4002CA0903BF13")},
)
PHONE = Advertisement("7A:11:22:33:44:55", manufacturer_data={0x004C: b"\x10\x05\x01"})


async def scan(*heard: Advertisement, used: Mapping[tuple[str, object], str] = {}) -> list[Found]:
    ports = FakePorts()
    air = ports.attach_ble(ble.PORT)

    async def speak() -> None:
        await air.wait_listener()
        for each in heard:
            air.advertise(each)
            await asyncio.sleep(0.1)

    async with asyncio.TaskGroup() as group:
        group.create_task(speak())
        return [each async for each in ble.find(View(ports, used))]
    raise AssertionError("unreachable")


@simulated
async def test_tags_are_named_and_strangers_counted() -> None:
    """By what they say, not by their address."""
    ruuvi, bthome, others = await scan(RUUVI, BTHOME, PHONE)
    assert ruuvi.guesses[0].driver == "ruuvi" and bthome.guesses[0].driver == "bthome"
    assert bthome.place == "54:48:E6:8F:80:A5 cellar"
    assert "1 others" in others.remark


def test_the_lines_pass_the_check(tmp_path: Path) -> None:
    """With the objects that the tag was heard to have."""
    found: list[Found] = []

    @simulated
    async def look() -> None:
        found.extend(await scan(RUUVI, BTHOME))

    look()
    file = tmp_path / "config.toml"
    file.write_text("\n".join(text for _, text in sections_of(found).values()))
    settings, problems = inspect(file, {})
    assert settings is not None, problems
    channels = {channel.id for channel in settings.devices["bthome"].channels}
    assert {"temperature", "humidity"} <= channels


@simulated
async def test_a_tag_that_is_configured_is_named_and_left_out() -> None:
    """Its section is there already."""
    (found,) = await scan(RUUVI, used={(ble.PORT, RUUVI.address): "attic"})
    assert found.remark == "is attic already"


@pytest.mark.parametrize(
    ("before", "now", "both"),
    [
        ({"objects": ["a"]}, {"objects": ["b", "a"]}, {"objects": ["a", "b"]}),
        ({"x": 1}, {"x": 2}, {"x": 2}),
        ({}, {"x": 2}, {"x": 2}),
    ],
)
def test_channels_of_several_packets_are_one_list(
    before: dict[str, object], now: dict[str, object], both: dict[str, object]
) -> None:
    """A device spreads what it has."""
    assert ble.joined(before, now) == both


@simulated
async def test_nobody_in_the_air_is_nothing() -> None:
    """The time of listening passes, and that is all."""
    assert await scan() == []
    assert Evidence("", is_proof=False).keys == {}
