"""`python -m tests.fuzz [--seconds 3600] [--jobs 2] [NAME…]`: coverage-guided fuzzing by atheris.

Every target has a process of its own. It begins with the good messages of the tests and with what
was learnt before (`.cache/fuzz`). What breaks one goes to `tests/frames/found/TARGET/`, where
`make test` replays it for ever; rename it after what it is, and commit it with the fix.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import importlib.util
import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import structlog

from tests.fuzz.seeds import seeds
from tests.fuzz.target import INPUT_BYTES_MAX, Run, Target

CACHE = Path(".cache") / "fuzz"

INPUT_S_MAX = 5
"""For one input; a frame that costs more is an attack."""

RSS_MIB_MAX = 1024
"""Of the process with its instruments; a frame that costs more is a bomb."""

GRACE_S = 120
"""For a process to start and to end beyond its time."""

EXECUTED = re.compile(r"stat::number_of_executed_units:\s*(\d+)")
COVERED = re.compile(r"\bcov: (\d+)")


def main() -> int:
    """Run the targets side by side; 1 if one broke."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--seconds", type=int, default=3600, help="for each target")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--list", action="store_true", help="tell the targets")
    parser.add_argument("names", nargs="*", help="targets, or parts of their names; all without")
    args = parser.parse_args()
    if importlib.util.find_spec("atheris") is None:
        print("atheris is not installed: pip install atheris, or make fuzz")
        return 1
    found = _instrumented()
    names = [name for name in found if not args.names or any(each in name for each in args.names)]
    if args.list:
        print("\n".join(names))
        return 0
    print(f"{len(names)} targets, {args.seconds} s each, {args.jobs} at once", flush=True)
    messages = {name: seeds(found[name]) for name in names}  # Once: it reads all of the tests.
    under_way: dict[int, tuple[str, float]] = {}
    broken: list[str] = []
    for name in [*names, *[None] * args.jobs]:
        while under_way and (name is None or len(under_way) >= args.jobs):
            _wait(under_way, broken)
        if name is not None:
            under_way[_begin(found[name], messages[name], args.seconds)] = (name, time.monotonic())
    print(f"{len(broken)} of {len(names)} broke", *broken, sep="\n")
    return 1 if broken else 0


def _instrumented() -> Mapping[str, Target]:
    """Return the targets, with instruments in everything that is ours."""
    atheris: Any = importlib.import_module("atheris")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with atheris.instrument_imports(include=["gatewayd", "drivers"], enable_loader_override=False):
        found: Mapping[str, Target] = importlib.import_module("tests.fuzz.targets").targets()
        return found


def _begin(target: Target, messages: list[bytes], seconds: int) -> int:
    """Attack one target in a process of its own, made of this one; return its id."""
    process = os.fork()
    if process:
        return process
    try:
        log = os.open(_log_of(target.name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(log, 1)
        os.dup2(log, 2)
        signal.alarm(seconds + GRACE_S)
        _attack(target, messages, seconds)
    finally:
        os._exit(1)  # The fuzzer ends the process itself, with 0 where nothing broke.


def _wait(under_way: dict[int, tuple[str, float]], broken: list[str]) -> None:
    """Take the end of one target, and tell what became of it."""
    process, status = os.wait()
    name, began_s = under_way.pop(process)
    has_held = os.waitstatus_to_exitcode(status) == 0
    text = _log_of(name).read_text(errors="replace")
    units, covered = EXECUTED.findall(text), COVERED.findall(text)
    print(
        f"{'held ' if has_held else 'BROKE'} {name}: {units[-1] if units else '?'} inputs, "
        f"{covered[-1] if covered else '?'} branches, {time.monotonic() - began_s:.0f} s"
        + ("" if has_held else f"; see {_log_of(name)}"),
        flush=True,
    )
    if not has_held:
        broken.append(name)


def _log_of(name: str) -> Path:
    CACHE.mkdir(parents=True, exist_ok=True)
    return CACHE / f"{name.replace('/', '_')}.log"


def _attack(target: Target, messages: list[bytes], seconds: int) -> None:
    """Attack one target in this process, which ends with it."""
    atheris: Any = importlib.import_module("atheris")
    corpus = CACHE / target.folder.name
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in messages:
        (corpus / hashlib.sha1(seed, usedforsecurity=False).hexdigest()).write_bytes(seed)
    target.folder.mkdir(parents=True, exist_ok=True)
    options = (
        f"-max_total_time={seconds}",
        f"-max_len={INPUT_BYTES_MAX}",
        f"-timeout={INPUT_S_MAX}",
        f"-rss_limit_mb={RSS_MIB_MAX}",
        f"-artifact_prefix={target.folder}/",
        "-print_final_stats=1",
    )
    with tempfile.TemporaryDirectory() as folder:
        tempfile.tempdir = folder
        with target.open() as run:
            atheris.Setup([sys.argv[0], *options, str(corpus)], _keeping(target, run))
            atheris.Fuzz()


def _keeping(target: Target, run: Run) -> Run:
    """Return what runs an input, and keeps the one that breaks the target."""

    def kept(data: bytes) -> None:
        try:
            run(data)
        except BaseException:
            name = hashlib.sha1(data, usedforsecurity=False).hexdigest()[:12]
            (target.folder / name).write_bytes(data)
            raise

    return kept


if __name__ == "__main__":
    sys.exit(main())
