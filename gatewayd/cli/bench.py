"""`gatewayd bench`: what this machine can do."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from gatewayd.cli import DONE, INTERRUPTED

if TYPE_CHECKING:
    from gatewayd.cli import Subparsers
    from gatewayd.drill.measure import Figures

HELP = "measure this machine: durable readings a second, latency, memory, bytes written"

EPILOG = """\
example:
  gatewayd bench
  gatewayd bench --scratch /var/lib/gatewayd --json

The real daemon with simulated devices and a local cloud, in a scratch folder, for half a minute on
a Pi 4. What else runs here is measured with it: a gateway at work makes the figures worse, not
wrong. Your configuration, state and hardware are not touched.
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add this verb to the command line."""
    parser = subparsers.add_parser("bench", help=HELP, description=HELP, epilog=EPILOG)
    parser.add_argument(
        "--scratch", metavar="DIR", type=Path, help="where its folder is made, as on the SD card"
    )
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure and print the figures."""
    from gatewayd.drill.measure import measure
    from gatewayd.logs import configure_logs
    from gatewayd.outbox.places import is_tmpfs

    configure_logs("error")
    folder = (args.scratch or Path(tempfile.gettempdir())).resolve()
    if not args.json:
        print(f"measuring in {folder} …", file=sys.stderr, flush=True)
    try:
        figures = asyncio.run(measure(args.scratch, is_stored=not is_tmpfs(folder)))
    except KeyboardInterrupt:
        return INTERRUPTED
    if args.json:
        print(json.dumps({"folder": str(folder), **asdict(figures)}))
    else:
        print("\n".join(show_figures(figures)))
    return DONE


def show_figures(figures: Figures) -> Iterator[str]:
    """Yield a line for each figure."""
    per = figures.bytes_a_reading
    written = "nothing: the folder is in memory, say --scratch" if per is None else f"{per:.1f} B"
    rows = (
        ("start to the first answer", f"{figures.start_s:.2f} s"),
        ("memory, 100 channels, one cloud", f"{figures.memory_mib:.1f} MiB"),
        ("one core, at 100 readings/s", f"{figures.cpu_percent:.1f} %"),
        ("written to storage a reading", written),
        ("durable readings/s at the most", f"{figures.flood_per_s:,}"),
        ("memory in that flood", f"{figures.flood_memory_mib:.1f} MiB"),
        ("command on the spot, median · p99", _pair(figures.socket_p50_ms, figures.socket_p99_ms)),
        ("command by a cloud, median · p99", _pair(figures.cloud_p50_ms, figures.cloud_p99_ms)),
    )
    for name, value in rows:
        yield f"{name:<34} {value}"


def _pair(median_ms: float, p99_ms: float) -> str:
    return f"{median_ms:.1f} ms · {p99_ms:.1f} ms"
