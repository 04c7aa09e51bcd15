"""Paths of addresses, made of names that others chose; pure."""

from __future__ import annotations

from urllib.parse import quote


def place(*names: str) -> str:
    """Return the path of these names, each encoded: a name never becomes a path of its own."""
    if not all(name.strip(".") for name in names):
        raise ValueError("an id is neither empty nor made of dots alone")
    return "".join("/" + quote(name, safe="") for name in names)
