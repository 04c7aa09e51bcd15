"""The property of wishes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gatewayd.clouds.thinger.names import name_channels
from gatewayd.clouds.thinger.resources import make_resources
from gatewayd.clouds.thinger.wishes import FILE, is_new, load_wish_ms, read_wishes, store_wish_ms
from tests.peers.house import CHANNELS

NOW_MS, HOUR_MS = 1_795_000_000_000, 3_600_000


def test_the_last_wish_is_known_again(tmp_path: Path) -> None:
    """The newest only."""
    for wish_ms in (5, 1_795_000_000_000):
        store_wish_ms(tmp_path / "made", wish_ms)
    assert load_wish_ms(tmp_path / "made") == 1_795_000_000_000


@pytest.mark.parametrize(
    ("wish_ms", "last_ms", "is_so"),
    [
        (NOW_MS, NOW_MS - 1, True),
        (NOW_MS, NOW_MS, False),
        (NOW_MS - 1, NOW_MS, False),
        (NOW_MS, NOW_MS + HOUR_MS, True),
        (NOW_MS + HOUR_MS, NOW_MS + HOUR_MS, False),
    ],
)
def test_a_wish_is_taken_once(wish_ms: int, last_ms: int, *, is_so: bool) -> None:
    """An old answer brings none back; a clock that was ahead bars none of later."""
    assert is_new(wish_ms, last_ms, NOW_MS) is is_so


@pytest.mark.parametrize("text", ["", "x", "1.5", "9" * 5000 + "x"])
def test_a_damaged_file_is_no_wish(tmp_path: Path, text: str) -> None:
    """Nor is one that is not there."""
    assert load_wish_ms(tmp_path) == 0
    (tmp_path / FILE).write_text(text)
    assert load_wish_ms(tmp_path) in (0, int("9" * 20))


@pytest.mark.parametrize(
    "wishes", [5, "x", [], {"pump/relay": True}, {"ts": "now", "pump/relay": True}]
)
def test_a_wish_without_a_time_moves_nothing(wishes: Any) -> None:
    """Nobody knows how long it has stood there."""
    resources = make_resources(name_channels(CHANNELS, {}, {}))
    assert read_wishes(json.dumps(wishes).encode(), resources, "up") == []
    assert read_wishes(b"{", resources, "up") == []
    good = json.dumps({"ts": 1, "pump/relay": True}).encode()
    assert len(read_wishes(good, resources, "up")) == 1
