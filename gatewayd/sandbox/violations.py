"""What a gateway does that its cloud's rules do not allow."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from gatewayd.sandbox.bodies import Document

VIOLATIONS_MAX = 10_000
"""A sandbox keeps the newest; its counts know of all."""

Findings = list[tuple[str, str]]
"""What a check has found: a rule's name and a sentence each."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A way in which a gateway does not do as its cloud asks.

    `is_note` marks what the vendor frowns at and the protocol allows.
    """

    time_ms: int
    gateway: str
    rule: str
    text: str
    is_note: bool = False


def listed(violations: Iterable[Violation], gateway: str) -> Document:
    """Return the `violations` and the `notes` of one gateway; empty = of all."""
    every = [asdict(each) for each in violations if gateway in ("", each.gateway)]
    return {
        "violations": [each for each in every if not each["is_note"]],
        "notes": [each for each in every if each["is_note"]],
    }
