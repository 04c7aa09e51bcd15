"""What apps store: objects in collections, collections below objects. Pure.

Two trees: `me`, private to a user, and `app`, common to all users of an app. A shelf is a tree's
owner and the words of its path: `Playlists/25/Songs` is another one than `Songs`, and nothing
above it need exist. Chosen where the vendor's pages are silent: an id that is taken is 400, a
missing object 404; a listener hears of what is stored and changed, not of what is deleted.

Source: thethings.iO App Development guide, "Objects. Storing App data".
"""

from __future__ import annotations

import secrets

from gatewayd.clouds.thethingsio.sandbox.errors import bad, missing, refusal
from gatewayd.sandbox.bodies import Document

OBJECTS_MAX = 10_000
DEPTH_MAX = 20
"""Words of one path."""

Shelf = tuple[str, ...]


class Objects:
    """The shelves and what is on them, by primary key."""

    def __init__(self) -> None:
        self._shelves: dict[Shelf, dict[str, Document]] = {}
        self._count = 0

    def clear(self) -> None:
        """Forget everything."""
        self._shelves.clear()
        self._count = 0

    def store(self, shelf: Shelf, document: Document) -> str:
        """Put a new object on a shelf and return its id. Raises ApiError: it is taken."""
        if self._count >= OBJECTS_MAX:
            raise refusal(500, f"More than {OBJECTS_MAX} objects")
        id = document.setdefault("_id", secrets.token_urlsafe(9))
        if not isinstance(id, str | int) or isinstance(id, bool) or str(id) == "":
            raise bad("_id is neither text nor a number")
        place = self._shelves.setdefault(shelf, {})
        if str(id) in place:
            raise bad(f"An object with _id {id} exists already")
        place[str(id)] = document
        self._count += 1
        return str(id)

    def get(self, shelf: Shelf, id: str) -> Document:
        """Return an object. Raises ApiError: 404."""
        try:
            return self._shelves[shelf][id]
        except KeyError:
            raise missing("Object") from None

    def list(self, shelf: Shelf) -> list[Document]:
        """Return a collection, by primary key, descending; numbers as numbers."""
        place = self._shelves.get(shelf, {})
        return [place[id] for id in sorted(place, key=_order, reverse=True)]

    def update(self, shelf: Shelf, id: str, changes: Document) -> Document:
        """Change some values of an object and return it. Raises ApiError: 404, or another id."""
        found = self.get(shelf, id)
        if str(changes.get("_id", id)) != id:
            raise bad("_id cannot be changed")
        kept = found["_id"]
        found |= changes
        found["_id"] = kept
        return found

    def delete(self, shelf: Shelf, id: str) -> None:
        """Delete an object. Raises ApiError: 404."""
        self.get(shelf, id)
        del self._shelves[shelf][id]
        self._count -= 1


def _order(id: str) -> tuple[bool, int, str]:
    is_number = id.isascii() and id.isdecimal() and len(id) < 20
    return not is_number, int(id) if is_number else 0, id


def split_path(path: str) -> tuple[Shelf, str | None]:
    """Return the words of the collection and the primary key, None where there is none.

    Raises:
        ApiError: too many words.
    """
    words = tuple(path.split("/"))
    if len(words) > DEPTH_MAX:
        raise bad(f"More than {DEPTH_MAX} words in the path")
    return (words, None) if len(words) % 2 else (words[:-1], words[-1])
