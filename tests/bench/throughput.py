"""Durable readings a second: a flood in the gateway's own process, counted at the far side.

The clock runs from the order to produce until the far side has the last reading; each reading
passes the gateway's durable storage in between.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from tests.bench.figure import Figure, show_rate
from tests.bench.folders import disk_folder
from tests.bench.subjects import Load, Pace, Subject, wait_received

SINGLES = Load(100, 1, every_s=None)
NODES = Load(25, 4, every_s=None)
DONE_S = 120.0

FIGURES = (
    Figure(
        "throughput_singles", "durable readings", show_rate, 100_000, True,
        f"a flood from {SINGLES}", ("publish_sandbox", "raw publish, QoS 1, to the sandbox"),
    ),
    Figure(
        "throughput_nodes", "durable readings", show_rate, 100_000, True,
        f"a flood from {NODES}", ("insert", "raw SQLite insert, WAL + FULL, 1,000 a commit"),
    ),
)  # fmt: skip


def measure(subject: Subject, cache: Path, pace: Pace) -> Mapping[str, float]:
    """Flood a fresh gateway once for each shape of the load."""
    shapes = (("throughput_singles", SINGLES), ("throughput_nodes", NODES))
    return {key: _flood(subject, cache, pace, load) for key, load in shapes}


def _flood(subject: Subject, cache: Path, pace: Pace, load: Load) -> float:
    wanted = pace.flood_readings // subject.slowness // load.width * load.width
    with disk_folder(cache) as folder, subject.start(folder, load) as (running, _):
        time.sleep(pace.settle_s)
        goal = running.received() + wanted
        started = time.monotonic()
        running.flood(wanted)
        return wanted / (wait_received(running, goal, DONE_S) - started)
