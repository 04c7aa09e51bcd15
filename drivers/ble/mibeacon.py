"""A Xiaomi or Mijia sensor as it comes from the shop (MiBeacon), with and without a key.

Channels:
    one for each of `objects`: temperature (Cel), humidity (%), battery (%), illuminance (lx),
    moisture (%), conductivity (uS/cm), formaldehyde (mg/m3), consumable (%), button (text),
    motion, opening, switch, flooding, smoke, light (switch)
    rssi (dBm)

A sensor sends one or two of its objects in a packet, each in its turn; the battery perhaps once a
day. Newer ones encrypt; their key comes from the Xiaomi account that they are bound to.

Example:

    [device.orchid]
    driver = "mibeacon"
    port = "ble:0"
    address = "C4:7C:8D:6B:4F:F3"
    objects = ["temperature", "moisture", "conductivity", "illuminance"]

Tested: captured packets of twelve models, seven of them encrypted; real bleak over a D-Bus BlueZ.

Source: Xiaomi, "MiBeacon protocol" and "BLE object definitions" (github.com/MiEcosystem/miio_open).
"""

from __future__ import annotations

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
)
from drivers.ble._mibeacon import (
    CHANNELS,
    MIC_BYTES,
    OBJECTS,
    TAIL_BYTES,
    VERSION_SEALED,
    Frame,
    split_frame,
    split_objects,
)
from gatewayd.driver import Evidence
from gatewayd.errors import Malformed
from gatewayd.fields import Seconds, Secret
from gatewayd.model import Channel, Value
from gatewayd.ports.ble_advertisement import Advertisement, Wish, proper_address, uuid16

if TYPE_CHECKING:
    from gatewayd.ports import Ports

XIAOMI = uuid16(0xFE95)
ASSOCIATED = b"\x11"
KNOWN = {channel.id: channel for channel in CHANNELS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Keys of the device's section.

    Attributes:
        objects: what the sensor sends and is to be recorded.
        key: the "bindkey", 32 hex digits; packets in the clear are then not believed.
        silent_after: a sensor at rest speaks every 10 s to every few minutes.
    """

    port: str
    address: str
    objects: tuple[str, ...] = ("temperature", "humidity", "battery")
    key: Secret | None = None
    silent_after: Seconds = SILENT_AFTER_S

    def __post_init__(self) -> None:
        """Find what cannot work before a sensor is listened for."""
        check_source(self.address, self.silent_after)
        check_key(self.key)
        for name in self.objects:
            if name not in KNOWN:
                raise ValueError(f"MiBeacon has no {name!r}; it has {', '.join(KNOWN)}")


def describe(config: Config) -> tuple[Channel, ...]:
    """Return one channel for each object, and the strength of the signal."""
    return (*(KNOWN[name] for name in config.objects), RSSI)


def decode_objects(body: bytes) -> dict[str, Value | None]:
    """Return the values of the objects that are known. Raises Malformed."""
    values: dict[str, Value | None] = {}
    for number, raw in split_objects(body):
        if number in OBJECTS:
            values |= OBJECTS[number](raw)
    return values


@dataclass(slots=True)
class Decoder:
    """From advertisements to values; knows the key and the newest counter."""

    key: Secret | None = None
    counter: Counter = field(default_factory=Counter)

    def decode(self, advertisement: Advertisement) -> Heard | None:
        """Return what a packet says, or None where it has no object.

        Raises:
            Malformed: it is garbled, of another device, or not encrypted as agreed.
        """
        data = advertisement.service_data.get(XIAOMI)
        if data is None:
            return None
        frame = split_frame(data)
        address = bytes.fromhex(advertisement.address.replace(":", ""))
        if frame.address and frame.address != address:
            raise Malformed(f"it names another device, {frame.address.hex(':')}")
        if not frame.body:
            return None
        if frame.is_sealed:
            body, count = self._open(address, frame)
            self.counter.accept(count)
            return Heard(decode_objects(body), data, count)
        if self.key is not None:
            raise Unopened("its packets are not encrypted, though a key is set")
        return Heard(decode_objects(frame.body), data, frame.counter)

    def _open(self, address: bytes, frame: Frame) -> tuple[bytes, int]:
        """Return the objects in ciphertext ‖ high counter (3) ‖ check value (4), and the counter;
        the nonce is the address reversed ‖ device type ‖ low counter ‖ high counter."""
        if frame.version < VERSION_SEALED:
            raise Malformed(f"encryption of version {frame.version}, which is not supported")
        if self.key is None:
            raise Unopened("its packets are encrypted; set its key")
        if len(frame.body) <= TAIL_BYTES:
            raise Malformed(f"an encrypted packet with {len(frame.body)} bytes in it")
        sealed, high = frame.body[:-TAIL_BYTES], frame.body[-TAIL_BYTES:-MIC_BYTES]
        nonce = address[::-1] + frame.head[2:5] + high
        body = open_sealed(self.key, nonce, sealed + frame.body[-MIC_BYTES:], ASSOCIATED)
        return body, frame.counter | int.from_bytes(high, "little") << 8


def recognise(advertisement: Advertisement) -> Evidence | None:
    """Return why this is a MiBeacon sensor, and what it has just sent; nothing is asked of it."""
    data = advertisement.service_data.get(XIAOMI)
    if data is None:
        return None
    keys: dict[str, object] = {"address": advertisement.address}
    try:
        heard = Decoder().decode(advertisement)
    except Unopened:
        return Evidence("MiBeacon, encrypted: it needs its key", is_proof=True, keys=keys)
    except Malformed:
        return None
    if heard is not None and heard.values:
        keys["objects"] = list(heard.values)
    words = f"MiBeacon, device type {data[3:1:-1].hex()}"
    return Evidence(words, is_proof=bool(heard and heard.values), keys=keys)


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[Beacon]:
    """Listen to a sensor. It cannot be asked, so its silence is found out while listening."""
    wish = Wish(proper_address(config.address), services=frozenset({XIAOMI}))
    decoder = Decoder(config.key)
    async with listening(config, ports, wish, describe(config), decoder.decode) as beacon:
        yield beacon
