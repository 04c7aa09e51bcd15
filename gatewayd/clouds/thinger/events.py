"""What the two ends of a Thinger.io connection tell each other, whichever protocol; pure nouns.

The server runs, describes and subscribes to the device's resources; the device answers, streams
samples and calls the server. `id` is the stream id, by which an answer finds its question; 0
means that no answer is wanted.

Source: Thinger.io Arduino-Library 2.40.0, `thinger_message.hpp`; IOTMP-Linux, `iotmp/core`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

from gatewayd.clouds.thinger.pson import UNSET, Pson
from gatewayd.fields import Secret

ID_MAX = 65535

Path: TypeAlias = tuple[str, ...]
"""A resource's place: `("tank", "level")`."""


class Kind(IntEnum):
    """What a resource can do; the number in a listing."""

    PARENT = 0
    RUN = 1
    INPUT = 2
    OUTPUT = 3
    IN_OUT = 4


class Operation(IntEnum):
    """What a device may ask of the server; the numbers are IOTMP's."""

    GET_PROPERTY = 1
    SET_PROPERTY = 2
    CALL_DEVICE = 3
    CALL_ENDPOINT = 4
    WRITE_BUCKET = 5


@dataclass(frozen=True, slots=True)
class Login:
    """The device's first word."""

    user: str
    device: str
    credentials: Secret
    id: int = 0


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """The device's sign of life, echoed by the server."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of the request with this id.

    `detail` says why not; only the newer protocol carries it, with an HTTP-like `code`.
    """

    id: int
    is_ok: bool
    payload: Pson = UNSET
    detail: str = ""
    code: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """Server: run this resource. The path is None when the request named none that could be."""

    id: int
    path: Path | None
    payload: Pson = UNSET


@dataclass(frozen=True, slots=True)
class Describe:
    """Server: list the resources, or with a path, show one with its present values."""

    id: int
    path: Path = ()


@dataclass(frozen=True, slots=True)
class StartStream:
    """Server: send samples of this resource; `interval_ms` 0 = only when something changes."""

    id: int
    path: Path | None
    interval_ms: int = 0


@dataclass(frozen=True, slots=True)
class StopStream:
    """Server: no more samples. The path is None where the id alone says of which stream."""

    id: int
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """Device: a sample of stream `id`; in the newer protocol also server: a write to its input.

    The classic payload is `{"out": value}`, `{"in": value}` or both, the newer one the value.
    """

    id: int
    payload: Pson
    is_event: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """Device: do something; `name` is the bucket, endpoint, property or device."""

    id: int
    operation: Operation
    name: str
    payload: Pson = UNSET
    path: Path = ()


@dataclass(frozen=True, slots=True)
class Unknown:
    """A well-formed message that means nothing to us; ignored and counted."""

    what: str


Event: TypeAlias = (
    Login | KeepAlive | Answer | Run | Describe | StartStream | StopStream | Sample | Call | Unknown
)


def is_id(value: object) -> bool:
    """Return whether this can be a stream id."""
    return isinstance(value, int) and 0 <= value <= ID_MAX


def path_of(parts: object) -> Path | None:
    """Return a path from an array of names, or None when it is something else."""
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
        return None
    return tuple(parts)
