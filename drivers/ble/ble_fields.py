"""Any tag that advertises its values: a technician writes down where they stand.

Channels:
    one for each `[device.NAME.fields.CHANNEL]`, with the kind and unit written there
    rssi (dBm)

What a tag sends is under a `company` id or a `service` UUID, neither of which counts as a byte
of it. Where one tag sends several kinds of packets, `prefix` and `length` say which is meant.

Example:

    [device.tank]
    driver = "ble_fields"
    port = "ble:0"
    address = "D0:CF:5E:01:02:03"
    company = 0x0590
    prefix = "02"                   # packets that begin so
    sequence_at = 1                 # where the packet's number stands

    [device.tank.fields.level]
    kind = "level"
    unit = "cm"
    at = 2
    type = "uint16"
    scale = 0.1
    minimum = 0
    maximum = 250
    invalid = [0xFFFF]

Tested: a synthetic tag with every type; real bleak over a D-Bus BlueZ.

Source: the tag's own manual; Bluetooth Core Supplement, part A (advertising data).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drivers.ble._fields import Field, channel_of, decode_field
from drivers.ble._listening import (
    RSSI,
    SILENT_AFTER_S,
    Beacon,
    Heard,
    check_source,
    listening,
)
from gatewayd.fields import Seconds
from gatewayd.model import Channel
from gatewayd.ports.ble_advertisement import Advertisement, Wish, proper_address, proper_uuid

if TYPE_CHECKING:
    from gatewayd.ports import Ports

COMPANY_MAX = 0xFFFF
SEQUENCE = Field(kind="count", type="uint8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Keys of the device's section.

    Attributes:
        company, service: under which of them the values are; one of the two.
        prefix: hex digits; packets that begin otherwise are not meant.
        length: bytes of a packet; others are not meant.
        sequence_at: the byte that counts packets, so that repetitions are known.
        is_scan_response: the tag sends this only when asked, so the adapter must scan actively.
        silent_after: without a packet for so long, the tag is lost; at least six of its intervals.
    """

    port: str
    address: str
    fields: Mapping[str, Field]
    company: int | None = None
    service: str | None = None
    prefix: str = ""
    length: int | None = None
    sequence_at: int | None = None
    is_scan_response: bool = False
    silent_after: Seconds = SILENT_AFTER_S

    def __post_init__(self) -> None:
        """Find what cannot work before a tag is listened for."""
        check_source(self.address, self.silent_after)
        if (self.company is None) == (self.service is None):
            raise ValueError("the values stand under a company or a service: give one of them")
        if self.company is not None and not 0 <= self.company <= COMPANY_MAX:
            raise ValueError(f"company is 0 to {COMPANY_MAX:#06x}, found {self.company:#x}")
        if self.service is not None:
            proper_uuid(self.service)
        bytes.fromhex(self.prefix)
        if not self.fields:
            raise ValueError("a tag needs at least one [….fields.CHANNEL]")
        if RSSI.id in self.fields:
            raise ValueError("rssi is a channel of every tag; give the field another name")


def describe(config: Config) -> tuple[Channel, ...]:
    """Return one channel for each field, and the strength of the signal."""
    return (*(channel_of(name, each) for name, each in config.fields.items()), RSSI)


def decode(config: Config, advertisement: Advertisement) -> Heard | None:
    """Return what a packet says, or None where it is not the one that is meant.

    Raises:
        Malformed: it is shorter than its fields.
    """
    if config.company is not None:
        data = advertisement.manufacturer_data.get(config.company)
    else:
        data = advertisement.service_data.get(proper_uuid(config.service or ""))
    if data is None or not data.startswith(bytes.fromhex(config.prefix)):
        return None
    if config.length is not None and len(data) != config.length:
        return None
    values = {name: decode_field(each, data) for name, each in config.fields.items()}
    sequence = config.sequence_at
    number = data[sequence] if sequence is not None and 0 <= sequence < len(data) else None
    return Heard(values, data, number)


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[Beacon]:
    """Listen to a tag. It cannot be asked, so its silence is found out while listening."""
    companies = frozenset[int]() if config.company is None else frozenset({config.company})
    services = {proper_uuid(config.service)} if config.service is not None else set[str]()
    wish = Wish(
        proper_address(config.address),
        companies,
        frozenset(services),
        bytes.fromhex(config.prefix) if companies else b"",
        config.is_scan_response,
    )

    def understand(advertisement: Advertisement) -> Heard | None:
        return decode(config, advertisement)

    async with listening(config, ports, wish, describe(config), understand) as beacon:
        yield beacon
