"""When a message is said to have happened: from its readings and the configuration alone; pure.

Consumers throw away a second message of the same thing, id and time. So no two may share one, and
what is sent again has to have the same one, over a new connection and a restart too. Therefore
nothing is remembered: a report carries its readings' own time, to the millisecond. No channel has
one twice (recorder); channels that share an id have one together, and each has its place after it.
A report has the place of its last channel: what is sent again after a lost acknowledgement may
have more of its instant in it than before, and must not be taken for what was there already.

Source: Haltian developer site, message header (seconds, decimals allowed) and best practices.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from gatewayd.clouds.thingsee.names import MOVEMENT, OCCUPANCY, Place
from gatewayd.model import ChannelId

PLACE_US = 1001
"""From one channel's place to the next. The millisecond keeps them apart for consumers that know
no less; the microsecond tells them from what was read a millisecond later. Good for 500 channels
of one thing and id."""

ASIDE_US = 500
"""What no report can have below its milliseconds."""

ONE_ID = {OCCUPANCY: MOVEMENT}
"""Messages that the cloud's settings turn into one another."""


@dataclass(frozen=True, slots=True)
class Ranks:
    """Each channel's number among those whose messages may have one time, from 0."""

    by_message: Mapping[ChannelId, int]
    """Among the thing's channels with the same message."""
    by_thing: Mapping[ChannelId, int]
    """Among all of the thing's channels: a failure (1403) can be any one's."""


def rank_channels(places: Mapping[ChannelId, Place]) -> Ranks:
    """Return the numbers of all channels, the last of the configuration first.

    So a report of all channels has its instant itself.
    """
    of_message: Counter[tuple[str, int]] = Counter()
    of_thing: Counter[str] = Counter()
    ranks = Ranks(by_message := {}, by_thing := {})
    for name, place in reversed([*places.items()]):
        key = (place.thing, ONE_ID.get(place.message, place.message))
        by_message[name], by_thing[name] = of_message[key], of_thing[place.thing]
        of_message[key] += 1
        of_thing[place.thing] += 1
    return ranks


def report_s(time_ms: int, rank: int) -> float:
    """Return the time (s) of a report whose last reading is of a channel with this number."""
    return seconds_of(time_ms * 1000 + rank * PLACE_US)


def seconds_of(time_us: int) -> float:
    """Return unix seconds: a whole number where it is one."""
    return time_us // 1_000_000 if time_us % 1_000_000 == 0 else time_us / 1_000_000
