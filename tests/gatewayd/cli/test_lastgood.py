"""The copy of the last configuration that worked."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatewayd.cli._lastgood import NAME, find_copy, keep_copy


def test_the_copy_is_found_by_what_the_broken_file_still_says(tmp_path: Path) -> None:
    """`state_dir` is read without a parser."""
    config = tmp_path / "config.toml"
    config.write_text(f'[gateway]\nstate_dir = "{tmp_path}"\n')
    keep_copy(config, tmp_path)
    config.write_text(f'[gateway\n  state_dir = "{tmp_path}"\n')
    assert find_copy(config) == tmp_path / NAME


def test_the_environment_may_name_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for the daemon."""
    config = tmp_path / "config.toml"
    config.write_text("x = 1")
    keep_copy(config, tmp_path)
    monkeypatch.setenv("GATEWAYD_GATEWAY__STATE_DIR", str(tmp_path))
    assert find_copy(tmp_path / "gone.toml") == tmp_path / NAME


def test_the_copy_is_its_owners_and_not_written_for_nothing(tmp_path: Path) -> None:
    """It may hold keys, and cards wear out."""
    config = tmp_path / "config.toml"
    config.write_text("x = 1")
    keep_copy(config, tmp_path)
    first = (tmp_path / NAME).stat()
    keep_copy(config, tmp_path)
    assert (tmp_path / NAME).stat().st_ino == first.st_ino
    assert first.st_mode & 0o777 == 0o600


def test_without_a_copy_there_is_none(tmp_path: Path) -> None:
    """A first configuration that is broken has no history."""
    config = tmp_path / "config.toml"
    config.write_text(f'state_dir = "{tmp_path}"')
    assert find_copy(config) is None
