"""Sessions: what they say of themselves, and when one is renewed."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatewayd.clouds.jwt import sign
from gatewayd.clouds.thinger.tokens import (
    PasswordGrant,
    RefreshGrant,
    Session,
    TokenFile,
    read_session,
)
from gatewayd.errors import Malformed
from gatewayd.fields import Secret


def session(issued_s: int | None, expires_s: int | None) -> Session:
    claims = {"iat": issued_s, "exp": expires_s, "usr": "alice"}
    known = {name: value for name, value in claims.items() if value is not None}
    return Session(Secret(sign(known, b"key")))


@pytest.mark.parametrize(
    ("issued_s", "expires_s", "stale_ms"),
    [
        (1000, 8200, 8_140_000),  # Two hours: a minute before the end.
        (1000, 1060, 1_030_000),  # A minute: at half of its life.
        (None, 8200, 8_140_000),
        (2000, 1000, 1_000_000),  # Odd: at its end.
    ],
)
def test_a_session_is_renewed_before_its_end(
    issued_s: int | None, expires_s: int, stale_ms: int
) -> None:
    """By the cloud's clock."""
    found = session(issued_s, expires_s)
    assert not found.is_stale(stale_ms - 1)
    assert found.is_stale(stale_ms)


def test_a_session_that_says_nothing_is_used_until_it_is_refused() -> None:
    """An opaque token, or one without an end."""
    for found in (session(1000, None), Session(Secret("opaque"))):
        assert not found.is_stale(2**60)
    assert Session(Secret("opaque")).user == ""
    assert session(1000, 2000).user == "alice"


def test_grants_are_in_the_vendors_words() -> None:
    """As forms."""
    assert PasswordGrant("u", Secret("p")).form() == {
        "grant_type": "password",
        "username": "u",
        "password": "p",
    }
    assert RefreshGrant(Secret("r")).form() == {"grant_type": "refresh_token", "refresh_token": "r"}


def test_an_answer_without_a_token_is_none() -> None:
    """Malformed; a missing refresh token is not."""
    assert read_session({"access_token": "a"}) == Session(Secret("a"))
    contents: list[object] = [None, [], {}, {"access_token": True}, {"refresh_token": "r"}]
    for content in contents:
        with pytest.raises(Malformed):
            read_session(content)


def test_a_session_is_kept_whole(tmp_path: Path) -> None:
    """With its refresh token or without."""
    file = TokenFile(tmp_path / "s", "http://here")
    assert file.read() is None
    for kept in (Session(Secret("a"), Secret("r")), Session(Secret("b"))):
        file.write(kept)
        assert file.read() == kept
    assert file.forget()
    assert file.read() is None
