"""The clouds' own app calls, answered on the spot by this gateway: what they share; pure.

An app that was written for a cloud works on the local network with another base address. Each
cloud's `local.py` has

    open_local(site)   returns the LocalApp that answers this cloud's calls

and knows nothing of HTTP but methods, paths and bodies: the console reads and bounds them, and
asks for its own tokens in the place of the cloud's.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import orjson

from gatewayd.model import Command, Outcome
from gatewayd.uplink import Premises


@dataclass(frozen=True, slots=True)
class Site:
    """What there is to answer from.

    Attributes:
        config: that of the first uplink of this kind; None = there is none, and everything goes
            by the names that a cloud gives what nobody maps.
        submit: the desk's.
    """

    config: object | None
    premises: Premises
    submit: Callable[[Command], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class Asked:
    """One call whose body is complete.

    Attributes:
        path: below the cloud's name, without its first slash: `v2/controlActuator`.
        query: of every name the first value.
        origin: who asks; that of the commands in it.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """What is answered: JSON, or a stream that goes on until one of both sides ends it."""

    status: int
    body: bytes = b""
    stream: AsyncGenerator[bytes, None] | None = None
    content_type: str = "application/json"


class LocalApp(Protocol):
    """One cloud's calls."""

    async def answer(self, asked: Asked) -> Told:
        """Return the answer to a call, whatever it is; what goes wrong is told in it."""
        ...


def tell(body: object, status: int = 200) -> Told:
    """Return an answer of JSON."""
    return Told(status, orjson.dumps(body, option=orjson.OPT_NON_STR_KEYS))


def read_json(asked: Asked) -> object:
    """Return what a body holds; None where it is no JSON."""
    try:
        return orjson.loads(asked.body)
    except orjson.JSONDecodeError:
        return None


def new_id() -> str:
    """Return the id of a call that brings none: each is a command of its own."""
    return uuid.uuid4().hex
