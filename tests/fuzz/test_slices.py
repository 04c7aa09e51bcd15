"""A slice ends in time, tells what it did, and keeps what broke its target."""

from __future__ import annotations

import mmap
import os
from contextlib import nullcontext
from pathlib import Path

import pytest

from tests.fuzz import slices, target
from tests.fuzz.slices import LENGTH_BYTES, Underway, begin, end, log_of, read_input, write_input
from tests.fuzz.target import INPUT_BYTES_MAX, Run, Target
from tests.fuzz.turns import Slice

LOG = """#84	INITED cov: 557 ft: 609 corp: 12/455b
#88	NEW    cov: 570 ft: 622 corp: 13/456b
stat::number_of_executed_units: 1951
"""


@pytest.fixture(name="underway")
def make_underway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Underway:
    """A process that has ended, with its log."""
    monkeypatch.setattr(slices, "CACHE", tmp_path)
    monkeypatch.setattr(target, "FOUND", tmp_path / "found")
    each = Target("a/b", "nowhere", lambda: nullcontext(bytes))
    log_of(each.name).write_text(LOG)
    folder = tmp_path / "its files"
    folder.mkdir()
    return Underway(each, 30.0, mmap.mmap(-1, LENGTH_BYTES + INPUT_BYTES_MAX), folder)


def test_what_a_slice_did_stands_in_its_log(underway: Underway) -> None:
    """Inputs, branches, and those that the good messages had not reached."""
    write_input(underway.at, b"good")
    assert end(underway, 0, 29.9) == Slice(29.9, 1951, 570, 13, True)
    assert not underway.target.folder.exists()
    assert not underway.folder.exists()


def test_an_input_that_ended_its_process_is_kept(underway: Underway) -> None:
    """Whatever ended it: a failure, the clock, or a lack of memory."""
    write_input(underway.at, b"long" * 100)
    write_input(underway.at, b"bad\0")
    killed_by_its_clock = 26
    assert not end(underway, killed_by_its_clock, 5.0).has_held
    assert [each.read_bytes() for each in underway.target.folder.iterdir()] == [b"bad\0"]


def test_the_largest_input_is_remembered_whole() -> None:
    """And the one after it is itself."""
    at = mmap.mmap(-1, LENGTH_BYTES + INPUT_BYTES_MAX)
    assert read_input(at) is None
    write_input(at, b"x" * INPUT_BYTES_MAX)
    assert read_input(at) == b"x" * INPUT_BYTES_MAX
    write_input(at, b"")
    assert read_input(at) == b""


def _breaks(data: bytes) -> None:
    assert data != b"bad", "as it was made to"


def _hangs(data: bytes) -> None:
    while data == b"bad":
        pass


@pytest.mark.parametrize("run", [_breaks, _hangs])
def test_a_process_that_breaks_or_hangs_ends_and_leaves_its_input(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock that ends a hang is the processor's."""
    pytest.importorskip("atheris", reason="make fuzz installs it")
    monkeypatch.setattr(slices, "CACHE", tmp_path)
    monkeypatch.setattr(slices, "INPUT_S_MAX", 0.2)
    monkeypatch.setattr(target, "FOUND", tmp_path / "found")
    each = Target("made up", "nowhere", lambda: nullcontext(run))
    process, underway = begin(each, [b"good", b"bad"], [], 2.0)
    _, status, usage = os.wait4(process, 0)
    assert not end(underway, status, usage.ru_utime).has_held
    assert [kept.read_bytes() for kept in each.folder.iterdir()] == [b"bad"]


def test_a_process_that_holds_ends_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And tells how many inputs it tried."""
    pytest.importorskip("atheris", reason="make fuzz installs it")
    monkeypatch.setattr(slices, "CACHE", tmp_path)
    each = Target("made up", "nowhere", lambda: nullcontext(len))
    process, underway = begin(each, [b"good"], [b"word"], 0.3)
    _, status, usage = os.wait4(process, 0)
    slice = end(underway, status, usage.ru_utime + usage.ru_stime)
    assert slice.has_held
    assert slice.inputs > 100
    assert slice.spent_s < 2.0
