"""The owner's formulas: what they may say, what they give, and that they always end."""

from __future__ import annotations

import re
import time

import pytest

from gatewayd.expression import LENGTH_MAX, parse_expression


@pytest.mark.parametrize(
    ("text", "x", "gives"),
    [
        ("x * 1.8 + 32", 100, 212),
        ("max(0, round(x, 1))", 2.345, 2.3),
        ("sqrt(x) if x > 0 else 0", 9.0, 3.0),
        ("x & 4 != 0 or x > 100", 6, True),
        ("(x >> 3) & 1", 8, 1),
        ("x > 20", 21.0, True),
        ("x", True, True),
        ("-x ** 2", 3, -9),
    ],
)
def test_a_formula_is_worked_out(text: str, x: float, gives: float) -> None:
    """Arithmetic, comparisons, bits, and a handful of functions."""
    assert parse_expression(text).value({"x": x}) == gives


@pytest.mark.parametrize(
    ("text", "x"),
    [
        ("1 / x", 0),
        ("sqrt(x)", -1),
        ("10 ** x", 400),
        ("9 ** 9 ** 9 ** x", 9),
        ("x + 1", "text"),
        ("x * 1e308 * 10", 1.0),
        ("x + other", 1),
        ("floor(x)", float("inf")),
        ("x % 0", 5),
        ("x & 1", 1.5),
    ],
)
def test_what_gives_no_finite_number_gives_none(text: str, x: float) -> None:
    """A formula never raises, whatever the sensor says."""
    assert parse_expression(text).value({"x": x}) is None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("x +", "not an expression: invalid syntax"),
        ("", "not an expression"),
        ("open('f')", "open() is unknown; there are abs, "),
        ("x.real", "Attribute cannot be used"),
        ("__import__('os')", "__import__() is unknown"),
        ("[x][0]", "Subscript cannot be used"),
        ("'a' * x", "'a' is neither a number nor true or false"),
        ("2j", "2j is neither"),
        ("x << 9999", "LShift cannot be used"),
        ("round(x, ndigits=1)", "can be called, with values alone"),
        ("sin(x)(x)", "only abs, "),
        ("lambda: x", "Lambda cannot be used"),
        ("x" * (LENGTH_MAX + 1), "at most 100"),
        ("(" * 99, "not an expression"),
        ("x\0", "not an expression"),
    ],
)
def test_what_is_not_in_the_tables_cannot_be_said(text: str, sentence: str) -> None:
    """The mistake is found when the file is read, and told in a sentence."""
    with pytest.raises(ValueError, match=re.escape(sentence)):
        parse_expression(text)


def test_the_names_it_needs_are_known() -> None:
    """Every name but its own and those of functions is a channel."""
    assert parse_expression("x * humidity / max(pressure, 1)").names == {"humidity", "pressure"}
    assert parse_expression("x - dew").value({"x": 5.0, "dew": 3}) == 2.0


def test_no_formula_takes_long() -> None:
    """Powers and products of whole numbers without end stop at once."""
    began_s = time.perf_counter()
    for text in ("999999 ** 3999999", "9**9**9**9", "*".join(["9" * 15] * 6), "x**x**x"):
        parse_expression(text).value({"x": 10**6})
    assert time.perf_counter() - began_s < 0.5
