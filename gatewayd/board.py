"""The latest value of every channel with its age, and a short history for plots, in memory.

Characteristics: in readings · out the latest reading, the latest fault, a bounded history ·
buffered `HISTORY` readings a channel · when full the oldest goes · not durable · event loop only.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from gatewayd.model import ChannelId, Reading

HISTORY = 240
"""Readings kept a channel: 40 minutes at one every 10 s, about 25 kB a channel. A plot needs no
more; the outbox and the clouds hold the rest."""


@dataclass(slots=True)
class Panel:
    """All that the board knows of one channel."""

    latest: Reading | None = None
    """The newest reading, value or reason."""
    latest_good: Reading | None = None
    """The newest reading that had a value."""
    history: deque[Reading] = field(default_factory=lambda: deque(maxlen=HISTORY))


class Board:
    """Latest values in memory; posted by the recorder, read by everybody.

    What a sampler sees and does not publish, it shows here itself. The recorder is a tenth of a
    second behind it; so much older may the latest value be of a channel that is read as often.
    """

    def __init__(self) -> None:
        self._panels: dict[ChannelId, Panel] = {}
        self._watchers: list[Callable[[], object]] = []

    def post(self, readings: Iterable[Reading]) -> None:
        """Take readings, the newest last."""
        panels = self._panels
        for reading in readings:
            panel = panels.get(reading[0])
            if panel is None:
                panel = panels[reading[0]] = Panel()
            panel.latest = reading
            if reading[2] is not None:
                panel.latest_good = reading
            panel.history.append(reading)
        for tell in self._watchers:
            tell()

    def see(self, readings: Iterable[Reading]) -> None:
        """Take values that are newer and no news: they are the latest, and no history."""
        for reading in readings:
            panel = self._panels.get(reading[0])
            if panel is None:
                panel = self._panels[reading[0]] = Panel()
            panel.latest = reading
            if reading[2] is not None:
                panel.latest_good = reading
        for tell in self._watchers:
            tell()

    @contextmanager
    def watched(self, tell: Callable[[], object]) -> Iterator[None]:
        """Call `tell` after every post while the block lasts; it must be quick and not raise."""
        self._watchers = [*self._watchers, tell]
        try:
            yield
        finally:
            self._watchers = [each for each in self._watchers if each is not tell]

    def latest(self, channel: ChannelId) -> Reading | None:
        """Return the newest reading of a channel, value or reason, or None if there was none."""
        panel = self._panels.get(channel)
        return panel.latest if panel else None

    def panel(self, channel: ChannelId) -> Panel | None:
        """Return all that is known of a channel."""
        return self._panels.get(channel)

    def __iter__(self) -> Iterator[tuple[ChannelId, Panel]]:
        return iter(self._panels.items())
