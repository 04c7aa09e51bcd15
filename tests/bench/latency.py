"""From a command at the cloud to its verified outcome, while readings flow.

gatewayd: REST controlActuator at the sandbox → MQTT → simulated relay written and read back →
HTTP answer. ThingsBoard: RPC published at the broker → connector → answer at the broker; nothing
is verified there and no HTTP is in its way.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Mapping
from pathlib import Path

from tests.bench.figure import Figure, show_ms
from tests.bench.folders import disk_folder
from tests.bench.samples import percentile
from tests.bench.subjects import Load, Pace, Subject

NODES = Load(25, 4)
THINK_S = 0.02
"""Commands come at random instants, up to this far apart: a caller in step with some poll of the
gateway would measure that poll and not the wait."""

FIGURES = (
    Figure(
        "command_p50", "command to outcome, p50", show_ms, 0.003, False,
        f"one at a time, {NODES} × 1 Hz beside", ("post_p50", "raw POST, aiohttp both ends"),
    ),
    Figure(
        "command_p99", "command to outcome, p99", show_ms, 0.015, False,
        f"one at a time, {NODES} × 1 Hz beside", ("post_p99", "raw POST, aiohttp both ends"),
    ),
)  # fmt: skip


def measure(subject: Subject, cache: Path, pace: Pace) -> Mapping[str, float]:
    """Command one output on and off, at random instants."""
    chance = random.Random(7)
    took = []
    with disk_folder(cache) as folder, subject.start(folder, NODES) as (running, _):
        time.sleep(pace.settle_s)
        for index in range(pace.commands // subject.slowness):
            time.sleep(chance.uniform(0, THINK_S))
            took.append(running.command((index + 1) % 2))
    return {"command_p50": statistics.median(took), "command_p99": percentile(took, 0.99)}
