"""A process whose children keep a log and are killed: `python -m tests.gatewayd.outbox.nursery`.

Strategy: starting Python takes longer than the life of a child, so all is imported once and each
life is a fork. The child says what happens as it happens, in lines; the pipe is the world, and
what stands in it was said before the kill.

    t FIRST COUNT    readings are appended: the log took them
    c HEAD           a commit is done, with everything up to this number
    g UPLINK N,N,…   a cloud has these numbers (written before they are acknowledged)
    b                the ledger balanced when the life began

Arguments: folder, hot folder, seed, first number.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from gatewayd.clock import SystemClock
from gatewayd.outbox import Bounds, open_outbox
from tests.gatewayd.outbox.story import ROWS_MAX, WANTED, assert_balanced, numbers_in, say

LIFE_S = 0.04
"""A life takes up to so long after the log is open; that is dozens of transactions."""

NEVER_S = 1e10
"""Readings are dated when the tests were written; by this machine's clock they grow old."""

BIRTH_S = 0.1
EARLY = 4
"""Every so many lives one is killed within so long of its birth, while it opens the log."""


async def live(folder: Path, hot: Path, seed: int, number: int, out: int) -> None:
    """Keep a log until killed."""

    def tell(line: str) -> None:
        os.write(out, f"{line}\n".encode())

    chance = random.Random(seed)
    async with open_outbox(folder, hot, SystemClock(), Bounds(age_max_s=NEVER_S)) as outbox:
        await outbox.subscribe(WANTED)
        await assert_balanced(outbox)
        tell("b")
        while True:
            act = chance.random()
            if act < 0.5:
                count = chance.randrange(1, ROWS_MAX)
                await outbox.append(say(number, count))
                tell(f"t {number} {count}")
                number += count
            elif act < 0.6:
                await outbox.commit()
                tell(f"c {number - 1}")
            else:
                uplink = chance.choice(list(WANTED))
                after = outbox.accounts[uplink].cursor
                batch = await outbox.next_batch(uplink, after, chance.randrange(1, 60))
                if batch is not None:
                    await outbox.offer(batch)
                    tell(f"g {uplink} {','.join(map(str, numbers_in(batch)))}")
                    await outbox.ack(uplink, batch.through, len(batch))


def one_life(folder: Path, hot: Path, seed: int, number: int) -> Iterator[str]:
    """Fork, kill, and yield what was said; a child that ended by itself left its traceback."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        asyncio.run(live(folder, hot, seed, number, writer))
        os._exit(1)
    os.close(writer)
    chance = random.Random(seed)
    with os.fdopen(reader) as said:
        if seed % EARLY:
            yield said.readline().rstrip("\n")
            time.sleep(chance.uniform(0.0, LIFE_S))
        else:
            time.sleep(chance.uniform(0.0, BIRTH_S))
        os.kill(child, signal.SIGKILL)
        yield from (line.rstrip("\n") for line in said if line.endswith("\n"))
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "it ended by itself"


def main() -> None:
    """Answer each seed on stdin with what its life said."""
    folder, hot = map(Path, sys.argv[1:])
    for line in sys.stdin:
        seed, number = map(int, line.split())
        for said in one_life(folder, hot, seed, number):
            print(said)
        print("died", flush=True)


if __name__ == "__main__":
    main()
