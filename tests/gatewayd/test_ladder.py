"""Which remedy is due, decided without any device."""

from __future__ import annotations

import pytest

from gatewayd.errors import ConfigError, DeviceAbsent, DeviceTimeout
from gatewayd.ladder import (
    ADAPTER_AFTER,
    DEVICE_AFTER,
    PORT_AFTER,
    ROUND,
    Ladder,
    Rung,
    next_rung,
)


def climb(ladder: Ladder, failures: int, *, is_wire_well: bool = False) -> list[Rung]:
    """Let a device fail so often and return what each next try begins with."""
    rungs = []
    for _ in range(failures):
        ladder.failed(DeviceTimeout("silence"), is_wire_well=is_wire_well)
        rungs.append(ladder.rung)
    return rungs


def test_the_climb_is_in_order_and_begins_anew() -> None:
    """Mostly reopening; each remedy once a round, the weakest first."""
    expected = [Rung.REOPEN] * ROUND
    for after, rung in zip((DEVICE_AFTER, PORT_AFTER, ADAPTER_AFTER), list(Rung)[1:], strict=True):
        expected[after - 1] = rung
    assert climb(Ladder(), 2 * ROUND) == expected * 2


def test_what_serves_others_is_left_alone() -> None:
    """One dead slave of eight resets nobody's line."""
    assert set(climb(Ladder(), ROUND, is_wire_well=True)) == {Rung.REOPEN, Rung.DEVICE}


def test_what_helped_is_known() -> None:
    """It is what the last try began with, and the next trouble begins at the bottom."""
    ladder = Ladder()
    climb(ladder, PORT_AFTER)
    assert ladder.answered() is Rung.PORT
    assert (ladder.helped, ladder.failures, ladder.rung) == (Rung.PORT, 0, Rung.REOPEN)
    assert ladder.answered() is None
    assert climb(ladder, 1) == [Rung.REOPEN]
    assert ladder.answered() is Rung.REOPEN


@pytest.mark.parametrize("error", [None, ConfigError("wrong"), ZeroDivisionError()])
def test_what_the_device_did_not_do_does_not_count(error: Exception | None) -> None:
    """A bug of ours is not healed by switching somebody's adapter off."""
    ladder = Ladder()
    for _ in range(ROUND):
        ladder.failed(error, is_wire_well=False)
    assert (ladder.failures, ladder.rung) == (0, Rung.REOPEN)


def test_absence_counts_as_silence_does() -> None:
    """A chip that nobody hears may be a bus that hangs."""
    ladder = Ladder()
    ladder.failed(DeviceAbsent("nobody"), is_wire_well=False)
    assert ladder.failures == 1


def test_every_rung_has_a_name_and_none_is_due_without_failures() -> None:
    """As logs and status say it."""
    assert [str(rung) for rung in Rung] == [
        "reopen",
        "device reset",
        "port reset",
        "adapter reset",
    ]
    assert next_rung(0, is_wire_well=False) is Rung.REOPEN
