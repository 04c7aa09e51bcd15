"""CPU a reading and memory, in the steady state with one cloud."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from tests.bench.figure import Figure, show_mib, show_us
from tests.bench.folders import disk_folder
from tests.bench.subjects import Load, Pace, Subject

SINGLES = Load(100, 1)
NODES = Load(25, 4)
"""25 sensors of 4 quantities each, and other shapes of 100 channels: what one reading costs
depends on how many come together, for every gateway."""

ONE = Load(1, 100)

FIGURES = (
    Figure(
        "cpu_singles", "CPU a reading", show_us, 80e-6, False,
        f"{SINGLES} × 1 Hz", ("pipeline_cpu", "insert, select, publish, delete in one loop"),
    ),
    Figure(
        "cpu_nodes", "CPU a reading", show_us, 80e-6, False,
        f"{NODES} × 1 Hz", ("pipeline_cpu", "insert, select, publish, delete in one loop"),
    ),
    Figure(
        "cpu_one", "CPU a reading", show_us, 80e-6, False,
        f"{ONE} × 1 Hz", ("pipeline_cpu", "insert, select, publish, delete in one loop"),
    ),
    Figure(
        "rss", "memory (RSS)", show_mib, 45 * 2**20, False,
        f"{NODES} × 1 Hz, one cloud", ("bare_rss", "Python with a bare asyncio loop"),
    ),
)  # fmt: skip

SHAPES = (("cpu_nodes", NODES), ("cpu_singles", SINGLES), ("cpu_one", ONE))


def measure(subject: Subject, cache: Path, pace: Pace) -> Mapping[str, float]:
    """Watch a warm gateway for a while, once for each shape of the load."""
    samples = {}
    for key, load in SHAPES[: None if pace.has_variants else 1]:
        with disk_folder(cache) as folder, subject.start(folder, load) as (running, _):
            time.sleep(pace.settle_s)
            cpu_s, received = running.child.cpu_s(), running.received()
            time.sleep(pace.window_s)
            readings = running.received() - received
            if not readings:
                raise RuntimeError(f"{subject.name} delivered nothing for {pace.window_s} s")
            samples[key] = (running.child.cpu_s() - cpu_s) / readings
            if load == NODES:
                samples["rss"] = float(running.child.rss_bytes())
    return samples
