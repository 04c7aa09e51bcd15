"""How long a slave is waited for."""

from __future__ import annotations

import pytest

from gatewayd.ports.modbus_timing import (
    FLOOR_S,
    PATIENT_VISIT,
    PROBE_S,
    REMEMBERED,
    RETRY_S,
    Timing,
    wire_s,
)

LIMIT_S = 0.5
BYTES_S = wire_s(7, 9600)


def answering(turnaround_s: float, answers: int = REMEMBERED) -> Timing:
    """Return what is known of a slave that answers that quickly."""
    timing = Timing()
    for _ in range(answers):
        timing.answered(BYTES_S + turnaround_s, BYTES_S)
    return timing


def test_bytes_on_the_wire_take_eleven_bits_each() -> None:
    """One register at 9600 baud: 8 bytes there, 7 back."""
    assert wire_s(7, 9600) == pytest.approx(15 * 11 / 9600)


def test_a_stranger_has_the_whole_patience_twice() -> None:
    """Nothing is known of it, and a frame may be lost."""
    assert Timing().tries_s(BYTES_S, LIMIT_S) == (LIMIT_S, LIMIT_S)


def test_a_slave_is_waited_for_twice_as_long_as_its_slowest_answer() -> None:
    """One slow answer of many counts; and the second try has three times the patience."""
    timing = answering(0.01)
    timing.answered(BYTES_S + 0.06, BYTES_S)
    first_s, second_s = timing.tries_s(BYTES_S, 2 * LIMIT_S)
    assert first_s == pytest.approx(BYTES_S + 0.12)
    assert second_s == pytest.approx(3 * first_s)


def test_a_stall_of_our_own_is_no_silence() -> None:
    """The second try of a quick slave is longer than a busy machine stalls, within limits."""
    assert answering(0.0).tries_s(BYTES_S, LIMIT_S)[1] == pytest.approx(BYTES_S + RETRY_S)
    assert answering(0.0).tries_s(BYTES_S, 0.2)[1] == 0.2


def test_a_quick_slave_has_a_floor_and_a_slow_one_a_ceiling() -> None:
    """An adapter is late by itself; and the owner's word is the last."""
    assert answering(0.0).tries_s(BYTES_S, LIMIT_S)[0] == pytest.approx(BYTES_S + FLOOR_S)
    assert answering(0.4).tries_s(BYTES_S, LIMIT_S) == (LIMIT_S, LIMIT_S)


def test_a_slow_answer_is_forgotten_in_time() -> None:
    """A slave that was busy once is not waited for as long for ever."""
    timing = answering(0.2, answers=1)
    for _ in range(REMEMBERED):
        timing.answered(BYTES_S + 0.03, BYTES_S)
    assert timing.tries_s(BYTES_S, LIMIT_S)[0] == pytest.approx(BYTES_S + 0.06)


def test_a_long_answer_is_no_slow_slave() -> None:
    """What the bytes need is taken off, and put on for another number of bytes."""
    timing = Timing()
    long_s = wire_s(255, 9600)
    timing.answered(long_s + 0.04, long_s)
    assert timing.tries_s(BYTES_S, LIMIT_S)[0] == pytest.approx(BYTES_S + 0.08)


def test_a_dead_slave_is_asked_once_and_shortly() -> None:
    """Each visit costs the others one short wait, every eighth the whole patience."""
    timing = answering(0.03)
    short_s = timing.tries_s(BYTES_S, LIMIT_S)[0]
    seen = []
    for _ in range(2 * PATIENT_VISIT):
        timing.failed(is_silent=True)
        seen.append(timing.tries_s(BYTES_S, LIMIT_S))
    assert seen == [*[(short_s,)] * (PATIENT_VISIT - 1), (LIMIT_S,)] * 2


def test_a_garbling_slave_needs_no_patience() -> None:
    """It answers in time; more of it would cost the others for nothing."""
    timing = answering(0.03)
    for _ in range(PATIENT_VISIT):
        timing.failed(is_silent=False)
    [only_s] = timing.tries_s(BYTES_S, LIMIT_S)
    assert only_s < LIMIT_S


def test_a_slave_that_never_answered_is_probed_too() -> None:
    """Its second visit is short already."""
    timing = Timing()
    timing.failed(is_silent=True)
    [only_s] = timing.tries_s(BYTES_S, LIMIT_S)
    assert only_s == pytest.approx(BYTES_S + PROBE_S)


def test_one_answer_brings_a_dead_slave_back() -> None:
    """Two tries again, as before."""
    timing = answering(0.03)
    timing.failed(is_silent=True)
    timing.answered(BYTES_S + 0.03, BYTES_S)
    assert len(timing.tries_s(BYTES_S, LIMIT_S)) == 2
