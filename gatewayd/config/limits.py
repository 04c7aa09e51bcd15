"""The keys of outputs: which there are, and what is wrong with them one by one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gatewayd.config.positions import Keys
from gatewayd.config.problems import Report, show
from gatewayd.cycles import CYCLES_MAX
from gatewayd.output import Limits

OUTPUT = (
    "safe",
    "hold_max",
    "orphan",
    "min_on",
    "min_off",
    "interlock",
    "dead_time",
    "cycles_max",
    "start_after",
    "start_delay",
    "verify",
)

WAIT_S_MAX = 60.0
"""How long a command may wait for its start: as long as whoever asks waits for the answer."""

WITHIN_S_MAX = 30.0
"""How long a command may wait for its sensor. Some clouds give an answer no longer."""


def check_limits(
    limits: Limits, raw: Mapping[str, Any], keys: Keys, places: Mapping[str, Keys], report: Report
) -> None:
    """Report what an output's own limits cannot mean.

    Args:
        raw: the same as it stands in the file.
        places: of the keys that stand in the device's section; the others are at `keys`.
    """

    def at(key: str) -> Keys:
        return (*places.get(key, keys), key)

    for key in ("hold_max", "orphan"):
        if getattr(limits, key) == 0:
            report.at_value(at(key), f"found {show(raw[key])}", "expected more than zero")
    for key in ("dead_time", "start_delay"):
        if getattr(limits, key) > WAIT_S_MAX:
            found = f"found {show(raw[key])}"
            report.at_value(at(key), found, "expected one minute at the most: commands wait for it")
    if limits.cycles_max is not None and not 0 < limits.cycles_max <= CYCLES_MAX:
        found = f"found {show(raw['cycles_max'])}"
        report.at_value(at("cycles_max"), found, f"expected 1 to {CYCLES_MAX} a day")
    if limits.hold_max and limits.min_on > limits.hold_max:
        found = f"min_on {raw['min_on']} longer than hold_max {raw['hold_max']}"
        report.at_value(at("min_on"), found, "expected min_on to be the shorter one")
    if limits.start_after and not limits.start_delay:
        found = f"start_after without a start_delay for {keys[1]}"
        report.at_value(at("start_after"), found, 'expected start_delay = "5s" or so beside it')
    if limits.verify is not None and not 0 < limits.verify.within <= WITHIN_S_MAX:
        found = f"found {show(raw['verify'].get('within'))}"
        report.at_value((*at("verify"), "within"), found, 'expected more than zero, at most "30s"')
