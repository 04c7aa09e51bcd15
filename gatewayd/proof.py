"""Whether a sensor confirms what an output was told: a current clamp, a flow meter, a limit switch.

Plain decisions; the keeper waits and acts. A reading counts only if it was taken after the write.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gatewayd.fields import Seconds, show_duration
from gatewayd.model import Reading, Value
from gatewayd.setpoint import is_on, show_value

WITHIN_S = 3.0
"""A motor's current is there within a second; the sensor and the record behind it take another."""

_CONDITION = re.compile(r"\s*(<=|>=|==|!=|<|>)\s*(\S+)\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verify:
    """Which sensor tells what an output really does.

    Attributes:
        channel: the sensor's, `device/channel`.
        on: what it shows while the output is on: `> 0.5`, `== on`.
        off: what it shows while the output is off; without it, whatever is not `on`.
        within: so long after the write at the latest.
    """

    channel: str
    on: str
    off: str | None = None
    within: Seconds = WITHIN_S

    def __post_init__(self) -> None:
        """Refuse conditions that nobody can judge."""
        holds(self.on, 0.0)
        if self.off is not None:
            holds(self.off, 0.0)


def holds(condition: str, value: Value) -> bool:
    """Return whether a value fulfils a condition: an operator and a number, `on` or `off`.

    Raises:
        ValueError: it is no condition.
    """
    match = _CONDITION.fullmatch(condition)
    if match is None:
        raise ValueError(f'"{condition}" is no condition, such as "> 0.5" or "== on"')
    operator, text = match.groups()
    try:
        wanted = {"on": 1.0, "off": 0.0}[text] if text in {"on", "off"} else float(text)
    except ValueError:
        raise ValueError(f'"{text}" is no number, nor on or off') from None
    if not isinstance(value, bool | int | float):
        return False
    number = float(value)
    return {
        "<": number < wanted,
        "<=": number <= wanted,
        ">": number > wanted,
        ">=": number >= wanted,
        "==": number == wanted,
        "!=": number != wanted,
    }[operator]


def confirms(verify: Verify, written: Value, reading: Reading | None, since_ms: int) -> bool:
    """Return whether the newest reading of the sensor says that the output does what was written.

    Args:
        since_ms: when the hardware took the value (UTC ms); what was seen before, or may have
            been in the same millisecond, says nothing.
    """
    if reading is None or reading.value is None or reading.time_ms <= since_ms:
        return False
    if is_on(written):
        return holds(verify.on, reading.value)
    if verify.off is not None:
        return holds(verify.off, reading.value)
    return not holds(verify.on, reading.value)


def tell_doubt(verify: Verify, name: str, written: Value, reading: Reading | None) -> str:
    """Return the sentence for an output that its sensor does not confirm."""
    seen = "nothing" if reading is None else show_value(reading.value)
    within = show_duration(verify.within)
    return (
        f"{name} was set to {show_value(written)} and {verify.channel} says {seen} after {within}"
    )
