"""A Govee thermometer with hygrometer: H5074, H5075 and their families.

Channels:
    temperature (Cel), humidity (%), battery (%)
    rssi (dBm)

These put their values into the answer to a question, so they make the adapter scan actively.
Families: H5072/H5075, H5074, H5051/H5052/H5071, H5100/H5101/H5102/H5104/H5105/H5174/H5177, H5179.

Example:

    [device.greenhouse]
    driver = "govee"
    port = "ble:0"
    address = "A4:C1:38:6B:E0:12"

Tested: captured packets of five families; real bleak over a D-Bus BlueZ.

Source: no maker's document; github.com/wcbonner/GoveeBTTempLogger and the captures of others.
"""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from drivers.ble._listening import (
    RSSI,
    SILENT_AFTER_S,
    Beacon,
    Heard,
    check_source,
    listening,
    of_battery,
    of_humidity,
    of_temperature,
)
from gatewayd.driver import Evidence
from gatewayd.errors import Malformed
from gatewayd.fields import Seconds
from gatewayd.model import Channel, Value
from gatewayd.ports.ble_advertisement import Advertisement, Wish, proper_address

if TYPE_CHECKING:
    from gatewayd.ports import Ports

GOVEE, SMALL, H5179 = 0xEC88, 0x0001, 0x8801
"""Company ids in use. The second is Nokia's and the third nobody's: only an address tells."""

TAIL = b"INTELLI_ROCKS"
TAIL_BYTES = 25
"""Some end in an iBeacon, glued on."""

FAMILIES = MappingProxyType(
    {
        (GOVEE, 6): ("packed", 1),
        (SMALL, 6): ("packed", 2),
        (GOVEE, 7): ("plain", 1),
        (GOVEE, 9): ("plain", 1),
        (H5179, 9): ("plain", 4),
    }
)
"""By company id and length: how the values are written, and where they begin."""

BROKEN = 0x80
"""In the byte of the battery: the sensor has failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Keys of the device's section. `silent_after`: they speak every 2 s."""

    port: str
    address: str
    silent_after: Seconds = SILENT_AFTER_S

    def __post_init__(self) -> None:
        """Find what cannot work before a device is listened for."""
        check_source(self.address, self.silent_after)


def describe(config: Config) -> tuple[Channel, ...]:
    """Return the channels of every family."""
    return (of_temperature(), of_humidity(), of_battery(), RSSI)


def decode_packed(raw: bytes) -> dict[str, Value | None]:
    """Return the values in 4 bytes: 24 bits, big-endian, of which the highest is a minus and the
    rest temperature × 10 000 with RH × 10 in its last three digits; then the battery."""
    packed, battery = int.from_bytes(raw[:3], "big"), raw[3]
    if battery & BROKEN:
        raise Malformed("its sensor has failed")
    tenths, humidity = divmod(packed & 0x7FFFFF, 1000)
    temperature = -tenths / 10 if packed & 0x800000 else tenths / 10
    return {"temperature": temperature, "humidity": humidity / 10, "battery": battery}


def decode_plain(raw: bytes) -> dict[str, Value | None]:
    """Return the values in 5 bytes, little-endian: °C 2 and RH 2 in hundredths, battery 1."""
    temperature, humidity, battery = struct.unpack("<hHB", raw)
    return {"temperature": temperature / 100, "humidity": humidity / 100, "battery": battery}


def decode(company: int, data: bytes) -> Heard | None:
    """Return what a packet says, or None where no family has one like it. Raises Malformed."""
    data = data[:-TAIL_BYTES] if len(data) > TAIL_BYTES and TAIL in data else data
    form, at = FAMILIES.get((company, len(data)), ("", 0))
    if form == "packed":
        return Heard(decode_packed(data[at : at + 4]), data)
    return Heard(decode_plain(data[at : at + 5]), data) if form == "plain" else None


def decode_all(advertisement: Advertisement) -> Heard | None:
    """Return what an advertisement says, or None where there is nothing of Govee's in it.

    Raises:
        Malformed: it is Govee's, and of a length that none has.
    """
    for company, data in advertisement.manufacturer_data.items():
        heard = decode(company, data)
        if heard is not None:
            return heard
        if company == GOVEE:
            raise Malformed(f"{len(data)} bytes, which no known family sends")
    return None


def recognise(advertisement: Advertisement) -> Evidence | None:
    """Return why this is a Govee; nothing is asked of it."""
    if advertisement.manufacturer_data.keys().isdisjoint((GOVEE, SMALL, H5179)):
        return None
    name = advertisement.name or ""
    is_named = name.startswith(("GVH5", "Govee_H5"))
    try:
        heard = decode_all(advertisement)
    except Malformed:
        return None
    if heard is None or not (is_named or GOVEE in advertisement.manufacturer_data):
        return None
    words = f"Govee's packet from {name or 'a device without a name'}"
    return Evidence(words, is_proof=is_named, keys={"address": advertisement.address})


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[Beacon]:
    """Listen to a device. It cannot be asked, so its silence is found out while listening."""
    companies = frozenset({GOVEE, SMALL, H5179})
    wish = Wish(proper_address(config.address), companies, needs_active=True)
    async with listening(config, ports, wish, describe(config), decode_all) as beacon:
        yield beacon
