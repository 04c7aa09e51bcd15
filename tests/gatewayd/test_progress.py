"""What counts as progress: rhythms that are learned, paces that are kept, drains that are late."""

from __future__ import annotations

import random
from math import inf

import pytest

from gatewayd.progress import (
    GAPS,
    LOOK_S,
    OVERDUE_S,
    QUIET_S_MIN,
    UNEVEN_S_MIN,
    DeviceProgress,
    DrainProgress,
    Rhythm,
    Sight,
    TakerProgress,
)


def rhythm_of(gaps_s: list[float]) -> Rhythm:
    rhythm, now_s = Rhythm(), 0.0
    rhythm.beat(now_s)
    for gap_s in gaps_s:
        now_s += gap_s
        rhythm.beat(now_s)
    return rhythm


def test_nothing_is_expected_of_what_is_not_known() -> None:
    """Fewer pauses than are needed are no rhythm."""
    assert rhythm_of([2.0] * (GAPS - 1)).quiet_max() == inf


def test_an_even_rhythm_is_missed_soon() -> None:
    """A telegram a minute is missed after five minutes; one a second not before half a minute."""
    assert rhythm_of([60.0] * GAPS).quiet_max() == 300.0
    assert rhythm_of([2.0] * GAPS).quiet_max() == QUIET_S_MIN


def test_what_speaks_by_chance_has_no_rhythm() -> None:
    """A thousand histories of a device that tells what happens: hardly one looks even."""
    dice = random.Random(5)
    histories = [[dice.expovariate(1 / 60) for _ in range(GAPS)] for _ in range(1000)]
    assert not any(rhythm_of(gaps_s).is_even for gaps_s in histories)
    assert all(rhythm_of(gaps_s).quiet_max() >= UNEVEN_S_MIN for gaps_s in histories)


def test_one_long_pause_of_its_own_teaches() -> None:
    """By day every minute, by night every hour: after the first night nothing is missed early."""
    rhythm = rhythm_of([60.0] * GAPS + [3600.0])
    assert not rhythm.is_even
    assert rhythm.quiet_max() == 10 * 3600.0


def spoken(progress: DeviceProgress, every_s: float, until_s: float, **sight: bool) -> int:
    """Look at a device that speaks by the clock, and return how often it has spoken."""
    now_s, count = 0.0, 0
    while now_s < until_s:
        now_s += LOOK_S
        count = int(now_s / every_s)
        assert progress.look(Sight(now_s, 0.0, count, None, **sight)) is None
    return count


def first_stop(
    progress: DeviceProgress, count: int, from_s: float, until_s: float, **sight: bool
) -> tuple[float, str] | None:
    """Look at a device that says nothing more; return when that was noticed, and the sentence."""
    now_s = from_s
    while now_s < until_s:
        now_s += LOOK_S
        stop = progress.look(Sight(now_s, 0.0, count, None, **sight))
        if stop:
            return now_s - from_s, stop
    return None


def test_a_listener_that_stays_connected_and_falls_silent_is_noticed() -> None:
    """Every ten seconds for an hour, then nothing."""
    progress = DeviceProgress()
    count = spoken(progress, 10.0, 3600.0)
    found = first_stop(progress, count, 3600.0, 7200.0)
    assert found is not None
    assert 50.0 < found[0] <= 64.0
    assert found[1].endswith("it used to speak every 10s")


def test_contacts_may_be_silent_for_ever() -> None:
    """A door that was opened every minute all day stays shut all night."""
    progress = DeviceProgress()
    count = spoken(progress, 60.0, 4 * 3600.0, is_switch=True)
    assert first_stop(progress, count, 4 * 3600.0, 20 * 3600.0, is_switch=True) is None


def test_a_heartbeat_once_an_hour_is_enough() -> None:
    """A thermometer that tells its changes by day, and once an hour by night."""
    progress = DeviceProgress()
    dice, now_s, count, next_s = random.Random(3), 0.0, 0, 0.0
    while now_s < 5 * 86400.0:
        now_s += LOOK_S
        is_day = now_s % 86400 < 43200
        if now_s >= next_s:
            count += 1
            next_s = now_s + (min(3600.0, dice.expovariate(1 / 90)) if is_day else 3600.0)
        assert progress.look(Sight(now_s, 0.0, count, None)) is None


