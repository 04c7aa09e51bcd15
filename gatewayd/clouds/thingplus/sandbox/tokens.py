"""Access tokens as the sandbox issues them, and what the vendor answers to bad ones. Pure.

Source: Thing+ guide, OAuth2 (claims and error documents).
"""

from __future__ import annotations

from datetime import UTC, datetime

from gatewayd.clouds import jwt
from gatewayd.clouds.thingplus.sandbox.answers import RawError
from gatewayd.sandbox.bodies import Document

DAY_S = 86_400
PASSWORD_DAYS = 90
CODE_DAYS = 15

sign = jwt.sign


def verify(token: str, key: bytes, now_s: int) -> Document:
    """Return the claims of a token.

    Raises:
        RawError: 403, and what is wrong, as the vendor's library names it.
    """
    try:
        return jwt.verify(token, key, now_s)
    except jwt.ExpiredJwt as error:
        expired = datetime.fromtimestamp(error.exp_s, UTC).isoformat(timespec="milliseconds")
        name, at = "TokenExpiredError", expired.replace("+00:00", "Z")
        raise RawError(403, {"name": name, "message": str(error), "expiredAt": at}) from None
    except jwt.BadJwt as error:
        raise bad_token(str(error)) from None


def bad_token(message: str) -> RawError:
    """Return the error for a token that is none of ours."""
    return RawError(403, {"name": "JsonWebTokenError", "message": message})
