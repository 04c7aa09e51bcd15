"""The file with a server's tokens: whose it is, whom it is for, and what is no such file."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatewayd.clouds.key_ring import RING_BYTES_MAX, KeyRing
from gatewayd.errors import ConfigError

URL = "https://api.thinger.io"


def test_words_are_kept_for_their_owner_only(tmp_path: Path) -> None:
    """Mode 0600, in a folder made for them; what was there before is gone."""
    ring = KeyRing(tmp_path / "new" / "tokens.json", URL)
    ring.write({"access_token": "first", "refresh_token": "more"})
    ring.write({"access_token": "abc"})
    assert ring.read() == {"url": URL, "access_token": "abc"}
    assert ring.path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in ring.path.parent.iterdir()] == ["tokens.json"]


def test_words_are_for_one_server(tmp_path: Path) -> None:
    """Another address reads nothing; a slash at its end makes no other one."""
    KeyRing(tmp_path / "t", URL).write({"access_token": "abc"})
    assert KeyRing(tmp_path / "t", "https://elsewhere").read() == {}
    assert KeyRing(tmp_path / "t", URL + "/").read()["access_token"] == "abc"


def test_what_is_forgotten_is_gone(tmp_path: Path) -> None:
    """And there was something only once."""
    ring = KeyRing(tmp_path / "t", URL)
    ring.write({"access_token": "abc"})
    assert [ring.forget(), ring.forget(), ring.read()] == [True, False, {}]


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"x" * (RING_BYTES_MAX + 5)])
def test_a_file_that_is_no_ring_is_named(tmp_path: Path, content: bytes) -> None:
    """The owner hears which file it is."""
    (tmp_path / "t").write_bytes(content)
    with pytest.raises(ConfigError, match="cannot read the token file"):
        KeyRing(tmp_path / "t", URL).read()
