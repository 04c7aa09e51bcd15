"""Which commands were taken last, and which row is a missed one."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatewayd.clouds.thethingsio.codec import Entry
from gatewayd.clouds.thethingsio.handled import (
    FILE,
    SLACK_MS,
    Taken,
    digest_of,
    is_missed,
    load_taken,
    store_taken,
    taken_of,
)

NOW = 1_795_000_000_000
PUSHED = taken_of(Entry("k", "ON"), NOW)
DATED = taken_of(Entry("k", "ON", NOW), NOW + 700)


def test_a_push_counts_at_its_arrival_unless_it_has_a_time() -> None:
    """The writer's own time is the row's too."""
    assert Taken(digest_of("ON"), NOW, is_dated=False) == PUSHED
    assert Taken(digest_of("ON"), NOW, is_dated=True) == DATED


@pytest.mark.parametrize(
    ("value", "after_ms", "known", "missed"),
    [
        ("ON", 0, None, True),
        ("ON", -900, PUSHED, False),
        ("ON", SLACK_MS, PUSHED, False),
        ("ON", SLACK_MS + 1, PUSHED, True),
        ("OFF", -SLACK_MS, PUSHED, False),
        ("OFF", 100, PUSHED, True),
        ("OFF", -900, PUSHED, True),
        ("ON", 0, DATED, False),
        ("ON", 1, DATED, True),
        ("OFF", -1, DATED, False),
    ],
)
def test_what_was_missed(value: str, after_ms: int, known: Taken | None, *, missed: bool) -> None:
    """Later than the last, and not the last itself; the newest row is what the app wants now."""
    assert is_missed(Entry("k", value, NOW + after_ms), known) is missed


def test_a_row_without_a_time_is_not_missed() -> None:
    """Nobody knows how old it is, and an old command is a hazard."""
    assert not is_missed(Entry("k", "ON"), None)


def test_the_same_json_is_the_same_value() -> None:
    """Whatever the order of its names; a number is not a text."""
    assert digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1})
    assert digest_of(1) != digest_of("1")


def test_the_last_commands_are_kept(tmp_path: Path) -> None:
    """Over a restart, for the owner only."""
    folder = tmp_path / "up"
    assert load_taken(folder) == {}
    store_taken(folder, {"k": PUSHED, "l": DATED})
    assert load_taken(folder) == {"k": PUSHED, "l": DATED}
    assert (folder / FILE).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["", "[]", "{", '{"k":1}', '{"k":{}}', '{"k":{"digest":"a"}}'])
def test_a_damaged_file_is_none(tmp_path: Path, text: str) -> None:
    """The desk refuses what is old, whatever this file says."""
    (tmp_path / FILE).write_text(text)
    assert load_taken(tmp_path) == {}
