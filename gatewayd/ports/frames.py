"""What crossed between a driver and its wires, as lines of JSON that a person can read.

Bytes become `{"hex": "…"}`; what the ports hand out as frozen dataclasses or enums becomes
`{"is": "gatewayd.ports.….Name", …}` and comes back as the same; anything else that JSON does not
know (a filter function, say) becomes its type's name, and only that.
"""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Mapping
from enum import Enum
from typing import Any, NamedTuple

from gatewayd.errors import DeviceAbsent, DeviceError, DeviceFault, DeviceTimeout, Malformed

HOME = "gatewayd.ports."
"""Only what the ports define is made again from a file: a recording comes from anybody."""

DEPTH_MAX = 16
"""Of a value in a file; the ports nest three deep."""

ERRORS = {each.__name__: each for each in (DeviceAbsent, DeviceFault, DeviceTimeout, DeviceError)}


class Frame(NamedTuple):
    """One transaction, or one thing heard.

    Attributes:
        time_s: since the recording began; negative while the device opened, before that.
        wire: which wire and what of it: `i2c('i2c:1')`, `modbus('rs485').slave(3)`.
        call: what the driver asked of it: `transfer`, `exchange`, `lines`.
        given: the arguments, by name; those without one are under the empty name.
        told: the answer, or one item of a stream.
        error: the name of the error and its sentence, where there was no answer.
        how: "await" for an answer waited for, "item" for one of a stream, "now" for one at once.
    """

    time_s: float
    wire: str
    call: str
    given: Any
    told: Any
    error: tuple[str, str] | None = None
    how: str = "await"


def arguments(given: tuple[Any, ...], named: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a call as plain JSON."""
    return {"": [plain(each) for each in given], **{key: plain(named[key]) for key in named}}


def path_of(path: str, name: str, given: tuple[Any, ...]) -> str:
    """Return the name of what a wire hands out: `modbus('rs485').slave(3)`."""
    inside = ", ".join(repr(each) for each in given if isinstance(each, str | int))
    return f"{path}.{name}({inside})".lstrip(".")


def write_frame(frame: Frame) -> dict[str, Any]:
    """Return a frame as plain JSON."""
    line: dict[str, Any] = {
        "t": round(frame.time_s, 4),
        "wire": frame.wire,
        "call": frame.call,
        "given": frame.given,
    }
    if frame.how != "await":
        line["how"] = frame.how
    if frame.error:
        line["error"] = list(frame.error)
    else:
        line["told"] = frame.told
    return line


def read_frame(line: Mapping[str, Any]) -> Frame:
    """Return the frame that a line of a recording holds. Raises Malformed."""
    try:
        error = line.get("error")
        return Frame(
            float(line["t"]),
            str(line["wire"]),
            str(line["call"]),
            line["given"],
            line.get("told"),
            (str(error[0]), str(error[1])) if error else None,
            str(line.get("how", "await")),
        )
    except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
        raise Malformed(f"no frame of a recording: {str(line)[:100]}") from error


def error_of(frame: Frame) -> DeviceError | None:
    """Return the error that a frame holds, as the driver met it."""
    if frame.error is None:
        return None
    name, sentence = frame.error
    return ERRORS.get(name, DeviceFault)(sentence)


def plain(value: Any) -> Any:
    """Return a value as plain JSON."""
    match value:
        case None | bool() | int() | float() | str() if not isinstance(value, Enum):
            return value
        case bytes() | bytearray():
            return {"hex": value.hex()}
        case Enum():
            return {"is": _name(type(value)), "value": plain(value.value)}
        case Mapping():
            return {"map": [[plain(key), plain(each)] for key, each in value.items()]}
        case set() | frozenset():  # In an order that every process agrees on.
            return [plain(each) for each in sorted(value, key=repr)]
        case list() | tuple():
            return [plain(each) for each in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value)]
        return {
            "is": _name(type(value)),
            "fields": {name: plain(getattr(value, name)) for name in names},
        }
    return {"some": type(value).__name__}


def rich(told: Any, depth: int = 0) -> Any:
    """Return the value that plain JSON stands for.

    Raises:
        Malformed: it stands for nothing that a port would say.
    """
    if depth > DEPTH_MAX:
        raise Malformed("a value of this recording is nested too deep")
    match told:
        case {"hex": str(text)}:
            return _bytes(text)
        case {"map": list(pairs)}:
            return {rich(key, depth + 1): rich(each, depth + 1) for key, each in pairs}
        case {"is": str(name), "value": value}:
            return _made(name, [rich(value, depth + 1)], {})
        case {"is": str(name), "fields": dict(fields)}:
            named = {key: rich(each, depth + 1) for key, each in fields.items()}
            return _made(name, [], named)
        case list():
            return [rich(each, depth + 1) for each in told]
        case dict():
            return None
    return told


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise Malformed(f"{text[:40]!r} is no hexadecimal text") from error


def _made(name: str, given: list[Any], named: dict[str, Any]) -> Any:
    module, _, kind = name.rpartition(".")
    try:
        if not name.startswith(HOME):
            raise AttributeError(name)
        found = getattr(importlib.import_module(module), kind)
        if not (dataclasses.is_dataclass(found) or issubclass(found, Enum)):
            raise AttributeError(name)
        return found(*given, **named)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise Malformed(f"no port knows {name[:100]!r} as this recording has it") from error
