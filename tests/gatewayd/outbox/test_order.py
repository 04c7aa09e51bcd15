"""What is dated anew stays in order, with itself and with what was dated before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gatewayd.model import ChannelId, Quality, Reading
from gatewayd.outbox.order import STEP_MS, Order
from gatewayd.outbox.slab import HOLE, Slab
from gatewayd.outbox.store import Bounds, Store
from gatewayd.testing.clock import START_MS

A, B = ChannelId("boiler/a"), ChannelId("boiler/b")
BOOT, HOUR_MS, TRUE_MS = "boot-2", 3_600_000, START_MS
GOOD, UNCERTAIN = Quality.GOOD, Quality.UNCERTAIN


def slab_of(*times: tuple[int, int]) -> Slab:
    """Return a slab with a channel number and a time each."""
    numbers, values = [number for number, _ in times], [1.0] * len(times)
    return Slab(1, len(times), START_MS, numbers, [time for _, time in times], list(values), None)


def open_store(folder: Path) -> Store:
    store = Store(folder / "card", folder, Bounds())
    store.subscribe({"one": frozenset({A, B})}, frozenset())
    return store


def got(store: Store) -> list[Reading]:
    batch = store.batch("one", 0, 10_000)
    return list(batch.readings) if batch else []


def undated(count: int, first: int = 0) -> list[Reading]:
    """Return readings of a boot in 1970, ten seconds apart."""
    return [Reading(A, 10_000 * n, float(n)) for n in range(first, first + count)]


def test_times_that_run_forwards_stay_as_they_are() -> None:
    """The same slab comes back, and its end is known."""
    order, slab = Order(START_MS - 1), slab_of((0, 0), (1, 0), (0, 5), (1, 3))
    assert order.keep(slab) is slab
    assert order.last_ms == {0: START_MS + 5, 1: START_MS + 3}
    assert order.newest_ms == START_MS + 5


def test_what_is_behind_follows_and_says_so_if_it_is_far() -> None:
    """Each channel for itself; a corrected clock is no doubt, one that was set is."""
    order = Order(START_MS, {0: START_MS + STEP_MS, 1: START_MS + STEP_MS + 1})
    slab = slab_of((0, 0), (1, 0), (2, 0), (0, 50_000))
    kept = order.keep(slab)
    assert kept.times == [STEP_MS + 1, STEP_MS + 2, 1, 50_000]
    assert kept.qualities == [GOOD, UNCERTAIN, GOOD, GOOD]
    assert slab.times == [0, 0, 0, 50_000]


def test_a_hole_has_no_time_and_a_fault_stays_one() -> None:
    """What was thinned out moves nothing; a reason why there is no value is kept."""
    order = Order(START_MS + HOUR_MS)
    slab = replace(slab_of((HOLE, 0), (0, 0)), qualities=[0, int(Quality.FAULT)])
    kept = order.keep(slab)
    assert (kept.times, kept.qualities) == ([0, HOUR_MS + 1], [0, Quality.FAULT])
    assert HOLE not in order.last_ms


@pytest.mark.parametrize("is_on_card", [False, True])
def test_what_is_dated_anew_comes_after_what_was_dated(tmp_path: Path, is_on_card: bool) -> None:
    """A clock ran an hour ahead until the board was switched off; on the card and in memory."""
    store = open_store(tmp_path)
    store.append([Reading(A, TRUE_MS + HOUR_MS, -1.0)], None, 0)
    store.append(undated(100), BOOT, 0)
    if is_on_card:
        store.commit(0)
    store.append(undated(300, 100), BOOT, 0)
    assert store.resynchronise(BOOT, TRUE_MS) == 2
    times = [reading.time_ms for reading in got(store)]
    assert times == sorted(set(times))
    assert times[1] == TRUE_MS + HOUR_MS + 1
    assert times[-1] == TRUE_MS + 3_990_000 == store.newest_ms
    doubtful = [reading for reading in got(store) if reading.quality is UNCERTAIN]
    assert [reading.value for reading in doubtful] == [float(n) for n in range(360)]
    store.close(0)
    again = open_store(tmp_path)
    assert again.newest_ms == times[-1]
    assert [reading.time_ms for reading in got(again)] == times
    assert not again.audit()
    again.close(0)


def test_what_was_put_in_order_before_that_comes_after_it_too(tmp_path: Path) -> None:
    """A reading is on its way into the log while the rows before it are dated anew."""
    store = open_store(tmp_path)
    store.append([Reading(A, TRUE_MS + HOUR_MS, -1.0)], None, 0)
    store.append(undated(100), BOOT, 0)
    store.resynchronise(BOOT, TRUE_MS)
    for n in range(3):
        store.append([Reading(A, TRUE_MS + HOUR_MS + 1 + n, 100.0 + n)], None, 0)
    store.append([Reading(A, TRUE_MS + 2 * HOUR_MS, 103.0)], None, 0)
    times = [reading.time_ms for reading in got(store)]
    assert times == [*range(TRUE_MS + HOUR_MS, TRUE_MS + HOUR_MS + 104), TRUE_MS + 2 * HOUR_MS]
    store.append([Reading(B, TRUE_MS, 1.0)], None, 0)
    assert got(store)[-1].time_ms == TRUE_MS, "what comes later is the recorder's"
    store.close(0)


def test_after_a_power_cut_nothing_comes_before_what_is_on_the_card(tmp_path: Path) -> None:
    """The card says what is newest once an hour; its rows know better."""
    store = Store(tmp_path / "card", None, Bounds())
    store.subscribe({"one": frozenset({A})}, frozenset())
    for n in range(3):
        store.append([Reading(A, TRUE_MS + n * HOUR_MS // 2, float(n))], None, 0)
        store.commit(0)
    store.abandon()
    store = Store(tmp_path / "card", None, Bounds())
    store.subscribe({"one": frozenset({A})}, frozenset())
    store.append(undated(5, 3), BOOT, 0)
    store.resynchronise(BOOT, TRUE_MS)
    first_ms = TRUE_MS + HOUR_MS
    assert [reading.time_ms for reading in got(store)][2:] == [*range(first_ms, first_ms + 6)]
    store.close(0)


def test_a_damaged_slab_is_not_sealed_anew(tmp_path: Path) -> None:
    """It is found out, counted, and the others are dated."""
    store = open_store(tmp_path)
    store.append(undated(10), BOOT, 0)
    store.append(undated(10, 10), BOOT, 0)
    store._tables._cache.clear()
    store._tables.db.execute(
        "UPDATE hot.slab SET body = substr(body, 1, 20) || x'00' || substr(body, 22) WHERE last = "
        "(SELECT min(last) FROM hot.slab)"
    )
    assert store.resynchronise(BOOT, TRUE_MS) == 1
    assert [reading.value for reading in got(store)] == [float(n) for n in range(10, 20)]
    assert got(store)[0] == Reading(A, TRUE_MS + 100_000, 10.0)
    assert store.accounts["one"].dropped == {"corrupt": 10}
    store.close(0)