def test_the_owners_word_goes_first() -> None:
    """`quiet_max` holds from the first moment, also for contacts."""
    progress = DeviceProgress(quiet_max_s=20.0)
    found = first_stop(progress, 0, 0.0, 100.0, is_switch=True)
    assert found == (22.0, "connected and silent for 22s; quiet_max is 20s")


def test_a_device_that_is_asked_has_its_pace() -> None:
    """Three beats, its timeout and some slack; a new pace begins anew."""
    progress = DeviceProgress()
    assert progress.look(Sight(0.0, 0.0, 1, 3600.0, 10.0)) is None
    assert progress.look(Sight(3 * 3600.0, 0.0, 1, 3600.0, 10.0)) is None
    stop = progress.look(Sight(3 * 3600.0 + 41.0, 0.0, 1, 3600.0, 10.0))
    assert stop == "connected and silent for 3h41s; it is asked every 1h"
    assert progress.look(Sight(3 * 3600.0 + 43.0, 0.0, 1, 1.0, 10.0)) is None
    assert progress.look(Sight(3 * 3600.0 + 90.0, 0.0, 1, 1.0, 10.0)) is not None


def test_a_connection_that_was_opened_again_is_given_time() -> None:
    """What was before it counts no more, and the pause teaches nothing."""
    progress = DeviceProgress()
    count = spoken(progress, 10.0, 3600.0)
    assert progress.look(Sight(9000.0, 8999.0, count, None)) is None
    moved = [progress.has_moved]
    assert progress.look(Sight(9002.0, 8999.0, count + 1, None)) is None
    assert [*moved, progress.has_moved] == [False, True]
    assert progress.rhythm.longest_s < 20.0


@pytest.mark.parametrize("pause_s", [600.0])
def test_a_program_that_stood_still_blames_nobody(pause_s: float) -> None:
    """The time in which nobody could look is left out."""
    progress = DeviceProgress()
    count = spoken(progress, 10.0, 3600.0)
    progress.forgive(pause_s)
    assert progress.look(Sight(3600.0 + pause_s, 0.0, count, None)) is None


def test_a_drain_that_is_late_is_stuck() -> None:
    """With readings to send, past its own time, and unmoved for a minute."""
    drain = DrainProgress()
    drain.stage.enter("sending", 300.0)
    assert drain.look(5, 10.0) is None
    assert drain.look(5, 301.0) is None
    assert drain.look(5, 301.0 + OVERDUE_S - 1) is None
    stop = drain.look(5, 301.0 + OVERDUE_S)
    assert stop == "stuck: sending, overdue by 1m, with 5 readings to send"


def test_a_drain_that_waits_for_readings_may_wait_for_ever() -> None:
    """And one whose first reading in hours came this very moment is not late either."""
    drain = DrainProgress()
    drain.stage.enter("waiting for readings", 0.0)
    for now_s in range(0, 86400, 2):
        assert drain.look(0, float(now_s)) is None
    assert drain.look(1, 86400.0) is None
    drain.stage.enter("sending", 86700.0)
    assert drain.look(1, 86402.0) is None


def test_a_drain_that_works_is_never_late() -> None:
    """Each step has a time of its own."""
    drain = DrainProgress()
    for now_s in range(0, 3600, 2):
        drain.stage.enter("sending", float(now_s) - 1)
        assert drain.look(1000, float(now_s)) is None


def test_a_recorder_moves_while_it_takes_or_has_nothing_to_take() -> None:
    """Readings that wait and are not taken are no progress."""
    taker = TakerProgress()
    assert taker.is_moving(0, 0, 0.0)
    assert taker.is_moving(10, 5, 2.0)
    assert not taker.is_moving(10, 5, 4.0)
    assert taker.is_moving(10, 6, 6.0)
