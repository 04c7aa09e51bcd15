"""Each driver with its own example, through real ports and real bleak on a D-Bus BlueZ."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from gatewayd.config import inspect
from gatewayd.driver import Listener, driver_kinds, load_driver
from gatewayd.model import Value
from gatewayd.ports import Ports
from tests.drivers.ble.test_eddystone import UID
from tests.drivers.ble.test_ibeacon import MINE
from tests.drivers.ble.test_ruuvi import DF5
from tests.peers.ble_port import until
from tests.peers.bluez import running_bluez

DEADLINE_S = 10.0

PACKETS: dict[str, tuple[dict[str, dict[int, str]], str, Value]] = {
    "atc": ({"service_data": {0x181A: "f4830238c1a4a9066911b60b58f70d"}}, "temperature", 17.05),
    "ble_fields": ({"company_data": {0x0590: "02012C01"}}, "level", 30.0),
    "bthome": ({"service_data": {0xFCD2: "4002CA0903BF13"}}, "temperature", 25.06),
    "eddystone": ({"service_data": {0xFEAA: UID}}, "present", True),
    "govee": ({"company_data": {0xEC88: "000341C26400"}}, "temperature", 21.3),
    "ibeacon": ({"company_data": {0x004C: MINE}}, "power", -59),
    "mibeacon": (
        {"service_data": {0xFE95: "7120980012f34f6b8d7cc40d041002c400"}},
        "temperature",
        19.6,
    ),
    "ruuvi": ({"company_data": {0x0499: DF5}}, "humidity", 53.49),
    "thingsee_beacon": ({"company_data": {0x004C: MINE}}, "present", True),
}
"""What the device of each example sends, and one thing that it means."""

NOWHERE = "C1:00:00:00:00:01"
CONNECTING = {"ble_gatt"}
"""Drivers that do not listen; see tests/gatewayd/ports/test_ble_link.py."""


def example(kind: str, folder: Path) -> Any:
    file = folder / "config.toml"
    file.write_text(load_driver(kind).example(), encoding="utf-8")
    settings, _ = inspect(file, {})
    assert settings is not None
    return next(iter(settings.devices.values()))


@pytest.mark.parametrize("kind", PACKETS)
async def test_what_a_tag_sends_arrives(kind: str, tmp_path: Path) -> None:
    """The radio looks for the right pattern, or asks; the driver understands what comes."""
    packet, channel, value = PACKETS[kind]
    data: dict[str, Any] = {
        where: {id: bytes.fromhex(text) for id, text in by.items()} for where, by in packet.items()
    }
    device = example(kind, tmp_path)
    address = getattr(device.config, "address", None) or NOWHERE
    async with (
        running_bluez() as bluez,
        device.driver.open(device.config, Ports()) as beacon,
    ):
        assert isinstance(beacon, Listener)
        async with aclosing(beacon.measurements()) as told:  # type: ignore[type-var]  # A generator.
            first = asyncio.ensure_future(anext(told))
            await until(lambda: bluez.advertise(address, rssi=-71, **data))
            async with asyncio.timeout(DEADLINE_S):
                values = {each.channel: each.value for each in await first}
        assert (values[channel], values["rssi"]) == (value, -71)
        is_asked = kind == "govee"
        assert ("start" in bluez.log, "register" in bluez.log) == (is_asked, not is_asked)


def test_every_listener_is_tried() -> None:
    """Found, not listed."""
    kinds = {kind for kind, module in driver_kinds().items() if module.startswith("drivers.ble.")}
    assert kinds == PACKETS.keys() | CONNECTING
