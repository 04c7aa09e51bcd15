"""JSON Web Tokens against the standard's own example, and against any text."""

from __future__ import annotations

import base64
import hashlib
import hmac

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.clouds.thingplus.sandbox.answers import RawError
from gatewayd.clouds.thingplus.sandbox.tokens import sign, verify

KEY = b"k" * 32


def test_a_token_is_signed_as_rfc_7515_says() -> None:
    """HMAC SHA-256 over both parts as they stand, base64url without padding."""
    head, claims, signature = sign({"userId": "0", "exp": 10}, KEY).split(".")
    mac = hmac.new(KEY, f"{head}.{claims}".encode(), hashlib.sha256).digest()
    assert base64.urlsafe_b64encode(mac).rstrip(b"=").decode() == signature
    assert orjson.loads(base64.urlsafe_b64decode(head + "==")) == {"typ": "JWT", "alg": "HS256"}


def test_a_token_counts_until_its_end() -> None:
    """One second before, not at the second itself."""
    token = sign({"exp": 10}, KEY)
    assert verify(token, KEY, 9) == {"exp": 10}
    with pytest.raises(RawError) as caught:
        verify(token, KEY, 10)
    assert caught.value.body == {
        "name": "TokenExpiredError",
        "message": "jwt expired",
        "expiredAt": "1970-01-01T00:00:10.000Z",
    }


@given(st.text(max_size=200))
def test_any_text_is_no_token(text: str) -> None:
    """403, never a crash."""
    with pytest.raises(RawError) as caught:
        verify(text, KEY, 0)
    assert caught.value.status == 403


@given(st.integers(0, 200), st.integers(0, 127))
def test_a_changed_token_is_no_token(place: int, letter: int) -> None:
    """Whichever letter changes."""
    token = sign({"userId": "1", "clientId": "c", "iat": 0, "exp": 99}, KEY)
    at = place % (len(token) - 1)
    changed = token[:at] + chr(letter) + token[at + 1 :]
    if changed != token:
        with pytest.raises(RawError):
            verify(changed, KEY, 0)
