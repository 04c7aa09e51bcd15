"""Thing+ requests and answers: the documents' examples and what breaks them."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewayd.clouds.thingplus.codec import maybe_gzip
from gatewayd.clouds.thingplus.rpc import (
    Request,
    Response,
    RpcCode,
    RpcError,
    decode_request,
    decode_response,
    encode_request,
    encode_response,
)
from gatewayd.errors import Malformed

# Source: Thing+ embedded guide 4.3, examples with other ids.
REQUESTS = [
    b'{"id":"t1a2b3c4d","method":"timeSync","params":{"time":1461561631000}}',
    b'{"id":"p1a2b3c4d","method":"setProperty","params":{"reportInterval":"120000"}}',
    b'{"id":"c1a2b3c4d","method":"controlActuator","params":{"id":"b827eb000001-0-relay",'
    b'"cmd":"on","options":{"duration":3000}}}',
    b'{"id":"r1","method":"reboot"}',
]
RESPONSES = [
    b'{"id":"t1a2b3c4d","result":""}',
    b'{"id":"c1a2b3c4d","result":"success"}',
    b'{"id":"c1a2b3c4d","error":{"code":-32000,"message":"invalid options"}}',
]


@pytest.mark.parametrize("frame", REQUESTS)
def test_documented_requests_are_read_and_written(frame: bytes) -> None:
    """Decoding and encoding gives the same bytes."""
    assert encode_request(decode_request(frame)) == frame
    assert decode_request(maybe_gzip(frame, 1)) == decode_request(frame)


@pytest.mark.parametrize("frame", RESPONSES)
def test_documented_answers_are_read_and_written(frame: bytes) -> None:
    """Decoding and encoding gives the same bytes."""
    assert encode_response(decode_response(frame)) == frame


def test_params_may_be_absent_or_null() -> None:
    """Both mean that there are none."""
    assert decode_request(b'{"id":"a","method":"reboot","params":null}') == Request("a", "reboot")


@pytest.mark.parametrize(
    "frame", [b"", b"x", b"[]", b'{"method":"m"}', b'{"id":"","method":"m"}', b'{"id":null}',
              b'{"id":true,"method":"m"}', b'{"id":"' + b"i" * 129 + b'"}']
)  # fmt: skip
def test_a_request_that_nobody_can_answer_is_malformed(frame: bytes) -> None:
    """Not JSON, or no id: there is no answer, so it is not an RpcError."""
    with pytest.raises(Malformed) as caught:
        decode_request(frame)
    assert not isinstance(caught.value, RpcError)


@pytest.mark.parametrize(
    "frame", [b'{"id":"a"}', b'{"id":"a","method":5}', b'{"id":"a","method":"m","params":3}']
)
def test_a_request_with_an_id_is_answered_as_invalid(frame: bytes) -> None:
    """What names itself gets -32600."""
    with pytest.raises(RpcError) as caught:
        decode_request(frame)
    assert (caught.value.request_id, caught.value.code) == ("a", RpcCode.INVALID)


def test_an_error_without_a_message_is_taken() -> None:
    """One vendor library leaves the message out."""
    assert decode_response(b'{"id":"a","error":{"code":-32000}}') == Response("a", None, -32000, "")


@pytest.mark.parametrize(
    "frame", [b'{"id":"a2","error":"code":-32000,"message":"x"}', b'{"id":"a"}', b'{"result":""}']
)
def test_a_broken_answer_is_malformed(frame: bytes) -> None:
    """One vendor library writes errors that are no JSON."""
    with pytest.raises(Malformed):
        decode_response(frame)


@given(st.sampled_from(REQUESTS + RESPONSES), st.data())
def test_mutated_frames_are_read_or_malformed(frame: bytes, data: st.DataObject) -> None:
    """A flipped, lost or doubled byte never raises anything but Malformed."""
    place = data.draw(st.integers(0, len(frame) - 1))
    middle = data.draw(st.binary(max_size=3))
    mutated = frame[:place] + middle + frame[place + data.draw(st.integers(0, 3)) :]
    for decode in (decode_request, decode_response):
        with contextlib.suppress(Malformed):
            decode(mutated)


def test_an_answer_is_either_result_or_error() -> None:
    """Never both, never none."""
    assert json.loads(encode_response(Response("a"))) == {"id": "a", "result": ""}
    error = json.loads(encode_response(Response("a", 5, RpcCode.NO_METHOD, "unknown")))
    assert error == {"id": "a", "error": {"code": -32601, "message": "unknown"}}
