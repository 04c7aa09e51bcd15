"""Objects that apps store: `/classes/me`, private to a user, and `/classes/app`, common to all.

Paths alternate collections and ids: `("Playlists", "25", "Songs")` is a collection,
`("Playlists", "25")` an object.

Source: thethings.iO App Development guide, "Objects. Storing App data".
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager

from gatewayd.clouds.json_fields import Json, needed, objects
from gatewayd.clouds.places import place
from gatewayd.clouds.thethingsio.rest_calls import Calls
from gatewayd.clouds.thethingsio.rest_things import KEEP_ALIVE_S

Path = tuple[str, ...]


class Objects:
    """One of the two trees."""

    def __init__(self, calls: Calls, tree: str) -> None:
        self._calls = calls
        self._tree = tree

    def _path(self, path: Path, *, is_object: bool) -> str:
        if len(path) % 2 == int(is_object) or not path:
            kind = "an object" if is_object else "a collection"
            raise ValueError(f"{'/'.join(path)!r} is not {kind}")
        return place("classes", self._tree, *path)

    async def store(self, collection: Path, document: Json) -> str:
        """Store a new object and return its id: the document's `_id`, or one made there.

        Raises:
            Invalid: there is one of this id.
        """
        path = self._path(collection, is_object=False)
        return needed(await self._calls.record("POST", path, dict(document)), "id")

    async def store_as(self, path: Path, document: Json) -> str:
        """Store a new object under the id that the path ends with. Raises Invalid."""
        place = self._path(path, is_object=True)
        return needed(await self._calls.record("POST", place, dict(document)), "id")

    async def get(self, path: Path) -> Json:
        """Return an object. Raises NotFound."""
        found = objects(
            await self._calls.record("GET", self._path(path, is_object=True)), "results"
        )
        return found[0] if found else {}

    async def list(self, collection: Path) -> tuple[Mapping[str, object], ...]:
        """Return the objects of a collection, by id, descending."""
        path = self._path(collection, is_object=False)
        return objects(await self._calls.record("GET", path), "results")

    async def update(self, path: Path, changes: Json) -> None:
        """Change some values of an object; the others stay. Raises NotFound."""
        await self._calls.record("PUT", self._path(path, is_object=True), dict(changes))

    async def delete(self, path: Path) -> None:
        """Delete an object. Raises NotFound."""
        await self._calls.record("DELETE", self._path(path, is_object=True))

    def listen(
        self, collection: Path, keep_alive_s: float = KEEP_ALIVE_S
    ) -> AbstractAsyncContextManager[AsyncIterator[object]]:
        """Subscribe to a collection; what is pushed are lists of objects."""
        path = self._path(collection, is_object=False)
        return self._calls.stream(f"{path}?subscribe=true", keep_alive_s)
