"""The words of `gpiod.line`."""

from __future__ import annotations

from enum import Enum


class Direction(Enum):
    """As libgpiod has it."""

    INPUT = 1
    OUTPUT = 2


class Value(Enum):
    """As libgpiod has it."""

    INACTIVE = 0
    ACTIVE = 1
