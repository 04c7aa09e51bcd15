"""`python -m tests.fuzz [--seconds 3600] [--jobs 2] [NAME…]`: coverage-guided fuzzing by atheris.

There are a few fuzzers (families.py), each with many targets, among which it divides its seconds
of processor time: a slice each, in a process of its own. A target begins with the good messages of
the tests and with what was learnt before (`.cache/fuzz`). What breaks one goes to
`tests/frames/found/TARGET/`, where `make test` replays it for ever; rename it after what it is,
and commit it with the fix. Ctrl-C ends a run with its table, `--resume` goes on with it.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import importlib.util
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any

import structlog

from tests.fuzz import spent, telling
from tests.fuzz.families import FAMILIES, families
from tests.fuzz.seeds import seeds, words
from tests.fuzz.slices import CACHE, Underway, begin, end, log_of
from tests.fuzz.target import Target
from tests.fuzz.turns import Standing, next_fuzzer, next_target, slice_s, spent_s

SPENT = CACHE / "spent.json"


def main() -> int:
    """Run the fuzzers side by side; 1 if a target broke."""
    args = _arguments()
    if importlib.util.find_spec("atheris") is None:
        print("atheris is not installed: pip install atheris, or make fuzz")
        return 1
    found = _instrumented()
    chosen = {
        family: [name for name in those if _is_meant(args.names, family, name)]
        for family, those in families(found).items()
    }
    chosen = {family: those for family, those in chosen.items() if those}
    if args.list:
        print("\n".join(f"{family} {name}" for family in chosen for name in chosen[family]))
        return 0
    if not args.resume:
        SPENT.unlink(missing_ok=True)
    tier = Tier(found, spent.load(SPENT, chosen), args.seconds)
    print(telling.beginning(tier.standings, args.seconds, args.jobs), flush=True)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        tier.run(args.jobs)
    except KeyboardInterrupt:
        print("ending; --resume goes on", flush=True)
    tier.stop()
    print(telling.table(tier.standings), *telling.broken(tier.standings), sep="\n", flush=True)
    if args.json:
        telling.write_json(args.json, tier.standings)
    return 1 if telling.broken(tier.standings) else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument(
        "--seconds", type=float, default=3600, help="of processor time, for each fuzzer"
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "--resume", action="store_true", help="go on; --seconds counts what was spent before"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table there, too")
    parser.add_argument("--list", action="store_true", help="tell the fuzzers and their targets")
    parser.add_argument(
        "names", nargs="*", help=f"{', '.join(FAMILIES)}, or parts of targets' names"
    )
    return parser.parse_args()


def _is_meant(wanted: list[str], family: str, name: str) -> bool:
    return not wanted or any(each == family or each in name for each in wanted)


def _instrumented() -> Mapping[str, Target]:
    """Return the targets, with instruments in everything that is ours."""
    atheris: Any = importlib.import_module("atheris")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with atheris.instrument_imports(include=["gatewayd", "drivers"], enable_loader_override=False):
        found: Mapping[str, Target] = importlib.import_module("tests.fuzz.targets").targets()
        return found


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


class Tier:
    """The fuzzers, how far each has come, and the slices under way."""

    def __init__(
        self, found: Mapping[str, Target], standings: dict[str, dict[str, Standing]], seconds: float
    ) -> None:
        self.standings = standings
        self._found, self._seconds = found, seconds
        self._family = {name: family for family, those in standings.items() for name in those}
        # Once, in the process that all others are made of: it reads all of the tests.
        self._messages = {name: seeds(found[name]) for name in self._family}
        self._words = {name: words(found[name]) for name in self._family}
        self._processes: dict[int, Underway] = {}
        gc.collect()
        gc.freeze()

    def run(self, jobs: int) -> None:
        """Give slices until everybody has had what they get."""
        while True:
            under_way = {each.target.name: each.seconds for each in self._processes.values()}
            family = next_fuzzer(self.standings, under_way, self._seconds)
            if family is not None and len(self._processes) < jobs:
                self._begin(family, under_way)
            elif self._processes:
                self._wait()
            else:
                return

    def stop(self) -> None:
        """End the slices that are under way, and count them."""
        for process in self._processes:
            os.kill(process, signal.SIGUSR1)
        while self._processes:
            self._wait()

    def _begin(self, family: str, under_way: Mapping[str, float]) -> None:
        standings = self.standings[family]
        name = next_target(standings, under_way)
        assert name is not None, "A fuzzer is next that has nothing to do."
        left_s = self._seconds - spent_s(standings)
        seconds = slice_s(standings[name], len(standings), self._seconds, left_s)
        process, underway = begin(
            self._found[name], self._messages[name], self._words[name], seconds
        )
        self._processes[process] = underway

    def _wait(self) -> None:
        """Take the end of one slice, and tell what became of it."""
        process, status, usage = os.wait4(-1, 0)
        underway = self._processes.pop(process)
        name = underway.target.name
        slice = end(underway, status, usage.ru_utime + usage.ru_stime)
        standings = self.standings[self._family[name]]
        standings[name] = standings[name].after(slice)
        spent.save(SPENT, self.standings)
        print(telling.line(self._family[name], name, slice, standings), flush=True)
        if not slice.has_held:
            print(f"         see {log_of(name)} and {underway.target.folder}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
