"""JSON Web Tokens, HS256, with the standard library alone: read, signed, verified; pure.

Source: RFC 7519, RFC 7515.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping

import orjson

_HEADER = {"typ": "JWT", "alg": "HS256"}


class BadJwt(Exception):
    """A text is no token of this key; says why."""


class ExpiredJwt(BadJwt):
    """The token was good until `exp_s`, seconds since 1970."""

    def __init__(self, exp_s: int) -> None:
        super().__init__("jwt expired")
        self.exp_s = exp_s


def read_claims(token: str) -> Mapping[str, object] | None:
    """Return what a token says of itself, or None. Nothing is verified: its issuer does that."""
    _, _, rest = token.partition(".")
    try:
        claims: object = orjson.loads(_decode(rest.partition(".")[0], is_strict=False))
    except (binascii.Error, ValueError):
        return None
    return claims if isinstance(claims, dict) else None


def expiry_ms(token: str) -> int | None:
    """Return when a token ends, UTC ms, as it says itself; None where it does not say."""
    exp_s = (read_claims(token) or {}).get("exp")
    return int(exp_s * 1000) if isinstance(exp_s, int | float) else None


def sign(claims: Mapping[str, object], key: bytes) -> str:
    """Return a token with these claims."""
    text = f"{_encode(orjson.dumps(_HEADER))}.{_encode(orjson.dumps(claims))}"
    return f"{text}.{_encode(_mac(text, key))}"


def verify(token: str, key: bytes, now_s: int, *, needs_end: bool = True) -> dict[str, object]:
    """Return the claims of a token that is good now.

    Args:
        needs_end: a token without `exp` has ended; otherwise it never does.

    Raises:
        BadJwt: it is none, not of this key, or (ExpiredJwt) has ended.
    """
    parts = token.split(".")
    if len(parts) != 3:
        raise BadJwt("jwt malformed")
    try:
        header, claims = orjson.loads(_decode(parts[0])), orjson.loads(_decode(parts[1]))
        signature = _decode(parts[2])
    except (ValueError, binascii.Error):
        raise BadJwt("invalid token") from None
    if header != _HEADER or not isinstance(claims, dict):
        raise BadJwt("invalid token")
    if not hmac.compare_digest(signature, _mac(f"{parts[0]}.{parts[1]}", key)):
        raise BadJwt("invalid signature")
    exp_s = claims.get("exp", 0 if needs_end else None)
    if isinstance(exp_s, int) and now_s >= exp_s:
        raise ExpiredJwt(exp_s)
    return claims


def _mac(text: str, key: bytes) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str, *, is_strict: bool = True) -> bytes:
    padded = text + "=" * (-len(text) % 4)
    return base64.b64decode(padded, altchars=b"-_", validate=is_strict)
