"""The record of commands: whole, bounded, readable after anything."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
from pathlib import Path

import pytest

from gatewayd import audit as module
from gatewayd.audit import (
    FILES,
    LINES_MAX,
    NAME,
    Audit,
    act_row,
    append,
    line_of,
    open_record,
    read_audit,
    row_of,
    write_line,
)
from gatewayd.desk import Record
from gatewayd.model import ChannelId, Command, Outcome, Status, Times
from gatewayd.testing.clock import SimulatedClock
from gatewayd.testing.simulated import simulated

WAIT_S = 60.0
"""For a disk that is busy with others."""


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


@pytest.mark.parametrize("torn", [b'{"time_', b"\0" * 700, b'{"time_ms":4}\n\0'])
@simulated
async def test_the_next_line_is_not_lost_with_a_torn_one(tmp_path: Path, torn: bytes) -> None:
    """After a power cut the file ends in half a line, or in zeros."""
    (tmp_path / NAME).write_bytes(b'{"time_ms":3}\n' + torn)
    audit = Audit(tmp_path)
    running = asyncio.ensure_future(audit.run())
    audit.add(record(7))
    await asyncio.sleep(0.1)
    rows = [row["time_ms"] for row in read_audit(tmp_path)]
    assert (rows[0], rows[-1]) == (3, 1007)
    running.cancel()
    await asyncio.wait([running])


@simulated
async def test_what_a_killed_life_left_in_memory_is_brought_to_the_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the start of the next one, whenever its first command comes."""
    synced: list[int] = []
    monkeypatch.setattr(os, "fdatasync", synced.append)
    (tmp_path / NAME).write_bytes(b'{"time_ms":3}\n')
    running = asyncio.ensure_future(Audit(tmp_path).run())
    await asyncio.sleep(0.1)
    assert len(synced) == 1
    running.cancel()
    await asyncio.wait([running])


def test_nothing_was_ever_asked(tmp_path: Path) -> None:
    """No file is no command."""
    assert list(read_audit(tmp_path)) == []


@simulated
async def test_what_is_no_command_to_an_output_is_there_too(tmp_path: Path) -> None:
    """Sending again, and what a cloud had done to the machine: before it is done."""
    audit, clock = Audit(tmp_path), SimulatedClock()
    running = asyncio.ensure_future(audit.run())
    seen: list[list[str]] = []

    async def reboot() -> None:
        await asyncio.sleep(0.01)
        seen.append([row["act"] for row in read_audit(tmp_path)])

    audit.put(act_row(5, "local:boss", "retry", "done", uplink="cloud", detail=None))
    await audit.heard("reboot", "cloud", clock, reboot)()
    assert seen == [["retry", "reboot"]]
    first, second = read_audit(tmp_path)
    assert first == {
        **{"time_ms": 5, "origin": "local:boss", "act": "retry", "uplink": "cloud"},
        "outcome": "done",
    }
    assert (second["origin"], second["outcome"]) == ("cloud", "asked")
    running.cancel()
    await asyncio.wait([running])


async def test_another_process_appends_and_turns_the_full_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `gatewayd safe` does where no daemon lives; it is bounded, too."""
    monkeypatch.setattr(module, "BYTES_MAX", 100)
    for number in range(20):
        assert await append(tmp_path, [{"time_ms": number, "origin": "safe"}] * 2, WAIT_S) == ""
    assert len(sizes_in(tmp_path)) == FILES
    *_, last = read_audit(tmp_path)
    assert last == {"time_ms": 19, "origin": "safe"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make what is another's")
async def test_what_root_makes_belongs_to_whom_the_folder_belongs(tmp_path: Path) -> None:
    """Else the daemon could not go on with it."""
    os.chown(tmp_path, 65534, 65534)
    assert await append(tmp_path, [{"time_ms": 1}], 5.0) == ""
    owner = (tmp_path / NAME).stat()
    assert (owner.st_uid, owner.st_gid) == (65534, 65534)


@pytest.mark.parametrize("kind", ["fifo", "link", "folder", "nowhere"])
async def test_what_cannot_be_written_is_a_sentence(tmp_path: Path, kind: str) -> None:
    """A pipe that nobody reads does not hold it up, and a link leads nowhere."""
    folder, precious = tmp_path / "state", tmp_path / "precious"
    precious.touch()
    if kind != "nowhere":
        folder.mkdir()
    match kind:
        case "fifo":
            os.mkfifo(folder / NAME)
        case "link":
            (folder / NAME).symlink_to(precious)
        case "folder":
            (folder / NAME).mkdir()
    assert str(folder / NAME) in await append(folder, [{"time_ms": 1}], 5.0)
    assert precious.read_bytes() == b""


def test_a_disk_that_takes_a_part_of_a_line_has_it_taken_back(tmp_path: Path) -> None:
    """Else the next line would be spoiled with it."""
    file = open_record(tmp_path / NAME)
    write_line(file, line_of({"time_ms": 1}))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20, before[1]))
        with pytest.raises(OSError, match="No space left"):
            write_line(file, line_of({"time_ms": 2}))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    write_line(file, line_of({"time_ms": 3}))
    os.close(file)
    assert (tmp_path / NAME).read_text() == '{"time_ms":1}\n{"time_ms":3}\n'


def sizes_in(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in folder.iterdir()}


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
