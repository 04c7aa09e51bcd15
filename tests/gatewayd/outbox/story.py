"""A log that lives many short lives, and what the world knows of it: the truth to judge it by.

Every reading has a number of its own as its value, so that what arrives can be told apart. The
world notes what the log said it took (`taken`), what of that was on the card by then (`safe`),
and what each cloud got, in order and with repeats.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from gatewayd.model import Batch, ChannelId, Reading
from gatewayd.outbox import Account, Outbox
from gatewayd.testing.clock import START_MS

CHANNELS = [ChannelId(f"boiler/c{number}") for number in range(5)]
WANTED: Mapping[str, frozenset[ChannelId]] = {
    "all": frozenset(CHANNELS),
    "part": frozenset(CHANNELS[:2]),
}
"""One uplink takes everything, one a part: they are counted in different ways."""

STEPS = 12
ROWS_MAX = 40


@dataclass
class World:
    """What happened, as seen from outside."""

    number: int = 0
    taken: set[int] = field(default_factory=set)
    safe: set[int] = field(default_factory=set)
    got: dict[str, list[int]] = field(default_factory=lambda: {name: [] for name in WANTED})
    told: list[str] = field(default_factory=list)
    """What the log said of its files while it was drained."""

    def owed_to(self, uplink: str, numbers: set[int]) -> set[int]:
        """Return those of some numbers that an uplink wants."""
        return {number for number in numbers if channel_of(number) in WANTED[uplink]}

    def repeats(self, uplink: str) -> int:
        """Return how many arrivals were not the first of their reading."""
        return len(self.got[uplink]) - len(set(self.got[uplink]))

    def assert_in_order(self) -> None:
        """Each cloud got every reading for the first time after those before it."""
        for got in self.got.values():
            firsts = list(dict.fromkeys(got))
            assert firsts == sorted(firsts)


def channel_of(number: int) -> ChannelId:
    """Return the channel on which a number is said."""
    return CHANNELS[number % len(CHANNELS)]


def say(first: int, count: int) -> list[Reading]:
    """Return readings with the numbers from `first` on."""
    numbers = range(first, first + count)
    return [Reading(channel_of(n), START_MS + n, float(n)) for n in numbers]


def numbers_in(batch: Batch) -> list[int]:
    """Return the numbers of a batch; what was never said in this form fails."""
    numbers = [int(float(str(reading.value))) for reading in batch.readings]
    expected = [say(number, 1)[0] for number in numbers]
    assert list(batch.readings) == expected
    return numbers


async def live(outbox: Outbox, world: World, chance: random.Random, steps: int = STEPS) -> None:
    """Append, commit and deliver, in any order."""
    for _ in range(steps):
        act = chance.random()
        if act < 0.5:
            count = chance.randrange(1, ROWS_MAX)
            await outbox.append(say(world.number + 1, count))
            world.taken |= set(range(world.number + 1, world.number + count + 1))
            world.number += count
        elif act < 0.7:
            taken = set(world.taken)
            await outbox.commit()
            world.safe |= taken if outbox.card_fault is None else set()
        else:
            uplink = chance.choice(list(WANTED))
            await deliver(outbox, world, uplink, chance.randrange(1, 80), chance)


async def deliver(
    outbox: Outbox, world: World, uplink: str, limit: int, chance: random.Random | None = None
) -> bool:
    """Deliver one batch; now and then the acknowledgement is lost. Returns whether there was
    anything more."""
    batch = await outbox.next_batch(uplink, outbox.accounts[uplink].cursor, limit)
    if batch is None:
        return False
    await outbox.offer(batch)
    world.got[uplink] += numbers_in(batch)
    if chance is None or chance.random() < 0.8:
        await outbox.ack(uplink, batch.through, len(batch))
    return True


async def drain(outbox: Outbox, world: World) -> dict[str, Account]:
    """Deliver all there is, and return the accounts; the ledger must balance before and after."""
    await assert_balanced(outbox)
    for uplink in WANTED:
        while await deliver(outbox, world, uplink, 1000):
            pass
    world.told += await outbox.commit()
    await assert_balanced(outbox)
    accounts = {uplink: outbox.accounts[uplink] for uplink in WANTED}
    assert not any(account.pending for account in accounts.values())
    return accounts


async def assert_balanced(outbox: Outbox) -> None:
    """accepted = delivered + pending + dropped, and pending is what the files hold."""
    for uplink, line in (await outbox.balance()).items():
        assert line.is_balanced, (uplink, line)
        assert line.pending == line.held >= 0, (uplink, line)
        assert all(count > 0 for count in line.dropped.values()), (uplink, line)
    assert await outbox.audit() == []
