"""Events ⇄ messages of the classic protocol, both directions; pure.

`api` as the last name of a path asks for a description instead of running anything.

Source: Thinger.io Arduino-Library 2.40.0, `thinger.h`.
"""

from __future__ import annotations

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
from gatewayd.clouds.thinger.messages import (
    Message,
    Signal,
    decode_message,
    encode_keep_alive,
    encode_message,
)
from gatewayd.clouds.thinger.pson import UNSET
from gatewayd.errors import Malformed
from gatewayd.fields import Secret

DESCRIPTION = "api"
"""The reserved last name of a path."""

INTERVAL_MS_MAX = 86_400_000
"""A day. A server that wants a sample more rarely gets one a day."""

_SIGNAL_OF = {
    Operation.GET_PROPERTY: Signal.GET_PROPERTY,
    Operation.SET_PROPERTY: Signal.SET_PROPERTY,
    Operation.CALL_DEVICE: Signal.CALL_DEVICE,
    Operation.CALL_ENDPOINT: Signal.CALL_ENDPOINT,
    Operation.WRITE_BUCKET: Signal.BUCKET_DATA,
}
_OPERATION_OF = {int(signal): operation for operation, signal in _SIGNAL_OF.items()}


def encode_event(event: Event) -> bytes:
    """Return a whole frame; raises ValueError for what the protocol cannot say."""
    if isinstance(event, KeepAlive):
        return encode_keep_alive()
    return encode_message(_message(event))


def _message(event: Event) -> Message:
    match event:
        case Login(user, device, credentials, id):
            return Message(Signal.AUTH, id, resource=(user, device, credentials.reveal()))
        case Answer(id, is_ok, payload):
            signal = Signal.REQUEST_OK if is_ok else Signal.REQUEST_ERROR
            return Message(signal, id, payload=payload)
        case Run(id, path, payload):
            return Message(Signal.NONE, id, resource=path, payload=payload)
        case Describe(id, path):
            return Message(Signal.NONE, id, resource=(*path, DESCRIPTION))
        case StartStream(id, path, interval_ms):
            payload = interval_ms or UNSET
            return Message(Signal.START_STREAM, id, resource=path, payload=payload)
        case StopStream(id, path):
            return Message(Signal.STOP_STREAM, id, resource=path)
        case Sample(id, payload, is_event):
            signal = Signal.STREAM_EVENT if is_event else Signal.STREAM_SAMPLE
            return Message(signal, id, payload=payload)
        case Call(id, operation, name, payload, path):
            # The vendor's device reads a property without an id, and gets an answer without.
            stream_id = 0 if operation is Operation.GET_PROPERTY else id
            resource = path if operation is Operation.CALL_DEVICE else None
            return Message(_SIGNAL_OF[operation], stream_id, name, resource, payload)
    raise ValueError(f"the classic protocol has no {type(event).__name__}")


def decode_event(frame: Frame) -> Event:
    """Return what a frame means.

    Raises:
        Malformed: it cannot be read, or its signal lacks what it needs.
    """
    message = decode_message(frame)
    if message is None:
        return KeepAlive()
    id, signal, payload = message.stream_id, message.signal, message.payload
    path = path_of(message.resource)
    match signal:
        case Signal.NONE:
            return _run(message, path)
        case Signal.REQUEST_OK | Signal.REQUEST_ERROR:
            return Answer(id, signal == Signal.REQUEST_OK, payload)
        case Signal.START_STREAM:
            return StartStream(id, path, interval_ms(payload))
        case Signal.STOP_STREAM:
            return StopStream(id, path)
        case Signal.AUTH:
            if path is None or len(path) != 3:
                raise Malformed("a log-in without user, device and credentials")
            return Login(path[0], path[1], Secret(path[2]), id)
        case Signal.STREAM_EVENT | Signal.STREAM_SAMPLE:
            return Sample(id, payload, signal == Signal.STREAM_EVENT)
    operation = _OPERATION_OF.get(signal)
    if operation is None:
        return Unknown(f"signal {signal}")
    if message.identifier is None:
        raise Malformed(f"{operation.name} without an identifier")
    return Call(id, operation, message.identifier, payload, path or ())


def _run(message: Message, path: Path | None) -> Event:
    if path and path[-1] == DESCRIPTION:
        return Describe(message.stream_id, path[:-1])
    return Run(message.stream_id, path, message.payload)


def interval_ms(value: object) -> int:
    """Return a stream's interval; whatever is no positive number means "on change"."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        return 0
    return int(min(value, INTERVAL_MS_MAX))
