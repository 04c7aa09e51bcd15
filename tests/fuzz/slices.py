"""One slice: a target attacked for some processor time, in a process of its own.

The process is made of one that has read and instrumented everything, so that it costs
milliseconds. It ends itself when its time is over, and by force when one input takes too long.
What it was doing then stands in memory that both share.
"""

from __future__ import annotations

import hashlib
import importlib
import mmap
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from tests.fuzz.target import INPUT_BYTES_MAX, Run, Target
from tests.fuzz.turns import Slice

CACHE = Path(".cache") / "fuzz"

INPUT_S_MAX = 5.0
"""Processor time for one input; a frame that costs more is an attack."""

RSS_MIB_MAX = 1024
"""Of the process with its instruments; a frame that costs more is a bomb."""

STOPPED_S = 2.0
"""A failure that took longer, most of it without the processor, is tried again: somebody stopped
the process meanwhile, or the machine had better things to do, and its deadlines went by."""

NEVER_S = 1_000_000

MEMORY = Path("/dev/shm")
"""Where the files of a target are made, a hundred thousand times; no disk is worth that."""

LENGTH_BYTES = 4
"""Before the input: its length and one, or 0 where there is none yet."""

EXECUTED = re.compile(r"stat::number_of_executed_units:\s*(\d+)")
AT_FIRST = re.compile(r"\sINITED cov: (\d+)")
COVERED = re.compile(r"\bcov: (\d+)")


@dataclass(frozen=True, slots=True)
class Underway:
    """A process that attacks a target, where it keeps the input that it is at, and its files."""

    target: Target
    seconds: float
    at: mmap.mmap
    folder: Path


def begin(
    target: Target, messages: Sequence[bytes], words: Sequence[bytes], seconds: float
) -> tuple[int, Underway]:
    """Attack a target for some processor time; return the process and what it is about.

    Args:
        messages: good ones to begin with.
        words: what such messages are made of.
    """
    at = mmap.mmap(-1, LENGTH_BYTES + INPUT_BYTES_MAX)
    folder = Path(tempfile.mkdtemp(prefix="fuzz", dir=MEMORY if MEMORY.is_dir() else None))
    process = os.fork()
    if process:
        return process, Underway(target, seconds, at, folder)
    try:
        for each in (signal.SIGINT, signal.SIGTERM):  # May be sent to all of us; the first ends.
            signal.signal(each, signal.SIG_IGN)
        log = os.open(log_of(target.name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(log, 1)
        os.dup2(log, 2)
        signal.signal(signal.SIGPROF, _end)
        signal.setitimer(signal.ITIMER_PROF, seconds)
        tempfile.tempdir = str(folder)
        _attack(target, messages, words, at)
    finally:
        os._exit(1)  # The fuzzer ends the process itself, with 0 where nothing broke.


def end(underway: Underway, status: int, spent_s: float) -> Slice:
    """Return what became of a process that has ended; what broke it is kept."""
    has_held = os.waitstatus_to_exitcode(status) == 0
    data = read_input(underway.at)
    if not has_held and data is not None:
        keep(underway.target, data)
    underway.at.close()
    shutil.rmtree(underway.folder, ignore_errors=True)
    text = log_of(underway.target.name).read_text(errors="replace")
    inputs, first, last = (each.findall(text) for each in (EXECUTED, AT_FIRST, COVERED))
    branches = int(last[-1]) if last else 0
    gained = branches - int(first[0]) if first else 0
    return Slice(spent_s, int(inputs[-1]) if inputs else 0, branches, gained, has_held)


def keep(target: Target, data: bytes) -> Path:
    """Write down an input that broke a target, where `make test` replays it."""
    target.folder.mkdir(parents=True, exist_ok=True)
    path = target.folder / hashlib.sha1(data, usedforsecurity=False).hexdigest()[:12]
    path.write_bytes(data)
    return path


def log_of(name: str) -> Path:
    """Return where a target's last slice is told in full."""
    CACHE.mkdir(parents=True, exist_ok=True)
    return CACHE / f"{name.replace('/', '_')}.log"


def write_input(at: mmap.mmap, data: bytes) -> None:
    """Remember an input before it is tried."""
    at[LENGTH_BYTES : LENGTH_BYTES + len(data)] = data
    at[:LENGTH_BYTES] = (1 + len(data)).to_bytes(LENGTH_BYTES, "little")


def read_input(at: mmap.mmap) -> bytes | None:
    """Return the input that was tried last, and None if there was none."""
    size = int.from_bytes(at[:LENGTH_BYTES], "little") - 1
    return at[LENGTH_BYTES : LENGTH_BYTES + size] if size >= 0 else None


def _end(number: int, frame: FrameType | None) -> None:
    """Ask the fuzzer to end when it is done with this input."""
    os.kill(os.getpid(), signal.SIGUSR1)


def _attack(
    target: Target, messages: Sequence[bytes], words: Sequence[bytes], at: mmap.mmap
) -> None:
    """Attack one target in this process, which ends with it."""
    atheris: Any = importlib.import_module("atheris")
    corpus = CACHE / target.folder.name
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in messages:
        (corpus / hashlib.sha1(seed, usedforsecurity=False).hexdigest()).write_bytes(seed)
    known = Path(tempfile.gettempdir()) / "words"
    known.write_text("".join(f"{_quoted(word)}\n" for word in words or [b"0"]))
    options = (
        f"-max_len={INPUT_BYTES_MAX}",
        f"-rss_limit_mb={RSS_MIB_MAX}",
        f"-artifact_prefix={tempfile.gettempdir()}/",
        f"-dict={known}",
        f"-timeout={NEVER_S}",  # By the wall's clock; see _kept for the processor's.
        "-handle_int=0",
        "-handle_term=0",
        "-reload=0",
        "-print_final_stats=1",
    )
    with target.open() as run:
        atheris.Setup([sys.argv[0], *options, str(corpus)], _kept(run, at))
        atheris.Fuzz()


def _kept(run: Run, at: mmap.mmap) -> Run:
    """Return what runs an input: remembered, and by force no longer than it may."""

    def kept(data: bytes) -> None:
        write_input(at, data)
        signal.setitimer(signal.ITIMER_VIRTUAL, INPUT_S_MAX)  # Nobody listens: it ends us.
        began_s, worked_s = time.monotonic(), time.process_time()
        try:
            run(data)
        except Exception:
            idle_s = time.monotonic() - began_s - (time.process_time() - worked_s)
            if idle_s < STOPPED_S:
                raise
            run(data)

    return kept


def _quoted(word: bytes) -> str:
    """Return a word as the fuzzer's dictionary writes it."""
    return '"' + "".join(f"\\x{byte:02x}" for byte in word) + '"'
