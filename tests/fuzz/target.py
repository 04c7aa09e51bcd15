"""What is attacked: anything that takes bytes of a stranger, in one form."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path

from gatewayd.model import Measurement, Quality

FOUND = Path(__file__).parent.parent / "frames" / "found"
"""Inputs that once broke a target: a folder each, replayed for ever."""

INPUT_BYTES_MAX = 4096

Run = Callable[[bytes], object]
"""Takes one input; what it raises is a finding."""


@dataclass(frozen=True, slots=True)
class Target:
    """One entry.

    Attributes:
        name: also its folder's under `tests/frames/found`.
        module: whose tests hold good messages to begin with.
        open: gives what runs one input, for as long as the block lasts.
        good: a message to begin with that no test has as it is.
    """

    name: str
    module: str
    open: Callable[[], AbstractContextManager[Run]]
    good: bytes = b""

    @property
    def folder(self) -> Path:
        """Where its findings are kept."""
        return FOUND / self.name.replace("/", "_")


def plain(name: str, module: str, run: Run) -> Target:
    """Return a target that needs no surroundings."""
    return Target(name, module, lambda: nullcontext(run))


class NoValue(AssertionError):
    """A decoder believed something that no channel can hold."""


def check_believed(told: object) -> None:
    """Look at everything that a decoder made: a reading is a finite value or a reason.

    Raises:
        NoValue: it is neither.
    """
    for each in _parts(told, 0):
        if isinstance(each, float) and not math.isfinite(each):
            raise NoValue(f"{each} in {told!r}"[:300])
        if isinstance(each, Measurement) and (each.value is not None) != each.quality.has_value:
            raise NoValue(repr(each)[:300])


def _parts(told: object, depth: int) -> Iterator[object]:
    yield told
    if depth > 8 or isinstance(told, str | bytes | Quality):
        return
    if is_dataclass(told) and not isinstance(told, type):
        for field in fields(told):
            yield from _parts(getattr(told, field.name, None), depth + 1)
    elif isinstance(told, Mapping):
        for value in told.values():
            yield from _parts(value, depth + 1)
    elif isinstance(told, list | tuple):
        for value in told:
            yield from _parts(value, depth + 1)
