"""What a request of Thing+ asks for, checked: times, intervals, commands; pure.

Every function takes a decoded request and returns what it means, or raises the `RpcError` that
is its answer: -32602 where a field is missing or of the wrong kind, -32000 where the cloud asked
properly for something that will not be done.

Source: Thing+ embedded guide 4.3 (requests) and appendix A (actuators).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gatewayd.clouds.thingplus.names import Sensor
from gatewayd.clouds.thingplus.rpc import Request, Response, RpcCode, RpcError
from gatewayd.model import Channel, ChannelId, Command, Outcome, Status, Value

TIME_FROM_MS = 1_446_336_000_000
"""2015-11-01; the vendor's own gateway calls an earlier time invalid."""

INTERVAL_MS_MIN = 60_000
INTERVAL_MS_MAX = 604_800_000
"""One minute to seven days; what the cloud itself allows at registration."""

COMMANDS: Mapping[str, tuple[str, ...]] = {
    "led": ("on", "off", "blink"),
    "powerSwitch": ("on", "off"),
    "buzzer": ("on", "off"),
    "lcd": ("print", "clear"),
    "stringActuator": ("send",),
}
"""What each type of actuator takes."""

PATTERN_MS_MIN = 100
PATTERN_MS_MAX = 10_000_000
"""Limits of `duration` and `interval` in the actuator catalogue."""

BLINK_MS = 5000
"""The catalogue's default; one document says the interval is optional, another that it is not."""

MANAGED = frozenset({"restart", "reboot", "poweroff"})
"""Methods that act on the machine, where the owner allows it."""


@dataclass(frozen=True, slots=True)
class Outputs:
    """What commands may be for."""

    origin: str
    sensors: Mapping[str, Sensor]
    """Actuators by their Thing+ id."""
    channels: Mapping[ChannelId, Channel]


def read_time(request: Request) -> int:
    """Return the cloud's time (UTC ms) of a timeSync."""
    time_ms = _params(request).get("time")
    if time_ms is None:
        raise RpcError(request.id, RpcCode.BAD_PARAMS, "time is missing")
    if not isinstance(time_ms, int | float) or isinstance(time_ms, bool):
        raise RpcError(request.id, RpcCode.SERVER, "invalid time")
    if time_ms <= TIME_FROM_MS:
        raise RpcError(request.id, RpcCode.SERVER, "invalid time")
    return int(time_ms)


def read_interval(request: Request) -> float:
    """Return the report interval (s) that a setProperty asks for; text or number."""
    params = _params(request)
    if "reportInterval" not in params:
        raise RpcError(request.id, RpcCode.BAD_PARAMS, "only reportInterval can be set")
    interval_ms = _whole(params["reportInterval"])
    if interval_ms is None or not INTERVAL_MS_MIN <= interval_ms <= INTERVAL_MS_MAX:
        raise RpcError(request.id, RpcCode.SERVER, "invalid interval")
    return interval_ms / 1000


def read_command(request: Request, outputs: Outputs) -> Command:
    """Return the setpoint that a controlActuator asks for."""
    params = _params(request)
    actuator, verb, options = params.get("id"), params.get("cmd"), params.get("options")
    if not isinstance(actuator, str) or not isinstance(verb, str):
        raise RpcError(request.id, RpcCode.BAD_PARAMS, "id and cmd are needed")
    options = {} if options is None else options
    if not isinstance(options, dict):
        raise RpcError(request.id, RpcCode.BAD_PARAMS, "options are no object")
    sensor = outputs.sensors.get(actuator)
    if sensor is None:
        raise RpcError(request.id, RpcCode.SERVER, f"unknown actuator: {actuator[:128]}")
    try:
        value, hold_s, blink_s = _pattern(verb, options, sensor, outputs.channels[sensor.channel])
    except KeyError:
        known = ", ".join(COMMANDS[sensor.type])
        message = f"unknown command {verb[:64]}; a {sensor.type} takes {known}"
        raise RpcError(request.id, RpcCode.SERVER, message) from None
    except ValueError:
        raise RpcError(request.id, RpcCode.SERVER, "invalid options") from None
    return Command(outputs.origin, request.id, sensor.channel, value, hold_s, blink_s)


def _pattern(
    verb: str, options: Mapping[str, Any], sensor: Sensor, channel: Channel
) -> tuple[Value, float | None, float | None]:
    """Return value, hold and blink time of a command.

    Raises:
        KeyError: this type of actuator has no such command.
        ValueError: an option is missing or out of range.
    """
    match sensor.type, verb:
        case "stringActuator", "send":
            return _text(options, channel), None, None
        case "lcd", "print":
            return _text(options, channel), None, None
        case "lcd", "clear":
            return "", None, None
        case "led" | "powerSwitch" | "buzzer", "off":
            return _level(channel, is_on=False), None, None
        case "buzzer", "on":
            return _level(channel, is_on=True), None, None
        case "led" | "powerSwitch", "on":
            return _level(channel, is_on=True), _period_s(options, "duration"), None
        case "led", "blink":
            blink_s = _period_s(options, "interval") or BLINK_MS / 1000
            return _level(channel, is_on=True), _period_s(options, "duration"), blink_s
    raise KeyError(verb)


def _level(channel: Channel, *, is_on: bool) -> Value:
    """Return what on and off mean: a switch's state, or the end of a range."""
    if channel.maximum is None:
        return is_on
    return channel.maximum if is_on else (channel.minimum or 0.0)


def _period_s(options: Mapping[str, Any], name: str) -> float | None:
    if options.get(name) is None:
        return None
    period_ms = _whole(options[name])
    if period_ms is None or not PATTERN_MS_MIN <= period_ms <= PATTERN_MS_MAX:
        raise ValueError(name)
    return period_ms / 1000


def _text(options: Mapping[str, Any], channel: Channel) -> Value:
    text = options.get("text")
    if not isinstance(text, str):
        raise ValueError("text")
    value = text if channel.kind == "text" else float(text)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("text")
    return value


def _whole(value: object) -> int | None:
    """Return a whole number that may be written as a text, or None."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 15:
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return int(value) if isinstance(value, float) and value.is_integer() else None


def _params(request: Request) -> Mapping[str, Any]:
    if not isinstance(request.params, Mapping):
        raise RpcError(request.id, RpcCode.BAD_PARAMS, "params are no object")
    return request.params


def answer_of(command: Command, outcome: Outcome) -> Response:
    """Return the answer to a command; the value is what the hardware said afterwards.

    The cloud records a result as the actuator's value and takes a text or an object. An object
    holds what "success" does not say: the state now, and whether it was read back or assumed.
    """
    if outcome.status is not Status.DONE:
        message = outcome.detail or outcome.status.value
        return Response(command.request_id, code=RpcCode.SERVER, message=message)
    value = outcome.value
    result: dict[str, Value | None] = {
        "value": int(value) if isinstance(value, bool) else value,
        "verified": outcome.is_verified,
    }
    if outcome.detail:
        result["message"] = outcome.detail
    return Response(command.request_id, result)
