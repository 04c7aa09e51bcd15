"""The recorded Thinger.io frames and values, ready to compare."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatewayd.clouds.thinger.frames import FrameBuffer, encode_frame
from gatewayd.clouds.thinger.pson import UNSET, Pson


@dataclass(frozen=True)
class Vector:
    """One frame or value; `seen` is its decoded view as in the file."""

    name: str
    protocol: str
    direction: str
    data: bytes
    seen: Any
    is_canonical: bool

    def __str__(self) -> str:
        return self.name


def load_vectors(protocol: str, *directions: str) -> list[Vector]:
    """Return the vectors of a protocol and of these directions, in the order of the file."""
    file = Path(__file__).with_name("vectors.json")
    return [
        Vector(
            row["name"],
            row["protocol"],
            row["direction"],
            bytes.fromhex(row["hex"]),
            row["decoded"],
            row.get("encode_check") is True,
        )
        for row in json.loads(file.read_text(encoding="utf-8"))["vectors"]
        if row["protocol"] == protocol and row["direction"] in directions
    ]


def value_of(seen: Any) -> Pson:
    """Return the value that a decoded view means."""
    if isinstance(seen, list):
        return [value_of(item) for item in seen]
    if not isinstance(seen, dict):
        plain: Pson = seen
        return plain
    match seen:
        case {"$bytes": str(digits)}:
            return bytes.fromhex(digits)
        case {"$float": str(name)}:
            return float(name)
        case {"$empty": True}:
            return UNSET
    return {key: value_of(item) for key, item in seen.items()}


def mutants(vectors: Sequence[Vector], count: int) -> Iterator[bytes]:
    """Yield recorded frames with bytes changed, cut out, put in or doubled; always the same.

    Every second one is changed in its body alone and framed again, so that it gets further.
    """
    dice = random.Random(count)
    for number in range(count):
        data = dice.choice(vectors).data
        if number % 2:
            yield _mutated(data, dice)
        else:
            (frame,) = FrameBuffer().feed(data)
            yield encode_frame(frame.type, _mutated(frame.body, dice))


def _mutated(data: bytes, dice: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(changed) + 1)
        match dice.randrange(4):
            case 0 if at < len(changed):
                changed[at] = dice.randrange(256)
            case 1:
                changed[at : at + dice.randint(1, 4)] = b""
            case 2:
                changed[at:at] = dice.randbytes(dice.randint(1, 4))
            case _:
                changed[at:at] = changed[at : at + 8]
    return bytes(changed)
