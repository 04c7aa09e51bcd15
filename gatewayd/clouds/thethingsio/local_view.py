"""What the board says of a thing's resources, in the words in which the link tells the cloud.

A resource's values are as old as they say, and reach back as far as the board does; where a
channel has had no value for longer than that, the last one it had is kept before them. The
resource that tells why there is no value has one row where that changes. The resource that
commands an output shows the output's state: what is, not what somebody once asked for.

Characteristics: in the board's readings · out entries · buffered nothing · event loop only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter

from gatewayd.board import Board, Panel
from gatewayd.clouds.thethingsio.codec import Entry
from gatewayd.clouds.thethingsio.names import Names, Resource
from gatewayd.clouds.thethingsio.report import value_entry, word_of
from gatewayd.model import ChannelId, Reading

Seen = dict[ChannelId, Reading]
"""The newest reading of each channel that somebody was told of."""


class View:
    """One thing's resources on the board."""

    def __init__(self, names: Names, board: Board) -> None:
        self._names = names
        self._board = board
        self._of = {key: each for each in names.values() for key in each.keys}

    @property
    def keys(self) -> Sequence[str]:
        """Every resource of this thing."""
        return tuple(self._of)

    def rows(self, key: str) -> list[Entry]:
        """Return a resource's values, the newest first.

        Raises:
            KeyError: there is no such resource.
        """
        resource = self._of[key]
        panel = self._board.panel(resource.channel)
        if panel is None or key == resource.ack:
            return []
        shown = key if key == resource.quality else resource.report
        told = list(entries_of(_kept(panel), resource))
        return [each._replace(key=key) for each in reversed(told) if each.key == shown]

    def seen(self) -> Seen:
        """Return what somebody who looks now needs not be told later."""
        panels = ((name, self._board.panel(name)) for name in self._names)
        return {name: panel.history[-1] for name, panel in panels if panel and panel.history}

    def news(self, seen: Seen) -> list[Entry]:
        """Return what came since, in the order of time, and take it as seen."""
        news: list[Entry] = []
        for name, resource in self._names.items():
            panel, last = self._board.panel(name), seen.get(name)
            if panel is None or not panel.history or panel.history[-1] is last:
                continue
            word = word_of(last.quality) if last is not None else ""
            news += entries_of(_since(panel, last), resource, word)
            seen[name] = panel.history[-1]
        return sorted(news, key=attrgetter("time_ms"))


def entries_of(readings: Iterable[Reading], resource: Resource, word: str = "") -> Iterator[Entry]:
    """Yield what readings of one channel say, the oldest first.

    Args:
        word: the quality that was told before them.
    """
    for _, time_ms, value, quality in readings:
        if value is not None:
            entry, reason = value_entry(resource, value, time_ms)
            if reason:
                continue
            yield entry
        now = word_of(quality)
        if resource.quality and now != word:
            word = now
            yield Entry(resource.quality, word, time_ms)


def _kept(panel: Panel) -> Iterator[Reading]:
    """Yield what the board has of a channel, the oldest first."""
    good, history = panel.latest_good, panel.history
    if good is not None and history and good.time_ms < history[0].time_ms:
        yield good
    yield from history


def _since(panel: Panel, last: Reading | None) -> list[Reading]:
    """Return the readings after one; all that there are where it is gone."""
    found: list[Reading] = []
    for reading in reversed(panel.history):
        if reading is last:
            break
        found.append(reading)
    return found[::-1]
