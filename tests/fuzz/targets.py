"""Every target there is, by name."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from drivers.i2c import bme280
from gatewayd.errors import DeviceError, Malformed
from tests.fuzz.answers import answer_targets
from tests.fuzz.apps import app_targets
from tests.fuzz.clouds import cloud_targets
from tests.fuzz.configured import configured_targets
from tests.fuzz.entries import entry_targets
from tests.fuzz.finding import found_targets
from tests.fuzz.hostile import hostile_targets
from tests.fuzz.kept import kept_targets
from tests.fuzz.tables import table_targets
from tests.fuzz.target import Run, Target, check_believed, plain

TESTS = Path(__file__).parent.parent


@cache
def targets() -> dict[str, Target]:
    """Return every target by its name."""
    found = [
        *found_targets(),
        *table_targets(),
        *configured_targets(),
        *_put_together(),
        *cloud_targets(),
        *answer_targets(),
    ]
    found += [*hostile_targets(), *kept_targets(), *entry_targets(), *app_targets()]
    return {each.name: each for each in found}


def _put_together() -> Iterator[Target]:
    """Yield the decoders that a `test_mutated.py` puts together of parts: framing and reading."""
    yield plain("bme280 trim and burst", "drivers.i2c.bme280", _quiet(_bme280))
    for file in sorted(TESTS.rglob("test_mutated.py")):
        name = file.relative_to(TESTS.parent).with_suffix("").as_posix().replace("/", ".")
        decoders: dict[str, tuple[Any, bytes]] = getattr(
            importlib.import_module(name), "DECODERS", {}
        )
        for each, (decode, _) in decoders.items():
            yield plain(f"{name.removeprefix('tests.')} {each}", name, _quiet(decode))


def _bme280(data: bytes) -> None:
    trim = bme280.decode_trim(data[:26].ljust(26, b"\0"), data[26:33].ljust(7, b"\0"))
    check_believed(bme280.decode_burst(data[33:41].ljust(8, b"\0"), trim))


def _quiet(decode: Callable[[bytes], object]) -> Run:
    def run(data: bytes) -> None:
        try:
            decode(data)
        except (Malformed, DeviceError):
            return

    return run
