"""Lines to a descriptor that is full, closed, or read by nobody: none of it stops who writes."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gatewayd.printer import PATIENCE_S, Printer, tell

LONG = "x" * 100_000


@contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    """Yield both ends, the reader's first; whoever closes one has done so."""
    ends = os.pipe()
    try:
        yield ends
    finally:
        for end in ends:
            if Path(f"/proc/self/fd/{end}").exists():
                os.close(end)


def test_a_line_arrives_whole(tmp_path: Path) -> None:
    """With what no encoding has, and longer than a pipe takes at once."""
    with (tmp_path / "log").open("w+b") as file:
        printer = Printer(file.fileno())
        printer.info("one \udc80")
        printer.error(LONG)
        assert (tmp_path / "log").read_text() == f"one \\udc80\n{LONG}\n"
    assert printer.lost == 0


def test_a_full_disk_is_counted_and_told_when_there_is_room(tmp_path: Path) -> None:
    """/dev/full answers every write with ENOSPC, as a full disk does."""
    with Path("/dev/full").open("wb", buffering=0) as full, (tmp_path / "log").open("wb") as log:
        printer = Printer(full.fileno())
        printer.info("one")
        printer.info("two")
        assert printer.lost == 2
        os.dup2(log.fileno(), full.fileno())
        printer.info("three")
    assert (tmp_path / "log").read_text() == "(2 lines were lost)\nthree\n"
    assert printer.lost == 0


def test_a_reader_that_left_is_no_error() -> None:
    """Its end of the pipe is closed."""
    with pipe() as (reader, writer):
        os.close(reader)
        printer = Printer(writer)
        printer.info("to whom?")
    assert printer.lost == 1


def test_a_reader_that_sleeps_is_waited_for_once_and_briefly() -> None:
    """Then no more, until it reads again; the line that it broke off is ended first."""
    with pipe() as (reader, writer):
        printer = Printer(writer)
        began_s = time.monotonic()
        for _ in range(50):
            printer.info(LONG)
        assert time.monotonic() - began_s < 10 * PATIENCE_S
        assert printer.lost == 50
        held = os.read(reader, 2**20)
        assert held and set(held) == {ord("x")}
        printer.info("awake")
        assert os.read(reader, 2**20) == b"\n(50 lines were lost)\nawake\n"


def test_half_a_line_on_a_disk_that_filled_up_spoils_no_other(tmp_path: Path) -> None:
    """What comes next begins on a line of its own."""
    with (tmp_path / "log").open("wb") as file:
        printer = Printer(file.fileno())
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (5, before[1]))
            printer.info("more than five")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            signal.signal(signal.SIGXFSZ, ignored)
        printer.info("whole")
    assert (tmp_path / "log").read_text() == "more \n(1 lines were lost)\nwhole\n"


def test_nowhere_is_a_place_too() -> None:
    """A process without stderr."""
    printer = Printer(None)
    printer.info("hello")
    assert (printer.lost, printer.is_terminal()) == (0, False)


def test_what_is_told_reaches_a_test_that_listens(capsys: pytest.CaptureFixture[str]) -> None:
    """Its stderr has no descriptor."""
    tell("a sentence")
    assert capsys.readouterr().err == "a sentence\n"


@pytest.mark.parametrize("where", ["2>/dev/full", "2>&-"])
def test_an_exit_code_is_told_whatever_became_of_stderr(tmp_path: Path, where: str) -> None:
    """78 keeps systemd from starting it again and again; a traceback would be 1."""
    wrong = tmp_path / "config.toml"
    wrong.write_text("[gateway")
    told = f'exec "$0" -m gatewayd --config "$1" run {where}'
    done = subprocess.run(["/bin/sh", "-c", told, sys.executable, str(wrong)], check=False)
    assert done.returncode == 78
