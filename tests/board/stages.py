"""What a run of the board does at the moment, on the terminal, and how long each part took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


class Stages:
    """The clock of one run.

    Attributes:
        took_s: (stage, seconds), in their order.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.took_s: list[tuple[str, float]] = []
        self._config = config

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Say that something begins, and when it is done how long it took."""
        began_s = time.monotonic()
        self.say(f"==> {name}")
        yield
        self.took_s.append((name, time.monotonic() - began_s))
        self.say(f"    {self.took_s[-1][1]:.1f} s")

    def say(self, line: str) -> None:
        """Print a line past pytest's capturing."""
        capture = self._config.pluginmanager.getplugin("capturemanager")
        reporter = self._config.pluginmanager.getplugin("terminalreporter")
        assert capture is not None and reporter is not None
        with capture.global_and_fixture_disabled():
            reporter.write_line(line)


KEY = pytest.StashKey[Stages]()
