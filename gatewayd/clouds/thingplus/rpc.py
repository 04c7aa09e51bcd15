"""Thing+ requests and answers: JSON-RPC 2.0 without its version member; bytes ⇄ model, pure.

Source: Thing+ gateway MQTT protocol 0.9.5; Thing+ embedded guide 4.3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import orjson

from gatewayd.clouds.thingplus.codec import maybe_gunzip, parse_json
from gatewayd.errors import Malformed


class RpcCode(IntEnum):
    """Why a request was not carried out."""

    PARSE = -32700
    INVALID = -32600
    NO_METHOD = -32601
    BAD_PARAMS = -32602
    INTERNAL = -32603
    SERVER = -32000


class RpcError(Malformed):
    """A request that names itself and can be answered, with this code."""

    def __init__(self, request_id: str, code: RpcCode, message: str) -> None:
        super().__init__(message)
        self.request_id = request_id
        self.code = code


@dataclass(frozen=True, slots=True)
class Request:
    """What the cloud asks; `params` is an object, a list or None."""

    id: str
    method: str
    params: Mapping[str, Any] | Sequence[Any] | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """What the gateway answers: a result, or a code with a message."""

    id: str
    result: Any = None
    code: int | None = None
    message: str = ""


def encode_request(request: Request) -> bytes:
    """Return a request; absent params are left out."""
    body: dict[str, Any] = {"id": request.id, "method": request.method}
    if request.params is not None:
        body["params"] = request.params
    return orjson.dumps(body)


def decode_request(payload: bytes) -> Request:
    """Return a request.

    Raises:
        RpcError: it has an id and can be answered, but is no request.
        Malformed: not JSON, or nobody to answer: no answer is sent.
    """
    body = parse_json(maybe_gunzip(payload))
    request_id = body.get("id") if isinstance(body, dict) else None
    if isinstance(request_id, int) and not isinstance(request_id, bool):
        request_id = str(request_id)
    if not isinstance(request_id, str) or not 0 < len(request_id) <= 128:
        raise Malformed("request without an id")
    method, params = body.get("method"), body.get("params")
    if not isinstance(method, str) or not method:
        raise RpcError(request_id, RpcCode.INVALID, "request without a method")
    if params is not None and not isinstance(params, dict | list):
        raise RpcError(request_id, RpcCode.INVALID, "params are neither object nor list")
    return Request(request_id, method, params)


def encode_response(response: Response) -> bytes:
    """Return an answer: exactly one of `result` and `error`."""
    if response.code is None:
        result = "" if response.result is None else response.result
        return orjson.dumps({"id": response.id, "result": result})
    error = {"code": int(response.code), "message": response.message}
    return orjson.dumps({"id": response.id, "error": error})


def decode_response(payload: bytes) -> Response:
    """Return an answer; an error's code and message may be missing (0 and empty).

    Raises:
        Malformed: not JSON (one vendor client sends such errors), no id, or neither half.
    """
    body = parse_json(maybe_gunzip(payload))
    if not isinstance(body, dict) or not isinstance(body.get("id"), str):
        raise Malformed("answer without an id")
    if "error" in body:
        error = body["error"] if isinstance(body["error"], dict) else {"message": body["error"]}
        code, message = error.get("code", 0), error.get("message", "")
        return Response(body["id"], None, code if isinstance(code, int) else 0, str(message))
    if "result" not in body:
        raise Malformed("answer with neither result nor error")
    return Response(body["id"], body["result"])
