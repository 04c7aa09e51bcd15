"""JSON Web Tokens against the standard's own rules, and against any text."""

from __future__ import annotations

import base64
import hashlib
import hmac

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.clouds.jwt import BadJwt, ExpiredJwt, expiry_ms, read_claims, sign, verify

KEY = b"k" * 32


def test_a_token_is_signed_as_rfc_7515_says() -> None:
    """HMAC SHA-256 over both parts as they stand, base64url without padding."""
    head, claims, signature = sign({"usr": "alice", "exp": 10}, KEY).split(".")
    mac = hmac.new(KEY, f"{head}.{claims}".encode(), hashlib.sha256).digest()
    assert base64.urlsafe_b64encode(mac).rstrip(b"=").decode() == signature
    assert orjson.loads(base64.urlsafe_b64decode(head + "==")) == {"typ": "JWT", "alg": "HS256"}


def test_a_token_counts_until_its_end() -> None:
    """One second before, not at the second itself."""
    token = sign({"exp": 10}, KEY)
    assert verify(token, KEY, 9) == {"exp": 10}
    with pytest.raises(ExpiredJwt) as caught:
        verify(token, KEY, 10)
    assert caught.value.exp_s == 10


def test_a_token_without_an_end_is_good_where_that_is_allowed() -> None:
    """Tokens that people make in a console last until they are deleted."""
    token = sign({"jti": "a"}, KEY)
    assert verify(token, KEY, 2**40, needs_end=False) == {"jti": "a"}
    with pytest.raises(ExpiredJwt):
        verify(token, KEY, 1)


def test_claims_are_read_without_the_key() -> None:
    """What a client may know of its own token."""
    token = sign({"usr": "alice", "exp": 10}, KEY)
    assert read_claims(token) == {"usr": "alice", "exp": 10}
    assert expiry_ms(token) == 10_000


@pytest.mark.parametrize("text", ["", "opaque", "a.b.c", "a.!!.c", "e30.W10.x", "e30.bnVsbA.x"])
def test_a_text_that_says_nothing_has_no_end(text: str) -> None:
    """No expiry is read out of what is not a token with one."""
    assert expiry_ms(text) is None


@given(st.text(max_size=200))
def test_any_text_is_no_token(text: str) -> None:
    """BadJwt, never a crash."""
    with pytest.raises(BadJwt):
        verify(text, KEY, 0)
    assert read_claims(text) is None or "." in text


@given(st.integers(0, 200), st.integers(0, 127))
def test_a_changed_token_is_no_token(place: int, letter: int) -> None:
    """Whichever letter changes."""
    token = sign({"usr": "alice", "iat": 0, "exp": 99}, KEY)
    at = place % (len(token) - 1)
    changed = token[:at] + chr(letter) + token[at + 1 :]
    if changed != token:
        with pytest.raises(BadJwt):
            verify(changed, KEY, 0)
