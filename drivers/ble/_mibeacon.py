"""Frames of Xiaomi's MiBeacon, versions 2 to 5, and the objects in them; pure.

Source: Xiaomi, "MiBeacon protocol" and "BLE object definitions" (github.com/MiEcosystem/miio_open,
ble/02 and ble/03); objects from 0x4C00 on as seen in captured packets.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import MappingProxyType

from gatewayd.errors import Malformed
from gatewayd.model import Channel, Value

SEALED, HAS_ADDRESS, HAS_CAPABILITY, HAS_OBJECT = 0x0008, 0x0010, 0x0020, 0x0040
"""Bits of the frame control, a little-endian word; bits 12 to 15 are the version."""

CAPABILITY_IO = 0x20
"""In the capability: two bytes of inputs and outputs follow, from version 5 on."""

TAIL_BYTES, MIC_BYTES = 7, 4
"""After what is encrypted: three high bytes of the counter, and the check value."""

VERSION_SEALED = 4
"""Older versions encrypt in another way, which only buttons and remote controls ever used."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One packet.

    Attributes:
        address: 6 bytes, the first first; empty where the frame does not say it.
        head: the 5 bytes before it; 2 to 4 go into the nonce.
        body: the objects, in the clear or encrypted with their tail.
        counter: the lowest 8 bits of it.
    """

    version: int
    is_sealed: bool
    address: bytes
    head: bytes
    body: bytes
    counter: int


def split_frame(data: bytes) -> Frame:
    """Return the parts of a packet.

    Layout: control 2, device type 2, counter 1, then, each where the control says so: address 6
    reversed, capability 1 and 2 more where that says so, objects.

    Raises:
        Malformed: it is too short for what it says.
    """
    if len(data) < 5:
        raise Malformed(f"a MiBeacon of {len(data)} bytes")
    control, at = int.from_bytes(data[:2], "little"), 5
    address = data[at : at + 6][::-1] if control & HAS_ADDRESS else b""
    at += 6 if control & HAS_ADDRESS else 0
    if control & HAS_CAPABILITY:
        has_io = at < len(data) and data[at] & CAPABILITY_IO and control >> 12 >= 5
        at += 3 if has_io else 1
    if at > len(data):
        raise Malformed(f"a MiBeacon that is cut off: {data.hex(' ')}")
    body = data[at:] if control & HAS_OBJECT else b""
    return Frame(control >> 12, bool(control & SEALED), address, data[:5], body, data[4])


def split_objects(body: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the objects: number 2 little-endian, length 1, value. Raises Malformed."""
    at = 0
    while at < len(body):
        if at + 3 > len(body):
            raise Malformed(f"an object is cut off: {body.hex(' ')}")
        number, size = struct.unpack_from("<HB", body, at)
        value = body[at + 3 : at + 3 + size]
        if len(value) < size:
            raise Malformed(f"the object {number:#06x} is cut off")
        yield number, value
        at += 3 + size


def _number(
    name: str, size: int, factor: float = 1.0, *, signed: bool = False
) -> Callable[[bytes], dict[str, Value]]:
    def take(raw: bytes) -> dict[str, Value]:
        _prove(name, raw, size)
        number = int.from_bytes(raw, "little", signed=signed)
        return {name: number if factor == 1.0 else round(number * factor, 3)}

    return take


def _float(name: str) -> Callable[[bytes], dict[str, Value]]:
    def take(raw: bytes) -> dict[str, Value]:
        _prove(name, raw, 4)
        number = struct.unpack("<f", raw)[0]
        if not math.isfinite(number):
            raise Malformed(f"{name} that is no number")
        return {name: round(number, 2)}

    return take


def _switch(name: str, is_on: int = 1) -> Callable[[bytes], dict[str, Value]]:
    def take(raw: bytes) -> dict[str, Value]:
        _prove(name, raw, 1)
        return {name: raw[0] == is_on}

    return take


def _climate(raw: bytes) -> dict[str, Value]:
    _prove("temperature and humidity", raw, 4)
    temperature, humidity = struct.unpack("<hH", raw)
    return {"temperature": temperature / 10, "humidity": humidity / 10}


def _button(raw: bytes) -> dict[str, Value]:
    """Return the event of a button; the first is `press`, the second `2:press`."""
    _prove("button", raw, 3)
    index, kind = struct.unpack("<HB", raw)
    event = PRESSES.get(kind, str(kind))
    return {"button": f"{index + 1}:{event}" if index else event}


def _motion(raw: bytes) -> dict[str, Value]:
    _prove("motion", raw, 3)
    return {"motion": True, "illuminance": int.from_bytes(raw, "little")}


def _door(raw: bytes) -> dict[str, Value]:
    """Return a door's state: 0 open, 1 closed, 2 open for long; knocks and jams move nothing."""
    _prove("opening", raw[:1], 1)
    return {"opening": raw[0] != 1} if raw[0] in (0, 1, 2) else {}


def _prove(name: str, raw: bytes, size: int) -> None:
    if len(raw) != size:
        raise Malformed(f"{name} in {len(raw)} bytes")


PRESSES = MappingProxyType({0: "press", 1: "double_press", 2: "long_press"})

OBJECTS: MappingProxyType[int, Callable[[bytes], dict[str, Value]]] = MappingProxyType(
    {
        0x0007: _door,
        0x000F: _motion,
        0x1001: _button,
        0x1004: _number("temperature", 2, 0.1, signed=True),
        0x1006: _number("humidity", 2, 0.1),
        0x1007: _number("illuminance", 3),
        0x1008: _number("moisture", 1),
        0x1009: _number("conductivity", 2),
        0x100A: _number("battery", 1),
        0x100D: _climate,
        0x1010: _number("formaldehyde", 2, 0.01),
        0x1012: _switch("switch"),
        0x1013: _number("consumable", 1),
        0x1014: _switch("flooding"),
        0x1015: _switch("smoke"),
        0x1018: _switch("light"),
        0x1019: _door,
        0x4803: _number("battery", 1),
        0x4C01: _float("temperature"),
        0x4C02: _number("humidity", 1),
        0x4C03: _number("battery", 1),
        0x4C08: _float("humidity"),
    }
)
"""What each number means; others are passed over, their length is known."""

CHANNELS = (
    Channel("temperature", "temperature", "Cel", 1, minimum=-100, maximum=200),
    Channel("humidity", "humidity", "%", 1, minimum=0, maximum=100),
    Channel("battery", "battery", "%", 0, minimum=0, maximum=100),
    Channel("illuminance", "illuminance", "lx", 0, minimum=0, maximum=120_000),
    Channel("moisture", "moisture", "%", 0, minimum=0, maximum=100),
    Channel("conductivity", "conductivity", "uS/cm", 0, minimum=0, maximum=20_000),
    Channel("formaldehyde", "formaldehyde", "mg/m3", 2, minimum=0, maximum=100),
    Channel("consumable", "level", "%", 0, minimum=0, maximum=100),
    Channel("button", "text"),
    *(Channel(name, "switch") for name in ("motion", "opening", "switch", "flooding")),
    *(Channel(name, "switch") for name in ("smoke", "light")),
)
"""Every channel that a MiBeacon device can have."""
