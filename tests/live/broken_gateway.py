"""A gateway with a fault built in, for proving that the drill notices: `FAULT … gatewayd verbs`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

from gatewayd.cli import main
from gatewayd.hand import Hand
from gatewayd.model import Reading
from gatewayd.outbox import Outbox

EVERY = 97
"""One reading of so many is lost, or swapped."""


def lose_some() -> None:
    """Have the log forget a reading now and then, and account for the rest alone."""
    append, count = Outbox.append, 0

    async def forgetful(self: Outbox, readings: Sequence[Reading], taken: int = 0) -> None:
        nonlocal count
        kept = []
        for reading in readings:
            count += 1
            if count % EVERY:
                kept.append(reading)
        await append(self, kept, taken)

    Outbox.append = forgetful  # type: ignore[method-assign]  # The fault.


def leave_on() -> None:
    """Have outputs stay as they are when the daemon goes."""

    async def careless(self: Hand, outputs: Any) -> None:
        os._exit(0)

    Hand.leave = careless  # type: ignore[method-assign]  # The fault.


FAULTS = {"lose": lose_some, "leave": leave_on}

if __name__ == "__main__":
    FAULTS[sys.argv.pop(1)]()
    sys.exit(main())
