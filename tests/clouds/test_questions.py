"""Secrets from files, from stdin, and not at all."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from gatewayd.clouds.questions import ask, secret_from
from gatewayd.errors import WrongUsage
from gatewayd.fields import Secret


def test_a_secret_comes_from_a_file(tmp_path: Path) -> None:
    """Without the end of its line."""
    (tmp_path / "s").write_text("geheim\n")
    assert secret_from(str(tmp_path / "s"), "password: ") == Secret("geheim")


def test_a_secret_comes_from_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line; what follows is somebody else's."""
    monkeypatch.setattr("sys.stdin", io.StringIO("geheim\nmore\n"))
    assert secret_from("-", "password: ") == Secret("geheim")
    assert ask("user: ") == "more"


def test_what_is_not_said_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty line, an empty file, a file that is not there."""
    monkeypatch.setattr("sys.stdin", io.StringIO("\n\n"))
    with pytest.raises(WrongUsage, match="password is missing"):
        secret_from("-", "password: ")
    with pytest.raises(WrongUsage, match="user is missing"):
        ask("user: ")
    with pytest.raises(WrongUsage, match="cannot read"):
        secret_from(str(tmp_path / "none"), "password: ")
