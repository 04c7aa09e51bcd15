"""A Xiaomi thermometer with the free firmware of ATC1441 or pvvx, encrypted too.

Channels:
    temperature (Cel), humidity (%), battery (%)
    voltage (V); only without a key, the encrypted formats have no room for it
    opening (switch: true is open); where `reed_switch` is set
    rssi (dBm)

Example:

    [device.bedroom]
    driver = "atc"
    port = "ble:0"
    address = "A4:C1:38:02:83:F4"

Tested: captured packets of both formats, encrypted pvvx too; real bleak over a D-Bus BlueZ.

Source: github.com/atc1441/ATC_MiThermometer and github.com/pvvx/ATC_MiThermometer, advertising
formats "atc1441" and "custom"; nonce as in the latter's custom_beacon.
"""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from drivers.ble._ccm import Counter, Unopened, check_key, open_sealed
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
    of_voltage,
)
from gatewayd.driver import Evidence
from gatewayd.errors import Malformed
from gatewayd.fields import Seconds, Secret
from gatewayd.model import Channel, Value
from gatewayd.ports.ble_advertisement import Advertisement, Wish, proper_address, uuid16

if TYPE_CHECKING:
    from gatewayd.ports import Ports

ENVIRONMENT = uuid16(0x181A)

ATC1441, PVVX, SEALED_PVVX, SEALED_ATC1441 = 13, 15, 11, 8
"""The formats are told apart by their length alone."""

ASSOCIATED = b"\x11"

REED = 0x01
"""In the flags: the contact is closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Keys of the device's section.

    Attributes:
        key: the bindkey, 32 hex digits, where the tag encrypts; packets in the clear are then
            not believed.
        reed_switch: a contact is soldered to it.
        silent_after: the firmware speaks every 2.5 s unless told otherwise.
    """

    port: str
    address: str
    key: Secret | None = None
    reed_switch: bool = False
    silent_after: Seconds = SILENT_AFTER_S

    def __post_init__(self) -> None:
        """Find what cannot work before a tag is listened for."""
        check_source(self.address, self.silent_after)
        check_key(self.key)


def describe(config: Config) -> tuple[Channel, ...]:
    """Return the channels of a tag as configured."""
    channels = [of_temperature(), of_humidity(), of_battery()]
    if config.key is None:
        channels.append(of_voltage())
    if config.reed_switch:
        channels.append(Channel("opening", "switch"))
    return (*channels, RSSI)


def decode_atc1441(data: bytes) -> Heard:
    """Return the older format: address 6 bytes, then, big-endian, temperature 2 in 0.1 °C, RH 1,
    battery 1, millivolts 2, number 1."""
    temperature, humidity, battery, millivolts, number = struct.unpack_from(">hBBHB", data, 6)
    values: dict[str, Value | None] = {
        "temperature": temperature / 10,
        "humidity": humidity,
        "battery": battery,
        "voltage": millivolts / 1000,
    }
    return Heard(values, data, number)


def decode_pvvx(data: bytes) -> Heard:
    """Return the newer format: address 6 bytes reversed, then, little-endian, temperature 2 and
    RH 2 in hundredths, millivolts 2, battery 1, number 1, flags 1 (bit 0 reed switch)."""
    temperature, humidity, millivolts, *rest = struct.unpack_from("<hHHBBB", data, 6)
    battery, number, flags = rest
    values: dict[str, Value | None] = {
        "temperature": temperature / 100,
        "humidity": humidity / 100,
        "battery": battery,
        "voltage": millivolts / 1000,
        "opening": not flags & REED,
    }
    return Heard(values, data, number)


def decode_sealed(body: bytes) -> dict[str, Value | None]:
    """Return what was encrypted: of pvvx 6 bytes, little-endian, temperature 2 and RH 2 in
    hundredths, battery 1, flags 1; of ATC1441 3 bytes, (temperature + 40) × 2, RH × 2, battery."""
    if len(body) == 3:
        temperature, humidity = body[0] / 2 - 40, body[1] / 2
        battery = min(body[2] & 0x7F, 100)
        return {"temperature": temperature, "humidity": humidity, "battery": battery}
    hundredths, humidity, battery, flags = struct.unpack("<hHBB", body)
    return {
        "temperature": hundredths / 100,
        "humidity": humidity / 100,
        "battery": min(battery, 100),
        "opening": not flags & REED,
    }


@dataclass(slots=True)
class Decoder:
    """From advertisements to values; knows the key and the newest counter."""

    key: Secret | None = None
    counter: Counter = field(default_factory=lambda: Counter(bits=8))

    def decode(self, advertisement: Advertisement) -> Heard | None:
        """Return what a packet of any of the formats says, or None where there is none.

        Raises:
            Malformed: it is garbled, of another device, or not encrypted as agreed.
        """
        data = advertisement.service_data.get(ENVIRONMENT)
        if data is None:
            return None
        address = bytes.fromhex(advertisement.address.replace(":", ""))
        match len(data):
            case size if size in (SEALED_PVVX, SEALED_ATC1441):
                return self._open(address, data)
            case size if size == ATC1441:
                named, heard = data[:6], decode_atc1441(data)
            case size if size == PVVX:
                named, heard = data[:6][::-1], decode_pvvx(data)
            case size:
                raise Malformed(f"{size} bytes, which no format of this firmware has")
        if named != address:
            raise Malformed(f"it names another device, {named.hex(':')}")
        if self.key is not None:
            raise Unopened("its packets are not encrypted, though a key is set")
        return heard

    def _open(self, address: bytes, data: bytes) -> Heard:
        """Return what is in counter (1) ‖ ciphertext ‖ check value (4); the nonce is the address
        reversed ‖ length and type of the advertising data ‖ UUID ‖ counter."""
        if self.key is None:
            raise Unopened("its packets are encrypted; set its key")
        head = bytes((len(data) + 3, 0x16, 0x1A, 0x18))
        body = open_sealed(self.key, address[::-1] + head + data[:1], data[1:], ASSOCIATED)
        self.counter.accept(data[0])
        return Heard(decode_sealed(body), data, data[0])


def recognise(advertisement: Advertisement) -> Evidence | None:
    """Return why this is such a tag; nothing is asked of it."""
    keys = {"address": advertisement.address}
    try:
        heard = Decoder().decode(advertisement)
    except Unopened:
        return Evidence("ATC/pvvx, encrypted: it needs its key", is_proof=False, keys=keys)
    except Malformed:
        return None
    return heard and Evidence("ATC/pvvx, with its own address in it", is_proof=True, keys=keys)


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[Beacon]:
    """Listen to a tag. It cannot be asked, so its silence is found out while listening."""
    wish = Wish(proper_address(config.address), services=frozenset({ENVIRONMENT}))
    decoder = Decoder(config.key)
    async with listening(config, ports, wish, describe(config), decoder.decode) as beacon:
        yield beacon
