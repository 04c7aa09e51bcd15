"""The copy of the last configuration that worked."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatewayd.cli._lastgood import NAME, find_copy, keep_copy
from gatewayd.config import salvage


def test_the_copy_is_found_by_what_the_broken_file_still_says(tmp_path: Path) -> None:
    """`state_dir` is read without a parser."""
    config = tmp_path / "config.toml"
    config.write_text(f'[gateway]\nstate_dir = "{tmp_path}"\n')
    keep_copy(config, config.read_text(), tmp_path)
    config.write_text(f'[gateway\n  state_dir = "{tmp_path}"\n')
    assert find_copy(config) == tmp_path / NAME


def test_the_environment_may_name_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for the daemon."""
    config = tmp_path / "config.toml"
    config.write_text("x = 1")
    keep_copy(config, config.read_text(), tmp_path)
    monkeypatch.setenv("GATEWAYD_GATEWAY__STATE_DIR", str(tmp_path))
    assert find_copy(tmp_path / "gone.toml") == tmp_path / NAME


def test_the_copy_is_its_owners_and_not_written_for_nothing(tmp_path: Path) -> None:
    """It may hold keys, and cards wear out."""
    config = tmp_path / "config.toml"
    config.write_text("x = 1")
    keep_copy(config, config.read_text(), tmp_path)
    first = (tmp_path / NAME).stat()
    keep_copy(config, config.read_text(), tmp_path)
    assert (tmp_path / NAME).stat().st_ino == first.st_ino
    assert first.st_mode & 0o777 == 0o600


def test_without_a_copy_there_is_none(tmp_path: Path) -> None:
    """A first configuration that is broken has no history."""
    config = tmp_path / "config.toml"
    config.write_text(f'state_dir = "{tmp_path}"')
    assert find_copy(config) is None


def test_the_copy_stays_where_it_was_made_when_the_state_folder_is_edited(tmp_path: Path) -> None:
    """The usual folder may be another gateway's: there the copy says whose it is."""
    config, usual = tmp_path / "config.toml", tmp_path / "usual"
    usual.mkdir()
    keep_copy(config, "x = 1", usual)
    assert find_copy(config, tmp_path / "new", usual) == usual / NAME
    assert find_copy(tmp_path / "other.toml", tmp_path / "new", usual) is None


def test_without_the_file_the_usual_folder_counts(tmp_path: Path) -> None:
    """Moved away, and nothing names a folder."""
    keep_copy(tmp_path / "config.toml", "x = 1", tmp_path)
    assert find_copy(tmp_path / "gone.toml", None, tmp_path) == tmp_path / NAME


def test_the_copy_is_what_was_read_not_what_the_file_says_by_now(tmp_path: Path) -> None:
    """And the daemon's settings know it: who edits while it starts changes no copy."""
    config = tmp_path / "config.toml"
    config.write_text('[gateway]\nid = "a"\n')
    settings, _ = salvage(config)
    assert settings is not None
    config.write_text("[gateway\n")
    keep_copy(config, settings.text, tmp_path)
    copy, _ = salvage(tmp_path / NAME)
    assert copy is not None
    assert copy.gateway.id == "a"
