"""Writes, whichever way they come: checked whole, stored, acted on, pushed to who listens.

A thing's own subscribers get one array for one write, the entries as they were written: no time
where the writer gave none (the vendor's Atmel SDK compares the very text).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from gatewayd.clouds.thethingsio.addresses import thing_topic
from gatewayd.clouds.thethingsio.codec import Entry, decode_write, encode_push
from gatewayd.clouds.thethingsio.sandbox.errors import bad
from gatewayd.clouds.thethingsio.sandbox.hub import Hub, Written
from gatewayd.clouds.thethingsio.sandbox.journal import Journal, Received
from gatewayd.clouds.thethingsio.sandbox.magic import check_magic, is_magic, write_magic
from gatewayd.clouds.thethingsio.sandbox.records import Thing
from gatewayd.clouds.thethingsio.sandbox.world import World
from gatewayd.errors import Malformed
from gatewayd.sandbox.bodies import check_depth
from gatewayd.sandbox.errors import ApiError
from gatewayd.transports.mqtt_packets import Message


class Intake:
    """Takes writes for all sides."""

    def __init__(
        self, world: World, journal: Journal, hub: Hub, publish: Callable[[Message], int]
    ) -> None:
        self._world = world
        self._journal = journal
        self._hub = hub
        self._publish = publish

    def take(
        self,
        thing: Thing,
        payload: bytes,
        way: str,
        *,
        store: bool = True,
        broadcast: bool = True,
    ) -> list[Entry]:
        """Take a write's body and return its entries. Raises ApiError: 400, nothing was taken."""
        number, now_ms = self._journal.next_number(), self._world.clock.now_ms()
        received = Received(number, now_ms, way, thing.id, payload, 0, 0, "taken")
        try:
            entries = self._checked(payload)
            duplicates = self._store(thing, entries) if store else 0
        except ApiError as error:
            self._journal.keep(replace(received, verdict=str(error)))
            raise
        self._journal.keep(replace(received, accepted=len(entries), duplicates=duplicates))
        if broadcast:
            self._hub.tell(Written(thing, entries))
            self._publish(Message(thing_topic(thing.token), encode_push(entries), 1))
        return entries

    def _checked(self, payload: bytes) -> list[Entry]:
        try:
            entries = decode_write(payload)
        except Malformed as error:
            raise bad(str(error)) from None
        for entry in entries:
            check_depth(entry.value)
            if is_magic(entry.key):
                check_magic(entry)
        return entries

    def _store(self, thing: Thing, entries: list[Entry]) -> int:
        """Store entries; return how many were there already."""
        now_ms, duplicates = self._world.clock.now_ms(), 0
        for entry in entries:
            if is_magic(entry.key):
                write_magic(thing, entry)
                continue
            timeline = self._world.timeline(thing, entry.key)
            before = timeline.duplicates
            timeline.add(entry if entry.time_ms is not None else entry._replace(time_ms=now_ms))
            duplicates += timeline.duplicates - before
        return duplicates
