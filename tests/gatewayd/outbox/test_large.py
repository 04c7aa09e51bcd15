"""A log that an outage of days has filled: no act may take as long as the log is large."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from gatewayd.model import ChannelId, Reading
from gatewayd.outbox.opening import RECOUNT_SLABS
from gatewayd.outbox.slab import make_slab
from gatewayd.outbox.store import FORGET_SLABS, SNAPSHOT_MS, Bounds, Store
from gatewayd.testing.clock import START_MS

A, B = ChannelId("boiler/temperature"), ChannelId("pump/relay")
ALL = {"all": frozenset({A, B})}
PART = {"part": frozenset({A})}
MINUTE_MS = 60_000


def filled(folder: Path, slabs: int, wanted: dict[str, frozenset[ChannelId]]) -> Store:
    """Return a log with so many slabs of two readings on the card, all pending."""
    store = Store(folder, None, Bounds())
    store.subscribe(wanted, frozenset())
    tables, rows, first = store.rows.tables, store.rows, store.head + 1
    for channel in (A, B):
        rows.number(channel)
    with tables.transaction():
        tables.save_names("main", rows.names, 0)
        for number in range(slabs):
            two = [Reading(A, START_MS + number, 1.0), Reading(B, START_MS + number, number)]
            tables.insert("main", make_slab(first, two, rows.numbers))
            first += 2
        for account in store.books.accounts.values():
            account.accepted += slabs * len(account.wanted)
        store.books.save("main", store.books.accounts, 1)
        tables.set_meta("main", "counted", first - 1)
    store.abandon()
    again = Store(folder, None, Bounds())
    again.subscribe(wanted, frozenset())
    return again


def slabs_of(store: Store) -> int:
    return store.rows.tables.one("SELECT count(*) FROM main.slab")


def test_what_nobody_is_owed_any_more_goes_in_pieces(tmp_path: Path) -> None:
    """After an outage, or when an uplink is removed; each commit takes its part."""
    store = filled(tmp_path, FORGET_SLABS * 2 + 10, ALL)
    store.settle("all", store.rows.card_last, store.accounts["all"].pending, ())
    left = []
    while slabs_of(store):
        store.commit(START_MS)
        left.append(slabs_of(store))
    assert left == [FORGET_SLABS + 10, 10, 0]
    assert store.balance()["all"].is_balanced
    store.abandon()


def test_a_log_that_may_be_smaller_now_shrinks_in_pieces(tmp_path: Path) -> None:
    """Each commit loses a little, counted."""
    store = filled(tmp_path, 8 * FORGET_SLABS, ALL)
    store.bounds = Bounds(size_max=64 * 1024)
    used = [store.rows.tables.used("main")]
    while used[-1] > store.bounds.size_max:
        store.commit(START_MS)
        used.append(store.rows.tables.used("main"))
    assert len(used) > 2
    assert store.accounts["all"].dropped
    assert store.balance()["all"].is_balanced
    store.abandon()


def test_the_start_counts_the_rows_of_a_short_backlog_and_believes_a_long_one(
    tmp_path: Path,
) -> None:
    """A slab is gone from each. The ledger on request counts all of them and shows it."""
    for slabs, is_counted in ((20, True), (RECOUNT_SLABS + 20, False)):
        folder = tmp_path / str(slabs)
        filled(folder, slabs, PART).abandon()
        with closing(sqlite3.connect(folder / "outbox.db")) as db:
            db.execute("DELETE FROM slab WHERE last = (SELECT max(last) - 10 FROM slab)")
            db.commit()
        store = Store(folder, None, Bounds())
        store.subscribe(PART, frozenset())
        assert store.accounts["part"].dropped == ({"corrupt": 1} if is_counted else {})
        assert store.balance()["part"].is_balanced is is_counted
        store.abandon()


def test_the_card_is_told_the_counters_of_a_long_outage_every_hour(tmp_path: Path) -> None:
    """Or the start after a power cut would count all that came since it began."""
    store = Store(tmp_path, None, Bounds())
    store.subscribe(ALL, frozenset())
    counted = []
    for minute in range(180):
        store.append([Reading(A, START_MS + minute * MINUTE_MS, 1.0)], None, 0)
        store.commit(START_MS + minute * MINUTE_MS)
        counted.append(store.head - store.rows.tables.number("main", "counted"))
    assert max(counted) < SNAPSHOT_MS / MINUTE_MS
    assert counted.count(0) == 3
    store.abandon()


def test_a_new_channel_is_settled_without_looking_through_the_log(tmp_path: Path) -> None:
    """None of its readings can be there; a known channel's are counted."""
    store = filled(tmp_path, 20, PART)
    store.subscribe({"part": frozenset({A, ChannelId("new/one")})}, frozenset())
    assert store.accounts["part"].accepted == 20
    store.subscribe({"part": frozenset({A, B})}, frozenset())
    assert store.accounts["part"].accepted == 40
    assert store.balance()["part"].is_balanced
    store.abandon()
