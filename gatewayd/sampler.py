"""Runs one sensor: asks it on time, names and dates what it saw, publishes what is news."""

from __future__ import annotations

from dataclasses import dataclass

from gatewayd.fields import Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """What the owner says about one channel: the keys of `[device.NAME.channel.CHANNEL]`.

    The value reported is `measured * scale + offset`. It is news when it moved by `deadband`
    or more, or when `heartbeat` has passed; with neither set every value is news.
    """

    deadband: float | None = None
    heartbeat: Seconds | None = None
    scale: float = 1.0
    offset: float = 0.0
    minimum: float | None = None
    maximum: float | None = None
