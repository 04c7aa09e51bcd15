"""What the files held when they were opened: names, counters, where numbering goes on."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

import orjson

from gatewayd.errors import OutboxError
from gatewayd.model import ChannelId
from gatewayd.outbox.books import Books
from gatewayd.outbox.files import QUICK_CHECK_BYTES_MAX, Files
from gatewayd.outbox.ledger import Account
from gatewayd.outbox.rows import Rows, count
from gatewayd.outbox.slab import parse_slab
from gatewayd.outbox.tables import WAITING, Tables

RECOUNT_SLABS = 4000
"""Every uplink's rows are counted at start, at a millisecond for 30 of these; who has more behind
his cursor (an outage of an hour and more) is believed, or the start would take minutes. `gatewayd
ledger` counts them all."""

SEQ_MAX = 2**61
"""No log lives so long that it numbers a row beyond this; such a number is damaged."""


LOOK_SLABS = 8
"""Slabs in which the newest row is looked for: the last one may hold what a device had dated."""


@dataclass(frozen=True, slots=True)
class Found:
    """What `recover` found besides rows and accounts."""

    head: int
    newest_ms: int
    card_names: int
    events: list[str]


def recover(rows: Rows, books: Books, files: Files) -> Found:
    """Fill rows and books from the files, and leave in the hot tier what they say together."""
    tables, events = rows.tables, files.events
    store = tables.meta("main", "store")
    is_hot_usable = not files.is_hot_fresh
    if is_hot_usable and tables.meta("hot", "store") != store:
        if not files.is_card_fresh:
            events.append("the log in memory belongs to another card and is ignored")
            tables.clear_hot()
        is_hot_usable = files.is_card_fresh  # The card is lost, what is in memory is not.
    swept = sum(_sweep(tables, tier, events) for tier in ("main", "hot"))
    card_names = _learn_names(rows, is_rescued=files.is_rescued)
    rows.card_last = tables.one("SELECT max(last) FROM main.slab")
    tables.forget("hot", rows.card_last)  # [2] of store
    is_clean = bool(tables.number("main", "is_closed"))
    books.accounts = _accounts(rows, is_hot_usable=is_hot_usable, is_clean=is_clean)
    books.generation = max(tables.number(tier, "generation") for tier in ("main", "hot"))
    books.losses = _losses(tables, "hot") if is_hot_usable else _losses(tables, "main")
    books.want()
    if tables.is_damaged:
        events.append("the counters of an uplink were damaged; it gets what the log holds")
    head = max(
        tables.number("main", "reserved"),
        tables.one("SELECT max(last) FROM hot.slab"),
        rows.card_last,
        *(max(a.cursor, a.offered) for a in books.accounts.values()),
    )
    is_doubtful = swept or files.is_rescued or tables.is_damaged
    events += books.reconcile(head, None if is_doubtful else RECOUNT_SLABS)
    # What the card was told may lie ahead; memory, where it was not lost, knows better.
    known_ms = tables.number("hot", "newest") or tables.number("main", "newest")
    with tables.transaction():
        tables.set_meta("hot", "store", store)
        tables.save_names("hot", rows.names, 0)
        books.save("hot", books.accounts, books.generation)
    return Found(head, max(known_ms, _newest_ms(tables)), card_names, events)


def _newest_ms(tables: Tables) -> int:
    """Return the latest time of the last rows on the card that may have left: what it says itself
    may be as old as its last snapshot."""
    query = f"SELECT last FROM main.slab WHERE NOT {WAITING} ORDER BY last DESC LIMIT {LOOK_SLABS}"
    slabs = [tables.find("main", last) for (last,) in tables.db.execute(query).fetchall()]
    return max((slab.base_ms + max(slab.times) for slab in slabs if slab), default=0)


def _sweep(tables: Tables, tier: str, events: list[str]) -> int:
    """Delete slabs that cannot be right, and the last ones for as long as they are damaged: where
    the card ends decides what of the memory is a second copy. Returns how many.

    Looking at every slab of a large log is left to whoever reads it, as the check of its pages is.
    """
    wrong = "last > ?"
    if tables.used(tier) <= QUICK_CHECK_BYTES_MAX:
        wrong += (
            " OR typeof(first) <> 'integer' OR first > last OR first < 1"
            " OR typeof(holes) <> 'integer' OR typeof(body) <> 'blob'"
        )
    cursor = tables.db.execute(f"DELETE FROM {tier}.slab WHERE {wrong}", (SEQ_MAX,))
    swept = cursor.rowcount
    query = (
        f"SELECT last, first, base_ms, boot, offset_ms, body FROM {tier}.slab ORDER BY last DESC"
    )
    while True:
        with closing(tables.db.execute(query + " LIMIT 1")) as found:
            row = found.fetchone()
        if row is None:
            break
        try:
            parse_slab(tuple(row[:5]), row[5])
            break
        except OutboxError:
            tables.delete(tier, row[0])
            swept += 1
    if swept:
        events.append(f"{swept} slabs were damaged and are gone from the log")
    return swept


def _learn_names(rows: Rows, *, is_rescued: bool) -> int:
    """Take the channel tables of both tiers together; returns how many names the card knows."""
    card, hot = rows.tables.names("main"), rows.tables.names("hot")
    longer = hot if len(hot) >= len(card) else card
    for place in range(len(longer)):
        known = [names[place] for names in (hot, card) if place < len(names)]
        name = next((name for name in known if not name.startswith("?")), ChannelId(f"?{place}"))
        if rows.number(name) != place:  # The same name twice: one of the two is damaged.
            rows.number(ChannelId(f"?{place}"))
    if is_rescued:
        # A number whose name is lost must never be given to another channel.
        used = max((max(slab.numbers) for slab in rows.slabs(0)), default=-1)
        for place in range(len(rows.names), used + 1):
            rows.number(ChannelId(f"?{place}"))
    return len(card)


def _accounts(rows: Rows, *, is_hot_usable: bool, is_clean: bool) -> dict[str, Account]:
    tables = rows.tables
    accounts: dict[str, Account] = {}
    is_behind = tables.number("main", "generation") > tables.number("hot", "generation")
    if is_hot_usable and not is_behind:  # [1] of books
        accounts = tables.accounts("hot")
    counted = tables.number("main", "counted")
    for uplink, account in tables.accounts("main").items():
        if uplink in accounts:
            continue
        wanted = rows.numbers_of(uplink, account.wanted)
        account.accepted += sum(count(slab, wanted, counted) for slab in rows.slabs(counted))
        if not (is_behind and is_hot_usable) and not is_clean:
            # What was acknowledged since the snapshot, nobody knows: all may come twice.
            account.offered = max(account.offered, rows.card_last)
        accounts[uplink] = account
    return accounts


def _losses(tables: Tables, tier: str) -> dict[str, int]:
    try:
        found = orjson.loads(str(tables.meta(tier, "losses") or "{}"))
        return {str(reason): int(count) for reason, count in found.items()}
    except (ValueError, TypeError, AttributeError):
        return {}
