"""Small files replaced whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gatewayd.small_files import make_folder, replace_file


def test_a_new_file_is_its_owners_own(tmp_path: Path) -> None:
    """Mode 0600 unless somebody says otherwise, and nothing left beside it."""
    path = tmp_path / "key"
    replace_file(path, b"one")
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"one", 0o600)
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_replaced_with_the_mode_asked_for(tmp_path: Path) -> None:
    """Old content is gone, the new mode counts."""
    path = tmp_path / "config"
    path.write_bytes(b"a long one")
    replace_file(path, b"new", 0o640)
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"new", 0o640)


def test_what_a_crash_left_behind_is_no_hindrance(tmp_path: Path) -> None:
    """The half-written file of a former life is overwritten."""
    path = tmp_path / "key"
    replace_file(path, b"one")
    replace_file(path, b"two")
    assert path.read_bytes() == b"two"


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    """A folder in the place of the file cannot be replaced; nothing stays behind."""
    path = tmp_path / "key"
    path.mkdir()
    (path / "inside").write_text("")
    with pytest.raises(OSError, match=r".+"):
        replace_file(path, b"two")
    assert list(tmp_path.iterdir()) == [path]


def test_folders_are_made_down_to_the_last(tmp_path: Path) -> None:
    """For their owner only; one that is there is left as it is."""
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_root_makes_belongs_to_the_folders_owner(tmp_path: Path) -> None:
    """The service can read what `sudo gatewayd` left for it."""
    tmp_path.chmod(0o755)
    os.chown(tmp_path, 4711, 4712)
    make_folder(tmp_path / "a")
    replace_file(tmp_path / "a" / "key", b"")
    found = (tmp_path / "a" / "key").stat()
    assert (found.st_uid, found.st_gid) == (4711, 4712)
