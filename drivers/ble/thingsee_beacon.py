"""A Thingsee device as a Bluetooth beacon, in the words of the messages that configure it.

Channels:
    present (true, false after `silent_after`)
    rssi (dBm)

Message 1206 makes a Thingsee device an iBeacon, 1207 an Eddystone beacon, 1208 one that sends
`beaconData` as it stands. What the message said is what is to be listened for, under its names.

Example:

    [device.trolley]
    driver = "thingsee_beacon"
    port = "ble:0"
    frame = "ibeacon"                                   # or "eddystone", "generic"
    beaconData = "FDA50693A4E24FB1AFCFC6EB07647825"
    beaconMajor = 10
    beaconMinor = 7
    silent_after = "2m"

Tested: beacons as the three messages describe them, synthetic; no device was at hand.

Source: Haltian, Thingsee message profiles, common profile, messages 1206, 1207, 1208.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from drivers.ble._beacons import APPLE, EDDYSTONE, IBEACON, eddystone_in, ibeacon_in
from drivers.ble._listening import PRESENT, RSSI, Beacon, Heard, check_source, listening
from gatewayd.fields import Seconds
from gatewayd.model import Channel
from gatewayd.ports.ble_advertisement import Advertisement, Wish, proper_address

if TYPE_CHECKING:
    from gatewayd.ports import Ports

UUID_BYTES, DATA_BYTES_MAX = 16, 31
HEAD_BYTES = 2
"""Before what an Eddystone frame is about: its kind, and its strength."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Keys of the device's section: those of the message, and what it cannot know.

    Attributes:
        frame: which message it was: `ibeacon` 1206, `eddystone` 1207, `generic` 1208.
        beaconData: hex digits. Of an iBeacon its UUID; of an Eddystone beacon what follows the
            strength (namespace and instance, say); of a generic one any part of what it sends.
        silent_after: at least six of the message's `reportInterval`, which is in milliseconds.
    """

    port: str
    frame: Literal["ibeacon", "eddystone", "generic"] = "ibeacon"
    beaconData: str  # noqa: N815  # The message's own name.
    beaconMajor: int | None = None  # noqa: N815  # The message's own name.
    beaconMinor: int | None = None  # noqa: N815  # The message's own name.
    address: str | None = None
    silent_after: Seconds = 120.0

    def __post_init__(self) -> None:
        """Find what cannot work before a beacon is listened for."""
        check_source(self.address, self.silent_after)
        if not re.fullmatch(r"([0-9a-fA-F]{2}){2,31}", self.beaconData):
            raise ValueError(f"beaconData is 2 to {DATA_BYTES_MAX} bytes in hex digits")
        if self.frame == "ibeacon" and len(self.beaconData) != 2 * UUID_BYTES:
            raise ValueError("beaconData of an iBeacon is its UUID, 32 hex digits")
        if self.frame == "generic" and self.address is None:
            raise ValueError("a generic beacon needs its address")


def describe(config: Config) -> tuple[Channel, ...]:
    """Return the channels of a beacon."""
    return (PRESENT, RSSI)


def decode(config: Config, advertisement: Advertisement) -> Heard | None:
    """Return that the beacon was heard, or None for another. Raises Malformed."""
    data = bytes.fromhex(config.beaconData)
    if config.frame == "ibeacon":
        beacon = ibeacon_in(advertisement)
        is_it = (
            beacon is not None
            and beacon.uuid.bytes == data
            and config.beaconMajor in (None, beacon.major)
            and config.beaconMinor in (None, beacon.minor)
        )
        return Heard({}, advertisement.manufacturer_data[APPLE]) if is_it else None
    if config.frame == "eddystone":
        frame = eddystone_in(advertisement)
        is_it = frame is not None and frame[HEAD_BYTES:].startswith(data)
        return Heard({}, frame or b"") if is_it else None
    sent = (*advertisement.manufacturer_data.values(), *advertisement.service_data.values())
    return next((Heard({}, each) for each in sent if data in each), None)


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[Beacon]:
    """Listen to a beacon. It cannot be asked, so its silence is found out while listening."""
    address = proper_address(config.address) if config.address else None
    wish = Wish(address)
    if config.frame == "ibeacon":
        prefix = IBEACON + bytes.fromhex(config.beaconData)
        wish = Wish(address, companies=frozenset({APPLE}), prefix=prefix)
    elif config.frame == "eddystone":
        wish = Wish(address, services=frozenset({EDDYSTONE}))

    def understand(advertisement: Advertisement) -> Heard | None:
        return decode(config, advertisement)

    async with listening(config, ports, wish, describe(config), understand) as beacon:
        yield beacon
