"""The resources of a user's things, as apps see them: names, values, streams, writes.

A write here is how an app's command reaches a gateway.

Source: thethings.iO App Development guide, "Accessing the user's resources".
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from urllib.parse import urlencode

from gatewayd.clouds.json_fields import Json, needed, texts
from gatewayd.clouds.places import place
from gatewayd.clouds.thethingsio.codec import Entry, encode_entry
from gatewayd.clouds.thethingsio.rest_calls import Calls, all_rows, dated_rows, range_of
from gatewayd.clouds.thethingsio.rest_things import DESCRIPTION, KEEP_ALIVE_S

ROOT = ("me", "resources")


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource that the user may see, and the ids of the things that have it."""

    name: str
    things: tuple[str, ...]


class Resources:
    """`/me/resources`."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def list(self) -> tuple[Resource, ...]:
        """Return every resource that the user may see; none where no thing is linked."""
        found = await self._calls.records(place(*ROOT))
        return tuple(Resource(needed(each, "name"), texts(each, "things")) for each in found)

    async def of_all(
        self, key: str, limit: int = 1, start_ms: int | None = None, end_ms: int | None = None
    ) -> Mapping[str, Sequence[Entry]]:
        """Return the newest values of one resource, by thing id."""
        asked = urlencode(range_of(limit, start_ms, end_ms))
        found = await self._calls.record("GET", f"{place(*ROOT, key)}?{asked}")
        return {thing: dated_rows(rows, key) for thing, rows in found.items()}

    async def rows(
        self, key: str, thing: str, limit: int = 1, start_ms: int | None = None
    ) -> Sequence[Entry]:
        """Return the newest values of one resource of one thing, the newest first.

        Raises:
            NotFound: there is no such resource. Forbidden: the thing is not linked.
        """
        return await self._read(key, thing, range_of(limit, start_ms))

    def all_rows(
        self, key: str, thing: str, start_ms: int | None = None, end_ms: int | None = None
    ) -> AsyncIterator[Entry]:
        """Yield every value of a stretch, page by page, the newest first."""
        return all_rows(lambda asked: self._read(key, thing, asked), start_ms, end_ms)

    async def _read(self, key: str, thing: str, asked: Mapping[str, str]) -> Sequence[Entry]:
        path = f"{place(*ROOT, key, thing)}?{urlencode(asked)}"
        return dated_rows(await self._calls.call("GET", path), key)

    async def write(
        self,
        key: str,
        thing: str,
        values: Sequence[object],
        *,
        store: bool = True,
        broadcast: bool = True,
    ) -> None:
        """Write values of one resource of one thing: the cloud dates them.

        Raises:
            LinkLost: nobody knows whether it was done.
        """
        flags = {"store": store, "broadcast": broadcast}
        off = {name: "false" for name, is_on in flags.items() if not is_on}
        asked = f"?{urlencode(off)}" if off else ""
        body = {"values": [{"value": value} for value in values]}
        await self._calls.record("POST", f"{place(*ROOT, key, thing)}{asked}", body)

    async def write_dated(self, thing: str, entry: Entry) -> None:
        """Write one value with its own time or position."""
        made = encode_entry(entry)
        del made["key"]
        await self._calls.record("POST", place(*ROOT, entry.key, thing), {"values": [made]})

    def listen(
        self, key: str, keep_alive_s: float = KEEP_ALIVE_S
    ) -> AbstractAsyncContextManager[AsyncIterator[object]]:
        """Subscribe to new values; what is pushed are lists of `{"value":…,"id":THING}`."""
        return self._calls.stream(f"{place(*ROOT, key)}?subscribe=true", keep_alive_s)

    async def descriptions(self) -> Mapping[str, Sequence[Entry]]:
        """Return what users say of their things, by thing id."""
        return await self.of_all(DESCRIPTION)

    async def describe(self, thing: str, description: Json) -> None:
        """Replace the whole description: read it first, and change what is to be changed."""
        await self._calls.record("PUT", place(*ROOT, DESCRIPTION, thing), dict(description))
