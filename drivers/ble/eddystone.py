"""An Eddystone beacon: is it there, how is it, and what does it point to.

Channels:
    present (true, false after `silent_after`)
    voltage (V), temperature (Cel), packets, uptime (s); where `telemetry` is set
    url (text); where `url` is set
    rssi (dBm)

A beacon is known by its namespace, and by its instance where that is given, or by its address.
Its telemetry does not say whose it is: the address has to be the one that was heard before.

Example:

    [device.pallet]
    driver = "eddystone"
    port = "ble:0"
    namespace = "00010203040506070809"
    instance = "AABBCCDDEEFF"
    telemetry = true
    silent_after = "2m"

Tested: the layouts of the specification; real bleak over a D-Bus BlueZ.

Source: Google, Eddystone protocol specification (eddystone-uid, -url, -tlm/tlm-plain).
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drivers.ble._beacons import (
    EDDYSTONE,
    TLM,
    UID,
    URL,
    decode_telemetry,
    decode_uid,
    decode_url,
    eddystone_in,
)
from drivers.ble._listening import (
    PRESENT,
    RSSI,
    Beacon,
    Heard,
    check_source,
    listening,
    of_temperature,
    of_voltage,
)
from gatewayd.driver import Evidence
from gatewayd.errors import Malformed
from gatewayd.fields import Seconds
from gatewayd.model import Channel
from gatewayd.ports.ble_advertisement import Advertisement, Wish, proper_address

if TYPE_CHECKING:
    from gatewayd.ports import Ports

TELEMETRY = (
    of_voltage(),
    of_temperature(),
    Channel("packets", "count", decimals=0, minimum=0, is_counter=True, wraps_at=2**32),
    Channel("uptime", "time", "s", 0, minimum=0),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Keys of the device's section.

    Attributes:
        namespace: 20 hex digits; instance: 12.
        silent_after: from when on it is absent. In less than the default, an adapter that has
            gone deaf is not found out, and would be taken for a beacon that has gone.
    """

    port: str
    namespace: str | None = None
    instance: str | None = None
    address: str | None = None
    telemetry: bool = False
    url: bool = False
    silent_after: Seconds = 120.0

    def __post_init__(self) -> None:
        """Find what cannot work before a beacon is listened for."""
        check_source(self.address, self.silent_after)
        if self.namespace is None and self.address is None:
            raise ValueError("an Eddystone beacon needs its namespace or its address")
        for name, text, digits in (
            ("namespace", self.namespace, 20),
            ("instance", self.instance, 12),
        ):
            if text is not None and not re.fullmatch(rf"[0-9a-fA-F]{{{digits}}}", text):
                raise ValueError(f"{name} must be {digits} hex digits, found {text!r}")


def describe(config: Config) -> tuple[Channel, ...]:
    """Return the channels of a beacon as configured."""
    telemetry = TELEMETRY if config.telemetry else ()
    url = (Channel("url", "text"),) if config.url else ()
    return (PRESENT, *telemetry, *url, RSSI)


@dataclass(slots=True)
class Decoder:
    """From advertisements to the one beacon that is meant; learns its address from its name."""

    namespace: bytes | None
    instance: bytes | None
    address: str | None

    def decode(self, advertisement: Advertisement) -> Heard | None:
        """Return what the beacon says, or None for another. Raises Malformed."""
        frame = eddystone_in(advertisement)
        if frame is None:
            return None
        if frame[0] == UID:
            uid = decode_uid(frame)
            if self.namespace not in (None, uid.namespace):
                return None
            if self.instance not in (None, uid.instance):
                return None
            if self.namespace is not None:
                self.address = advertisement.address
            return Heard({}, frame)
        if advertisement.address != self.address:
            return None
        match frame[0]:
            case code if code == URL:
                return Heard({"url": decode_url(frame)}, frame)
            case code if code == TLM:
                told = decode_telemetry(frame)
                values = {"voltage": told.voltage_v, "temperature": told.temperature_c}
                values |= {"packets": told.packets, "uptime": told.uptime_s}
                return Heard(values, frame)
            case _:
                return Heard({}, frame)


def recognise(advertisement: Advertisement) -> Evidence | None:
    """Return why this is an Eddystone beacon, and which; nothing is asked of it."""
    frame = eddystone_in(advertisement)
    if frame is None:
        return None
    keys: dict[str, object] = {"address": advertisement.address}
    try:
        if frame[0] == UID:
            uid = decode_uid(frame)
            keys = {"namespace": uid.namespace.hex(), "instance": uid.instance.hex()}
        elif frame[0] == URL:
            keys["url"] = bool(decode_url(frame))
        elif frame[0] == TLM:
            keys["telemetry"] = bool(decode_telemetry(frame))
        else:
            return None
    except Malformed:
        return None
    return Evidence(f"an Eddystone frame {frame[0]:#04x}", is_proof=True, keys=keys)


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[Beacon]:
    """Listen to a beacon. It cannot be asked, so its silence is found out while listening."""
    address = proper_address(config.address) if config.address else None
    decoder = Decoder(_bytes(config.namespace), _bytes(config.instance), address)
    wish = Wish(address, services=frozenset({EDDYSTONE}))
    async with listening(config, ports, wish, describe(config), decoder.decode) as beacon:
        yield beacon


def _bytes(digits: str | None) -> bytes | None:
    return None if digits is None else bytes.fromhex(digits)
