"""The envelope of the Thingsee REST API: `{"data": …}` around every success; pure.

Source: Thingsee Open Services API.
"""

from __future__ import annotations

import orjson

from gatewayd.clouds.json_fields import Json
from gatewayd.clouds.thingsee.rest_errors import error_of
from gatewayd.errors import Malformed
from gatewayd.transports.http import Answer


def open_envelope(answer: Answer) -> object:
    """Return what a success holds: an object or a list.

    Raises:
        ThingseeError: it is no success; its class says whose turn it is.
        Malformed: it is one, and not in the envelope.
    """
    if not answer.is_success:
        raise error_of(answer)
    try:
        body: object = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        raise Malformed("the cloud answers with something else than JSON") from None
    if not isinstance(body, dict) or "data" not in body:
        raise Malformed("the cloud answers without data")
    return body["data"]


def record_in(data: object) -> Json:
    """Return data that must be an object. Raises Malformed."""
    if not isinstance(data, dict):
        raise Malformed("the cloud answers with something else than an object")
    return data


def records_in(data: object) -> tuple[Json, ...]:
    """Return data that must be a list of objects. Raises Malformed."""
    if not isinstance(data, list) or not all(isinstance(each, dict) for each in data):
        raise Malformed("the cloud answers with something else than a list of objects")
    return tuple(data)
