"""The disk of a board that lost its power, at many moments of its log: mounted, opened, judged."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from gatewayd.errors import OutboxError
from gatewayd.model import ChannelId
from gatewayd.outbox.files import CARD_NAME
from gatewayd.outbox.tables import Tables
from tests.board.cache import CannotRun
from tests.board.disklog import Disk
from tests.board.doomed import CLOUD_PORTS, SCRIBES, Doomed
from tests.board.keepsakes import judge_files
from tests.board.reopened import mounted, reopen
from tests.board.verdict import (
    Bounds,
    Numbers,
    Verdict,
    before,
    find_reused,
    judge_daemon,
    judge_scribe,
    told_by,
)
from tests.board.witness import Row
from tests.gatewayd.outbox.story import WANTED

DAEMON, FILES = "daemon", "files"

Wanted = Mapping[str, frozenset[ChannelId]]


@dataclass(slots=True)
class Finding:
    """What one cut left.

    Attributes:
        cut: after so many entries of the disk's log.
        unflushed: writes that were in the disk's memory.
        verdicts: of the daemon's log, each scribe's, and the daemon's small files.
    """

    cut: int
    unflushed: int
    verdicts: dict[str, Verdict] = field(default_factory=dict)


@dataclass(slots=True)
class Autopsy:
    """Cuts one disk again and again, from its first entry to its last."""

    doomed: Doomed
    disk: Disk
    bounds: Bounds
    chance: random.Random
    numbers: dict[str, Numbers] = field(
        default_factory=lambda: {name: {} for name in (DAEMON, *SCRIBES)}
    )
    fresh: dict[str, list[tuple[int, int]]] = field(
        default_factory=lambda: {name: [] for name in (DAEMON, *SCRIBES)}
    )
    """After which cut the first new number was which."""

    async def examine(self, cuts: Iterable[int], wanted: Wanted) -> list[Finding]:
        """Cut at these entries, in their order, and judge what is left each time."""
        return [await self._cut(cut, wanted) for cut in cuts]

    async def _cut(self, cut: int, wanted: Wanted) -> Finding:
        self.disk.go(cut)
        finding = Finding(cut, self.disk.unflushed)
        image = self.disk.cut(self.chance)
        try:
            with mounted(image) as place:
                await self._look_into(place, wanted, finding)
        except (CannotRun, OSError) as error:
            finding.verdicts[FILES] = Verdict([f"the disk cannot be read: {error}"])
        return finding

    async def _look_into(self, place: Path, wanted: Wanted, finding: Finding) -> None:
        cut, verdicts = finding.cut, finding.verdicts
        verdicts[FILES] = await judge_files(place, self.doomed, cut, self.bounds)
        for name in (DAEMON, *SCRIBES):
            numbers, is_daemon = self.numbers[name], name == DAEMON
            folder = place if is_daemon else place / name
            try:
                reopened = await reopen(folder, wanted if is_daemon else WANTED)
            except OutboxError as error:
                verdicts[name] = Verdict([f"the log does not open: {error}"])
                continue
            self.fresh[name].append((cut, reopened.fresh))
            if is_daemon:
                witness = self.doomed.witness
                verdicts[name] = judge_daemon(witness, cut, reopened, numbers, self.bounds)
            else:
                told = told_by(self.doomed.witness, name, cut)
                verdicts[name] = judge_scribe(told, reopened, numbers)

    def find_reused(self, name: str) -> list[str]:
        """Return which numbers a log would have given twice after one of the cuts."""
        wrong = []
        for cut, fresh in self.fresh[name]:
            known: Sequence[Row]
            if name == DAEMON:
                known = list(before(self.doomed.witness.rows["witness"], cut))
            else:
                known = told_by(self.doomed.witness, name, cut).rows
            wrong += [
                f"cut {cut}: {each}" for each in find_reused(self.numbers[name], fresh, known)
            ]
        return wrong


def find_wanted(image: bytes | bytearray) -> Wanted:
    """Return what each uplink of the daemon wants, as its card says at last."""
    with mounted(image) as place, closing(sqlite3.connect(place / CARD_NAME)) as db:
        accounts = Tables(db).accounts("main")
    return {name: accounts[name].wanted for name in CLOUD_PORTS}
