"""Events ⇄ messages of IOTMP, both directions; pure.

The vendor's own clients disagree about calls from the device: the Linux client puts the number
of the operation into RESOURCE and the name into PARAMETERS, the embedded ones the other way
round. Which of them a server takes is not public, so both are read and either can be written.

Source: Thinger.io IOTMP-Linux 42e5ff6 and IOTMP-Embedded (2026).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from gatewayd.clouds.thinger.classic_codec import interval_ms
from gatewayd.clouds.thinger.events import (
    Answer,
    Call,
    Describe,
    Event,
    KeepAlive,
    Login,
    Operation,
    Path,
    Run,
    Sample,
    StartStream,
    StopStream,
    Unknown,
    path_of,
)
from gatewayd.clouds.thinger.frames import Frame
from gatewayd.clouds.thinger.iotmp import Message, Type, decode_message, encode_message
from gatewayd.clouds.thinger.pson import UNSET, Pson
from gatewayd.errors import Malformed
from gatewayd.fields import Secret

REFUSED_CODE = 400
"""What an ERROR with a reason says like HTTP when nobody gave a better number."""


class Layout(Enum):
    """Where a call's operation and name stand."""

    LINUX = "linux"
    EMBEDDED = "embedded"


def encode_event(event: Event, layout: Layout = Layout.LINUX) -> bytes:
    """Return a whole frame; raises ValueError for what the protocol cannot say."""
    match event:
        case KeepAlive():
            return encode_message(Message(Type.KEEP_ALIVE))
        case Login(user, device, credentials, id):
            payload: Pson = [user, device, credentials.reveal()]
            return encode_message(Message(Type.CONNECT, id, payload=payload))
        case Answer():
            return encode_message(_answer(event))
        case Run(id, path, payload):
            return encode_message(Message(Type.RUN, id, UNSET, payload, _text(path)))
        case Describe(id, path):
            return encode_message(Message(Type.DESCRIBE, id, resource=_text(path or None)))
        case StartStream(id, path, interval):
            parameters = {"interval": interval} if interval else UNSET
            return encode_message(Message(Type.START_STREAM, id, parameters, resource=_text(path)))
        case StopStream(id):
            return encode_message(Message(Type.STOP_STREAM, id))
        case Sample(id, payload):
            return encode_message(Message(Type.STREAM_DATA, id, payload=_bare(payload)))
        case Call():
            return encode_message(_call(event, layout))
    raise ValueError(f"IOTMP has no {type(event).__name__}")


def _answer(answer: Answer) -> Message:
    if answer.is_ok:
        return Message(Type.OK, answer.id, payload=answer.payload)
    if not answer.detail:
        return Message(Type.ERROR, answer.id)
    reason: Pson = {"error": answer.detail}
    return Message(Type.ERROR, answer.id, answer.code or REFUSED_CODE, reason)


def _bare(payload: Pson) -> Pson:
    """Return the value of a classic sample, whose object says `out` or `in`."""
    if isinstance(payload, Mapping) and payload and payload.keys() <= {"in", "out"}:
        return payload["out"] if "out" in payload else payload["in"]
    return payload


def _call(call: Call, layout: Layout) -> Message:
    number = int(call.operation)
    if layout is Layout.LINUX:
        is_device = call.operation is Operation.CALL_DEVICE
        name: Pson = [call.name, "/".join(call.path)] if is_device else call.name
        return Message(Type.RUN, call.id, name, call.payload, number)
    if call.operation is Operation.CALL_DEVICE:
        raise ValueError("nobody has said how this layout calls a device")
    return Message(Type.RUN, call.id, number, call.payload, call.name)


def decode_event(frame: Frame) -> Event:
    """Return what a frame means.

    Raises:
        Malformed: it cannot be read, or lacks what it needs.
    """
    message = decode_message(frame)
    id, payload = message.stream_id, message.payload
    match message.type:
        case Type.OK:
            return Answer(id, is_ok=True, payload=payload)
        case Type.ERROR:
            return _error(message)
        case Type.CONNECT:
            names = path_of(payload)
            if names is None or len(names) != 3:
                raise Malformed("a log-in without user, device and credentials")
            return Login(names[0], names[1], Secret(names[2]), id)
        case Type.KEEP_ALIVE:
            return KeepAlive()
        case Type.RUN:
            return _run(message)
        case Type.DESCRIBE:
            return Describe(id, _path(message.resource) or ())
        case Type.START_STREAM:
            return _start(message)
        case Type.STOP_STREAM:
            return StopStream(id, _path(message.resource))
        case Type.STREAM_DATA:
            return Sample(id, payload)
    return Unknown(message.type.name)


def _error(message: Message) -> Answer:
    code = message.parameters if isinstance(message.parameters, int) else 0
    reason = message.payload.get("error") if isinstance(message.payload, Mapping) else None
    detail = reason if isinstance(reason, str) else ""
    return Answer(message.stream_id, is_ok=False, detail=detail, code=int(code))


def _run(message: Message) -> Event:
    """Return a call of the device if there is an operation in it, else the server's request."""
    resource, parameters = message.resource, message.parameters
    if isinstance(resource, int):
        return _decode_call(message, resource, parameters)
    if isinstance(parameters, int) and isinstance(resource, str):
        return _decode_call(message, parameters, resource)
    return Run(message.stream_id, _path(resource), message.payload)


def _decode_call(message: Message, number: int, name: Pson) -> Event:
    try:
        operation = Operation(number)
    except ValueError:
        return Unknown(f"operation {number}")
    path: Path = ()
    if operation is Operation.CALL_DEVICE and isinstance(name, list):
        parts = path_of(name)
        if parts is None or len(parts) != 2:
            raise Malformed("a device call without device and resource")
        name, path = parts[0], tuple(parts[1].split("/"))
    if not isinstance(name, str):
        raise Malformed(f"{operation.name} without a name")
    return Call(message.stream_id, operation, name, message.payload, path)


def _start(message: Message) -> Event:
    if isinstance(message.resource, int):
        return Unknown(f"subscription {message.resource}")
    wish = message.parameters
    interval = interval_ms(wish.get("interval") if isinstance(wish, Mapping) else wish)
    return StartStream(message.stream_id, _path(message.resource), interval)


def _text(path: Path | None) -> Pson:
    return UNSET if path is None else "/".join(path)


def _path(resource: Pson) -> Path | None:
    """Return a path from a text with `/`, or from an array as the embedded client has it."""
    if isinstance(resource, str):
        return tuple(resource.split("/")) if resource else ()
    return path_of(resource)
