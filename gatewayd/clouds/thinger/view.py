"""What a resource shows: the board's latest, with its age, never an old value as a fresh one; pure.

Characteristics: reads the board · keeps the last outcome of every output.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gatewayd.board import Board
from gatewayd.clouds.thinger.events import Kind
from gatewayd.clouds.thinger.names import QUALITY, Name, Names
from gatewayd.clouds.thinger.pson import UNSET, Pson
from gatewayd.clouds.thinger.resources import Resource, Role
from gatewayd.model import ChannelId, Outcome, Quality, Reading

HISTORY_ITEMS = 10
"""Readings that a question for history gets if it does not say how many."""

_EXAMPLES: Mapping[str, Pson] = {
    "switch": False,
    "text": "",
    "colour": {"red": 0, "green": 0, "blue": 0},
}
"""What an output takes that nobody has read yet; 0 for all other kinds."""

NO_READING = "ABSENT"
"""The quality of a channel that has not been read yet."""


@dataclass(frozen=True, slots=True)
class View:
    """Everything that resources show, at one instant.

    Attributes:
        now_ms: the wall clock.
        fresh_from_ms: a measured value from before is no longer shown as a value; an output's
            stays true until its keeper says otherwise.
        outcomes: of the last command of each output, with its time (UTC ms).
        health: returns what the gateway says of itself.
    """

    board: Board
    names: Names
    now_ms: int
    fresh_from_ms: int
    outcomes: Mapping[ChannelId, tuple[int, Outcome]] = field(default_factory=dict)
    health: Callable[[], Pson] = dict


def show(resource: Resource, view: View, payload: Pson = UNSET) -> Pson:
    """Return what running an output, or an input and output, gives."""
    match resource.role:
        case Role.DEVICE:
            return _show_device(resource.names, view)
        case Role.VALUE:
            return _show_value(resource.names[0], view)
        case Role.READING:
            return _show_reading(resource.names[0], view)
        case Role.OUTCOME:
            return _show_outcome(resource.names[0], view)
        case Role.HISTORY:
            return _show_history(payload, view)
        case Role.HEALTH:
            return view.health()
    return UNSET


def describe(resource: Resource, view: View) -> dict[str, Pson]:
    """Return a resource's present state with an example of what it takes; nothing moves."""
    match resource.kind:
        case Kind.INPUT:
            return {"in": show_setpoint(resource.names[0], view)}
        case Kind.OUTPUT:
            return {"out": show(resource, view)}
        case Kind.IN_OUT:
            first = next(iter(view.names), "")
            example: Pson = {"channel": first, "items": HISTORY_ITEMS}
            return {"in": example, "out": show(resource, view, example)}
    return {}


def show_setpoint(name: Name, view: View) -> Pson:
    """Return what an output does, as far as known, always of the type that it takes.

    The dashboards learn the type from it. What nobody knows is said by the child `reading`.
    """
    panel = view.board.panel(name.channel)
    good = panel.latest_good if panel else None
    if good is not None and good.value is not None:
        return name.show(good.value)
    return _EXAMPLES.get(name.kind, 0)


def _show_device(names: tuple[Name, ...], view: View) -> Pson:
    shown: dict[str, Pson] = {}
    ages: list[float] = []
    for name in names:
        element = name.path[-1]
        latest = view.board.latest(name.channel)
        shown[element] = _show_value(name, view)
        quality = _quality(name, latest, view)
        if quality != Quality.GOOD.name:
            shown[element + QUALITY] = quality
        if latest is not None and not name.is_output:
            ages.append(_age_s(latest, view))
    if ages:
        shown["age_s"] = max(ages)
    return shown


def _show_value(name: Name, view: View) -> Pson:
    """Return a value, or null when there is none that is fresh."""
    latest = view.board.latest(name.channel)
    if latest is None or latest.value is None or not _is_fresh(name, latest, view):
        return None
    return name.show(latest.value)


def _show_reading(name: Name, view: View) -> Pson:
    latest = view.board.latest(name.channel)
    value, quality = _show_value(name, view), _quality(name, latest, view)
    if latest is None:
        return {"value": None, "quality": quality}
    age_s = _age_s(latest, view)
    return {"value": value, "quality": quality, "ts": latest.time_ms, "age_s": age_s}


def _show_outcome(name: Name, view: View) -> Pson:
    if name.channel not in view.outcomes:
        return {"status": "", "detail": "no command yet"}
    time_ms, outcome = view.outcomes[name.channel]
    value = None if outcome.value is None else name.show(outcome.value)
    status = outcome.status.name
    return {"status": status, "detail": outcome.detail, "value": value, "ts": time_ms}


def _show_history(payload: Pson, view: View) -> Pson:
    """Return `[{"ts", "value", "quality"}, …]`, the oldest first."""
    wish = payload if isinstance(payload, Mapping) else {}
    channel, items = wish.get("channel"), wish.get("items", HISTORY_ITEMS)
    name = view.names.get(ChannelId(channel)) if isinstance(channel, str) else None
    panel = view.board.panel(name.channel) if name else None
    if name is None or panel is None or not isinstance(items, int) or items <= 0:
        return []
    return [
        {
            "ts": reading.time_ms,
            "value": None if reading.value is None else name.show(reading.value),
            "quality": reading.quality.name,
        }
        for reading in list(panel.history)[-items:]
    ]


def _is_fresh(name: Name, reading: Reading, view: View) -> bool:
    return name.is_output or reading.time_ms >= view.fresh_from_ms


def _quality(name: Name, latest: Reading | None, view: View) -> str:
    if latest is None:
        return NO_READING
    if latest.value is not None and not _is_fresh(name, latest, view):
        return Quality.TIMEOUT.name
    return latest.quality.name


def _age_s(reading: Reading, view: View) -> float:
    return max(0, view.now_ms - reading.time_ms) / 1000
