"""Which remedy to try for a device that keeps failing, and what helped; pure.

Strategy: most trouble ends by opening the device again, so that is what most tries are. Every few
failures in a row the next try begins with something stronger: the device's own reset, then the
wire closed for all and opened afresh, then its adapter switched off and on. What others share is
left alone while it serves them: then it is not the wire that is at fault.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from gatewayd.errors import DeviceError

DEVICE_AFTER = 3
"""Failures in a row before the device is reset: with the supervisor's back-off some seconds."""

PORT_AFTER = 6
"""Before its wire is: about half a minute."""

ADAPTER_AFTER = 9
"""Before its adapter is: about two minutes. An adapter takes seconds to come back."""

ROUND = 12
"""After so many the climb begins anew: about every six minutes, for as long as it takes."""


class Rung(IntEnum):
    """A remedy; each is stronger than the one before."""

    REOPEN = 0
    DEVICE = 1
    PORT = 2
    ADAPTER = 3

    def __str__(self) -> str:
        return ("reopen", "device reset", "port reset", "adapter reset")[self]


def next_rung(failures: int, *, is_wire_well: bool) -> Rung:
    """Return what the next try begins with.

    Args:
        failures: in a row, of this device.
        is_wire_well: another device works on the same wire.
    """
    match failures % ROUND:
        case _ if not failures:
            return Rung.REOPEN
        case step if step == DEVICE_AFTER:
            return Rung.DEVICE
        case step if step == PORT_AFTER and not is_wire_well:
            return Rung.PORT
        case step if step == ADAPTER_AFTER and not is_wire_well:
            return Rung.ADAPTER
    return Rung.REOPEN


@dataclass(slots=True)
class Ladder:
    """Where one device stands on it.

    Attributes:
        failures: in a row, since the device answered last.
        rung: what the next try begins with, or this one began with.
        helped: what brought it back last; None while it never had to be.
    """

    failures: int = 0
    rung: Rung = Rung.REOPEN
    helped: Rung | None = None

    def failed(self, error: Exception | None, *, is_wire_well: bool) -> None:
        """Note that a session ended; only what a device did counts, not what we did."""
        if isinstance(error, DeviceError):
            self.failures += 1
        self.rung = next_rung(self.failures, is_wire_well=is_wire_well)

    def answered(self) -> Rung | None:
        """Note a good answer; return what helped, or None where nothing was wrong."""
        if not self.failures:
            return None
        self.helped, self.failures = self.rung, 0
        self.rung = Rung.REOPEN
        return self.helped
