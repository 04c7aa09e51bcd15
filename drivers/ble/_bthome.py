"""The objects of BTHome: what each number means, how long it is, and where it stands; pure.

Source: https://bthome.io/format (v2), https://bthome.io/v1. Units are made one for a quantity:
all lengths are metres, all volumes litres, all masses kilograms.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from types import MappingProxyType
from typing import Literal, NamedTuple

from gatewayd.errors import Malformed
from gatewayd.model import Value

Form = Literal["uint", "int", "switch", "button", "dimmer", "text", "raw"]

PACKET_ID = "packet_id"
"""The one object that is no quantity but the packet's number."""

TEXT_MAX = 64
"""Bytes of a text; an extended advertisement could hold 250."""


class Object(NamedTuple):
    """One object: its bytes (0 = its length stands before it), and its factor."""

    name: str
    size: int
    form: Form = "uint"
    factor: float = 1.0


class Quantity(NamedTuple):
    """What a name means as a channel."""

    kind: str
    unit: str = ""
    decimals: int | None = None
    minimum: float | None = 0
    maximum: float | None = None
    is_counter: bool = False


BUTTONS = MappingProxyType(
    {
        0x01: "press",
        0x02: "double_press",
        0x03: "triple_press",
        0x04: "long_press",
        0x05: "long_double_press",
        0x06: "long_triple_press",
        0x80: "hold_press",
    }
)

SWITCHES = (
    *("battery_low", "battery_charging", "carbon_monoxide", "cold", "connectivity", "door"),
    *("garage_door", "gas_detected", "heat", "light", "lock", "moisture_detected", "motion"),
    *("moving", "occupancy", "plug", "presence", "problem", "running", "safety", "smoke", "sound"),
    *("tamper", "vibration", "window"),
)
"""The objects 0x15 to 0x2D."""

OBJECTS = MappingProxyType(
    {
        0x00: Object(PACKET_ID, 1),
        0x01: Object("battery", 1),
        0x02: Object("temperature", 2, "int", 0.01),
        0x03: Object("humidity", 2, factor=0.01),
        0x04: Object("pressure", 3, factor=0.01),
        0x05: Object("illuminance", 3, factor=0.01),
        0x06: Object("mass", 2, factor=0.01),
        0x07: Object("mass", 2, factor=0.0045359237),
        0x08: Object("dew_point", 2, "int", 0.01),
        0x09: Object("count", 1),
        0x0A: Object("energy", 3, factor=0.001),
        0x0B: Object("power", 3, factor=0.01),
        0x0C: Object("voltage", 2, factor=0.001),
        0x0D: Object("pm2_5", 2),
        0x0E: Object("pm10", 2),
        0x0F: Object("generic", 1, "switch"),
        0x10: Object("power_on", 1, "switch"),
        0x11: Object("opening", 1, "switch"),
        0x12: Object("co2", 2),
        0x13: Object("tvoc", 2),
        0x14: Object("moisture", 2, factor=0.01),
        **{0x15 + i: Object(name, 1, "switch") for i, name in enumerate(SWITCHES)},
        0x2E: Object("humidity", 1),
        0x2F: Object("moisture", 1),
        0x3A: Object("button", 1, "button"),
        0x3C: Object("dimmer", 2, "dimmer"),
        0x3D: Object("count", 2),
        0x3E: Object("count", 4),
        0x3F: Object("rotation", 2, "int", 0.1),
        0x40: Object("distance", 2, factor=0.001),
        0x41: Object("distance", 2, factor=0.1),
        0x42: Object("duration", 3, factor=0.001),
        0x43: Object("current", 2, factor=0.001),
        0x44: Object("speed", 2, factor=0.01),
        0x45: Object("temperature", 2, "int", 0.1),
        0x46: Object("uv_index", 1, factor=0.1),
        0x47: Object("volume", 2, factor=0.1),
        0x48: Object("volume", 2, factor=0.001),
        0x49: Object("flow", 2, factor=0.001),
        0x4A: Object("voltage", 2, factor=0.1),
        0x4B: Object("gas", 3, factor=0.001),
        0x4C: Object("gas", 4, factor=0.001),
        0x4D: Object("energy", 4, factor=0.001),
        0x4E: Object("volume", 4, factor=0.001),
        0x4F: Object("water", 4, factor=0.001),
        0x50: Object("timestamp", 4),
        0x51: Object("acceleration", 2, factor=0.001),
        0x52: Object("gyroscope", 2, factor=0.001),
        0x53: Object("text", 0, "text"),
        0x54: Object("raw", 0, "raw"),
        0x55: Object("volume_storage", 4, factor=0.001),
        0x56: Object("conductivity", 2),
        0x57: Object("temperature", 1, "int"),
        0x58: Object("temperature", 1, "int", 0.35),
        0x59: Object("count", 1, "int"),
        0x5A: Object("count", 2, "int"),
        0x5B: Object("count", 4, "int"),
        0x5C: Object("power", 4, "int", 0.01),
        0x5D: Object("current", 2, "int", 0.001),
        0x5E: Object("direction", 2, factor=0.01),
        0x5F: Object("precipitation", 2, factor=0.1),
        0x60: Object("channel", 1),
        0x61: Object("rotational_speed", 2),
        0xF0: Object("device_type", 2),
        0xF1: Object("firmware", 4),
        0xF2: Object("firmware", 3),
    }
)

