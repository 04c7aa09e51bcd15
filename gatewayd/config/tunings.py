"""The keys of `[device.NAME.channel.CHANNEL]` for what is measured: read, checked, worked in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gatewayd.config.names import ALLOWED, is_name
from gatewayd.config.positions import Keys
from gatewayd.config.problems import Report, nearest_of, one_of, show
from gatewayd.config.shapes import shape_of
from gatewayd.expression import parse_expression
from gatewayd.model import Channel
from gatewayd.shaping import is_growing
from gatewayd.tuning import Tuning, declared, derived
from gatewayd.units import is_convertible, units_beside

POSITIVE = ("heartbeat", "window", "wraps_at")
NOT_NEGATIVE = ("deadband", "decimals", "total")

OF_COUNTERS = ("wraps_at", "total")
NOT_OF_COUNTERS = ("lookup", "expression", "offset", "clamp", "window")
"""A total is what was counted and nothing else; only its scale is the owner's."""


def read_tuning(
    table: Mapping[str, Any],
    channel: Channel,
    channels: Sequence[Channel],
    place: Keys,
    say: Report,
) -> Tuning | None:
    """Return what the owner says about one channel, or report all that is wrong with it.

    Args:
        channels: all of its device, as the driver describes them.
        place: of its table in the file.
    """
    tuning = shape_of(Tuning).fill(table, place, say)
    if tuning is None:
        return None
    for key in POSITIVE:
        value = getattr(tuning, key)
        if value is not None and value <= 0:
            say.at_value((*place, key), f"found {show(table[key])}", "expected more than zero")
    for key in NOT_NEGATIVE:
        value = getattr(tuning, key)
        if value is not None and value < 0:
            say.at_value((*place, key), f"found {show(table[key])}", "expected zero or more")
    low, high = tuning.minimum, tuning.maximum
    if low is not None and high is not None and low > high:
        found = f"minimum {low} above maximum {high}"
        say.at_value((*place, "minimum"), found, "expected it below the maximum")
    if tuning.clamp is not None and tuning.clamp[0] > tuning.clamp[1]:
        found = f"found {show(tuning.clamp)}"
        say.at_value((*place, "clamp"), found, "expected the lowest value first")
    _check_formulas(tuning, channel, channels, place, say)
    _check_units(tuning, channel, place, say)
    _check_counter(tuning, table, channel, place, say)
    return tuning


def _check_formulas(
    tuning: Tuning, channel: Channel, channels: Sequence[Channel], place: Keys, say: Report
) -> None:
    if tuning.lookup is not None and not is_growing(tuning.lookup):
        expected = "expected two points [measured, value] or more, measured growing"
        say.at_value((*place, "lookup"), f"found {show(tuning.lookup)}", expected)
    if tuning.expression is None:
        return
    if tuning.lookup is not None:
        found = "found an expression and a lookup"
        say.at_key((*place, "expression"), found, "expected one of them")
    try:
        formula = parse_expression(tuning.expression)
    except ValueError as error:
        found = f"found {show(tuning.expression)}"
        say.at_value((*place, "expression"), found, str(error))
        return
    others = [each.id for each in channels if each.id != channel.id and each.id.isidentifier()]
    for name in sorted(formula.names - set(others)):
        found = f"found the name {show(name)} in an expression"
        nearest = nearest_of(name, others)
        say.at_value((*place, "expression"), found, one_of(["x", *others]), nearest)


def _check_units(tuning: Tuning, channel: Channel, place: Keys, say: Report) -> None:
    if tuning.kind is not None and not (tuning.kind.isidentifier() and tuning.kind.islower()):
        found = f"found {show(tuning.kind)}"
        say.at_value((*place, "kind"), found, "expected one word in lower case")
    unit = channel.unit if tuning.unit is None else tuning.unit
    if tuning.to is None or is_convertible(unit, tuning.to):
        return
    known = [each for each in units_beside(unit) if each != unit]
    if known:
        found = f"{show(unit)} cannot be made {show(tuning.to)}"
        say.at_value((*place, "to"), found, one_of(known), nearest_of(tuning.to, known))
    else:
        found = f"nobody knows how {show(unit)} becomes {show(tuning.to)}"
        say.at_value((*place, "to"), found, "expected scale, offset and unit instead")


def _check_counter(
    tuning: Tuning, table: Mapping[str, Any], channel: Channel, place: Keys, say: Report
) -> None:
    is_counter = channel.is_counter if tuning.counter is None else tuning.counter
    for key in NOT_OF_COUNTERS if is_counter else OF_COUNTERS:
        if key in table:
            which = "what is no counter" if is_counter else "counters only (counter = true)"
            found = f"found {show(key)} for {'a' if is_counter else 'no'} counter"
            say.at_key((*place, key), found, f"expected it for {which}")
    if is_counter and tuning.scale <= 0:
        found = f"found {show(tuning.scale)}"
        say.at_value((*place, "scale"), found, "expected more than zero, the worth of one count")


def declare(
    channels: Sequence[Channel], tunings: Mapping[str, Tuning], place: Keys, say: Report
) -> tuple[tuple[Channel, ...], dict[str, Tuning]]:
    """Return the channels as the world sees them, with those made of them, and their tunings.

    Args:
        place: of the device's channel tables.
    """
    told: list[Channel] = []
    settled: dict[str, Tuning] = {}
    names = {channel.id for channel in channels}
    for channel in channels:
        tuning = tunings.get(channel.id)
        if tuning is None:
            told.append(channel)
            continue
        public, settled[channel.id] = declared(channel, tuning)
        told.append(public)
        for made in derived(public, tuning):
            key = "alarm" if made.id.endswith("_alarm") else "window"
            found = f"it makes a channel {show(made.id)}"
            if made.id in names:
                say.at_key((*place, channel.id, key), found, "expected that no other is called so")
            elif not is_name(made.id):
                say.at_key((*place, channel.id, key), found, ALLOWED)
            else:
                told.append(made)
    return tuple(told), settled
