"""What an answer of thethings.iO means for a link; pure.

| status | means | becomes |
| --- | --- | --- |
| 2xx with `created` or `success` | done | |
| 400, 413, other 4xx | this write is wrong | BatchRefused |
| 401, 403, 404, 410 | token, rights, no such thing, retired | LinkDenied |
| 429 | rate limit | Throttled: Retry-After, else a minute |
| 408, 5xx | not now | LinkLost |
| anything else | not thethings.iO (a captive portal, a proxy's page) | LinkLost |

A write is done only when the cloud says so in its own words: a hotel's login page is a 200 too.

Source: thethings.iO API reference, status codes.
"""

from __future__ import annotations

import re

from gatewayd.clouds.thethingsio.answers import find_refused, is_success
from gatewayd.clouds.thethingsio.codec import parse_json
from gatewayd.errors import BatchRefused, LinkDenied, LinkError, LinkLost, Malformed, Throttled
from gatewayd.transports.http import Answer, retry_after_s

JSON = {"Content-Type": "application/json", "Accept": "application/json"}

THROTTLE_S = 60.0
"""What 429 without Retry-After means; the vendor's partners begin with a minute too."""

DENIED = frozenset({401, 403, 404, 410})

ACTIVATION = "activation"
"""What is asked before there is a token."""

_UNKNOWN = frozenset({401, 404})

_SECRET = re.compile(r"[A-Za-z0-9_-]{25,}")
"""Tokens, ids and codes have 27 characters or more; words have not."""


def verdict(answer: Answer, asked: str) -> LinkError | None:
    """Return what an answer to a write, an activation or a subscription means, None for done."""
    try:
        content = parse_json(answer.body)
    except Malformed:
        content = None
    refused = find_refused(content)
    status = answer.status
    if answer.is_success:
        if is_success(content):
            return None
        status = refused.code if refused else 0
    words = f": {without_secrets(refused.message)}" if refused and refused.message else ""
    wait_s = retry_after_s(answer) if "retry-after" in answer.headers else THROTTLE_S
    hint = "" if asked == ACTIVATION else hint_of(status)
    return error_of(status, f"{asked}: status {status or answer.status}{words}{hint}", wait_s)


def hint_of(status: int) -> str:
    """Return what an owner may look at."""
    return " (is the token right, and its thing still there?)" if status in _UNKNOWN else ""


def error_of(status: int, sentence: str, wait_s: float = THROTTLE_S) -> LinkError:
    """Return the one error that a refusing status stands for."""
    if status in DENIED:
        return LinkDenied(sentence)
    if status == 429:
        return Throttled(sentence, wait_s)
    if status == 408 or not 400 <= status < 500:
        return LinkLost(sentence)
    return BatchRefused(sentence)


def without_secrets(text: str) -> str:
    """Return a cloud's words without the token that it may repeat."""
    return _SECRET.sub("***", text)
