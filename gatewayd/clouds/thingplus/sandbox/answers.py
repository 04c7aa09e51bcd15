"""What the REST faces answer: data, errors by category and code, and the three body styles.

Source: Thing+ REST API "Getting Started", chapter API Response.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from http import HTTPStatus

from gatewayd.sandbox.bodies import Document
from gatewayd.sandbox.errors import ApiError

CATEGORIES = {
    "REQUEST_ERROR": (
        "SCHEMA_VALIDATE",
        "NOT_FOUND",
        "MISMATCH_ERROR",
        "CONFLICT",
        "JSON_PARSING",
        "INVALID_INPUT",
    ),
    "AUTHENTICATION_ERROR": ("NEED_LOGIN",),
    "AUTHORIZATION_ERROR": ("ACCESSGROUP_DENY", "ACL_DENY"),
    "SERVER_ERROR": ("USER_ERROR", "AUTH_ERROR", "ACL_ERROR", "LIBRARY_ERROR", "INTERNAL_ERROR"),
    "DB_ERROR": ("RELATION_ERROR", "QUERY_RESULT_EMPTY", "NOT_FOUND_IN_ITEM", "DB_INTERNAL_ERROR"),
    "BILLING_ERROR": ("BILLING",),
    "GATEWAY_ERROR": ("PROCESS_COMMAND_RESULT",),
    "UNKNOWN": ("-",),
}
CATEGORY_OF = {code: category for category, codes in CATEGORIES.items() for code in codes}

USUAL_CODE = {
    400: "INVALID_INPUT",
    401: "NEED_LOGIN",
    403: "ACL_DENY",
    404: "NOT_FOUND",
    409: "CONFLICT",
    471: "BILLING",
    500: "INTERNAL_ERROR",
    504: "PROCESS_COMMAND_RESULT",
    600: "PROCESS_COMMAND_RESULT",
}
"""The code that goes with a status when nobody names another."""

_OWN_PHRASES = {444: "Unknown", 471: "Billing", 504: "Gateway Time-out", 600: "Gateway Error"}


class Face(Enum):
    """The three faces of one API: apps enveloped, apps raw, gateways with their key."""

    V2 = "/v2"
    V1 = "/v1"
    GATEWAY = ""


class RawError(Exception):
    """An error outside the envelope: OAuth's own documents and the bare "Access denied"."""

    def __init__(self, status: int, body: Document | str) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler returns.

    Attributes:
        data: an object, or a list for collections.
        meta: of the collection or series, or None.
        is_paged: the query asked for a page; v1 then wraps the list.
        errors: what went wrong in part (207), as (code, message).
        is_raw: no envelope on any face (tokens).
    """

    data: Document | list[Document] | None = None
    status: int = 200
    meta: Document | None = None
    is_paged: bool = False
    errors: tuple[tuple[str, str], ...] = ()
    is_raw: bool = False
    headers: dict[str, str] = field(default_factory=dict)


def conflict(what: str) -> ApiError:
    """There is one already."""
    return ApiError(409, "CONFLICT", f"{what} exists already")


def foreign(what: str) -> ApiError:
    """It is somebody else's."""
    return ApiError(403, "ACCESSGROUP_DENY", f"{what} belongs to somebody else")


def billing(what: str) -> ApiError:
    """The plan does not allow more."""
    return ApiError(471, "BILLING", f"the plan allows {what}")


def phrase(status: int) -> str:
    """Return the words that go with a status, the vendor's own included."""
    if status in _OWN_PHRASES:
        return _OWN_PHRASES[status]
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def success_body(face: Face, answer: Answer) -> object:
    """Return the JSON body of a success on this face."""
    if answer.is_raw:
        return answer.data
    if face is Face.V2:
        body: Document = {"statusCode": answer.status, "message": phrase(answer.status)}
        if answer.data is not None:
            body["data"] = answer.data
        if answer.meta is not None:
            body["_meta"] = answer.meta
        if answer.errors:
            body["errors"] = [_error(code, text) for code, text in answer.errors]
        return body
    if face is Face.V1 and answer.is_paged and isinstance(answer.data, list):
        return {"data": answer.data, "_meta": answer.meta or {}}
    return {} if answer.data is None else answer.data


def error_body(face: Face, status: int, code: str, message: str) -> Document:
    """Return the JSON body of an error on this face; v1 has the code at the top."""
    body: Document = {"statusCode": status, "message": phrase(status)}
    error = _error(code, message)
    return body | ({"errors": [error]} if face is Face.V2 else error | {"message": message})


def _error(code: str, message: str) -> Document:
    return {"category": CATEGORY_OF.get(code, "UNKNOWN"), "code": code, "message": message}
