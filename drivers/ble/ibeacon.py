"""An iBeacon: is it there, and how strongly is it heard.

Channels:
    present (true, false after `silent_after`)
    power (dBm), as it would be heard at 1 m
    rssi (dBm)

A beacon is known by its UUID, and by major and minor where they are given; by its address too
where that does not change. As long as it has not been heard since the gateway began, whether it
is present is not known.

Example:

    [device.forklift]
    driver = "ibeacon"
    port = "ble:0"
    uuid = "FDA50693-A4E2-4FB1-AFCF-C6EB07647825"
    major = 10
    minor = 7
    silent_after = "2m"

Tested: the layout of Apple's specification; real bleak over a D-Bus BlueZ.

Source: Apple, Proximity Beacon Specification R1.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from drivers.ble._beacons import APPLE, IBEACON, ibeacon_in
from drivers.ble._listening import PRESENT, RSSI, Beacon, Heard, check_source, listening
from gatewayd.driver import Evidence
from gatewayd.errors import Malformed
from gatewayd.fields import Seconds
from gatewayd.model import Channel
from gatewayd.ports.ble_advertisement import Advertisement, Wish, proper_address

if TYPE_CHECKING:
    from gatewayd.ports import Ports

NUMBER_MAX = 0xFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Keys of the device's section.

    Attributes:
        silent_after: from when on it is absent. In less than the default, an adapter that has
            gone deaf is not found out, and would be taken for a beacon that has gone.
    """

    port: str
    uuid: str
    major: int | None = None
    minor: int | None = None
    address: str | None = None
    silent_after: Seconds = 120.0

    def __post_init__(self) -> None:
        """Find what cannot work before a beacon is listened for."""
        check_source(self.address, self.silent_after)
        try:
            UUID(self.uuid)
        except ValueError as error:
            raise ValueError(f"{self.uuid!r} is no UUID; expected 32 hex digits") from error
        for name, number in (("major", self.major), ("minor", self.minor)):
            if number is not None and not 0 <= number <= NUMBER_MAX:
                raise ValueError(f"{name} is 0 to {NUMBER_MAX}, found {number}")


def describe(config: Config) -> tuple[Channel, ...]:
    """Return the channels of a beacon."""
    return (PRESENT, Channel("power", "signal", "dBm", 0, minimum=-128, maximum=20), RSSI)


@dataclass(frozen=True, slots=True)
class Decoder:
    """From advertisements to the one beacon that is meant."""

    uuid: UUID
    major: int | None
    minor: int | None

    def decode(self, advertisement: Advertisement) -> Heard | None:
        """Return what the beacon says, or None for another. Raises Malformed."""
        beacon = ibeacon_in(advertisement)
        if beacon is None or beacon.uuid != self.uuid:
            return None
        if self.major not in (None, beacon.major) or self.minor not in (None, beacon.minor):
            return None
        return Heard({"power": beacon.power}, advertisement.manufacturer_data[APPLE])


def recognise(advertisement: Advertisement) -> Evidence | None:
    """Return why this is an iBeacon, and which; nothing is asked of it."""
    try:
        beacon = ibeacon_in(advertisement)
    except Malformed:
        return None
    if beacon is None:
        return None
    keys = {"uuid": str(beacon.uuid).upper(), "major": beacon.major, "minor": beacon.minor}
    return Evidence("an iBeacon's frame", is_proof=True, keys=keys)


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[Beacon]:
    """Listen to a beacon. It cannot be asked, so its silence is found out while listening."""
    address = proper_address(config.address) if config.address else None
    uuid = UUID(config.uuid)
    wish = Wish(address, companies=frozenset({APPLE}), prefix=IBEACON + uuid.bytes)
    decoder = Decoder(uuid, config.major, config.minor)
    async with listening(config, ports, wish, describe(config), decoder.decode) as beacon:
        yield beacon
