"""What the Thing+ REST API answers when it does not do what was asked, one class for each turn.

```
ThingPlusError (LinkError)      status, code, category, message
├── Denied (LinkDenied)         401, 403: credentials, scope or rights
├── Busy (Throttled)            429: carries retry_after_s
├── Conflict                    409: the id is taken
├── NotFound                    404
├── PlanExceeded                471: the billing plan allows no more
├── ActuatorTimeout             504: the gateway did not answer the command
├── GatewayAnsweredError        600: the gateway answered the command with an error
└── ServerFailed (LinkLost)     444 and 5xx: the cloud's own trouble, later may be better
```

Source: Thing+ REST API "Getting Started", Status Codes and Error Codes; OAuth2 guide.
"""

from __future__ import annotations

from enum import StrEnum

from gatewayd.errors import LinkDenied, LinkError, LinkLost, Throttled
from gatewayd.transports.http import RETRY_AFTER_DEFAULT_S

STATUSES = {
    200: "OK",
    201: "created",
    204: "no content",
    207: "partly done",
    400: "bad request",
    401: "unauthorized",
    403: "forbidden",
    404: "not found",
    409: "conflict",
    429: "too many requests",
    444: "unknown",
    471: "the billing plan allows no more",
    500: "internal server error",
    504: "gateway time-out",
    600: "gateway error",
}
"""Every status of the API, 444, 471 and 600 being its own inventions."""


class Category(StrEnum):
    """The kind of an error, and so who can do something about it."""

    REQUEST = "REQUEST_ERROR"
    AUTHENTICATION = "AUTHENTICATION_ERROR"
    AUTHORIZATION = "AUTHORIZATION_ERROR"
    SERVER = "SERVER_ERROR"
    DB = "DB_ERROR"
    BILLING = "BILLING_ERROR"
    GATEWAY = "GATEWAY_ERROR"
    UNKNOWN = "UNKNOWN"


CATEGORIES: dict[str, Category] = {
    "SCHEMA_VALIDATE": Category.REQUEST,
    "NOT_FOUND": Category.REQUEST,
    "MISMATCH_ERROR": Category.REQUEST,
    "CONFLICT": Category.REQUEST,
    "JSON_PARSING": Category.REQUEST,
    "INVALID_INPUT": Category.REQUEST,
    "NEED_LOGIN": Category.AUTHENTICATION,
    "ACCESSGROUP_DENY": Category.AUTHORIZATION,
    "ACL_DENY": Category.AUTHORIZATION,
    "USER_ERROR": Category.SERVER,
    "AUTH_ERROR": Category.SERVER,
    "ACL_ERROR": Category.SERVER,
    "LIBRARY_ERROR": Category.SERVER,
    "INTERNAL_ERROR": Category.SERVER,
    "RELATION_ERROR": Category.DB,
    "QUERY_RESULT_EMPTY": Category.DB,
    "NOT_FOUND_IN_ITEM": Category.DB,
    "DB_INTERNAL_ERROR": Category.DB,
    "BILLING": Category.BILLING,
    "PROCESS_COMMAND_RESULT": Category.GATEWAY,
}
"""Every error code with its category; any other code is UNKNOWN."""

EXPIRED = "TokenExpiredError"
"""The name in a 403 answer to a token that was good once."""

BAD_TOKEN = "JsonWebTokenError"  # noqa: S105 - the name of an error, not a token.
"""The name in a 403 answer to a token that never was one."""


class ThingPlusError(LinkError):
    """The cloud did not do what was asked.

    Attributes:
        status: HTTP status, one of `STATUSES` or another.
        code: the error's code, empty where the cloud named none; OAuth errors keep their name.
        category: as the cloud said, or as the vendor's table says of the code.
        message: the cloud's own words.
    """

    def __init__(self, status: int, code: str = "", category: str = "", message: str = "") -> None:
        self.status = status
        self.code = code
        self.category = category or CATEGORIES.get(code, Category.UNKNOWN).value
        self.message = message or STATUSES.get(status, "")
        LinkError.__init__(self, self._sentence())

    def _sentence(self) -> str:
        named = f" {self.code}" if self.code else ""
        return f"Thing+ answers {self.status}{named}: {self.message or 'no reason given'}"


class Denied(ThingPlusError, LinkDenied):
    """Credentials, scope or rights do not allow this."""


class Busy(ThingPlusError, Throttled):
    """Too many requests; `retry_after_s` says how long to leave it alone."""

    retry_after_s: float = RETRY_AFTER_DEFAULT_S


class Conflict(ThingPlusError):
    """The id is taken."""


class NotFound(ThingPlusError):
    """There is no such thing, or not under this owner."""


class PlanExceeded(ThingPlusError):
    """The billing plan allows no more gateways, devices, sensors or rules."""


class ActuatorTimeout(ThingPlusError):
    """The gateway did not answer the command; nobody knows whether it acted."""


class GatewayAnsweredError(ThingPlusError):
    """The gateway answered the command, with an error."""


class ServerFailed(ThingPlusError, LinkLost):
    """The cloud's own trouble; later may be better."""


_CLASSES: dict[int, type[ThingPlusError]] = {
    401: Denied,
    403: Denied,
    404: NotFound,
    409: Conflict,
    429: Busy,
    444: ServerFailed,
    471: PlanExceeded,
    504: ActuatorTimeout,
    600: GatewayAnsweredError,
}


def error_class(status: int, code: str) -> type[ThingPlusError]:
    """Return the class that says whose turn it is to act.

    504 is an actuator's time-out only where the code says so: proxies before the cloud answer
    504 as well, for every path.
    """
    if status == 504 and CATEGORIES.get(code) is not Category.GATEWAY:
        return ServerFailed
    if status in _CLASSES:
        return _CLASSES[status]
    return ServerFailed if 500 <= status < 600 else ThingPlusError
