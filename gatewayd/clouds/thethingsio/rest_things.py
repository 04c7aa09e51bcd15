"""What can be asked of a thing with its token: write, read, listen, tags, firmware, the clock.

Source: thethings.iO API reference, "Things", "Tags", "Firmwares", "Get Server Date".
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

from gatewayd.clouds.json_fields import Json, needed, objects, text, texts
from gatewayd.clouds.places import place
from gatewayd.clouds.thethingsio.addresses import resource_path, thing_path
from gatewayd.clouds.thethingsio.codec import (
    GEO,
    SETTINGS,
    Entry,
    Geo,
    decode_point,
    decode_time,
    encode_entry,
    encode_point,
)
from gatewayd.clouds.thethingsio.rest_calls import Calls, all_rows, dated_rows, range_of
from gatewayd.clouds.thethingsio.rest_firmwares import Firmware, download
from gatewayd.errors import Malformed

KEEP_ALIVE_S = 60.0
DESCRIPTION = "description"


@dataclass(frozen=True, slots=True)
class Tag:
    """A word on a thing. The vendor describes no body; id and name are what is certain."""

    id: str
    name: str


class Thing:
    """One thing, as whoever has its token sees it."""

    def __init__(self, calls: Calls, token: str) -> None:
        self._calls = calls
        self._token = token

    def _path(self, *names: str) -> str:
        return place("things", self._token, *names)

    async def write(
        self, entries: Sequence[Entry], *, store: bool = True, broadcast: bool = True
    ) -> None:
        """Write values: all of them or none. Raises Invalid: the cloud does not take them."""
        flags = {"store": store, "broadcast": broadcast}
        off = {name: "false" for name, is_on in flags.items() if not is_on}
        body = {"values": [encode_entry(entry) for entry in entries]}
        await self._calls.record("POST", thing_path(self._token, **off), body)

    async def rows(
        self, key: str, limit: int = 1, start_ms: int | None = None, end_ms: int | None = None
    ) -> list[Entry]:
        """Return the newest values from `start_ms` to before `end_ms`, the newest first.

        Raises:
            NotFound: nobody ever wrote this resource.
        """
        return await self._read(key, range_of(limit, start_ms, end_ms))

    def all_rows(
        self, key: str, start_ms: int | None = None, end_ms: int | None = None
    ) -> AsyncIterator[Entry]:
        """Yield every value of a stretch, page by page, the newest first."""
        return all_rows(lambda asked: self._read(key, asked), start_ms, end_ms)

    async def _read(self, key: str, asked: Mapping[str, str]) -> list[Entry]:
        path = resource_path(self._token, key, **asked)
        return dated_rows(await self._calls.call("GET", path), key)

    async def keys(self) -> tuple[str, ...]:
        """Return the names of the thing's resources."""
        return texts(await self._calls.record("GET", self._path("resources")), "resources")

    async def last_values(self, limit: int = 1) -> dict[str, list[Entry]]:
        """Return the newest values of every resource."""
        path = f"{self._path('all_resources')}?limit={range_of(limit)['limit']}"
        return {
            needed(each, "key"): dated_rows(each.get("values"), needed(each, "key"))
            for each in await self._calls.records(path)
        }

    async def description(self) -> Json:
        """Return what its users say of the thing. Raises NotFound: nobody ever did."""
        rows = await self._read(DESCRIPTION, {})
        found = rows[0].value if rows else {}
        return found if isinstance(found, Mapping) else {}

    async def describe(self, description: Json) -> None:
        """Replace the whole description: read it first, and change what is to be changed."""
        path = self._path("resources", DESCRIPTION)
        await self._calls.record("PUT", path, dict(description))

    async def position(self) -> Geo | None:
        """Return where the thing is, as far as the cloud knows."""
        rows = await self._read(GEO, {})
        return decode_point(rows[0]) if rows and rows[0].value is not None else None

    async def set_position(self, position: Geo) -> None:
        """Tell where the thing is."""
        await self.write([Entry(GEO, encode_point(position))])

    async def setting(self, path: str = "") -> object:
        """Return the thing's settings, or the one at a path such as `a.b`; None for none."""
        rows = await self._read(f"{SETTINGS}.{path}" if path else SETTINGS, {})
        return rows[0].value if rows else None

    async def set_setting(self, value: object, path: str = "") -> None:
        """Merge an object into the thing's settings, or set the one at a path."""
        await self.write([Entry(f"{SETTINGS}.{path}" if path else SETTINGS, value)])

    def listen(
        self, keep_alive_s: float = KEEP_ALIVE_S
    ) -> AbstractAsyncContextManager[AsyncIterator[object]]:
        """Subscribe to all that is written to the thing; see `Calls.stream`."""
        return self._calls.stream(thing_path(self._token), keep_alive_s)

    async def add_tag(self, name: str) -> str:
        """Add a tag and return its id."""
        return needed(await self._calls.record("POST", self._path("tags"), {"name": name}), "id")

    async def tags(self) -> tuple[Tag, ...]:
        """Return the thing's tags."""
        found = objects(await self._calls.record("GET", self._path("tags")), "tags")
        return tuple(Tag(needed(each, "_id"), text(each, "name")) for each in found)

    async def delete_tag(self, id: str) -> None:
        """Delete a tag. Raises NotFound."""
        await self._calls.record("DELETE", self._path("tags", id))

    async def firmwares(self) -> tuple[Firmware, ...]:
        """Return the latest firmware of every micro-controller of the thing."""
        found = await self._calls.record("GET", self._path("firmwares", "latest"))
        return tuple(map(Firmware.of, objects(found, "firmwares")))

    async def download(self, firmware: Firmware, folder: Path) -> Path:
        """Download a firmware into a folder and return its file; see `rest_firmwares`."""
        path = self._path("firmwares", "download", firmware.id)
        return await download(self._calls.http, path, firmware, folder)

    async def now_ms(self) -> int:
        """Return the cloud's time, UTC milliseconds."""
        return await time_of(self._calls, f"thingToken={self._token}&")


async def time_of(calls: Calls, asked: str = "") -> int:
    """Return the cloud's time, UTC milliseconds. Raises Malformed."""
    record = await calls.record("GET", f"/utils/date/?{asked}format=UTC")
    date = record.get("date")
    if not isinstance(date, str):
        raise Malformed("thethings.iO says no date")
    return decode_time(date)


async def unix_time_of(calls: Calls) -> int:
    """Return the cloud's time in seconds since 1970. Raises Malformed."""
    date = (await calls.record("GET", "/utils/date/?format=unix_timestamp")).get("date")
    if not isinstance(date, int):
        raise Malformed("thethings.iO says no timestamp")
    return date
