"""What is done to each gateway on the stand: the same kills, the same outage, both at once."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.compare.source import ROUND
from tests.compare.stand import Stand
from tests.compare.tally import Result

SEED = 20261120


@dataclass(frozen=True, slots=True)
class Amount:
    """How much: of readings, and of kills."""

    steady: int = 6_000
    """Readings of a trial with kills."""

    steady_per_s: float = 200.0
    backlog: int = 30_000
    """Readings while the wire is cut."""

    backlog_per_s: float = 1_000.0
    kills: int = 3


QUICK = Amount(steady=2_000, backlog=10_000, kills=1)


def kill(stand: Stand, amount: Amount) -> Result:
    """SIGKILL at random moments of a steady load, the cloud being there all the time."""
    chance = random.Random(SEED)
    share = amount.steady / ROUND / (amount.kills + 1)
    per_s = amount.steady_per_s / ROUND
    stand.start()
    stand.wait_connected()
    for _ in range(amount.kills):
        stand.source.produce(round(share), per_s)
        time.sleep(chance.uniform(0.0, 1 / per_s))
        stand.kill()
        stand.start()
    stand.source.produce(round(share), per_s)
    stand.settle()
    return stand.tally.result(stand.source.produced())


def outage(stand: Stand, amount: Amount) -> Result:
    """The wire is cut under load, a backlog grows, the wire is joined again."""
    per_s = amount.backlog_per_s / ROUND
    stand.start()
    stand.wait_connected()
    stand.source.produce(round(per_s), per_s)
    stand.relay.cut()
    stand.source.produce(amount.backlog // ROUND, per_s)
    stand.relay.join()
    stand.source.produce(round(per_s), per_s)
    stand.settle()
    return stand.tally.result(stand.source.produced())


def kill_in_outage(stand: Stand, amount: Amount) -> Result:
    """SIGKILL while a backlog grows; the cloud comes back after the restart."""
    per_s = amount.steady_per_s / ROUND
    stand.start()
    stand.wait_connected()
    stand.source.produce(round(per_s), per_s)
    stand.relay.cut()
    stand.source.produce(amount.steady // ROUND // 2, per_s)
    stand.kill()
    stand.start()
    stand.source.produce(amount.steady // ROUND // 2, per_s)
    stand.relay.join()
    stand.settle()
    return stand.tally.result(stand.source.produced())


TRIALS: dict[str, Callable[[Stand, Amount], Result]] = {
    "kill": kill,
    "outage": outage,
    "kill in outage": kill_in_outage,
}
