"""After an outage: how soon the first row comes, and how fast the backlog goes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from tests.bench.figure import Figure, show_rate, show_s
from tests.bench.folders import disk_folder
from tests.bench.subjects import Load, Pace, Subject, wait_received

SINGLES = Load(100, 1, every_s=None)
NODES = Load(25, 4, every_s=None)
RETURN_S = 120.0
CUT_S = 1.0
"""For what was on its way when the wire was cut."""

OUTAGE_S = 14.0
"""Long enough for every subject to have stored the backlog and to be in its reconnecting."""
SHAPES = (("singles", SINGLES), ("nodes", NODES))

FIGURES = tuple(
    figure
    for name, load in SHAPES
    for figure in (
        Figure(
            f"drain_{name}", "drain after an outage", show_rate, 100_000, True,
            f"a backlog of {load}", ("drain", "SQLite read, publish, QoS 1, to mosquitto"),
        ),
        Figure(
            f"first_connack_{name}", "CONNACK to first row", show_s, 1.0, False,
            f"a backlog of {load}", None,
        ),
        Figure(
            f"first_open_{name}", "cloud's port open to first row", show_s, None, False,
            f"a backlog of {load}", None,
        ),
    )
)  # fmt: skip


def measure(subject: Subject, cache: Path, pace: Pace) -> Mapping[str, float]:
    """Cut the link, store a backlog, join it again; once for each shape of the load."""
    samples = {}
    for name, load in SHAPES[: None if pace.has_variants else 1]:
        rate, first_connack_s, first_open_s = _drain(subject, cache, pace, load)
        samples[f"drain_{name}"] = rate
        samples[f"first_connack_{name}"] = first_connack_s
        samples[f"first_open_{name}"] = first_open_s
    return samples


def _drain(subject: Subject, cache: Path, pace: Pace, load: Load) -> tuple[float, float, float]:
    backlog = pace.backlog // load.width * load.width
    with (
        disk_folder(cache) as folder,
        subject.start(folder, load, is_cuttable=True) as (running, _),
    ):
        time.sleep(pace.settle_s)
        running.cut()
        time.sleep(CUT_S)
        goal = running.received() + backlog
        running.store(backlog)
        time.sleep(OUTAGE_S)
        running.join()
        ended = wait_received(running, goal, RETURN_S)
        seen = running.seen()
    if seen.joined_at is None or seen.connected_at is None or seen.first_row_at is None:
        raise RuntimeError(f"{subject.name}: the relay did not see the link's return")
    return (
        backlog / (ended - seen.first_row_at),
        seen.first_row_at - seen.connected_at,
        seen.first_row_at - seen.joined_at,
    )
