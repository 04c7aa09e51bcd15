"""The table at the end: figure, gatewayd, aim, the machine's own limit, the other gateway."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.figure import Figure

OURS = "gatewayd"
LIMIT = "limit"


@dataclass(slots=True)
class Samples:
    """What was measured: one value a round, by column and key; and what could not be, and why."""

    values: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def add(self, column: str, measured: Mapping[str, float]) -> None:
        for key, value in measured.items():
            self.values.setdefault((column, key), []).append(value)

    def median(self, column: str, key: str) -> float | None:
        """Return the middle of all rounds, or None where nothing was measured."""
        values = self.values.get((column, key))
        return statistics.median(values) if values else None

    def as_json(self) -> dict[str, object]:
        columns: dict[str, dict[str, list[float]]] = {}
        for (column, key), values in self.values.items():
            columns.setdefault(column, {})[key] = values
        return {"columns": columns, "failures": self.failures}


def table(figures: Sequence[Figure], samples: Samples, other: str) -> str:
    """Return the table, its notes, and what could not be measured."""
    head = ("figure", "load", OURS, "aim", "machine's own limit", other)
    rows = [head, *(_row(figure, samples, other) for figure in figures)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
             for row in rows]  # fmt: skip
    lines.insert(1, "  ".join("-" * width for width in widths))
    notes = [
        "",
        "Medians of all rounds, in brackets the lowest and the highest. A ratio says how gatewayd",
        "compares: “3 × better” is three times the rate or a third of the cost; 1/3 the reverse.",
        "Limits: "
        + "; ".join(
            dict.fromkeys(f"{each.title}: {each.limit[1]}" for each in figures if each.limit)
        )
        + ".",
        "gatewayd speaks to its own sandbox, the other gateway to mosquitto; both count what came.",
        f"Machine: {os.cpu_count()} cores, {_cpu_model()}, Linux {platform.release()}, "
        f"Python {platform.python_version()}.",
        *(f"not measured: {failure}" for failure in samples.failures),
    ]
    return "\n".join([*lines, *dict.fromkeys(notes)])


def _row(figure: Figure, samples: Samples, other: str) -> tuple[str, ...]:
    ours = samples.median(OURS, figure.key)
    aim = (
        "" if figure.aim is None else f"{'≥' if figure.is_rate else '≤'} {figure.show(figure.aim)}"
    )
    if aim and ours is not None:
        aim += " ✓" if figure.is_met(ours) else " MISSED"
    limit = samples.median(LIMIT, figure.limit[0]) if figure.limit else None
    theirs = samples.median(other, figure.key)
    return (
        figure.title,
        figure.load,
        _spread(figure, samples.values.get((OURS, figure.key))),
        aim,
        _beside(figure, ours, limit),
        _beside(figure, ours, theirs),
    )


def _spread(figure: Figure, values: Sequence[float] | None) -> str:
    if not values:
        return "–"
    middle = figure.show(statistics.median(values))
    if len(values) == 1:
        return middle
    return f"{middle} [{figure.show(min(values))} … {figure.show(max(values))}]"


def _beside(figure: Figure, ours: float | None, other: float | None) -> str:
    if other is None:
        return "–"
    if ours is None:
        return figure.show(other)
    return f"{figure.show(other)} ({figure.ratio(ours, other)})"


def _cpu_model() -> str:
    try:
        with Path("/proc/cpuinfo").open() as file:
            names = [line.partition(":")[2].strip() for line in file if "model name" in line]
    except OSError:
        names = []
    return names[0] if names else platform.machine()
