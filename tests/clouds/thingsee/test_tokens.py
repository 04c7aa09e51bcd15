"""Tokens: how old they are, also by a clock that has gone back, and the file that keeps one."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatewayd.clouds.thingsee.tokens import RENEW_AFTER_S, Credentials, Token, TokenFile
from gatewayd.errors import ConfigError
from gatewayd.fields import Secret

NOW_MS = 1_700_000_000_000
TOKEN = Token(Secret("geheim"), NOW_MS)


@pytest.mark.parametrize(
    ("age_s", "is_fresh"),
    [(0, True), (RENEW_AFTER_S - 1, True), (RENEW_AFTER_S, False), (10_000, False), (-1, False)],
)
def test_a_token_is_fresh_for_twelve_minutes(age_s: float, is_fresh: bool) -> None:  # A table.
    """One from the future is not: nobody knows how old it is."""
    assert TOKEN.is_fresh(NOW_MS + round(age_s * 1000)) is is_fresh


def test_a_token_comes_back_as_it_was(tmp_path: Path) -> None:
    """For its own server, until it is forgotten."""
    file = TokenFile(tmp_path / "a" / "token.json", "https://a.example/prod/v1/")
    assert file.read() is None
    file.write(TOKEN)
    assert file.read() == TOKEN
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert TokenFile(file.path, "https://b.example").read() is None
    assert file.forget()
    assert not file.forget()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"url":"https://a.example","token":"x"}'])
def test_a_damaged_file_is_no_token(tmp_path: Path, text: str) -> None:
    """A sentence, or nothing; never half a token."""
    path = tmp_path / "token.json"
    path.write_text(text)
    try:
        assert TokenFile(path, "https://a.example").read() is None
    except ConfigError as error:
        assert str(path) in str(error)


def test_nothing_secret_is_in_a_repr() -> None:
    """Neither of a token nor of credentials; only the request's body has it."""
    credentials = Credentials("app", Secret("geheim"))
    assert "geheim" not in repr((TOKEN, credentials))
    assert credentials.body() == {"client_id": "app", "client_secret": "geheim"}