QUANTITIES = MappingProxyType(
    {
        "battery": Quantity("battery", "%", 0, maximum=100),
        "temperature": Quantity("temperature", "Cel", 2, minimum=-273.15, maximum=1000),
        "humidity": Quantity("humidity", "%", 2, maximum=100),
        "pressure": Quantity("pressure", "hPa", 2),
        "illuminance": Quantity("illuminance", "lx", 2),
        "mass": Quantity("weight", "kg", 2),
        "dew_point": Quantity("temperature", "Cel", 2, minimum=-273.15, maximum=1000),
        "count": Quantity("count", minimum=None, decimals=0),
        "energy": Quantity("energy", "kWh", 3, is_counter=True),
        "power": Quantity("power", "W", 2, minimum=None),
        "voltage": Quantity("voltage", "V", 3),
        "pm2_5": Quantity("dust", "ug/m3", 0),
        "pm10": Quantity("dust", "ug/m3", 0),
        "co2": Quantity("co2", "[ppm]", 0),
        "tvoc": Quantity("tvoc", "ug/m3", 0),
        "moisture": Quantity("moisture", "%", 2, maximum=100),
        "rotation": Quantity("angle", "deg", 1, minimum=None),
        "distance": Quantity("distance", "m", 3),
        "duration": Quantity("time", "s", 3),
        "current": Quantity("current", "A", 3, minimum=None),
        "speed": Quantity("speed", "m/s", 2),
        "uv_index": Quantity("level", decimals=1),
        "volume": Quantity("volume", "L", 3),
        "volume_storage": Quantity("volume", "L", 3),
        "water": Quantity("volume", "L", 3, is_counter=True),
        "gas": Quantity("volume", "m3", 3, is_counter=True),
        "flow": Quantity("flow", "m3/h", 3),
        "timestamp": Quantity("time", "s", 0),
        "acceleration": Quantity("acceleration", "m/s2", 3),
        "gyroscope": Quantity("rotation", "deg/s", 3),
        "conductivity": Quantity("conductivity", "uS/cm", 0),
        "direction": Quantity("direction", "deg", 2, maximum=360),
        "precipitation": Quantity("precipitation", "mm", 1),
        "rotational_speed": Quantity("rotation", "{rpm}", 0),
        "dimmer": Quantity("count", minimum=None, decimals=0),
        "channel": Quantity("number", decimals=0),
        "device_type": Quantity("number", decimals=0),
        "firmware": Quantity("text", minimum=None),
        "button": Quantity("text", minimum=None),
        "text": Quantity("text", minimum=None),
        "raw": Quantity("text", minimum=None),
        **{
            name: Quantity("switch", minimum=None)
            for name in ("generic", "power_on", "opening", *SWITCHES)
        },
    }
)
"""Every name that a channel of a BTHome device can have."""


def split_v2(body: bytes) -> Iterator[tuple[Object, bytes]]:
    """Yield the objects of version 2: a number, then as many bytes as it has.

    An unknown number ends it: how long it is, nobody can know.

    Raises:
        Malformed: the last object is cut off.
    """
    at = 0
    while at < len(body):
        object = OBJECTS.get(body[at])
        if object is None:
            return
        at += 1
        size = object.size
        if not size:
            size = body[at] if at < len(body) else 1
            at += 1
        raw = body[at : at + size]
        if len(raw) < size:
            raise Malformed(f"{object.name} is cut off: {body.hex(' ')}")
        yield object, raw
        at += size


FORMATS: tuple[Form | Literal["float"], ...] = ("uint", "int", "float", "text")
"""What the three high bits of version 1 say; 4 is an address."""


def split_v1(body: bytes) -> Iterator[tuple[Object, bytes]]:
    """Yield the objects of version 1: a byte of format and length, a number, the value.

    Raises:
        Malformed: an object is cut off.
    """
    at = 0
    while at < len(body):
        length, format = body[at] & 0x1F, body[at] >> 5
        piece = body[at + 1 : at + 1 + length]
        if length < 2 or len(piece) < length:
            raise Malformed(f"an object is cut off: {body.hex(' ')}")
        at += 1 + length
        object = OBJECTS.get(piece[0])
        if object is None or format >= len(FORMATS) or FORMATS[format] == "float":
            continue
        if object.form in ("uint", "int"):
            object = object._replace(form=FORMATS[format])  # type: ignore[arg-type]  # No float here.
        yield object, piece[1:]


def value_of(object: Object, raw: bytes) -> Value | None:
    """Return an object's value, or None for an event that did not happen.

    Raises:
        Malformed: text that is none, an event that is not in the list.
    """
    number = int.from_bytes(raw, "little", signed=object.form == "int")
    match object.form:
        case "switch":
            return bool(number)
        case "button":
            if number and number not in BUTTONS:
                raise Malformed(f"the button event {number:#04x}")
            return BUTTONS.get(number)
        case "dimmer":
            turn, steps = struct.unpack("<BB", raw) if len(raw) == 2 else (0, 0)
            return {1: -steps, 2: steps}.get(turn)
        case "raw":
            return raw[:TEXT_MAX].hex()
        case "text":
            return raw[:TEXT_MAX].decode("utf-8", "replace")
    if object.name == "firmware":
        return ".".join(str(byte) for byte in reversed(raw))
    if object.factor == 1.0:
        return number
    return round(number * object.factor, 5)
