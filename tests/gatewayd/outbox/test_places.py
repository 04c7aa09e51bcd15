"""Where the log's files are, and the room kept free for it."""

from __future__ import annotations

from pathlib import Path

from gatewayd.outbox.places import (
    BALLAST_BYTES,
    SHM,
    drop_ballast,
    find_tmpfs,
    is_tmpfs,
    lay_ballast,
)


def test_the_longest_mount_point_counts(tmp_path: Path) -> None:
    """A folder is in memory when the file system that it is on is."""
    mounts = tmp_path / "mounts"
    mounts.write_text("d / ext4 rw 0 0\ntmpfs /run tmpfs rw 0 0\nb /run/b ext4 rw 0 0\n")
    assert is_tmpfs(Path("/run/gatewayd"), mounts)
    assert not is_tmpfs(Path("/run/b/c"), mounts)
    assert not is_tmpfs(Path("/running"), mounts)


def test_a_private_folder_in_memory_is_found_where_none_is_given(tmp_path: Path) -> None:
    """One a state folder, the same at every start, for nobody else to read."""
    if not is_tmpfs(SHM):
        assert find_tmpfs(tmp_path) is None
        return
    folder = find_tmpfs(tmp_path, tmp_path)
    assert folder is not None
    assert folder == find_tmpfs(tmp_path)
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.rmdir()


def test_a_folder_that_others_may_read_is_not_used(tmp_path: Path) -> None:
    """Somebody else may have made it, to look at our readings."""
    folder = find_tmpfs(tmp_path)
    if folder is None:
        return
    folder.chmod(0o755)
    assert find_tmpfs(tmp_path) is None
    folder.rmdir()


def test_ballast_is_laid_once_and_dropped_once(tmp_path: Path) -> None:
    """Room for the deletes that a full disk needs."""
    lay_ballast(tmp_path)
    [ballast] = tmp_path.iterdir()
    assert ballast.stat().st_size == BALLAST_BYTES
    assert drop_ballast(tmp_path)
    assert not drop_ballast(tmp_path)
