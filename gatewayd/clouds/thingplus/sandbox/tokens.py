"""Access tokens: JSON Web Tokens, HS256, with the standard library alone. Pure.

Source: RFC 7519, RFC 7515; Thing+ guide, OAuth2 (claims and error documents).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from datetime import UTC, datetime

import orjson

from gatewayd.clouds.thingplus.sandbox.answers import RawError
from gatewayd.sandbox.bodies import Document

DAY_S = 86_400
PASSWORD_DAYS = 90
CODE_DAYS = 15

_HEADER = {"typ": "JWT", "alg": "HS256"}


def sign(claims: Document, key: bytes) -> str:
    """Return a token with these claims."""
    text = f"{_encode(orjson.dumps(_HEADER))}.{_encode(orjson.dumps(claims))}"
    return f"{text}.{_encode(_mac(text, key))}"


def verify(token: str, key: bytes, now_s: int) -> Document:
    """Return the claims of a token.

    Raises:
        RawError: 403, and what is wrong, as the vendor's library names it.
    """
    parts = token.split(".")
    if len(parts) != 3:
        raise bad_token("jwt malformed")
    try:
        header, claims = orjson.loads(_decode(parts[0])), orjson.loads(_decode(parts[1]))
        signature = _decode(parts[2])
    except (ValueError, binascii.Error):
        raise bad_token("invalid token") from None
    if header != _HEADER or not isinstance(claims, dict):
        raise bad_token("invalid token")
    if not hmac.compare_digest(signature, _mac(f"{parts[0]}.{parts[1]}", key)):
        raise bad_token("invalid signature")
    if now_s >= claims.get("exp", 0):
        expired = datetime.fromtimestamp(claims.get("exp", 0), UTC).isoformat(
            timespec="milliseconds"
        )
        name, at = "TokenExpiredError", expired.replace("+00:00", "Z")
        raise RawError(403, {"name": name, "message": "jwt expired", "expiredAt": at})
    return claims


def bad_token(message: str) -> RawError:
    """Return the error for a token that is none of ours."""
    return RawError(403, {"name": "JsonWebTokenError", "message": message})


def _mac(text: str, key: bytes) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
