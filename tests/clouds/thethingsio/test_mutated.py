"""Broken messages of thethings.iO: whatever comes, only Malformed is raised."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress

import pytest

from gatewayd.clouds.thethingsio.answers import decode_activated, encode_activated
from gatewayd.clouds.thethingsio.codec import (
    Entry,
    Geo,
    decode_point,
    decode_rows,
    decode_time,
    decode_write,
    encode_push,
    encode_time,
    encode_write,
)
from gatewayd.clouds.thethingsio.requests import command_value
from gatewayd.clouds.thethingsio.stream import KEEP_ALIVE, SUBSCRIBED, Texts, Written, decode_event
from gatewayd.errors import Malformed

QUICK, SLOW = 500, 100_000

ENTRIES = [
    Entry("temperature", 21.4),
    Entry("pos", None, 1_795_161_600_000, Geo(41.4121132, 2.2199454)),
    Entry("$geo", {"type": "Point", "coordinates": [2.2, 41.4]}),
    Entry("relay", 'O"\\N', 0),
]
PUSH = encode_push(ENTRIES)


def decode_stream(data: bytes) -> None:
    """Read a stream as the link does: what is broken inside a text is passed over."""
    texts = Texts(size_max=1000)
    for at in range(0, len(data), 7):
        for text in texts.feed(data[at : at + 7]):
            with suppress(Malformed):
                event = decode_event(text)
                if isinstance(event, Written):
                    for entry in event.entries:
                        command_value(entry.value)


def decode_position(data: bytes) -> None:
    for entry in decode_write(data):
        decode_point(entry)


DECODERS: dict[str, tuple[Callable[[bytes], object], bytes]] = {
    "write": (decode_write, encode_write(ENTRIES)),
    "rows": (decode_rows, PUSH),
    "position": (decode_position, encode_write(ENTRIES[2:3])),
    "activation": (decode_activated, encode_activated("t" * 43)),
    "stream": (decode_stream, SUBSCRIBED + KEEP_ALIVE + PUSH + KEEP_ALIVE + PUSH),
    "time": (
        lambda data: decode_time(data.decode("latin-1")),
        encode_time(1_484_562_310_644).encode(),
    ),
}


def mutated(good: bytes, dice: random.Random) -> bytes:
    """Return a message with one to four bytes or parts changed, lost, doubled or moved."""
    data = bytearray(good)
    for _ in range(dice.randint(1, 4)):
        a, b = sorted((dice.randrange(len(data) + 1), dice.randrange(len(data) + 1)))
        match dice.randrange(5):
            case 0 if a < len(data):
                data[a] = dice.choice(b'{}[]",:\\0-9eNtfn\x00\xff' + bytes([dice.randrange(256)]))
            case 1:
                del data[a : min(b, a + 8)]
            case 2:
                data[a:a] = data[a : min(b, a + 16)]
            case 3:
                data[a:a] = dice.choice([b"1e999", b"null", b"[[[[", b"9" * 25, b'"datetime":'])
            case 4:
                del data[a:]
    return bytes(data)


def survive(name: str, count: int) -> None:
    decode, good = DECODERS[name]
    dice = random.Random(7)
    for _ in range(count):
        with suppress(Malformed):
            decode(mutated(good, dice))


@pytest.mark.parametrize("name", DECODERS)
def test_mutated_messages_are_survived(name: str) -> None:
    """With nothing but Malformed."""
    survive(name, QUICK)


@pytest.mark.slow
@pytest.mark.parametrize("name", DECODERS)
def test_very_many_mutated_messages_are_survived(name: str) -> None:
    """With nothing but Malformed."""
    survive(name, SLOW)


@pytest.mark.parametrize("name", DECODERS)
def test_the_messages_themselves_are_good(name: str) -> None:
    """What is mutated means something before."""
    decode, good = DECODERS[name]
    decode(good)
