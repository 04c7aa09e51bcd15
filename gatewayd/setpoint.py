"""What may be asked of an output: legal values, what counts as on, what counts as the same."""

from __future__ import annotations

import math

from gatewayd.model import Channel, Value

TEXT_MAX = 256
"""Characters of a text for a display. The largest character LCD holds 160."""

PARTS_MAX = 8
"""Named numbers of one value; a colour has three or four."""

BLINK_S_MIN = 0.1
"""Thing+ asks for 100 ms at the least; a relay's contacts bounce for about 10 ms, and a wire that
is busy with blinking has no time left for going safe."""

PERIOD_S_MAX = 366 * 86400.0
"""A hold or a blink of more than a year is a mistake of units."""

_SWITCH = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}


def legal_value(channel: Channel, value: object) -> Value:
    """Return a value as the output takes it: bool for a switch, float or text by its kind.

    A `switch` takes on/off, true/false, 1/0; a `text` takes text; a `colour` takes named numbers
    (`{"red": 255, …}`); every other kind takes a finite number, as number or text.

    Raises:
        ValueError: the output cannot take it; the message is a sentence for whoever asked.
    """
    match channel.kind:
        case "switch":
            return _switch(value)
        case "text":
            if not isinstance(value, str) or len(value) > TEXT_MAX:
                raise ValueError(f"expected a text of at most {TEXT_MAX} characters")
            return value
        case "colour":
            if not isinstance(value, dict) or not 0 < len(value) <= PARTS_MAX:
                raise ValueError('expected named numbers, such as {"red": 255, "green": 0}')
            return {str(name)[:TEXT_MAX]: _number(channel, part) for name, part in value.items()}
        case _:
            return _number(channel, value)


def is_on(value: Value) -> bool:
    """Return whether an output with this value does anything: not off, not zero, not dark."""
    match value:
        case str():
            return value.strip().lower() not in {"", "off"}
        case dict():
            return any(value.values())
        case _:
            return bool(value)


def off_value(value: Value) -> Value:
    """Return the dark half of blinking with a value."""
    match value:
        case bool():
            return False
        case str():
            return ""
        case dict():
            return dict.fromkeys(value, 0.0)
        case _:
            return 0.0


def agrees(channel: Channel, written: Value, seen: Value) -> bool:
    """Return whether a value read back is the one that was written.

    Numbers agree within one digit of the channel's last decimal, because converters round.
    """
    step = 10.0 ** -(6 if channel.decimals is None else channel.decimals)
    match written, seen:
        case dict(), dict():
            return written.keys() == seen.keys() and all(
                math.isclose(written[name], seen[name], abs_tol=step) for name in written
            )
        case ((bool() | int() | float()), (bool() | int() | float())):
            return math.isclose(written, seen, rel_tol=1e-9, abs_tol=step)
        case _:
            return written == seen


def find_period_fault(hold_s: float | None, blink_s: float | None, value: Value) -> str | None:
    """Return what is wrong with a hold or a blinking, as a sentence, or None."""
    if hold_s is not None and not 0 < hold_s <= PERIOD_S_MAX:
        return f"a hold of {hold_s:g} s is not between 0 s and one year"
    if blink_s is None:
        return None
    if not BLINK_S_MIN <= blink_s <= PERIOD_S_MAX:
        return f"blinking at {blink_s:g} s is not between {BLINK_S_MIN:g} s and one year"
    return None if is_on(value) else "blinking needs a value that is on"


def show_value(value: Value | None) -> str:
    """Return a value as a person says it: `on`, `21.5`, `unknown`."""
    match value:
        case None:
            return "unknown"
        case bool():
            return "on" if value else "off"
        case float() | int():
            return f"{value:.12g}"
        case dict():
            return " ".join(f"{name}={part:g}" for name, part in value.items())
        case _:
            return value


def _switch(value: object) -> bool:
    text = str(value).strip().lower() if isinstance(value, bool | int | float | str) else ""
    text = text.removesuffix(".0")
    if text not in _SWITCH:
        raise ValueError("expected on or off, true or false, 1 or 0")
    return _SWITCH[text]


def _number(channel: Channel, value: object) -> float:
    try:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError
        number = float(value)
        if not math.isfinite(number):
            raise ValueError
    except (ValueError, OverflowError):
        raise ValueError("expected a finite number") from None
    low, high = channel.minimum, channel.maximum
    if (low is not None and number < low) or (high is not None and number > high):
        within = " to ".join("…" if end is None else f"{end:g}" for end in (low, high))
        raise ValueError(f"{number:g} is outside {within} {channel.unit}".rstrip())
    return number
