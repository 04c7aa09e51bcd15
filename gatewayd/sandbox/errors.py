"""A request that a sandbox answers with an error."""

from __future__ import annotations


class ApiError(Exception):
    """An error answer: HTTP status, a word for programs, a sentence for people.

    The word (`code`) is the cloud's own where it has such words; the shared rooms use those of
    the first cloud that had them, and a cloud without ignores it.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


def schema(message: str) -> ApiError:
    """The body is not what the endpoint takes."""
    return ApiError(400, "SCHEMA_VALIDATE", message)


def invalid(message: str) -> ApiError:
    """A parameter is wrong."""
    return ApiError(400, "INVALID_INPUT", message)


def not_found(what: str) -> ApiError:
    """There is no such record."""
    return ApiError(404, "NOT_FOUND", f"{what} was not found")
