"""Who may ask what of the HTTP console: three roles, each with what the one before it has. Pure.

    read         looks at everything and changes nothing
    operate      sets outputs too
    administer   whatever else changes something

A path that stands in no rule below and changes something wants the highest role: who adds a path
and forgets its rule has closed it, not opened it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Role(IntEnum):
    """What somebody may do; a higher one may all that a lower one may."""

    READ = 1
    OPERATE = 2
    ADMINISTER = 3


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: `name` is that of the token; commands carry it as their origin."""

    name: str
    role: Role

    @property
    def origin(self) -> str:
        """Where a command of this caller comes from, as the record of commands shows it."""
        return f"{LOCAL}:{self.name}" if self.name else LOCAL


LOCAL = "local"

PASSWORD = "password"  # noqa: S105  # A name, not one.
"""The name of whoever showed the console's password; no token may have it."""

ANYBODY = Caller("", Role.ADMINISTER)
"""Who comes from this machine where neither password nor token is asked for."""

RULES: tuple[tuple[frozenset[str], re.Pattern[str], Role], ...] = (
    # Each ends what it began itself.
    (frozenset({"POST"}), re.compile(r"/api/log(in|out)"), Role.READ),
    (frozenset({"POST"}), re.compile(r"/api/outputs/[^/]+/[^/]+"), Role.OPERATE),
    # What a cloud has refused for ever is sent to it again.
    (frozenset({"POST"}), re.compile(r"/api/ledger/retry"), Role.ADMINISTER),
    # The clouds' own app calls, answered on the spot: they operate.
    (frozenset({"POST", "PUT", "PATCH"}), re.compile(r"/(?!api/)[^/]+/.+"), Role.OPERATE),
    (SAFE_METHODS, re.compile(r"/.*"), Role.READ),
)
"""Methods, paths and the role that they need; the first that fits counts."""


def find_rule(method: str, path: str) -> Role | None:
    """Return the role that a rule gives a request, or None where no rule speaks of it."""
    for methods, pattern, role in RULES:
        if method in methods and pattern.fullmatch(path):
            return role
    return None


def needed_role(method: str, path: str) -> Role:
    """Return the role that a request needs."""
    return find_rule(method, path) or Role.ADMINISTER
