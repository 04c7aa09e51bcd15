"""Owns one actuator: its only writer, its clocks, its way back to safe."""

from __future__ import annotations

from dataclasses import dataclass

from gatewayd.fields import Seconds
from gatewayd.model import Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the owner says about one output.

    Attributes:
        safe: the value when in doubt; there is no default.
        hold_max: anything but safe falls back after this long.
        orphan: falls back when the uplink that asked has been gone this long.
        min_on, min_off: shortest time in a state, for compressors and the like. Going safe
            never waits for them.
        interlock: outputs (global names) that must never be on together with this one.
    """

    safe: Value
    hold_max: Seconds | None = None
    orphan: Seconds | None = None
    min_on: Seconds = 0.0
    min_off: Seconds = 0.0
    interlock: tuple[str, ...] = ()
