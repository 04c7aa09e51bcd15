"""The table of a sandbox's endpoints, by method and path. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Generic, Protocol, TypeVar

from gatewayd.sandbox.errors import not_found


class Routed(Protocol):
    """Whatever a table can lead to."""

    @property
    def method(self) -> str:
        """The HTTP method."""
        ...

    @property
    def path(self) -> str:
        """The path; `{name}` stands for one segment, `{name...}` for all that follow."""
        ...


R = TypeVar("R", bound=Routed)


class RouteTable(Generic[R]):
    """The routes by method and first word of the path."""

    def __init__(self, routes: Iterable[R]) -> None:
        self.routes = tuple(routes)
        self._shelves: dict[tuple[str, str], list[tuple[re.Pattern[str], R]]] = {}
        for route in self.routes:
            key = route.method, route.path.split("/")[1]
            self._shelves.setdefault(key, []).append((_pattern(route.path), route))

    def find(self, method: str, path: str) -> tuple[R, dict[str, str]]:
        """Return the route of a path and the ids in it; a slash at the end means nothing.

        Raises:
            ApiError: 404, there is no such endpoint.
        """
        trimmed = path.rstrip("/")
        first = trimmed.split("/")[1] if "/" in trimmed else ""
        for pattern, route in self._shelves.get((method, first), ()):
            match = pattern.fullmatch(trimmed)
            if match is not None:
                return route, match.groupdict()
        raise not_found(f"{method} {path[:120]}")


def _pattern(path: str) -> re.Pattern[str]:
    """Return the expression that a path stands for."""
    parts = re.split(r"\{(\w+)(\.{3})?\}", path)
    text = re.escape(parts[0])
    for name, rest, literal in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        text += f"(?P<{name}>{'.+' if rest else '[^/]+'}){re.escape(literal)}"
    return re.compile(text)
