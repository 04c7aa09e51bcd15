"""What a Bluetooth LE device says to everybody, and who wants to hear it; pure.

BlueZ does not hand over packets but what it knows of a device, in which the data of earlier
packets stay under their company ids and service UUIDs. What was in the packet itself has to be
found out by comparing; `Memory` does that.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

BASE_UUID = "-0000-1000-8000-00805f9b34fb"
"""What follows the eight digits of a UUID that the Bluetooth SIG has given out."""

SERVICE_DATA_16, SERVICE_DATA_128, MANUFACTURER = 0x16, 0x21, 0xFF
"""Types of advertising data. Source: Bluetooth SIG, Assigned Numbers 2.3."""

DEVICES_MAX = 512
"""Devices remembered. An address that changes every quarter of an hour is forgotten in time; the
configured ones are heard too often to be pushed out."""

_ADDRESS = re.compile(r"[0-9A-F]{2}(:[0-9A-F]{2}){5}")
_NOTHING: Mapping[str, bytes] = MappingProxyType({})


def uuid16(number: int) -> str:
    """Return the long form of a 16-bit UUID, as BlueZ writes it."""
    return f"{number:08x}{BASE_UUID}"


def proper_uuid(text: str) -> str:
    """Return a UUID in its long form, from `fcd2`, `0xFCD2` or the long form itself.

    Raises:
        ValueError: it is none.
    """
    digits = text.lower().removeprefix("0x").replace("-", "")
    if not re.fullmatch(r"[0-9a-f]+", digits) or len(digits) not in (4, 8, 32):
        raise ValueError(f"{text!r} is no UUID; expected four hex digits, or all 32")
    if len(digits) < 32:
        return f"{digits:0>8}{BASE_UUID}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def proper_address(text: str) -> str:
    """Return a device's address as BlueZ writes it: `A4:C1:38:12:34:56`.

    Raises:
        ValueError: it is none.
    """
    address = text.strip().upper().replace("-", ":")
    if not _ADDRESS.fullmatch(address):
        raise ValueError(f"{text!r} is no Bluetooth address; expected A4:C1:38:12:34:56")
    return address


@dataclass(frozen=True, slots=True)
class Advertisement:
    """One thing heard from one device; empty data says that it is there, and no more.

    Attributes:
        address: `A4:C1:38:12:34:56`.
        rssi: dBm.
        manufacturer_data: by company id, without it.
        service_data: by service UUID in its long form, without it.
        service_uuids: everything that the device has ever listed, in the long form.
        heard_s: when, in the loop's time.
    """

    address: str
    name: str | None = None
    rssi: int | None = None
    manufacturer_data: Mapping[int, bytes] = field(default_factory=dict)
    service_data: Mapping[str, bytes] = field(default_factory=dict)
    service_uuids: tuple[str, ...] = ()
    heard_s: float = 0.0

    @property
    def has_data(self) -> bool:
        """False where nobody can say what the packet held."""
        return bool(self.manufacturer_data or self.service_data)


@dataclass(frozen=True, slots=True)
class Wish:
    """What one listener wants to hear.

    Attributes:
        address: of the one device, or None for every device that sends one of the formats; with
            neither address nor format, for everything, which is what a scan wants.
        companies, services: the formats; without any, the adapter cannot filter for us.
        prefix: how the company's data begin; without an address, so that who listens for one kind
            of beacon is not woken by every telephone of that maker.
        needs_active: what is wanted comes in the scan response alone, so the device must be asked.
    """

    address: str | None = None
    companies: frozenset[int] = frozenset()
    services: frozenset[str] = frozenset()
    prefix: bytes = b""
    needs_active: bool = False

    def is_met(self, address: str, companies: Mapping[int, bytes], services: Iterable[str]) -> bool:
        """Return whether this listener wants what a device with these data says."""
        if self.address is not None:
            return self.address == address
        if not self.companies and not self.services:
            return True
        return not self.services.isdisjoint(services) or any(
            id in self.companies and data.startswith(self.prefix) for id, data in companies.items()
        )

    def patterns(self) -> frozenset[Pattern]:
        """Return what the adapter may look for instead of handing over everything."""
        companies = {
            Pattern(0, MANUFACTURER, each.to_bytes(2, "little") + self.prefix)
            for each in self.companies
        }
        return frozenset(companies | {_service_pattern(each) for each in self.services})


class Pattern(NamedTuple):
    """Bytes at a place in advertising data of one type, as BlueZ's monitor takes them."""

    start: int
    type: int
    content: bytes


def _service_pattern(uuid: str) -> Pattern:
    raw = bytes.fromhex(uuid.replace("-", ""))[::-1]
    if uuid.endswith(BASE_UUID) and uuid.startswith("0000"):
        return Pattern(0, SERVICE_DATA_16, raw[12:14])
    return Pattern(0, SERVICE_DATA_128, raw)


class Memory:
    """What each device has said last, by address; the oldest is forgotten."""

    def __init__(self) -> None:
        self._said: OrderedDict[str, tuple[Mapping[int, bytes], Mapping[str, bytes]]]
        self._said = OrderedDict()

    def news(
        self, address: str, companies: Mapping[int, bytes], services: Mapping[str, bytes]
    ) -> tuple[Mapping[int, bytes], Mapping[str, bytes]]:
        """Return what was in the packet that made BlueZ speak, as far as one can know.

        What has changed was in it. Where nothing has, it was a repetition: of the only thing
        that this device ever sends, or of one of several, and then nobody can say of which.
        """
        before = self._said.pop(address, None)
        self._said[address] = (dict(companies), dict(services))
        if len(self._said) > DEVICES_MAX:
            self._said.popitem(last=False)
        if before is None:
            return companies, services
        new_companies = {id: data for id, data in companies.items() if before[0].get(id) != data}
        new_services = {id: data for id, data in services.items() if before[1].get(id) != data}
        if not (new_companies or new_services) and len(companies) + len(services) == 1:
            return companies, services
        return new_companies, new_services

    def __len__(self) -> int:
        return len(self._said)
