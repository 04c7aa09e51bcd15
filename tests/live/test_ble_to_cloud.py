"""Bluetooth tags through the whole daemon to a cloud: real bleak, BlueZ on a real D-Bus.

A tag advertises encrypted BTHome, another is connected to and read; the adapter is pulled out
and put back, and bluetoothd dies and comes again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import pytest

from gatewayd.ports.ble_advertisement import uuid16
from tests.live.cloud import API_KEY, Cloud
from tests.live.daemon import Daemon, House, until
from tests.peers.bluez import Bluez, bluez_on, running_bus

TAG, FREEZER = "54:48:E6:8F:80:A5", "C4:7C:8D:6B:4F:F3"
KEY = "231d39c1d7cc1ab1aee224cd096db932"
CLIMATE = uuid16(0x2A6E)

TYPES = {
    "cellar/temperature": "temperature",
    "cellar/humidity": "humidity",
    "cellar/rssi": "number",
    "freezer/temperature": "temperature",
}

RECOVERY_S = 30.0
"""The supervisor's back-off, and starting again."""


def sealed(count: int, body: bytes) -> bytes:
    """Return an encrypted BTHome packet."""
    from cryptography.hazmat.primitives.ciphers.aead import AESCCM

    info, counter = b"\x41", count.to_bytes(4, "little")
    nonce = bytes.fromhex(TAG.replace(":", "")) + b"\xd2\xfc" + info + counter
    text = AESCCM(bytes.fromhex(KEY), tag_length=4).encrypt(nonce, body, None)
    return info + text[:-4] + counter + text[-4:]


@dataclass
class Tags:
    """Two devices in range of whichever BlueZ there is, speaking until they are told to stop."""

    bluez: Bluez
    hundredths: int = 2000
    count: int = 0

    async def speak(self) -> None:
        """Advertise both, over and over."""
        while True:
            self.count += 1
            body = b"\x02" + self.hundredths.to_bytes(2, "little", signed=True)
            self.bluez.advertise(TAG, service_data={0xFCD2: sealed(self.count, body)}, rssi=-71)
            self.bluez.advertise(FREEZER, company_data={1: b"a"}, rssi=-50 - self.count % 5)
            await asyncio.sleep(0.05)


@dataclass
class Cellar:
    """Everything together."""

    daemon: Daemon
    house: House
    cloud: Cloud
    tags: Tags
    bus: str
    stack: AsyncExitStack

    async def new_bluez(self) -> Bluez:
        """Start a BlueZ on the same bus."""
        self.tags.bluez = await self.stack.enter_async_context(with_freezer(self.bus))
        return self.tags.bluez

    async def wait_value(self, channel: str, value: float) -> None:
        """Wait until the cloud has this value as the latest."""
        await until(
            lambda: self.cloud.values(channel)[-1:] == [pytest.approx(value)],
            f"{channel} is {value}",
            RECOVERY_S,
        )


@asynccontextmanager
async def with_freezer(bus: str) -> AsyncIterator[Bluez]:
    async with bluez_on(bus) as bluez:
        bluez.add_characteristic(FREEZER, CLIMATE, (-1800).to_bytes(2, "little", signed=True))
        yield bluez


@pytest.fixture
async def cellar(house: House, cloud: Cloud) -> AsyncIterator[Cellar]:
    house.devices["cellar"] = {
        "driver": "bthome",
        "port": "ble:0",
        "address": TAG,
        "key": KEY,
        "objects": ["temperature", "humidity"],
    }
    house.devices["freezer"] = {
        "driver": "ble_gatt",
        "port": "ble:0",
        "address": FREEZER,
        "every": "1s",
        "timeout": "40s",
        "characteristics": {
            "temperature": {
                "uuid": "2a6e",
                "type": "int16",
                "scale": 0.01,
                "kind": "temperature",
                "unit": "Cel",
            }
        },
    }
    cloud.register(TYPES)
    house.add_thingplus("sandbox", cloud.port, API_KEY)
    async with AsyncExitStack() as stack:
        bus = await stack.enter_async_context(running_bus())
        tags = Tags(await stack.enter_async_context(with_freezer(bus)))
        speaking = asyncio.create_task(tags.speak())
        stack.callback(speaking.cancel)
        daemon = await stack.enter_async_context(house.daemon())
        yield Cellar(daemon, house, cloud, tags, bus, stack)


async def test_two_tags_reach_the_cloud(cellar: Cellar) -> None:
    """One is listened to and decrypted, one is connected to, by one radio; the log says how."""
    await cellar.wait_value("cellar/temperature", 20.0)
    await cellar.wait_value("freezer/temperature", -18.0)
    cellar.tags.hundredths = -525
    await cellar.wait_value("cellar/temperature", -5.25)
    await until(lambda: -71 in cellar.cloud.values("cellar/rssi"), "its strength")
    assert cellar.cloud.values("cellar/humidity") == []
    scans = {each["mode"] for each in cellar.house.logged("bluetooth scans")}
    assert "active" in scans
    (port,) = (await cellar.daemon.ask("status"))["ports"]
    assert (port["name"], port["is_hearing"]) == ("ble:0", True)
    shown = await cellar.house.verb("status")
    assert "scans" in shown.out
    assert KEY not in cellar.house.log.read_text()


@pytest.mark.parametrize("loss", ["unplug", "die"])
async def test_a_lost_adapter_is_found_again(cellar: Cellar, loss: str) -> None:
    """Pulled out, or bluetoothd was killed: its devices say so, and come back by themselves."""
    await cellar.wait_value("cellar/temperature", 20.0)
    old = cellar.tags.bluez
    cellar.tags.bluez = await cellar.new_bluez() if loss == "die" else old
    getattr(old, loss)()
    await until(lambda: cellar.house.logged("task ended"), "the loss is in the log")
    words = {"unplug": "was removed", "die": "bluetoothd"}[loss]
    assert any(words in each["reason"] for each in cellar.house.logged("task ended"))
    if loss == "unplug":
        old.die()
        await cellar.new_bluez()
    cellar.tags.hundredths = 2300
    await cellar.wait_value("cellar/temperature", 23.0)
    assert (await cellar.daemon.edge("devices", "cellar"))["is_up"]


async def test_a_hanging_bluetoothd_does_not_hold_up_the_shutdown(cellar: Cellar) -> None:
    """Outputs go safe after the sensors have let go, and all of it within ten seconds."""
    await cellar.wait_value("cellar/temperature", 20.0)
    cellar.tags.bluez.is_hung = True
    assert await cellar.daemon.stop() == 0
