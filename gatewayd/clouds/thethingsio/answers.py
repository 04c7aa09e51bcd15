"""What thethings.iO answers: success, refusal, activation; bytes ⇄ model, pure.

Source: thethings.iO API reference (status codes, activation).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from gatewayd.clouds.thethingsio.codec import parse_json
from gatewayd.errors import Malformed

TOKEN = re.compile(r"[A-Za-z0-9_-]{8,128}")
"""A thing token: 43 characters of base64url today, none that a path or a topic would mind."""

MESSAGE_MAX = 200
"""Characters of a cloud's own words that are worth repeating."""


class Refused(NamedTuple):
    """The error body, the same for every refusal, in answers and on the stream."""

    code: int
    message: str


def encode_status(status: str, message: str, **more: Any) -> bytes:
    """Return a success body, `{"status":"created","message":"…"}`."""
    return orjson.dumps({"status": status, "message": message, **more})


def encode_refused(code: int, message: str) -> bytes:
    """Return an error body."""
    return orjson.dumps({"status": "error", "code": code, "message": message})


def find_refused(content: object) -> Refused | None:
    """Return what an answer's parsed body refuses, or None if it is no error body."""
    if not isinstance(content, Mapping) or str(content.get("status")).lower() != "error":
        return None
    code, message = content.get("code"), content.get("message")
    number = code if isinstance(code, int) and not isinstance(code, bool) else 0
    return Refused(number, message[:MESSAGE_MAX] if isinstance(message, str) else "")


def is_success(content: object) -> bool:
    """Return whether a parsed body says `created` or `success`; the documents vary the case."""
    status = content.get("status") if isinstance(content, Mapping) else None
    return isinstance(status, str) and status.lower() in ("created", "success")


# Activation.


def encode_activation(code: str, product_id: str = "") -> bytes:
    """Return the body that spends an activation code."""
    product = {"productId": product_id} if product_id else {}
    return orjson.dumps({"activationCode": code, **product})


def encode_activated(token: str) -> bytes:
    """Return the answer to an activation; vendor clients insist on `created`."""
    return encode_status("created", "thing activated", thingToken=token)


def decode_activated(payload: bytes) -> str:
    """Return the thing token.

    Raises:
        Malformed: there is none, or one that could not stand in a path.
    """
    content = parse_json(payload)
    token = content.get("thingToken") if isinstance(content, Mapping) else None
    if not isinstance(token, str) or not TOKEN.fullmatch(token):
        raise Malformed("the activation answers without a thing token")
    return token
