"""Every decoder of advertisements against a hundred broken packets, and many more when asked.

A packet is bent as the air and a foreign device would bend it: bits flipped, cut, grown, another
one's. The decoder understands it, passes it over or refuses it; it never ends in another way, and
what it understands is a value that a channel can hold.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from drivers.ble import (
    atc,
    ble_fields,
    bthome,
    eddystone,
    govee,
    ibeacon,
    mibeacon,
    ruuvi,
    thingsee_beacon,
)
from drivers.ble._fields import SIZES, Field
from drivers.ble._listening import Decode
from gatewayd.errors import Malformed
from gatewayd.fields import Secret
from gatewayd.model import Value
from gatewayd.ports.ble_advertisement import Advertisement, uuid16
from tests.drivers.ble.test_bthome import SEALED, SEALED_V1
from tests.drivers.ble.test_ibeacon import MINE, UUID
from tests.drivers.ble.test_ruuvi import DF3, DF5, DF6, E1

ADDRESS = "A4:C1:38:8D:18:B2"
KEY = Secret("231d39c1d7cc1ab1aee224cd096db932")

FIELDS = ble_fields.Config(
    port="ble:0",
    address=ADDRESS,
    company=1,
    sequence_at=0,
    fields={each: Field(kind="number", type=each, at=at) for at, each in enumerate(SIZES)},  # type: ignore[arg-type]  # Each is a type.
)
THINGSEE = thingsee_beacon.Config(port="ble:0", beaconData=UUID.replace("-", ""))

THINGSEE_UUID = uuid.UUID(UUID)

Make = Callable[[], Decode]
MAKERS: Mapping[str, Make] = {
    "atc": lambda: atc.Decoder().decode,
    "atc, key": lambda: atc.Decoder(KEY).decode,
    "ble_fields": lambda: partial(ble_fields.decode, FIELDS),
    "bthome": lambda: bthome.Decoder().decode,
    "bthome, key": lambda: bthome.Decoder(KEY).decode,
    "eddystone": lambda: eddystone.Decoder(None, None, ADDRESS).decode,
    "govee": lambda: govee.decode_all,
    "ibeacon": lambda: ibeacon.Decoder(THINGSEE_UUID, None, None).decode,
    "mibeacon": lambda: mibeacon.Decoder().decode,
    "mibeacon, key": lambda: mibeacon.Decoder(KEY).decode,
    "ruuvi": lambda: ruuvi.Decoder().decode,
    "thingsee_beacon": lambda: partial(thingsee_beacon.decode, THINGSEE),
}

SERVICES = (0xFCD2, 0x181C, 0x181E, 0x181A, 0xFEAA, 0xFE95)
COMPANIES = (0x0499, 0xEC88, 0x0001, 0x8801, 0x004C)
PACKETS = [
    bytes.fromhex(each)
    for each in (
        *(SEALED, SEALED_V1, MINE, DF3, DF5, DF6, E1),
        *("4002CA0903BF13", "40530C48656C6C6F20576F726C6421", "2302CA090303BF13"),
        *("B2188D38C1A42B089011F70A43200F", "A4C1388D18B200EC2D580B8607", "11d603fbfa7b6dfb1e26fd"),
        *("000341C26400", "00e609bc126402", "00ba0af90f63020101", "ec0001010a0aa40664"),
        *("5020AA01DAB0873A342D580D1004FE004802", "58585b0550f4830238c1a495ef58763c26000097e2abb5"),
        *("00EE00010203040506070809AABBCCDDEEFF0000", "20000BB81580000000050000000A"),
        *("10EB03676F6F2E676C2F41", "20010BB8158000000005"),
    )
]

RECOGNISERS: tuple[ModuleType, ...] = (atc, bthome, eddystone, govee, ibeacon, mibeacon, ruuvi)


@some.composite
def bent(draw: some.DrawFn) -> bytes:
    """Return a good packet after something has happened to it."""
    data = bytearray(draw(some.sampled_from(PACKETS)))
    for _ in range(draw(some.integers(0, 4))):
        match draw(some.integers(0, 3)):
            case 0 if data:
                data[draw(some.integers(0, len(data) - 1))] ^= 1 << draw(some.integers(0, 7))
            case 1:
                del data[draw(some.integers(0, len(data))) :]
            case 2:
                at = draw(some.integers(0, len(data)))
                data[at:at] = draw(some.binary(max_size=8))
            case _:
                data += draw(some.sampled_from(PACKETS))[: draw(some.integers(0, 16))]
    return bytes(data)


def is_value(value: Value | None) -> bool:
    """Return whether a channel can hold it."""
    return not isinstance(value, float) or math.isfinite(value)


def heard_as(data: bytes) -> list[Advertisement]:
    """Return the same bytes under everybody's name, one at a time."""
    return [
        *(Advertisement(ADDRESS, service_data={uuid16(each): data}) for each in SERVICES),
        *(Advertisement(ADDRESS, manufacturer_data={each: data}) for each in COMPANIES),
    ]


def survives(make: Make, data: bytes) -> None:
    """Decode, and look at what is understood."""
    for advertisement in heard_as(data):
        try:
            heard = make()(advertisement)
        except Malformed:
            continue
        assert heard is None or all(map(is_value, heard.values.values()))


@pytest.mark.parametrize("name", MAKERS)
@given(data=bent())
@settings(max_examples=100)
def test_a_bent_packet_is_understood_passed_over_or_refused(name: str, data: bytes) -> None:
    """Never another exception, never a value that is none."""
    survives(MAKERS[name], data)


@pytest.mark.slow
@pytest.mark.parametrize("name", MAKERS)
@given(data=bent() | some.binary(max_size=64))
@settings(max_examples=10_000)
def test_a_hundred_thousand_bent_packets(name: str, data: bytes) -> None:
    """The same, for longer, each under eleven names, and bytes that never were a packet."""
    survives(MAKERS[name], data)


@given(data=bent() | some.binary(max_size=40))
@settings(max_examples=200)
def test_a_scan_lives_through_everything_too(data: bytes) -> None:
    """It hears every device there is."""
    for advertisement in heard_as(data):
        for module in RECOGNISERS:
            found = module.recognise(advertisement)
            assert found is None or found.words
