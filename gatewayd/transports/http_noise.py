"""What strangers send to an HTTP port that is no HTTP: counted, and kept out of the log.

aiohttp writes a traceback for each request that it cannot read, with what the peer sent. Anybody
who reaches the port could fill the journal, and the card, with a few bytes a time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable


class Noise(logging.Filter):
    """Counts unreadable requests; everything else is logged as it always was.

    `note` is told the count at the first, the tenth, the hundredth and so on.
    """

    def __init__(self, note: Callable[[int], object] = lambda count: None) -> None:
        super().__init__()
        self.count = 0
        self._note = note
        self._next = 1

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a line is logged."""
        from aiohttp.http_exceptions import HttpProcessingError

        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, HttpProcessingError):
            return True
        self.count += 1
        if self.count == self._next:
            self._next *= 10
            self._note(self.count)
        return False


def make_logger(noise: Noise) -> logging.Logger:
    """Return what a server of aiohttp logs to."""
    logger = logging.Logger("gatewayd.http")
    logger.parent = logging.getLogger()
    logger.addFilter(noise)
    return logger
