"""Keeps a log on a disk that will lose its power, and says what it was promised.

It runs in the guest: `python -m tests.board.scribe FOLDER HOT PORT [careless]`. Its children live
for some seconds each; every third one ends in order, the others are killed. What they say goes
out of the machine at once, in lines:

    t FIRST COUNT    readings are appended
    c LAST           a commit is done: everything up to this number is on the card
    g UPLINK N,N,…   a cloud has these numbers (said before they are acknowledged)

A careless one has its database not wait for the disk: it is there to be seen losing something.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

from gatewayd.clock import SystemClock
from gatewayd.outbox import Bounds, Outbox, open_outbox
from tests.gatewayd.outbox.story import ROWS_MAX, WANTED, numbers_in, say

LIFE_S = (2.0, 6.0)
ENDS_IN_ORDER = 3
NUMBERS = 100_000
"""Of each life: those that a killed one may have used are not used again."""

PAUSE_S = 0.1
"""An emulated machine has more to do than this."""

NEVER_S = 1e10
"""The readings are dated when the tests were written, and are none too old for that."""


async def keep(folder: Path, hot: Path, out: int, life: int, *, is_careless: bool) -> None:
    """Keep the log through one life."""
    chance, end_s = random.Random(life), time.monotonic() + LIFE_S[1]
    number = life * NUMBERS + 1

    def tell(line: str) -> None:
        os.write(out, f"{line}\n".encode())

    async with open_outbox(folder, hot, SystemClock(), Bounds(age_max_s=NEVER_S)) as outbox:
        await outbox.subscribe(WANTED)
        if is_careless:
            outbox._store._tables.db.execute("PRAGMA main.synchronous=OFF")
        while time.monotonic() < end_s or life % ENDS_IN_ORDER:
            act = chance.random()
            if act < 0.4:
                count = chance.randrange(1, ROWS_MAX)
                await outbox.append(say(number, count))
                tell(f"t {number} {count}")
                number += count
            elif act < 0.6:
                await outbox.commit()
                if outbox.card_fault is None:
                    tell(f"c {number - 1}")
            elif act < 0.75:
                await deliver(outbox, chance, tell)
            await asyncio.sleep(PAUSE_S)


async def deliver(outbox: Outbox, chance: random.Random, tell: Callable[[str], None]) -> None:
    """Deliver a batch to one of the clouds."""
    uplink = chance.choice(list(WANTED))
    after = outbox.accounts[uplink].cursor
    batch = await outbox.next_batch(uplink, after, chance.randrange(1, 60))
    if batch is not None:
        await outbox.offer(batch)
        tell(f"g {uplink} {','.join(map(str, numbers_in(batch)))}")
        await outbox.ack(uplink, batch.through, len(batch))


def main() -> None:
    """Have one child after the other live and die, until the power goes."""
    folder, hot, port = map(Path, sys.argv[1:4])
    is_careless = sys.argv[4:] == ["careless"]
    out = os.open(port, os.O_WRONLY)
    for life in count():
        child = os.fork()
        if child == 0:
            asyncio.run(keep(folder, hot, out, life, is_careless=is_careless))
            os._exit(0)
        if life % ENDS_IN_ORDER:
            time.sleep(random.Random(life).uniform(*LIFE_S))
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert status in (0, signal.SIGKILL), "it ended by itself"


if __name__ == "__main__":
    main()
