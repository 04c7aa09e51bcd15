"""Bytes written to the disk per 1,000 readings, while the cloud takes them and while it is away.

Two counters, both shown: the process's own (`write_bytes`, see child.py) and, where an ext4 can
be mounted for it alone, the block device's, filesystem journal included: what a card would see.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from tests.bench.figure import Figure, show_kb
from tests.bench.folders import Card, card
from tests.bench.subjects import Load, Pace, Running, Subject

NODES = Load(25, 4)
PER = 1000

FIGURES = (
    Figure(
        "disk_healthy", "written per 1,000 readings, healthy", show_kb, 1_000, False,
        f"{NODES} × 1 Hz, by the process", ("commit", "raw SQLite, WAL + FULL, 100 a commit"),
    ),
    Figure(
        "disk_outage", "written per 1,000 readings, outage", show_kb, 70_000, False,
        f"{NODES} × 1 Hz, by the process", ("commit", "raw SQLite, WAL + FULL, 100 a commit"),
    ),
    Figure(
        "device_healthy", "the same at the block device", show_kb, None, False,
        f"{NODES} × 1 Hz, ext4 of its own", None,
    ),
    Figure(
        "device_outage", "the same at the block device", show_kb, None, False,
        f"{NODES} × 1 Hz, ext4 of its own", None,
    ),
    Figure(
        "growth_outage", "growth of the state folder", show_kb, None, False,
        "per 1,000 readings in the outage", None,
    ),
)  # fmt: skip


def measure(subject: Subject, cache: Path, pace: Pace) -> Mapping[str, float]:
    """Count for a while with the cloud there, then for a while without."""
    with (
        card(cache) as disk,
        subject.start(disk.folder, NODES, is_cuttable=True) as (running, _),
    ):
        time.sleep(pace.settle_s)
        samples = _count(running, disk, pace, "healthy")
        running.cut()
        time.sleep(pace.settle_s)
        samples |= _count(running, disk, pace, "outage")
    return samples


def _count(running: Running, disk: Card, pace: Pace, state: str) -> dict[str, float]:
    started, device = time.monotonic(), disk.written()
    process, size = running.child.write_bytes(), _size_of(running.state_dir)
    time.sleep(pace.window_s)
    # The far side cannot count in an outage: the driver's own pace does, 1 Hz, in both states.
    readings = NODES.width * (time.monotonic() - started)
    per = PER / readings
    samples = {
        f"disk_{state}": (running.child.write_bytes() - process) * per,
        f"growth_{state}": (_size_of(running.state_dir) - size) * per,
    }
    after = disk.written()
    if device is not None and after is not None:
        samples[f"device_{state}"] = (after - device) * per
    return samples


def _size_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
