"""Names that people give: devices, channels, wires, uplinks, this gateway."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gatewayd.config.positions import Keys
from gatewayd.config.problems import Report, show

NAME_MAX = 64

_NAME = re.compile(r"[A-Za-z0-9_~][A-Za-z0-9._~-]*")

ALLOWED = f"expected up to {NAME_MAX} of A-Z a-z 0-9 - . _ ~, the first a letter, a digit, _ or ~"


def is_name(text: str) -> bool:
    """Return whether a text can stand in ids, topics, URLs and file names without escaping.

    The unreserved characters of RFC 3986; not starting with `-` or `.`, so that a name is never
    taken for an option or a folder.
    """
    return len(text) <= NAME_MAX and _NAME.fullmatch(text) is not None


def names_of(document: Mapping[str, Any], kind: str) -> list[str]:
    """Return the names of all `[kind.NAME]`, the wrong ones too."""
    table = document.get(kind)
    return list(table) if isinstance(table, dict) else []


def sections(document: Mapping[str, Any], kind: str, report: Report) -> dict[str, dict[str, Any]]:
    """Return the `[kind.NAME]` tables by name; report wrong names and what is no table."""
    table = document.get(kind, {})
    if not isinstance(table, dict):
        report.at_value((kind,), f"found {show(table)}", f"expected tables [{kind}.NAME]")
        return {}
    found: dict[str, dict[str, Any]] = {}
    for name, section in table.items():
        keys: Keys = (kind, name)
        if not isinstance(section, dict):
            report.at_key(keys, f"found {show(name)} = {show(section)}", f"expected [{kind}.NAME]")
        elif not is_name(name):
            report.at_key(keys, f"found the name {show(name)}", ALLOWED)
        else:
            found[name] = section
    return found
