"""Says on stderr what is going on, at least every few seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

EVERY_S = 5.0


@contextmanager
def step(what: str) -> Iterator[None]:
    """Say that a step begins, every few seconds that it goes on, and how long it took."""
    started, is_over = time.monotonic(), Event()

    def say(text: str) -> None:
        print(f"bench: {what}{text}", file=sys.stderr, flush=True)

    def tick() -> None:
        while not is_over.wait(EVERY_S):
            say(f" … {time.monotonic() - started:.0f} s")

    ticker = Thread(target=tick, daemon=True)
    say("")
    ticker.start()
    try:
        yield
    finally:
        is_over.set()
        ticker.join()
        say(f": {time.monotonic() - started:.0f} s")
