"""`python -m tests.bench`: gatewayd beside the machine's own limits and another gateway.

One interleaved run: every figure is taken from one subject, then from the other, round by round,
and the table holds medians, because machines are noisy.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from tests.bench import cpu, disk, drain, latency, limits, startup, throughput
from tests.bench.broker import mosquitto
from tests.bench.figure import Figure
from tests.bench.folders import disk_folder, tmpfs_folder
from tests.bench.gateway import Gateway
from tests.bench.progress import step
from tests.bench.report import LIMIT, Samples, table
from tests.bench.sandbox import sandbox
from tests.bench.subjects import QUICK, Pace, Subject
from tests.bench.thingsboard import CACHE, ThingsBoard, install

ROUNDS = 3
Measure = Callable[[Subject, Path, Pace], Mapping[str, float]]
FIGURES: dict[str, tuple[tuple[Figure, ...], Measure]] = {
    "throughput": (throughput.FIGURES, throughput.measure),
    "cpu": (cpu.FIGURES, cpu.measure),
    "startup": (startup.FIGURES, startup.measure),
    "latency": (latency.FIGURES, latency.measure),
    "disk": (disk.FIGURES, disk.measure),
    "drain": (drain.FIGURES, drain.measure),
}
PROBLEMS = (RuntimeError, OSError, LookupError, TimeoutError)
"""What one measurement may fail with: it is told in the table and the others go on."""


def main() -> int:
    """Measure and print the table.

    Returns:
        0, or 1 when something of gatewayd could not be measured. An aim missed is no failure of
        the run: the table says it, and the machine may have been busy.
    """
    args = _arguments()
    pace, rounds = (QUICK, 1) if args.quick else (Pace(), ROUNDS)
    rounds = args.rounds or rounds
    names = args.only or list(FIGURES)
    samples = Samples()
    subjects = _subjects(samples, args.without)
    for number in range(rounds):
        if number:  # Variants are for comparison; once is enough of them.
            pace = replace(pace, has_variants=False)
        # A B, B A, A B: whoever comes second does not always find the caches warm.
        for name in names:
            for subject in subjects if number % 2 == 0 else subjects[::-1]:
                what = f"round {number + 1}/{rounds}, {name}, {subject.name}"
                _take(samples, what, subject.name, partial(FIGURES[name][1], subject, CACHE, pace))
        _take(samples, f"round {number + 1}/{rounds}, the machine's own limits", LIMIT, _limits)
    figures = [figure for name in names for figure in FIGURES[name][0]]
    print(table(figures, samples, ThingsBoard.name))
    if args.json:
        args.json.write_text(json.dumps(samples.as_json(), indent=1))
    is_whole = not any(each.partition(":")[0].endswith(Gateway.name) for each in samples.failures)
    return 0 if is_whole else 1


def _subjects(samples: Samples, without: list[str]) -> list[Subject]:
    subjects: list[Subject] = []
    if "gatewayd" not in without:
        subjects.append(Gateway())
    if "thingsboard" not in without:
        try:
            with step(f"{ThingsBoard.name}, its own venv"):
                install()
            subjects.append(ThingsBoard())
        except RuntimeError as error:
            samples.failures.append(f"{ThingsBoard.name}: {error}")
    return subjects


def _take(
    samples: Samples, what: str, column: str, measure: Callable[[], Mapping[str, float]]
) -> None:
    try:
        with step(what):
            samples.add(column, measure())
    except PROBLEMS as error:
        samples.failures.append(f"{what}: {error}")
        print(f"bench: {what} FAILED: {error}", file=sys.stderr, flush=True)


def _limits() -> dict[str, float]:
    found = {}
    with disk_folder(CACHE) as disk_, tmpfs_folder() as memory, mosquitto(memory) as port:
        bare = limits.bare(memory)
        post = limits.run("post", memory)
        found = {
            "bare_start": bare["start_s"],
            "bare_rss": bare["rss_bytes"],
            "insert": limits.run("insert", disk_)["rows_per_s"],
            "commit": limits.run("commit", disk_)["bytes_per_1000"],
            "publish": limits.run("publish", memory, port)["rows_per_s"],
            "pipeline_cpu": limits.run("pipeline", memory, port)["cpu_us"] / 1e6,
            "drain": limits.run("drain", disk_, port)["rows_per_s"],
            "post_p50": post["p50_s"],
            "post_p99": post["p99_s"],
        }
    with tmpfs_folder() as memory, sandbox(memory) as cloud:
        account = cloud.make_gateway(limits.CHANNELS)
        raw = limits.run("publish", memory, cloud.mqtt_port, account.gateway, account.api_key)
        return found | {"publish_sandbox": raw["rows_per_s"]}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round, 2 to 3 minutes")
    parser.add_argument("--rounds", type=int, help=f"default {ROUNDS}, or 1 with --quick")
    parser.add_argument("--json", type=Path, metavar="FILE", help="every sample, by column and key")
    parser.add_argument("--only", action="append", choices=list(FIGURES), help="may be repeated")
    parser.add_argument(
        "--without", action="append", default=[], choices=["gatewayd", "thingsboard"]
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
