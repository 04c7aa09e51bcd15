"""How an adapter shall listen, and what to do when it hears nobody; pure.

Strategy of the ladder: silence may be an adapter that has gone deaf, which happens to all of
them after days, or a quiet place. The first rung starts the scan anew and actively, which hears
every device there is and not only ours; whoever is heard then proves the adapter sound. The
second switches the radio off and on. When that does not help either, the port is given up, and
whoever opens it next begins from the bottom.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from gatewayd.errors import DeviceFault
from gatewayd.ports.ble_advertisement import Pattern, Wish

Mode = Literal["auto", "passive", "active"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long things may take.

    Attributes:
        silent: with nobody heard for so long, the adapter is suspected of being deaf.
        silent_max: passively, only our own devices are heard, and some speak seldom; each false
            alarm doubles the patience, up to this.
        call: for an answer of BlueZ; it takes milliseconds, under load a second.
        power: for the radio to come up; a Pi's takes about one second, a cheap dongle three.
        stop: for ending a scan or a connection; shutting down must be done within 10 s.
        value: for one characteristic. A slow link has an interval of 4 s, a long value takes more.
        settle: changes of who listens are waited for so long, so that twenty devices that open
            together start one scan and not twenty.
    """

    silent: float = 90.0
    silent_max: float = 900.0
    call: float = 15.0
    power: float = 10.0
    stop: float = 3.0
    value: float = 10.0
    settle: float = 0.1


class Rung(IntEnum):
    """How far up the ladder of recovery."""

    SOUND = 0
    RESTARTED = 1
    POWER_CYCLED = 2
    GIVEN_UP = 3


HELPED = {Rung.RESTARTED: "starting the scan anew", Rung.POWER_CYCLED: "switching it off and on"}
"""What to say when somebody is heard again."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One way to listen: passively for some patterns, or actively for everything; and why."""

    mode: Literal["passive", "active"]
    patterns: frozenset[Pattern] = frozenset()
    reason: str = ""

    def covers(self, other: Plan) -> bool:
        """Return whether who listens this way hears all that the other would."""
        return self.mode == other.mode and self.patterns >= other.patterns


def make_plan(mode: Mode, wishes: Iterable[Wish], why_not: str, rung: Rung) -> Plan:
    """Return how to listen for all these wishes.

    Args:
        why_not: why the adapter cannot scan passively, empty if it can.

    Raises:
        DeviceFault: only passive is allowed, and it is impossible.
    """
    wishes = list(wishes)
    if mode == "passive" and why_not:
        raise DeviceFault(f"cannot scan passively: {why_not}")
    if mode == "active":
        return Plan("active", reason="configured")
    if why_not:
        return Plan("active", reason=why_not)
    if mode == "auto" and rung is not Rung.SOUND:
        return Plan("active", reason="to see whether anybody is heard")
    if mode == "auto" and any(each.needs_active for each in wishes):
        return Plan("active", reason="a device tells its values only when asked")
    if mode == "auto" and not all(each.patterns() for each in wishes):
        return Plan("active", reason="a device whose format is not known beforehand")
    patterns = frozenset[Pattern]().union(*(each.patterns() for each in wishes))
    if wishes and not patterns:
        raise DeviceFault("cannot scan passively for a device whose format is not known beforehand")
    return Plan("passive", patterns)
