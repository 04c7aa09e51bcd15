"""What was spent is there when a run goes on."""

from __future__ import annotations

from pathlib import Path

from tests.fuzz.spent import load, save
from tests.fuzz.turns import Standing

HAD = Standing(12.5, 1000, 20, 2, 3, 1, True)


def test_a_run_goes_on_where_it_ended(tmp_path: Path) -> None:
    """What broke is tried again; it may be mended. A new target begins, one that is gone is not."""
    path = tmp_path / "fuzz" / "spent.json"
    save(path, {"doors": {"broker": HAD, "gone": HAD}})
    assert load(path, {"doors": ["broker", "new"], "files": ["recording"]}) == {
        "doors": {"broker": HAD.mended(), "new": Standing()},
        "files": {"recording": Standing()},
    }


def test_a_first_run_begins_at_nothing(tmp_path: Path) -> None:
    """There is no file yet."""
    assert load(tmp_path / "spent.json", {"doors": ["broker"]}) == {"doors": {"broker": Standing()}}
