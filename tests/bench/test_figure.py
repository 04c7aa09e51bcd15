"""What the table says of a value beside another."""

from __future__ import annotations

import pytest

from tests.bench.figure import Figure, show_ms, show_rate
from tests.bench.report import LIMIT, OURS, Samples, table
from tests.bench.samples import percentile

RATE = Figure("rate", "rows", show_rate, 100.0, is_rate=True, load="a flood")
WAIT = Figure("wait", "answer", show_ms, 0.003, is_rate=False, load="one", limit=("post", "POST"))


@pytest.mark.parametrize(
    ("figure", "ours", "other", "words"),
    [
        (RATE, 300.0, 100.0, "3 × better"),
        (RATE, 100.0, 300.0, "1/3"),
        (WAIT, 0.001, 0.004, "4 × better"),
        (WAIT, 0.004, 0.001, "1/4"),
        (WAIT, 0.0, 0.5, "∞ × better"),
        (WAIT, 0.0, 0.0, "equal"),
    ],
)
def test_a_ratio_says_who_is_better(figure: Figure, ours: float, other: float, words: str) -> None:
    """More is better for a rate, less for a cost; nothing at all is infinitely better."""
    assert figure.ratio(ours, other) == words


def test_an_aim_is_met_on_its_better_side_only() -> None:
    """Exactly the aim is good enough; short of it is not."""
    assert RATE.is_met(100.0) and not RATE.is_met(99.0)
    assert WAIT.is_met(0.003) and not WAIT.is_met(0.0031)


def test_a_percentile_is_one_of_the_values() -> None:
    """The 99th of a hundred is the second largest, and one value is its own percentile."""
    values = [float(i) for i in range(100, 0, -1)]
    assert percentile(values, 0.99) == 99.0
    assert percentile([5.0], 0.99) == 5.0


def test_the_table_shows_medians_and_names_what_was_missed() -> None:
    """A figure short of its aim says MISSED; one that was not measured is a dash, not a zero."""
    samples = Samples(failures=["nothing came"])
    for value in (90.0, 50.0, 70.0):
        samples.add(OURS, {"rate": value})
    samples.add(LIMIT, {"post": 0.001})
    text = table([RATE, WAIT], samples, "other")
    rate, wait = (line for line in text.splitlines() if line.startswith(("rows", "answer")))
    assert "70/s [50/s … 90/s]" in rate and "MISSED" in rate
    assert " – " in wait and "1.0 ms" in wait and "✓" not in wait
    assert "not measured: nothing came" in text
