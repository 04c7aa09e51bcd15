"""Drivers whose decoder follows the owner's configuration: some of every kind, and any bytes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import get_args

from drivers.ble import ble_fields, ble_gatt, thingsee_beacon
from drivers.ble._beacons import APPLE, EDDYSTONE
from drivers.ble._fields import Field as Place
from drivers.ble._fields import Type
from drivers.serial import lines
from gatewayd.errors import Malformed
from gatewayd.ports.ble_advertisement import Advertisement
from tests.fuzz.target import NoValue, Run, Target, check_believed, plain

ADDRESS = "A4:C1:38:12:34:56"
COMPANY = 0x0499

LINES = {
    "json": lines.Config(
        port="p",
        format="json",
        fields={
            "a": lines.Field(kind="temperature", key="t.inner"),
            "b": lines.Field(kind="switch", key="on"),
            "c": lines.Field(kind="text", key="word"),
        },
    ),
    "csv": lines.Config(
        port="p",
        format="csv",
        checksum="nmea-xor",
        fields={
            "a": lines.Field(kind="temperature", column=1),
            "b": lines.Field(kind="switch", column=2),
            "c": lines.Field(kind="text", column=3),
        },
    ),
    "regex": lines.Config(
        port="p",
        format="regex",
        checksum="sum8",
        encoding="latin-1",
        pattern=r"T=(?P<t>\S+)(?: on=(?P<on>\w+))?",
        fields={
            "a": lines.Field(kind="temperature", group="t"),
            "b": lines.Field(kind="switch", group="on"),
        },
    ),
}

KINDS: tuple[Type, ...] = get_args(Type)

PLACES = {
    f"{kind}-{order}-{at}": Place(
        kind="level", at=at, type=kind, order=order, scale=scale, invalid=(-1, 0xFFFF)
    )
    for kind in KINDS
    for order in ("little", "big")
    for at, scale in ((0, 1.0), (3, 0.01))
} | {"mask": Place(kind="level", mask=0x0FF0)}


def _line(config: lines.Config) -> Run:
    decoder = lines.Decoder(config)

    def run(data: bytes) -> None:
        try:
            check_believed(decoder.decode(data))
        except Malformed:
            return

    return run


def _tag(data: bytes) -> None:
    """The whole data of one company; each field alone, so that no short one hides the others."""
    heard = Advertisement(ADDRESS, manufacturer_data={COMPANY: data})
    for name, place in PLACES.items():
        config = ble_fields.Config(
            port="p", address=ADDRESS, company=COMPANY, fields={name: place}, sequence_at=2
        )
        try:
            found = ble_fields.decode(config, heard)
        except Malformed:
            continue
        values = found.values.values() if found else ()
        if any(isinstance(each, float) and not math.isfinite(each) for each in values):
            raise NoValue(name)


GATT = ble_gatt.Config(
    port="p",
    address=ADDRESS,
    characteristics={
        name: ble_gatt.Characteristic(
            kind=each.kind, at=each.at, type=each.type, order=each.order, uuid="2a6e"
        )
        for name, each in PLACES.items()
    },
)


def _characteristic(data: bytes) -> None:
    (uuid,) = ble_gatt.uuids_of(GATT)
    check_believed(ble_gatt.decode(GATT, uuid, data))


def _beacon(data: bytes) -> None:
    """All three kinds, under each number that means one."""
    for frame in ("ibeacon", "eddystone", "generic"):
        config = thingsee_beacon.Config(
            port="p", frame=frame, beaconData="00112233445566778899aabbccddeeff", address=ADDRESS
        )
        said = Advertisement(
            ADDRESS,
            manufacturer_data={APPLE: data},
            service_data={EDDYSTONE: data},
        )
        try:
            thingsee_beacon.decode(config, said)
        except Malformed:
            continue


def configured_targets() -> Iterator[Target]:
    """Yield the drivers."""
    for name, config in LINES.items():
        yield plain(f"drivers.serial.lines {name}", "drivers.serial.lines", _line(config))
    yield plain("drivers.ble.ble_fields all", "drivers.ble.ble_fields", _tag)
    yield plain("drivers.ble.ble_gatt all", "drivers.ble.ble_gatt", _characteristic)
    yield plain("drivers.ble.thingsee_beacon all", "drivers.ble.thingsee_beacon", _beacon)
