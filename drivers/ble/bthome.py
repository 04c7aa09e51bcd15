"""A tag that speaks BTHome, version 1 or 2, in the clear or encrypted.

Channels:
    one for each of `objects`, by BTHome's names: temperature (Cel), humidity (%), battery (%),
    pressure (hPa), illuminance (lx), energy (kWh), power (W), voltage (V), opening, motion, …
    rssi (dBm)

Two objects of one name in a packet are `temperature` and `temperature_2`. Lengths are metres,
volumes litres, masses kilograms, whatever the tag sends. `gatewayd scan ble` shows what a tag has.

Example:

    [device.cellar]
    driver = "bthome"
    port = "ble:0"
    address = "54:48:E6:8F:80:A5"
    objects = ["temperature", "humidity", "battery"]

Tested: bthome.io's worked examples, encrypted too; real bleak over a D-Bus BlueZ.

Source: https://bthome.io/format, https://bthome.io/encryption, https://bthome.io/v1
"""

from __future__ import annotations

import re
from collections import Counter as Tally
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from drivers.ble._bthome import PACKET_ID, QUANTITIES, Object, split_v1, split_v2, value_of
from drivers.ble._ccm import MIC_BYTES, Counter, Unopened, check_key, open_sealed
from drivers.ble._listening import (
    RSSI,
    SILENT_AFTER_S,
    Beacon,
    Heard,
    check_source,
    listening,
)
from gatewayd.driver import Evidence
from gatewayd.errors import Malformed
from gatewayd.fields import Seconds, Secret
from gatewayd.model import Channel, Value
from gatewayd.ports.ble_advertisement import Advertisement, Wish, proper_address, uuid16

if TYPE_CHECKING:
    from gatewayd.ports import Ports

V2, V1, V1_SEALED = uuid16(0xFCD2), uuid16(0x181C), uuid16(0x181E)

SEALED, VERSION_2 = 0x01, 0b010
"""In the first byte of version 2: bit 0, and bits 5 to 7."""

COUNTER_BYTES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Keys of the device's section.

    Attributes:
        objects: what the tag sends and is to be recorded.
        key: 32 hex digits, where the tag encrypts; packets in the clear are then not believed.
        silent_after: without a packet for so long, the tag is lost; at least six of its intervals.
    """

    port: str
    address: str
    objects: tuple[str, ...] = ("temperature", "humidity", "battery")
    key: Secret | None = None
    silent_after: Seconds = SILENT_AFTER_S

    def __post_init__(self) -> None:
        """Find what cannot work before a tag is listened for."""
        check_source(self.address, self.silent_after)
        check_key(self.key)
        for name in self.objects:
            if _base(name) not in QUANTITIES:
                raise ValueError(f"BTHome has no {name!r}; it has {', '.join(sorted(QUANTITIES))}")


def _base(name: str) -> str:
    """Return `temperature` for `temperature_2`, but `pm2_5` for itself."""
    return name if name in QUANTITIES else re.sub(r"_[2-9]$", "", name)


def describe(config: Config) -> tuple[Channel, ...]:
    """Return one channel for each object, and the strength of the signal."""
    return (*(_channel(name) for name in config.objects), RSSI)


def _channel(name: str) -> Channel:
    kind, unit, decimals, minimum, maximum, is_counter = QUANTITIES[_base(name)]
    return Channel(
        name,
        kind,
        unit,
        decimals,
        minimum=minimum,
        maximum=maximum,
        is_counter=is_counter,
    )


def decode(objects: Iterable[tuple[Object, bytes]]) -> tuple[dict[str, Value], int | None]:
    """Return the values by name, and the packet's number where it has one.

    Raises:
        Malformed: an object is cut off or impossible.
    """
    values: dict[str, Value] = {}
    number, seen = None, Tally[str]()
    for object, raw in objects:
        value = value_of(object, raw)
        if object.name == PACKET_ID:
            number = int.from_bytes(raw, "little")
            continue
        seen[object.name] += 1
        count = seen[object.name]
        if value is not None:
            values[object.name if count == 1 else f"{object.name}_{count}"] = value
    return values, number


@dataclass(slots=True)
class Decoder:
    """From advertisements to values; knows the key and the newest counter."""

    key: Secret | None = None
    counter: Counter = field(default_factory=Counter)

    def decode(self, advertisement: Advertisement) -> Heard | None:
        """Return what a packet of either version says, or None where there is none.

        Raises:
            Malformed: it is garbled, or not encrypted as agreed.
        """
        data = advertisement.service_data
        if V2 in data:
            return self._decode_v2(advertisement.address, data[V2])
        if V1 in data:
            self._prove_agreed(is_sealed=False)
            values, number = decode(split_v1(data[V1]))
            return Heard(values, data[V1], number)
        if V1_SEALED in data:
            head = bytes.fromhex("1e18")
            body, count = self._open(advertisement.address, head, data[V1_SEALED], b"\x11")
            return Heard(decode(split_v1(body))[0], data[V1_SEALED], count)
        return None

    def _decode_v2(self, address: str, data: bytes) -> Heard:
        if not data or data[0] >> 5 != VERSION_2:
            raise Malformed(f"BTHome of an unknown version: {data[:1].hex()}")
        if not data[0] & SEALED:
            self._prove_agreed(is_sealed=False)
            values, number = decode(split_v2(data[1:]))
            return Heard(values, data, number)
        head = bytes.fromhex("d2fc") + data[:1]
        body, count = self._open(address, head, data[1:], b"")
        return Heard(decode(split_v2(body))[0], data, count)

    def _open(self, address: str, head: bytes, data: bytes, associated: bytes) -> tuple[bytes, int]:
        """Return what is in ciphertext ‖ counter (4, little-endian) ‖ check value (4), and the
        counter. The nonce is address ‖ head ‖ counter."""
        key = self._prove_agreed(is_sealed=True)
        size = len(data) - COUNTER_BYTES - MIC_BYTES
        if size < 1:
            raise Malformed(f"an encrypted packet of {len(data)} bytes")
        sealed, counter, check = data[:size], data[size:-MIC_BYTES], data[-MIC_BYTES:]
        nonce = bytes.fromhex(address.replace(":", "")) + head + counter
        body = open_sealed(key, nonce, sealed + check, associated) if key else b""
        count = int.from_bytes(counter, "little")
        self.counter.accept(count)
        return body, count

    def _prove_agreed(self, *, is_sealed: bool) -> Secret | None:
        if is_sealed and self.key is None:
            raise Unopened("its packets are encrypted; set its key")
        if not is_sealed and self.key is not None:
            raise Unopened("its packets are not encrypted, though a key is set")
        return self.key


def recognise(advertisement: Advertisement) -> Evidence | None:
    """Return why this is a BTHome tag, and which objects it sends; nothing is asked of it."""
    data = advertisement.service_data
    if not data.keys() & {V2, V1, V1_SEALED}:
        return None
    keys: dict[str, object] = {"address": advertisement.address}
    try:
        heard = Decoder().decode(advertisement)
    except Unopened:
        return Evidence("BTHome, encrypted: it needs its key", is_proof=True, keys=keys)
    except Malformed:
        return None
    if heard is not None and heard.values:
        keys["objects"] = list(heard.values)
    return Evidence("BTHome in the clear", is_proof=True, keys=keys)


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[Beacon]:
    """Listen to a tag. It cannot be asked, so its silence is found out while listening."""
    wish = Wish(proper_address(config.address), services=frozenset({V2, V1, V1_SEALED}))
    decoder = Decoder(config.key)
    async with listening(config, ports, wish, describe(config), decoder.decode) as beacon:
        yield beacon
