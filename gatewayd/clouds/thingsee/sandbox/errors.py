"""What the sandbox refuses; the cloud has a status, its phrase and a sentence, and no codes.

Source: Thingsee Toolbox (error model). The sentences are ours: the cloud's are not published.
"""

from __future__ import annotations

from gatewayd.sandbox.errors import ApiError


def refusal(status: int, message: str) -> ApiError:
    """Return an error answer."""
    return ApiError(status, "", message)


def bad(message: str) -> ApiError:
    """The request is wrong."""
    return refusal(400, message)


def unauthorized(message: str) -> ApiError:
    """No token, or one that is not good any more; or wrong credentials."""
    return refusal(401, message)


def missing(what: str) -> ApiError:
    """There is no such thing or group."""
    return refusal(404, f"{what} was not found")


def conflict(message: str) -> ApiError:
    """It cannot be so beside what there is."""
    return refusal(409, message)
