"""One answer of the Thing+ REST API, taken out of its envelope.

Three shapes are understood: the envelope of `/v2` (`statusCode, message, data, _meta, errors`),
the raw object or array of `/v1` and of the gateway's own face, and the errors of OAuth
(`name, message, code, status`). Pure.

Source: Thing+ REST API "Getting Started", API Response; OAuth2 guide.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from gatewayd.clouds.json_fields import Json, objects, text, whole
from gatewayd.clouds.thingplus.rest_errors import Busy, ThingPlusError, error_class
from gatewayd.errors import Malformed
from gatewayd.transports.http import Answer, retry_after_s

MESSAGE_MAX = 300
"""Characters of a cloud's message that are kept; a whole HTML page has come as one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    """What an answer says about its data; None where it says nothing.

    Times are UTC milliseconds. `data_start_ms` and `data_end_ms` may differ from what was asked.
    `page` counts from 0. `gmt` is the zone of statistics, in hours.
    """

    count: int | None = None
    page: int | None = None
    total: int | None = None
    max_count: int | None = None
    start_ms: int | None = None
    end_ms: int | None = None
    data_start_ms: int | None = None
    data_end_ms: int | None = None
    stat: str = ""
    interval: str = ""
    time_unit: str = ""
    gmt: float | None = None

    @classmethod
    def of(cls, record: Json) -> Meta:
        gmt, stats = record.get("gmt"), record.get("stats")
        return cls(
            count=whole(record, "count"),
            page=whole(record, "page"),
            total=whole(record, "total"),
            max_count=whole(record, "maxCount"),
            start_ms=whole(record, "start"),
            end_ms=whole(record, "end"),
            data_start_ms=whole(record, "dataStart"),
            data_end_ms=whole(record, "dataEnd"),
            # The page names one `stat`; real answers were seen with a list called `stats`.
            stat=text(record, "stat")
            or (str(stats[0]) if isinstance(stats, list) and stats else ""),
            interval=text(record, "interval"),
            time_unit=text(record, "timeUnit"),
            gmt=float(gmt) if isinstance(gmt, int | float) else None,
        )


@dataclass(frozen=True, slots=True)
class Envelope:
    """What was inside: the data, what is said about it, and the errors of a partial success."""

    status: int
    data: object
    meta: Meta
    errors: tuple[ThingPlusError, ...] = ()

    @property
    def record(self) -> Json:
        """The data as one object.

        Raises:
            Malformed: it is something else.
        """
        if not isinstance(self.data, Mapping):
            raise Malformed(f"Thing+ sends {_kind(self.data)} where one object is due")
        return self.data

    @property
    def records(self) -> tuple[Json, ...]:
        """The data as objects; a single one counts as a list of one.

        Raises:
            Malformed: something in it is no object.
        """
        rows = self.data if isinstance(self.data, list) else [self.data]
        if not all(isinstance(row, Mapping) for row in rows):
            raise Malformed(f"Thing+ sends {_kind(self.data)} where objects are due")
        return tuple(rows)


def open_envelope(answer: Answer) -> Envelope:
    """Return the contents of an answer.

    Raises:
        ThingPlusError: the answer is a refusal; its class says whose turn it is.
        Malformed: the answer is a success that cannot be read.
    """
    body = _decode(answer)
    fields: Json = body if isinstance(body, Mapping) else {}
    status = answer.status
    if answer.is_success:
        # A proxy that does not know 471 or 600 may pass 200 on; the envelope knows better.
        status = whole(fields, "statusCode") or status
    errors = tuple(_error(status, each) for each in objects(fields, "errors"))
    if not 200 <= status < 300:
        raise _refusal(answer, status, body)
    is_wrapped = "statusCode" in fields or ("data" in fields and "_meta" in fields)
    meta = fields.get("_meta")
    return Envelope(
        status,
        fields.get("data") if is_wrapped else body,
        Meta.of(meta) if isinstance(meta, Mapping) else Meta(),
        errors,
    )


def _decode(answer: Answer) -> object:
    if not answer.body:
        return None
    try:
        body: object = orjson.loads(answer.body)
    except orjson.JSONDecodeError as error:
        if answer.is_success:
            raise Malformed("Thing+ sends a body that is not JSON") from error
        return answer.body[:MESSAGE_MAX].decode("utf-8", "replace")
    return body


def _refusal(answer: Answer, status: int, body: object) -> ThingPlusError:
    """Return the error of a refusal, from whichever of the shapes it has."""
    fields: Json = body if isinstance(body, Mapping) else {}
    named = objects(fields, "errors")
    code = text(fields, "code")
    if not code or code.isdecimal():  # OAuth repeats the status there and has its word in `name`.
        code = text(fields, "name")
    words = text(fields, "message") if fields else body if isinstance(body, str) else ""
    outer: Json = {"code": code, "message": words}
    error = _error(status, {**outer, **named[0]} if named else outer)
    if isinstance(error, Busy):
        error.retry_after_s = retry_after_s(answer)
    return error


def _error(status: int, record: Json) -> ThingPlusError:
    code = text(record, "code")
    message = text(record, "message")[:MESSAGE_MAX]
    return error_class(status, code)(status, code, text(record, "category"), message)


def _kind(data: object) -> str:
    return "nothing" if data is None else f"a {type(data).__name__}"
