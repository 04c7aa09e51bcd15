"""What a run has spent so far, in one small file: a run that ended goes on from there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from tests.fuzz.turns import Standing

All = Mapping[str, Mapping[str, Standing]]
"""Of each fuzzer, of each of its targets."""


def save(path: Path, standings: All) -> None:
    """Write down how far all have come, at once or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    told = {
        family: {name: asdict(each) for name, each in those.items()}
        for family, those in standings.items()
    }
    beside = path.with_suffix(".new")
    beside.write_text(json.dumps(told, indent=1))
    beside.replace(path)


def load(path: Path, names: Mapping[str, list[str]]) -> dict[str, dict[str, Standing]]:
    """Return how far all have come; a target that is new has not begun, one that is gone is not.

    Args:
        path: may be missing.
        names: the targets of each fuzzer.
    """
    told = json.loads(path.read_text()) if path.exists() else {}
    before = {name: each for those in told.values() for name, each in those.items()}
    return {
        family: {name: Standing(**before.get(name, {})).mended() for name in those}
        for family, those in names.items()
    }
