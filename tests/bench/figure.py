"""One line of the table: what is measured, in which unit, what to aim at, beside which limit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """What one line says.

    Attributes:
        key: name of the sample that a measurement returns.
        show: writes a value for a person.
        aim: the value to aim at; met when the measured one is on the better side or equal.
        is_rate: more is better; otherwise less is.
        load: what was asked of the gateway.
        limit: name of the machine's own limit beside it, and what that is.
    """

    key: str
    title: str
    show: Callable[[float], str]
    aim: float | None
    is_rate: bool
    load: str
    limit: tuple[str, str] | None = None

    def is_met(self, value: float) -> bool:
        """Return whether a value reaches the aim; true where there is none."""
        if self.aim is None:
            return True
        return value >= self.aim if self.is_rate else value <= self.aim

    def ratio(self, value: float, other: float) -> str:
        """Say how a value compares to another, as "× better" or "× of it"."""
        better, worse = (value, other) if self.is_rate else (other, value)
        if worse <= 0:
            return "∞ × better" if better > 0 else "equal"
        return f"{better / worse:.2g} × better" if better >= worse else f"1/{worse / better:.2g}"


def show_rate(value: float) -> str:
    return f"{value:,.0f}/s"


def show_us(value: float) -> str:
    return f"{value * 1e6:,.0f} µs"


def show_ms(value: float) -> str:
    return f"{value * 1e3:,.1f} ms"


def show_s(value: float) -> str:
    return f"{value:.2f} s"


def show_mib(value: float) -> str:
    return f"{value / 2**20:.1f} MiB"


def show_kb(value: float) -> str:
    return f"{value / 1000:,.1f} kB"
