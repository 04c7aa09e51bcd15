"""What the Thingsee REST API answers when it does not do what was asked, one class a turn.

```
ThingseeError (LinkError)       status, error, message
├── Denied (LinkDenied)         401, 403: token, credentials or rights
├── NotFound                    404: no such thing or group
├── Conflict                    409: the group exists, or is not empty
├── Busy (Throttled)            429: carries retry_after_s
└── ServerFailed (LinkLost)     5xx: the cloud's own trouble, later may be better
```

Anything else, such as 400, is a plain ThingseeError: the request was wrong.

Source: Thingsee Toolbox (error model: 400, 401, 403, 404, 409, 500, 504); Amazon API Gateway (429).
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import orjson

from gatewayd.clouds.json_fields import text
from gatewayd.errors import LinkDenied, LinkError, LinkLost, Throttled
from gatewayd.transports.http import RETRY_AFTER_DEFAULT_S, Answer, retry_after_s

STATUSES = (400, 401, 403, 404, 409, 429, 500, 504)
"""The errors that the vendor's own app knows, and the throttle of what the API runs on."""


class ThingseeError(LinkError):
    """The cloud did not do what was asked.

    Attributes:
        status: HTTP status.
        error: the status in the cloud's words, such as `Not Found`.
        message: what it says besides.
    """

    def __init__(self, status: int, error: str = "", message: str = "") -> None:
        self.status = status
        self.error = error or phrase(status)
        self.message = message
        sentence = f"Thingsee answers {status} {self.error}".rstrip()
        LinkError.__init__(self, f"{sentence}: {message}" if message else sentence)


class Denied(ThingseeError, LinkDenied):
    """Token, credentials or rights do not allow this."""


class NotFound(ThingseeError):
    """There is no such thing or group."""


class Conflict(ThingseeError):
    """The group exists already, or still has things."""


class Busy(ThingseeError, Throttled):
    """Too many requests; `retry_after_s` says how long to leave it alone."""

    retry_after_s: float = RETRY_AFTER_DEFAULT_S


class ServerFailed(ThingseeError, LinkLost):
    """The cloud's own trouble; later may be better."""


_CLASSES: Mapping[int, type[ThingseeError]] = {
    401: Denied,
    403: Denied,
    404: NotFound,
    409: Conflict,
    429: Busy,
}


def phrase(status: int) -> str:
    """Return the words that go with a status, as the cloud has them in `error`."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def error_of(answer: Answer) -> ThingseeError:
    """Return what an answer that is no success means, whatever stands in its body."""
    try:
        body: object = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        body = None
    record: Mapping[str, object] = body if isinstance(body, Mapping) else {}
    usual = ServerFailed if answer.status >= 500 else ThingseeError
    kind = _CLASSES.get(answer.status, usual)
    # What stands before the API spells it with a capital.
    message = text(record, "message") or text(record, "Message")
    error = kind(answer.status, text(record, "error")[:80], message[:400])
    if isinstance(error, Busy):
        error.retry_after_s = retry_after_s(answer)
    return error
