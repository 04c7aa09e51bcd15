"""The cloud's report interval survives a restart, and gives way to the owner's edit."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatewayd.clouds.thingplus.interval import FILE, load_interval, store_interval


def test_a_stored_interval_is_used_again(tmp_path: Path) -> None:
    """As long as the configuration is the one it was set against."""
    store_interval(tmp_path / "new" / "folder", 60.0, 120.0)
    assert load_interval(tmp_path / "new" / "folder", 60.0) == 120.0


def test_an_edited_configuration_wins(tmp_path: Path) -> None:
    """The owner has spoken last."""
    store_interval(tmp_path, 60.0, 120.0)
    assert load_interval(tmp_path, 300.0) == 300.0


@pytest.mark.parametrize(
    "text", ["", "x", "[]", "{}", '{"report_interval_s": null, "configured_s": 60}',
             '{"report_interval_s": -1, "configured_s": 60}',
             '{"report_interval_s": NaN, "configured_s": 60}', "9" * 5000]
)  # fmt: skip
def test_a_damaged_file_is_no_interval(tmp_path: Path, text: str) -> None:
    """The configured one is used."""
    (tmp_path / FILE).write_text(text)
    assert load_interval(tmp_path, 60.0) == 60.0


def test_an_unwritable_folder_says_so(tmp_path: Path) -> None:
    """The cloud is told that its interval was not kept."""
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        store_interval(tmp_path / "file" / "below", 60.0, 120.0)
