"""What the thethings.iO API answers when it does not do what was asked, one class for each turn.

```
ThethingsioError (LinkError)    status, message
├── Invalid                     400: what was asked makes no sense there
├── Denied (LinkDenied)         401: the session or the credentials are worth nothing
├── Forbidden (LinkDenied)      403: rights; the vendor also says so when it limits a rate
├── NotFound                    404
├── Retired (LinkDenied)        410: this part of the API is gone for good
├── Busy (Throttled)            429: carries retry_after_s
└── ServerFailed (LinkLost)     408 and 5xx: the cloud's own trouble, later may be better
```

Source: thethings.iO API reference, status codes.
"""

from __future__ import annotations

from gatewayd.clouds.thethingsio.answers import find_refused
from gatewayd.clouds.thethingsio.codec import parse_json
from gatewayd.clouds.thethingsio.verdict import THROTTLE_S, without_secrets
from gatewayd.errors import LinkDenied, LinkError, LinkLost, Malformed, Throttled
from gatewayd.transports.http import Answer, retry_after_s

STATUSES = {
    200: "success",
    201: "created",
    304: "nothing new",
    400: "invalid request",
    401: "credentials missing or wrong",
    403: "refused, or too many requests",
    404: "no such thing",
    410: "retired",
    429: "too many requests",
    500: "server error",
    502: "down or being upgraded",
    503: "overloaded",
    504: "time-out",
}
"""Every status of the vendor's table, in short."""


class ThethingsioError(LinkError):
    """The cloud did not do what was asked. `message` is the cloud's own words, secrets left out."""

    def __init__(self, status: int, message: str = "") -> None:
        self.status = status
        self.message = message or STATUSES.get(status, "no reason given")
        LinkError.__init__(self, f"thethings.iO answers {status}: {self.message}")


class Invalid(ThethingsioError):
    """What was asked makes no sense there."""


class Denied(ThethingsioError, LinkDenied):
    """The session or the credentials are worth nothing."""


class Forbidden(ThethingsioError, LinkDenied):
    """The user may not do this, or somebody asks too much."""


class NotFound(ThethingsioError):
    """There is no such thing, resource or object."""


class Retired(ThethingsioError, LinkDenied):
    """This part of the API is gone for good."""


class Busy(ThethingsioError, Throttled):
    """Too many requests; `retry_after_s` says how long to leave it alone."""

    retry_after_s: float = THROTTLE_S


class ServerFailed(ThethingsioError, LinkLost):
    """The cloud's own trouble; later may be better."""


_CLASSES: dict[int, type[ThethingsioError]] = {
    400: Invalid,
    401: Denied,
    403: Forbidden,
    404: NotFound,
    408: ServerFailed,
    410: Retired,
    429: Busy,
}


def error_for(status: int, message: str = "") -> ThethingsioError:
    """Return the error that a status stands for."""
    usual = ServerFailed if 500 <= status < 600 else ThethingsioError
    return _CLASSES.get(status, usual)(status, message)


def content_of(answer: Answer) -> object:
    """Return what an answer says, None for "nothing new".

    Raises:
        ThethingsioError: it is a refusal; an error body counts, whatever the status.
        Malformed: it is no JSON: not thethings.iO, but a captive portal or a proxy's page.
    """
    if answer.status == 304:
        return None
    try:
        content: object = parse_json(answer.body)
    except Malformed:
        if answer.is_success:
            raise
        content = None
    refused = find_refused(content)
    if refused is None and answer.is_success:
        return content
    status = refused.code if refused is not None and answer.is_success else answer.status
    error = error_for(status, without_secrets(refused.message) if refused else "")
    if isinstance(error, Busy) and "retry-after" in answer.headers:
        error.retry_after_s = retry_after_s(answer)
    raise error
