"""Which commands were taken last, kept over restarts in a small file.

The cloud does not repeat what it pushed while nobody listened, so after every connection the
commands are read back; this says which of them were pushed, and taken, before. A row has the
cloud's time and a push mostly has none: it counts as taken at the cloud's time of its arrival,
and a row of the same value around that time is the same command. Once it is carried out its row
is asked for, and the row's time is known: the cloud's clock may have been set meanwhile.

Source: thethings.iO API reference, thing subscribe and thing read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from gatewayd.clouds.thethingsio.codec import Entry
from gatewayd.small_files import DAMAGE, make_folder, replace_file

FILE = "commands.json"
BYTES_MAX = 256 * 1024

SLACK_MS = 3000
"""How far the time of a push and the time of its row may be apart: the way here, and a Date of
whole seconds."""


@dataclass(frozen=True, slots=True)
class Taken:
    """The last command of one resource.

    Attributes:
        digest: of its value.
        time_ms: at the cloud; the row's own, or the arrival's until that is known.
        is_dated: whether it is the row's own.
    """

    digest: str
    time_ms: int
    is_dated: bool


def taken_of(entry: Entry, arrived_ms: int) -> Taken:
    """Return what to remember of a command that came at an instant of the cloud's clock."""
    if entry.time_ms is not None:
        return Taken(digest_of(entry.value), entry.time_ms, is_dated=True)
    return Taken(digest_of(entry.value), arrived_ms, is_dated=False)


def is_missed(row: Entry, taken: Taken | None) -> bool:
    """Return whether the newest row of a resource is a command that never arrived here."""
    if row.time_ms is None:
        return False  # Nobody knows how old it is.
    if taken is None:
        return True
    if taken.is_dated:
        return row.time_ms > taken.time_ms
    is_same = digest_of(row.value) == taken.digest
    return row.time_ms > taken.time_ms + (SLACK_MS if is_same else -SLACK_MS)


def digest_of(value: Any) -> str:
    """Return a short name for a value, the same for the same JSON."""
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def load_taken(folder: Path) -> dict[str, Taken]:
    """Return the last commands by resource; a file that is missing or damaged is none."""
    try:
        with (folder / FILE).open("rb") as file:
            kept = json.loads(file.read(BYTES_MAX))
        return {key: _taken(said) for key, said in kept.items()}
    except DAMAGE:
        return {}


def _taken(said: Any) -> Taken:
    return Taken(str(said["digest"]), int(said["time_ms"]), bool(said["is_dated"]))


def store_taken(folder: Path, taken: Mapping[str, Taken]) -> None:
    """Keep the last commands; they are on the disk when this returns.

    Raises:
        OSError: they cannot be written.
    """
    make_folder(folder)
    said = {key: asdict(each) for key, each in taken.items()}
    replace_file(folder / FILE, json.dumps(said).encode())
