"""What a board keeps beside its log: after a cut each file is whole, the old one or the new one."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Callable
from pathlib import Path

import orjson

from gatewayd import cycles, totals
from gatewayd.audit import Audit, read_audit
from gatewayd.cli import _lastgood
from gatewayd.clock import SystemClock
from gatewayd.desk import Record
from gatewayd.model import ChannelId, Command, Outcome, Status
from gatewayd.outbox.files import COUNTERS_NAME
from tests.board.doomed import PUMP, STATE, TOTAL, Doomed
from tests.board.verdict import Bounds, Verdict
from tests.board.witness import Seen

NEXT = "after-the-cut"
"""The id of a command in the next life."""


async def judge_files(folder: Path, doomed: Doomed, cut: int, bounds: Bounds) -> Verdict:
    """Judge them: whole, and no older than announced. The record of commands has what was done,
    and takes the next one."""
    verdict, witness = Verdict(), doomed.witness
    now_s = witness.lived_s(witness.end_s(cut))

    def is_due(seen: Seen, within_s: float) -> bool:
        return seen.entries <= cut and now_s - witness.lived_s(seen.at_s) > within_s

    seen = witness.rows["witness"].items()
    said = [
        float(str(row[2])) for row, at in seen if row[0] == TOTAL and is_due(at, bounds.total_s)
    ]
    verdict.say(*_torn(folder), *_total(folder, max(said, default=0.0)))
    done = {name for name, seen in doomed.commands if is_due(seen, bounds.command_s)}
    await _take_command(folder)
    told = {str(row.get("request_id")) for row in read_audit(folder)}
    if missing := done - told:
        verdict.say(f"commands that were done are not in the record: {sorted(missing)}")
    if NEXT not in told:
        verdict.say("the first command after the cut is not in the record")
    return verdict


def _total(folder: Path, said: float) -> list[str]:
    """Return what is wrong with a total that was `said` long enough ago."""
    try:
        counts = totals.read_counts(folder / totals.NAME, STATE)
    except totals.Unreadable as error:
        return [f"the totals are torn: {error}"]
    kept = counts[ChannelId(TOTAL)].total if counts else 0.0
    return [f"the total is {kept}, and was {said} long ago"] if kept < said else []


def _torn(folder: Path) -> list[str]:
    """Return which of the other files are not as they were written."""
    readers: dict[str, Callable[[bytes], object]] = {
        cycles.NAME: lambda data: cycles.unpack(data, STATE, SystemClock()),
        COUNTERS_NAME: orjson.loads,
        _lastgood.NAME: lambda data: tomllib.loads(data.decode())["uplink"],
    }
    wrong = []
    for name, read in readers.items():
        try:
            if (folder / name).exists():
                read((folder / name).read_bytes())
        except (ValueError, KeyError) as error:
            wrong.append(f"{name} is torn: {error!r}")
    return wrong


async def _take_command(folder: Path) -> None:
    """Have the record take one more command, in a new life."""
    audit = Audit(folder)
    running = asyncio.create_task(audit.run())
    command = Command("local", NEXT, ChannelId(PUMP), value=True)
    audit.add(Record(SystemClock().now_ms(), command, Outcome(Status.DONE, "", True), 0.0))
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait([running])
