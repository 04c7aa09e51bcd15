"""A log in memory alone, for as long as the card cannot even be opened: read-only, gone, not ours.

Strategy: it is a log like the other, with both its files in a folder of its own in memory. When
the card can be opened, what every uplink is still owed goes into the real log under numbers that
are that uplink's alone, behind what waits there already; counters are added up. Each step is one
transaction with a mark of how far it came, so that a death in between repeats nothing.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from gatewayd.outbox.files import find_newest_ms
from gatewayd.outbox.order import Marking, Order
from gatewayd.outbox.slab import HOLE
from gatewayd.outbox.store import HOT_BYTES_MAX, Bounds, Store
from gatewayd.outbox.tables import translated

FOLDER = "interim"


def interim_dir(hot_dir: Path) -> Path:
    """Return where the log in memory is, if there is one."""
    return hot_dir / FOLDER


@dataclass(frozen=True, slots=True)
class Interim:
    """Where such a log is, in place of which one."""

    state_dir: Path
    hot_dir: Path

    def exists(self) -> bool:
        """Return whether one is left from a life before."""
        return interim_dir(self.hot_dir).exists()

    def open(self) -> Store:
        """Open the log in memory. It dates nothing before what the other one is known to hold."""
        folder = interim_dir(self.hot_dir)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        store = Store(folder, folder, Bounds(size_max=HOT_BYTES_MAX))
        with translated():
            store.dating.follow(find_newest_ms(self.state_dir, self.hot_dir))
        return store


def adopt(store: Store, interim: Store) -> int:
    """Move everything from the log in memory into the real one, and remove it; return how many
    readings are pending again."""
    count, mark, newest_ms = 0, interim.identity, interim.newest_ms
    floor_ms = store.knows(f"{mark} floor") or max(1, store.newest_ms)
    store.note(f"{mark} floor", floor_ms)
    for reason, lost in interim.books.losses.items():
        if not store.knows(f"{mark} losses"):
            store.lose(reason, lost)
    store.note(f"{mark} losses", 1)
    for uplink, account in interim.accounts.items():
        if uplink not in store.accounts:
            continue
        store.add_account(uplink, account, f"{mark} {uplink}")
        wanted = interim.books.wanted[uplink]
        marking = Marking(Order(floor_ms))
        for found in interim.rows.slabs(account.cursor):
            slab = marking.follow(found)
            if slab.last <= store.knows(f"{mark} {uplink} rows"):
                continue
            start = max(0, account.cursor + 1 - slab.first)
            places = [
                place
                for place in range(start, len(slab.numbers))
                if slab.numbers[place] != HOLE and slab.numbers[place] in wanted
            ]
            done = (f"{mark} {uplink} rows", slab.last)
            readings = slab.pick(interim.rows.shown, places)
            store.append_for(uplink, readings, (slab.boot, slab.offset_ms), done)
            count += len(places)
        newest_ms = max(newest_ms, marking.order.newest_ms)
    with translated():
        store.dating.follow(newest_ms)
    interim.abandon()
    shutil.rmtree(interim.state_dir, ignore_errors=True)
    return count
