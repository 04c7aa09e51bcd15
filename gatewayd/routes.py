"""From somebody's message to an output of ours, as the owner's configuration says; pure.

    [[route]]
    message = 2100
    thing = "TSPR04E2O90201558"
    field = "state"
    output = "light/relay"
    values = { 0 = "off", 1 = "on" }
    hold = "10m"

A route makes a command like any other: the desk checks it, the output's limits hold, and what
became of it is in the record. A value that `values` does not name moves nothing.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from gatewayd.fields import Seconds
from gatewayd.model import ChannelId, Command, Value

ANY = "*"
"""Any thing, or any value that no other key of `values` names."""

VALUES_MAX = 64
_COMPARISON = re.compile(r"\s*(<=|>=|<|>)\s*(-?\d{1,15}(?:\.\d{1,9})?)\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One `[[route]]`: one field of one message, and the output that follows it.

    Attributes:
        message: the message's id.
        thing: who says it, or `*` for anybody; no default, because it moves something.
        field: the field looked at. A message without it says nothing about the output.
        output: the output that follows, `device/channel`.
        values: what the output becomes, by what the field says: `1`, `on`, `>= 5`, `*` for
            everything else; the first that fits. Empty = the field's own value.
        hold: how long the output may stay so before it goes back to safe.
    """

    message: int
    thing: str
    field: str
    output: str
    values: dict[str, str | int | float | bool] = dataclasses.field(default_factory=dict)
    hold: Seconds | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """One message as routes see it.

    Attributes:
        source: the uplink that heard it.
        time_ms: when it was so (UTC), None if it does not say.
    """

    source: str
    thing: str
    message: int
    fields: Mapping[str, object]
    time_ms: int | None = None


def commands_of(routes: Iterable[Route], fact: Fact) -> Iterator[Command]:
    """Yield what the routes make of a message.

    The request id tells a message that comes twice from the next one, so that the desk knows a
    repeat. A message that does not say when it was has none and is always news.
    """
    for number, route in enumerate(routes):
        if route.message != fact.message or route.thing not in (ANY, fact.thing):
            continue
        value = outcome_of(route, fact.fields.get(route.field))
        if value is None:
            continue
        when = "" if fact.time_ms is None else f"{fact.time_ms}"
        request_id = f"route {number}: {fact.message} of {fact.thing} at {when}" if when else ""
        yield Command(
            fact.source,
            request_id,
            ChannelId(route.output),
            value,
            hold_s=route.hold,
            issued_ms=fact.time_ms,
        )


def outcome_of(route: Route, said: object) -> Value | None:
    """Return what the output becomes when the field says this, or None for no change."""
    if said is None or not isinstance(said, bool | int | float | str):
        return None
    if isinstance(said, float) and not math.isfinite(said):
        return None
    if not route.values:
        return said
    return next((value for key, value in route.values.items() if fits(key, said)), None)


def fits(key: str, said: bool | int | float | str) -> bool:
    """Return whether a key of `values` means what a field says: numbers by value, texts exactly."""
    if key.strip() == ANY:
        return True
    if isinstance(said, str):
        return key == said
    number = float(said)
    match = _COMPARISON.fullmatch(key)
    if match is None:
        return _number(key) == number
    bound = float(match[2])
    return {
        "<": number < bound,
        "<=": number <= bound,
        ">": number > bound,
        ">=": number >= bound,
    }[match[1]]


def find_key_fault(key: str) -> str | None:
    """Return what is wrong with a key of `values`, as a sentence, or None."""
    if key[:1] in "<>=" and _COMPARISON.fullmatch(key) is None:
        return 'expected a value such as 1, or a comparison such as "> 0" or "<= 21.5"'
    return None if key.strip() else 'expected a value, a comparison or "*"'


def _number(key: str) -> float | None:
    words = {"true": 1.0, "false": 0.0}
    try:
        return words[key] if key in words else float(key)
    except ValueError:
        return None
