"""What the Thinger.io REST API answers when it does not do what was asked, a class for each turn.

```
ThingerError (LinkError)        status, message
├── Invalid                     400: a bad or missing field, an id that is taken, a limit
├── Denied (LinkDenied)         401: no token, or one that is wrong or has ended
├── Forbidden (LinkDenied)      403: the token does not allow this
├── NotFound                    404: unknown; the device is away; the resource refused
├── Busy (Throttled)            429: carries retry_after_s
├── NoAnswer (LinkLost)         504: nobody knows whether the device has acted
└── ServerFailed (LinkLost)     408 and the other 5xx: later may be better
```

Clients depend on the status alone: of the texts, the vendor documents two.

Source: Thinger.io REST API; Thinger.io API description 2025 (403).
"""

from __future__ import annotations

import orjson

from gatewayd.clouds.json_fields import inner, text
from gatewayd.errors import LinkDenied, LinkError, LinkLost, Malformed, Throttled
from gatewayd.transports.http import RETRY_AFTER_DEFAULT_S, Answer, retry_after_s

MESSAGE_CHARACTERS_MAX = 300

STATUSES = {
    400: "bad request",
    401: "unauthorized",
    403: "forbidden",
    404: "not found",
    408: "request timeout",
    429: "too many requests",
    504: "the device did not answer",
}


class ThingerError(LinkError):
    """The cloud did not do what was asked; `message` is its own words."""

    def __init__(self, status: int, message: str = "") -> None:
        self.status = status
        self.message = message or STATUSES.get(status, "no reason given")
        LinkError.__init__(self, f"Thinger.io answers {status}: {self.message}")


class Invalid(ThingerError):
    """A field is bad or missing, the id is taken, the device is connected, the account is full."""


class Denied(ThingerError, LinkDenied):
    """No token, or one that is wrong, has ended or was revoked."""


class Forbidden(ThingerError, LinkDenied):
    """The token is good, and not for this."""


class NotFound(ThingerError):
    """There is no such thing; or the device is away; or its resource refused."""


class Busy(ThingerError, Throttled):
    """Too many requests; `retry_after_s` says how long to leave it alone."""

    retry_after_s: float = RETRY_AFTER_DEFAULT_S


class NoAnswer(ThingerError, LinkLost):
    """The device did not answer in time; nobody knows whether it has acted."""


class ServerFailed(ThingerError, LinkLost):
    """The cloud's own trouble; later may be better."""


_CLASSES: dict[int, type[ThingerError]] = {
    400: Invalid,
    401: Denied,
    403: Forbidden,
    404: NotFound,
    408: ServerFailed,
    429: Busy,
    504: NoAnswer,
}


def error_of(answer: Answer) -> ThingerError:
    """Return what an answer that is no success means."""
    usual = ServerFailed if answer.status >= 500 else ThingerError
    error = _CLASSES.get(answer.status, usual)(answer.status, _message(answer.body))
    if isinstance(error, Busy):
        error.retry_after_s = retry_after_s(answer)
    return error


def content_of(answer: Answer) -> object:
    """Return what an answer says; an empty one says None.

    Raises:
        ThingerError: it is no success.
        Malformed: it is not JSON.
    """
    if not answer.is_success:
        raise error_of(answer)
    if not answer.body.strip():
        return None
    try:
        content: object = orjson.loads(answer.body)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"Thinger.io answers no JSON: {error.msg}") from None
    return content


def _message(body: bytes) -> str:
    """Return the words of `{"error": {"message": …}}`; a proxy's page has none."""
    try:
        found: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    error = inner(found, "error") if isinstance(found, dict) else None
    return text(error or {}, "message")[:MESSAGE_CHARACTERS_MAX]
