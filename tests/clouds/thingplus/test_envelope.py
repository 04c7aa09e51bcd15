"""Answers out of their three kinds of envelope."""

from __future__ import annotations

import orjson
import pytest

from gatewayd.clouds.thingplus.envelope import MESSAGE_MAX, Meta, open_envelope
from gatewayd.clouds.thingplus.rest_errors import (
    Busy,
    Denied,
    GatewayAnsweredError,
    NotFound,
    ServerFailed,
    ThingPlusError,
)
from gatewayd.errors import Malformed
from gatewayd.transports.http import Answer


def answer(status: int, body: object, **headers: str) -> Answer:
    return Answer(status, headers, orjson.dumps(body))


def refused(reply: Answer) -> ThingPlusError:
    with pytest.raises(ThingPlusError) as caught:
        open_envelope(reply)
    return caught.value


def test_an_enveloped_answer_is_taken_out() -> None:
    """statusCode, message, data and _meta, as the vendor's page shows them."""
    body = {"statusCode": 200, "message": "OK", "data": [{"id": "a"}], "_meta": {"count": 1}}
    envelope = open_envelope(answer(200, body))
    assert (envelope.status, envelope.records) == (200, ({"id": "a"},))
    assert envelope.meta.count == 1


def test_every_field_of_meta_is_read() -> None:
    """The vendor's table of meta fields, name by name."""
    meta = Meta.of(
        {
            "count": 2,
            "page": 1,
            "total": 9,
            "maxCount": 4000,
            "start": 10,
            "end": 20,
            "dataStart": "30",
            "dataEnd": 40,
            "stat": "avg",
            "interval": "1m",
            "timeUnit": "day",
            "gmt": 9,
        }
    )
    assert meta == Meta(
        count=2,
        page=1,
        total=9,
        max_count=4000,
        start_ms=10,
        end_ms=20,
        data_start_ms=30,
        data_end_ms=40,
        stat="avg",
        interval="1m",
        time_unit="day",
        gmt=9.0,
    )


@pytest.mark.parametrize(
    "name",
    [
        "count",
        "page",
        "total",
        "maxCount",
        "start",
        "end",
        "dataStart",
        "dataEnd",
        "stat",
        "interval",
        "timeUnit",
        "gmt",
    ],
)
def test_what_meta_does_not_say_is_not_known(name: str) -> None:
    """Missing, null, or of a type that makes no sense: the answer is good without it."""
    assert Meta.of({name: None}) == Meta.of({name: []}) == Meta.of({name: {}}) == Meta()


def test_a_list_of_statistics_names_the_first() -> None:
    """Real answers were seen with `stats` where the page says `stat`."""
    assert Meta.of({"stats": ["count"]}).stat == "count"
    assert Meta.of({}) == Meta()


def test_a_raw_object_is_its_own_data() -> None:
    """The gateway's own face and v1 know no envelope."""
    assert open_envelope(answer(200, {"id": "a", "model": "34"})).record["model"] == "34"
    assert open_envelope(answer(200, [{"id": "a"}])).records == ({"id": "a"},)


def test_a_raw_page_has_data_and_meta() -> None:
    """v1 wraps a list only when it was asked for a page."""
    envelope = open_envelope(answer(200, {"data": [{"id": "a"}], "_meta": {"total": 5}}))
    assert (envelope.records, envelope.meta.total) == (({"id": "a"},), 5)


def test_no_content_is_a_success() -> None:
    """204 has no body."""
    assert open_envelope(Answer(204, {}, b"")).data is None


def test_a_partial_success_keeps_its_errors() -> None:
    """207 is a success whose errors say what is missing."""
    body = {"statusCode": 207, "data": {"id": "g"}, "errors": [{"code": "CONFLICT"}]}
    envelope = open_envelope(answer(207, body))
    assert envelope.record["id"] == "g"
    assert [error.code for error in envelope.errors] == ["CONFLICT"]


def test_the_first_error_names_a_refusal() -> None:
    """Code, category and message come from errors[0]."""
    error = {"code": "NOT_FOUND", "category": "REQUEST_ERROR", "message": "no gateway x"}
    found = refused(answer(404, {"statusCode": 404, "message": "Not Found", "errors": [error]}))
    assert isinstance(found, NotFound)
    assert (found.status, found.code, found.category) == (404, "NOT_FOUND", "REQUEST_ERROR")
    assert found.message == "no gateway x"


def test_a_refusal_without_words_takes_the_message_outside() -> None:
    """Only errors[0].code is certain; the rest is looked for further out."""
    body = {"statusCode": 404, "message": "Not Found", "errors": [{"code": "NOT_FOUND"}]}
    assert refused(answer(404, body)).message == "Not Found"


def test_a_status_inside_the_envelope_counts() -> None:
    """A proxy that does not know 600 passes 200 on."""
    error = {"code": "PROCESS_COMMAND_RESULT"}
    found = refused(answer(200, {"statusCode": 600, "errors": [error]}))
    assert isinstance(found, GatewayAnsweredError)


def test_a_raw_refusal_has_its_code_at_the_top() -> None:
    """The gateway's own face and v1."""
    assert refused(answer(404, {"statusCode": 404, "code": "NOT_FOUND"})).code == "NOT_FOUND"


def test_a_refusal_of_oauth_has_a_name() -> None:
    """Names of OAuth errors and of bad tokens are kept as codes."""
    body = {"name": "incorrect_client_credentials", "message": "no", "code": 401, "status": 401}
    assert refused(answer(401, body)).code == "incorrect_client_credentials"
    body = {"name": "TokenExpiredError", "message": "jwt expired"}
    found = refused(answer(403, body))
    assert isinstance(found, Denied)
    assert (found.code, found.message) == ("TokenExpiredError", "jwt expired")


def test_a_refusal_may_be_bare_text() -> None:
    """401 without credentials is only "Access denied"; a proxy's page is cut."""
    assert refused(answer(401, "Access denied")).message == "Access denied"
    page = refused(Answer(502, {}, b"<html>" * 1000))
    assert isinstance(page, ServerFailed)
    assert len(page.message) <= MESSAGE_MAX


def test_a_busy_cloud_says_how_long() -> None:
    """429 carries its Retry-After."""
    found = refused(Answer(429, {"retry-after": "7"}, b"{}"))
    assert isinstance(found, Busy)
    assert found.retry_after_s == 7.0


def test_a_success_that_cannot_be_read_is_malformed() -> None:
    """Half a document is not data."""
    with pytest.raises(Malformed, match="JSON"):
        open_envelope(Answer(200, {}, b'{"statusCode":200,'))


@pytest.mark.parametrize("data", [None, "text", 5])
def test_data_of_another_shape_is_malformed(data: object) -> None:
    """Where an object is due, nothing else passes."""
    envelope = open_envelope(answer(200, {"statusCode": 200, "data": data}))
    with pytest.raises(Malformed, match="object"):
        _ = envelope.record
    with pytest.raises(Malformed, match="objects"):
        _ = envelope.records
