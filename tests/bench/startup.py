"""From the spawn of the process to its first reading at the far side."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from pathlib import Path

from tests.bench.figure import Figure, show_s
from tests.bench.folders import disk_folder
from tests.bench.subjects import Load, Pace, Subject

NODES = Load(25, 4)

FIGURES = (
    Figure(
        "start", "start to first delivered reading", show_s, 0.7, False,
        f"{NODES} × 1 Hz, fresh state, warm page cache",
        ("bare_start", "Python's start to a bare asyncio loop"),
    ),
)  # fmt: skip


def measure(subject: Subject, cache: Path, pace: Pace) -> Mapping[str, float]:
    """Start it some times, each time from nothing."""
    took = []
    for _ in range(pace.starts):
        with disk_folder(cache) as folder, subject.start(folder, NODES) as (_, start_s):
            took.append(start_s)
    return {"start": statistics.median(took)}
