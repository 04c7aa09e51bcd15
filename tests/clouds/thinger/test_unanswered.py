"""Commands that were left without an answer, kept for the next connection."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatewayd.clouds.thinger.events import Run
from gatewayd.clouds.thinger.unanswered import (
    FILE,
    KEPT_MS,
    Unanswered,
    remembered_commands,
    store_unanswered,
    take_unanswered,
)
from tests.peers.house import StillClock

COMMANDS = [
    Unanswered(Run(5, ("pump", "relay"), True), "a-5-1"),
    Unanswered(Run(6, ("pump", "relay", "blink")), "a-6-2"),
    Unanswered(Run(7, ("lamp",), {"value": 0.5, "hold_s": 3}), "a-7-3"),
]


def test_they_come_back_as_they_were_and_only_once(tmp_path: Path) -> None:
    """The second connection has them, the third does not."""
    store_unanswered(tmp_path / "new", 1000, COMMANDS)
    assert take_unanswered(tmp_path / "new", 2000) == COMMANDS
    assert take_unanswered(tmp_path / "new", 2000) == []


@pytest.mark.parametrize("now_ms", [1000 + KEPT_MS, 999])
def test_old_ones_are_nobodys(tmp_path: Path, now_ms: int) -> None:
    """And so are those of a clock that was set back."""
    store_unanswered(tmp_path, 1000, COMMANDS)
    assert take_unanswered(tmp_path, now_ms) == []


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "5", '{"left_ms":1}', '{"left_ms":1,"commands":[[1]]}', '{"left_ms":"x"}'],
)
def test_a_damaged_file_holds_nothing(tmp_path: Path, text: str) -> None:
    """A repeated setpoint is harmless; a crash is not."""
    (tmp_path / FILE).write_text(text)
    assert take_unanswered(tmp_path, 1) == []


async def test_only_what_is_left_is_written(tmp_path: Path) -> None:
    """As a rule nothing is; a folder that cannot be written is lived with."""
    async with remembered_commands(tmp_path, StillClock()) as memory:
        assert memory.inherited == []
    assert not (tmp_path / FILE).exists()
    async with remembered_commands(tmp_path, StillClock()) as memory:
        memory.left = COMMANDS
    async with remembered_commands(tmp_path, StillClock()) as memory:
        assert memory.inherited == COMMANDS
    (tmp_path / "file").write_text("in the way")
    async with remembered_commands(tmp_path / "file", StillClock()) as memory:
        memory.left = COMMANDS
