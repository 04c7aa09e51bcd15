"""What the sandbox refuses, in the words of the cloud where those are known.

thethings.iO has no error codes besides the HTTP status, so the shared `ApiError.code` is empty.
The texts of 401 and the first two of an activation are the vendor's or the specification's.

Source: thethings.iO API reference (status codes); App Development guide ("Curl Test").
"""

from __future__ import annotations

from gatewayd.sandbox.errors import ApiError


def refusal(status: int, message: str) -> ApiError:
    """Return an error answer."""
    return ApiError(status, "", message)


def bad(message: str) -> ApiError:
    """The request is wrong."""
    return refusal(400, message)


def no_session() -> ApiError:
    """Nobody is logged in with this token, or not any more."""
    return refusal(401, "Invalid session token")


def forbidden(message: str) -> ApiError:
    """The user may not do that."""
    return refusal(403, message)


def missing(what: str) -> ApiError:
    """There is no such thing."""
    return refusal(404, f"{what} not found")
