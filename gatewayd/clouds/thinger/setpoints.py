"""Setpoints in what an app sends: a value alone, or an object that says for how long; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gatewayd.clouds.thinger.pson import Pson
from gatewayd.model import ChannelId, Command, Value
from gatewayd.setpoint import PARTS_MAX, TEXT_MAX

PERIODS = ("hold_s", "blink_s")


@dataclass(frozen=True, slots=True)
class Setpoint:
    """What a write asks for; `id` and `ts` (UTC ms) are for those who have no better."""

    value: Value
    hold_s: float | None = None
    blink_s: float | None = None
    id: str = ""
    ts: int | None = None


def read_setpoint(payload: Pson) -> Setpoint | None:
    """Return the setpoint in a payload: the value, or `{"value", "hold_s", "blink_s", …}`.

    None if it is none, or larger than any makes sense: commands wait in memory. Whether the
    output can take the value is for the desk to say.
    """
    if not isinstance(payload, Mapping) or not _is_wrapped(payload):
        value = _value(payload)
        return None if value is None else Setpoint(value)
    value, id, ts = _value(payload["value"]), payload.get("id", ""), payload.get("ts")
    periods = [payload.get(name) for name in PERIODS]
    if not all(each is None or _is_number(each) for each in (*periods, ts)):
        return None
    if value is None or isinstance(id, bool) or not isinstance(id, str | int):
        return None
    if len(str(id)) > TEXT_MAX:
        return None
    hold_s, blink_s = (float(each) if isinstance(each, int | float) else None for each in periods)
    issued_ms = int(ts) if isinstance(ts, int | float) else None
    return Setpoint(value, hold_s, blink_s, str(id), issued_ms)


def command_of(setpoint: Setpoint, origin: str, request_id: str, channel: ChannelId) -> Command:
    """Return the command that a setpoint is for an output, as old as it says itself."""
    return Command(
        origin,
        request_id,
        channel,
        setpoint.value,
        setpoint.hold_s,
        setpoint.blink_s,
        setpoint.ts,
    )


def _is_wrapped(payload: Mapping[str, Pson]) -> bool:
    return "value" in payload and payload.keys() <= {"value", "id", "ts", *PERIODS}


def _is_number(value: object) -> bool:
    """Return whether this is a number that a time can be: huge ones are a mistake."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15


def _value(payload: Pson) -> Value | None:
    if isinstance(payload, bool | int | float):
        return payload
    if isinstance(payload, str):
        return payload if len(payload) <= TEXT_MAX else None
    if not isinstance(payload, Mapping) or len(payload) > PARTS_MAX:
        return None
    parts: dict[str, float] = {}
    for name, part in payload.items():
        if isinstance(part, bool) or not isinstance(part, int | float) or len(name) > TEXT_MAX:
            return None
        parts[name] = part
    return parts
