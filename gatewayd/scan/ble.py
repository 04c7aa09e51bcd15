"""Bluetooth tags and beacons that advertise, known by what they say."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any

from gatewayd.driver import Driver, Evidence
from gatewayd.errors import DeviceTimeout
from gatewayd.ports.ble_advertisement import Advertisement, Wish
from gatewayd.scan import Found, Guess, View, drivers_on, ranked

WIRE = "ble"
PORT = "ble:0"

DEVICES_MAX = 500
"""Telephones change their address every quarter of an hour; a station hall has hundreds."""

EVERYTHING = Wish(needs_active=True)


async def find(view: View) -> AsyncIterator[Found]:
    """Yield every device that some driver knows, and the number of the others."""
    seen: dict[str, dict[str, Evidence]] = {}
    names: dict[str, str] = {}
    async with view.ports.ble(PORT) as adapter:
        view.tell(f"{PORT}: listening for {view.patience_s:g} s")
        with suppress(TimeoutError, DeviceTimeout):
            async with asyncio.timeout(view.patience_s):
                async for heard in adapter.advertisements(EVERYTHING):
                    if heard.address in seen or len(seen) < DEVICES_MAX:
                        note(seen.setdefault(heard.address, {}), heard)
                        names[heard.address] = heard.name or names.get(heard.address, "")
    for address, known in seen.items():
        place = f"{address} {names[address]}".strip()
        user = view.used.get((PORT, address))
        if user:
            yield Found(WIRE, place, remark=f"is {user} already")
        elif known:
            yield Found(WIRE, place, guesses_of(address, known))
    strangers = sum(not known for known in seen.values())
    if strangers:
        yield Found(WIRE, PORT, remark=f"{strangers} others, which no driver knows")


def note(known: dict[str, Evidence], heard: Advertisement) -> None:
    """Add what each driver makes of an advertisement to what it made of the former ones.

    A device spreads what it has over several packets: lists of channels grow.
    """
    for driver in drivers_on(WIRE):
        assert driver.recognise is not None, "there is no family here"
        evidence: Evidence | None = driver.recognise(heard)
        if evidence is not None:
            before = known.get(driver.kind)
            keys = joined(before.keys, evidence.keys) if before else evidence.keys
            known[driver.kind] = evidence._replace(keys=keys)


def joined(before: Mapping[str, object], now: Mapping[str, object]) -> dict[str, object]:
    """Return the later keys, with lists that hold what both have."""
    keys = {**before, **now}
    for key, value in now.items():
        was = before.get(key)
        if isinstance(value, list | tuple) and isinstance(was, list | tuple):
            keys[key] = list(dict.fromkeys([*was, *value]))
    return keys


def guesses_of(address: str, known: Mapping[str, Evidence]) -> tuple[Guess, ...]:
    """Return what a device may be, with the sections."""
    drivers = {driver.kind: driver for driver in drivers_on(WIRE)}
    return ranked(
        [
            Guess(kind, evidence, _section(drivers[kind], address, evidence))
            for kind, evidence in known.items()
        ]
    )


def _section(driver: Driver, address: str, evidence: Evidence) -> dict[str, Any]:
    """Return the port, and the address where a device is known by that: a beacon's changes."""
    fields = {field.name: field for field in dataclasses.fields(driver.config)}
    address_field = fields.get("address")
    has_other_name = bool(evidence.keys) and address_field is not None
    is_needed = address_field is not None and address_field.default is dataclasses.MISSING
    if is_needed or not has_other_name:
        return {"port": PORT, "address": address}
    return {"port": PORT}
