"""The rows of both tiers, read in order and counted; and which number stands for which channel.

A channel's number is its place in the table of names. A row that one uplink alone shall get (it
was rejected and is sent again) stands under a number of that uplink's own for the channel.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import closing

from gatewayd.model import Batch, ChannelId
from gatewayd.outbox.slab import Slab, can_join, join
from gatewayd.outbox.tables import Tables

PRIVATE = "\x1f"
"""Between an uplink's name and a channel's; no name in a configuration can hold it."""


LOOKS = 30
"""Slabs whose columns beside the body are read in the time in which one is decoded."""


def private(uplink: str, channel: ChannelId) -> ChannelId:
    """Return the name under which a channel's rows are one uplink's alone."""
    return ChannelId(f"{uplink}{PRIVATE}{channel}")


class Rows:
    """What the tables hold, by channel."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.names: list[ChannelId] = []
        self.numbers: dict[ChannelId, int] = {}
        self.shown: list[ChannelId] = []
        """The channel that each number stands for, private or not."""
        self.publics: dict[int, int] = {}
        """For each private number that of its channel for all."""
        self.card_last = 0
        """The last seq on the card."""

    def number(self, channel: ChannelId) -> int:
        """Return a channel's number; a new channel gets the next one."""
        number = self.numbers.get(channel)
        if number is None:
            number = self.numbers[channel] = len(self.names)
            self.names.append(channel)
            shown = ChannelId(channel.rpartition(PRIVATE)[2])
            self.shown.append(shown)
            if shown != channel and shown in self.numbers:
                self.publics[number] = self.numbers[shown]
        return number

    def numbers_of(self, uplink: str, channels: Iterable[ChannelId]) -> frozenset[int]:
        """Return every number that stands for one of these channels in an uplink's eyes."""
        found = [self.numbers.get(channel) for channel in channels]
        found += [self.numbers.get(private(uplink, channel)) for channel in channels]
        return frozenset(number for number in found if number is not None)

    def slabs(self, after: int) -> Generator[Slab]:
        """Yield the slabs of both tiers that hold rows after a seq, in order."""
        if after < self.card_last:
            yield from self.tables.read("main", after)
        yield from self.uncommitted(after)

    def uncommitted(self, after: int) -> Generator[Slab]:
        """Yield those that are not on the card. Memory that was full could not forget the others,
        for that takes room too."""
        yield from self.tables.read("hot", max(after, self.card_last))

    def dated(self, after: int) -> Generator[Slab]:
        """Yield the slabs after a seq, up to the first that waits for the clock."""
        with closing(self.slabs(after)) as slabs:
            for slab in slabs:
                if slab.is_waiting:
                    return
                yield slab

    def held(self, wanted: frozenset[int], cursor: int) -> int:
        """Count the rows of an uplink after its cursor."""
        if len(wanted) == len(self.names):
            count_after = self.tables.rows_after
            return count_after("main", cursor) + count_after("hot", max(cursor, self.card_last))
        return sum(count(slab, wanted, cursor) for slab in self.slabs(cursor))

    def held_in_memory(self, wanted: frozenset[int], cursor: int) -> int:
        """Count those of them that are not on the card."""
        return sum(count(slab, wanted, cursor) for slab in self.uncommitted(cursor))

    def is_countable(self, wanted: frozenset[int], cursor: int, slabs_max: int) -> bool:
        """Return whether that takes no more than decoding some slabs; looking at one is cheaper."""
        if len(wanted) == len(self.names):
            slabs_max *= LOOKS
        query = "SELECT count(*) FROM (SELECT 1 FROM {}.slab WHERE last > ? LIMIT ?)"
        found = sum(
            self.tables.one(query.format(tier), cursor, slabs_max + 1) for tier in ("main", "hot")
        )
        return found <= slabs_max

    def fill(
        self, wanted: frozenset[int], slabs: Iterable[Slab], batch: Batch, limit: int
    ) -> Batch:
        """Return a batch with the rows of an uplink that follow, `limit` of them at the most."""
        seqs, readings, through = list(batch.seqs), list(batch.readings), batch.through
        for slab in slabs:
            start, room = max(0, through + 1 - slab.first), limit - len(readings)
            if wanted.issuperset(slab.numbers):
                stop = min(len(slab.numbers), start + room)
                readings += slab.readings(self.shown, start, stop)
                seqs += range(slab.first + start, slab.first + stop)
            else:
                every = range(start, len(slab.numbers))
                mine = [i for i in every if slab.numbers[i] in wanted][:room]
                # What was not looked at is for the next batch, or it would be lost.
                stop = mine[-1] + 1 if len(mine) == room else len(slab.numbers)
                readings += slab.pick(self.shown, mine)
                seqs += [slab.first + i for i in mine]
            through = slab.first + stop - 1
            if len(readings) >= limit:
                break
        return Batch(batch.uplink, seqs, readings, through)


def count(slab: Slab, wanted: frozenset[int], after: int = 0) -> int:
    """Count the rows of a slab after a seq whose channels are wanted."""
    return count_numbers(slab.first, slab.numbers, wanted, after)


def count_numbers(first: int, numbers: Sequence[int], wanted: frozenset[int], after: int) -> int:
    """Count the rows from `first` on after a seq whose channels are wanted."""
    if after >= first:
        numbers = numbers[after + 1 - first :]
    if wanted.issuperset(numbers):
        return len(numbers)
    return sum(number in wanted for number in numbers)


def joined(slabs: Iterable[Slab]) -> list[Slab]:
    """Return slabs with neighbours put together as far as they may be."""
    found: list[Slab] = []
    for slab in slabs:
        if found and can_join(found[-1], slab):
            found[-1] = join(found[-1], slab)
        else:
            found.append(slab)
    return found
