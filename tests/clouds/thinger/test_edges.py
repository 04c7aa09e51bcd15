"""The last points of buckets, kept over connections."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatewayd.clouds.thinger.edges import FILE, load_points, remembered_points, store_points
from gatewayd.clouds.thinger.points import Point

POINT = Point("boiler", 5, {"t": 21.5, "on": True, "place": {"lat": 1.0}, "t_quality": "UNCERTAIN"})


def test_points_come_back_as_they_were(tmp_path: Path) -> None:
    """In a folder that need not be there yet, in a file for its owner only."""
    folder = tmp_path / "new"
    store_points(folder, {"boiler": POINT})
    assert load_points(folder) == {"boiler": POINT}
    assert (folder / FILE).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "5", '{"a":1}', '{"a":{"ts":"x","members":{}}}', '{"a":{"ts":1}}']
)
def test_a_damaged_file_holds_nothing(tmp_path: Path, text: str) -> None:
    """Only a coincidence makes that cost anything; a crash would cost more."""
    (tmp_path / FILE).write_text(text)
    assert load_points(tmp_path) == {}


async def test_the_file_is_written_only_when_there_is_news(tmp_path: Path) -> None:
    """Also when the block ends in an error."""
    async with remembered_points(tmp_path):
        pass
    assert not (tmp_path / FILE).exists()
    with pytest.raises(RuntimeError):
        async with remembered_points(tmp_path) as known:
            known["boiler"] = POINT
            raise RuntimeError
    async with remembered_points(tmp_path) as known:
        assert known == {"boiler": POINT}


async def test_a_folder_that_cannot_be_written_is_lived_with(tmp_path: Path) -> None:
    """The readings have arrived all the same."""
    (tmp_path / "file").write_text("in the way")
    async with remembered_points(tmp_path / "file") as known:
        known["boiler"] = POINT
