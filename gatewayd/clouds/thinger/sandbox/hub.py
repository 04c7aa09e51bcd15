"""The cloud's news: what happens in an account, for whoever listens by WebSocket.

Source: node-red-contrib-thinger, server events; Thinger.io API description 2025.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from gatewayd.sandbox.bodies import Document
from gatewayd.sandbox.clock import MovableClock

NEWS_MAX = 1000
"""What waits for one listener; the oldest go."""

PATTERN_CHARACTERS_MAX = 200


class Listener:
    """One listener's queue; an empty filter hears nothing."""

    def __init__(self) -> None:
        self.filters: list[Mapping[str, object]] = []
        self._news: deque[Document] = deque(maxlen=NEWS_MAX)
        self._some = asyncio.Event()

    def tell(self, news: Document) -> None:
        """Queue a piece of news."""
        self._news.append(news)
        self._some.set()

    async def next(self) -> Document:
        """Wait for the next piece of news."""
        while not self._news:
            self._some.clear()
            await self._some.wait()
        return self._news.popleft()


class Hub:
    """Everybody who listens, by account."""

    def __init__(self, clock: MovableClock) -> None:
        self._clock = clock
        self._listeners: list[tuple[str, Listener]] = []

    @contextmanager
    def listening(self, user: str) -> Iterator[Listener]:
        """Yield a listener to an account's news."""
        entry = user, Listener()
        self._listeners.append(entry)
        try:
            yield entry[1]
        finally:
            self._listeners.remove(entry)

    def emit(self, user: str, event: str, **fields: object) -> None:
        """Tell everybody whom it concerns."""
        news: Document = {"event": event, "ts": self._clock.now_ms(), "user": user, **fields}
        for owner, listener in tuple(self._listeners):
            if owner == user and any(is_match(each, news) for each in listener.filters):
                listener.tell(news)


def is_match(wanted: Mapping[str, object], news: Mapping[str, object]) -> bool:
    """Return whether every member of a filter fits; texts may be regular expressions."""
    return all(_fits(value, news.get(name)) for name, value in wanted.items())


def _fits(wanted: object, said: object) -> bool:
    if wanted == said:
        return True
    if not isinstance(wanted, str) or not isinstance(said, str):
        return False
    try:
        return re.fullmatch(wanted[:PATTERN_CHARACTERS_MAX], said) is not None
    except re.error:
        return False
