"""The fuzzers: every target belongs to one, by where its bytes come from."""

from __future__ import annotations

import re
from collections.abc import Iterable

FAMILIES = {
    "doors": r"console |app calls |control socket|push listener|broker$|gatewayd\.transports\.mqtt",
    "files": r"file |gatewayd\.(outbox|testing|fields|expression)\b",
    "devices": r"drivers\.|bme280 |bluez |gpsd |gatewayd\.ports\.",
    "clouds": r"clouds\.|gatewayd\.(clouds|transports)\.|thing|thethings|cloud ",
}
"""Each fuzzer, and how the names of its targets begin: who knocks, what lies on the card, what
devices say on wires and by radio, and what clouds answer. The first that fits has it."""


class Homeless(LookupError):
    """A target that belongs to no fuzzer: name it in `FAMILIES`."""


def family_of(name: str) -> str:
    """Return the fuzzer that a target belongs to.

    Raises:
        Homeless: there is none.
    """
    for family, beginning in FAMILIES.items():
        if re.match(beginning, name):
            return family
    raise Homeless(name)


def families(names: Iterable[str]) -> dict[str, list[str]]:
    """Return the targets of each fuzzer that has any."""
    found: dict[str, list[str]] = {family: [] for family in FAMILIES}
    for name in names:
        found[family_of(name)].append(name)
    return {family: those for family, those in found.items() if those}
