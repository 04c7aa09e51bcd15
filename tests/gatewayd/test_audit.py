"""The record of commands: whole, bounded, readable after anything."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest

from gatewayd import audit as module
from gatewayd.audit import FILES, LINES_MAX, NAME, Audit, read_audit, row_of
from gatewayd.desk import Record
from gatewayd.model import ChannelId, Command, Outcome, Status, Times
from gatewayd.testing.simulated import simulated


def record(number: int = 0) -> Record:
    command = Command("cloud", f"r{number}", ChannelId("pump/relay"), True, hold_s=30.0)
    outcome = Outcome(
        Status.DONE, "", True, True, "read back", Times(1000 + number, 1001 + number, 1002 + number)
    )
    return Record(1000 + number, command, outcome, 0.0025)


def test_a_row_tells_who_what_when_and_what_became_of_it() -> None:
    """What does not apply is left out."""
    assert row_of(record()) == {
        "time_ms": 1000,
        "origin": "cloud",
        "request_id": "r0",
        "channel": "pump/relay",
        "value": True,
        "hold_s": 30.0,
        "outcome": "done",
        "is": True,
        "verified_by": "read back",
        "accepted_ms": 1000,
        "applied_ms": 1001,
        "verified_ms": 1002,
        "took_ms": 2.5,
    }


@simulated
async def test_what_is_added_is_on_the_disk_at_once_and_synced_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A killed process leaves whole lines; one sync serves many commands."""
    synced: list[int] = []
    monkeypatch.setattr(os, "fdatasync", synced.append)
    audit = Audit(tmp_path)
    running = asyncio.ensure_future(audit.run())
    for number in range(5):
        audit.add(record(number))
        await asyncio.sleep(0.01)
    assert [row["time_ms"] for row in read_audit(tmp_path)] == [1000, 1001, 1002, 1003, 1004]
    assert [row["time_ms"] for row in read_audit(tmp_path, 1003)] == [1003, 1004]
    assert not synced
    await asyncio.sleep(module.SYNC_S + 1)
    assert len(synced) == 1
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o640 & ~_umask()
    running.cancel()
    await asyncio.wait([running])


@simulated
async def test_it_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Full files are renamed, the oldest goes."""
    monkeypatch.setattr(module, "BYTES_MAX", 1000)
    audit = Audit(tmp_path)
    running = asyncio.ensure_future(audit.run())
    for number in range(100):
        audit.add(record(number))
        await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.wait([running])
    sizes = sizes_in(tmp_path)
    files = sorted(sizes)
    assert files[-1] == f"{NAME}.{FILES - 1}"
    assert len(files) in {FILES - 1, FILES}
    rows = [row["time_ms"] for row in read_audit(tmp_path)]
    assert rows == sorted(rows)
    assert rows[-1] == 1099
    assert sum(sizes.values()) < 1500 * FILES


@simulated
async def test_a_flood_is_counted_not_kept(tmp_path: Path) -> None:
    """While the card is slow, what finds no place is told in the next line."""
    audit = Audit(tmp_path)
    for number in range(LINES_MAX + 7):
        audit.add(record(number))
    running = asyncio.ensure_future(audit.run())
    await asyncio.sleep(0.1)
    audit.add(record(5000))
    await asyncio.sleep(0.1)
    *_, last = read_audit(tmp_path)
    assert (last["time_ms"], last["lost_before"]) == (6000, 7)
    running.cancel()
    await asyncio.wait([running])


@simulated
async def test_a_disk_that_takes_nothing_keeps_the_lines(tmp_path: Path) -> None:
    """Commands go on; it is said once, and written when there is a place again."""
    noted: list[str] = []
    folder = tmp_path / "later"
    audit = Audit(folder, lambda event, what: noted.append(what))
    running = asyncio.ensure_future(audit.run())
    for number in range(3):
        audit.add(record(number))
        await asyncio.sleep(0.1)
    assert len(noted) == 1
    folder.mkdir()
    audit.add(record(3))
    await asyncio.sleep(0.1)
    assert [row["time_ms"] for row in read_audit(folder)] == [1000, 1001, 1002, 1003]
    running.cancel()
    await asyncio.wait([running])


def test_a_torn_line_is_passed_over(tmp_path: Path) -> None:
    """The power went in the middle of it; the rest is good."""
    good = json.dumps({"time_ms": 5})
    (tmp_path / NAME).write_bytes(f'{good}\n{{"time_'.encode() + b"\xff\n" + good.encode())
    assert list(read_audit(tmp_path)) == [{"time_ms": 5}, {"time_ms": 5}]


def test_nothing_was_ever_asked(tmp_path: Path) -> None:
    """No file is no command."""
    assert list(read_audit(tmp_path)) == []


def sizes_in(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in folder.iterdir()}


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
