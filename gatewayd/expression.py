"""The owner's formula for a value, such as `x * 1.8 + 32`: read once, worked out for each value.

Only what stands in the tables here can be said; everything ends within microseconds, whatever
the numbers are.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from gatewayd.model import Value

if TYPE_CHECKING:
    from simpleeval import SimpleEval

LENGTH_MAX = 100
"""Characters. What is longer belongs into a driver or into the device."""

X = "x"
"""What the value itself is called; other channels of the device go by their names."""

FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    **{name: getattr(math, name) for name in ("sqrt", "exp", "log", "log10", "floor", "ceil")},
    **{name: getattr(math, name) for name in ("sin", "cos", "tan", "atan", "atan2", "hypot")},
    **{each.__name__: each for each in (abs, min, max, round)},
}

_NODES = (
    *(ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow),
    *(ast.BitAnd, ast.RShift),  # For bits of a status word.
    *(ast.UnaryOp, ast.USub, ast.UAdd, ast.Not, ast.BoolOp, ast.And, ast.Or, ast.IfExp),
    *(ast.Compare, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE),
    *(ast.Call, ast.Name, ast.Load, ast.Constant),
)


@dataclass(frozen=True, slots=True)
class Expression:
    """A formula that was read; `names` are the channels that it needs besides `x`."""

    text: str
    names: frozenset[str]
    _tree: ast.expr = field(repr=False, compare=False)
    _evaluator: SimpleEval = field(repr=False, compare=False)

    def value(self, names: Mapping[str, Value]) -> float | int | bool | None:
        """Return what the formula gives, or None where that is no finite number.

        Args:
            names: a value for `x` and for each of `names`.
        """
        from simpleeval import InvalidExpression

        self._evaluator.names = names
        try:
            value = self._evaluator.eval(self.text, previously_parsed=self._tree)
            is_usable = isinstance(value, bool | int | float) and math.isfinite(value)
        except (InvalidExpression, ArithmeticError, ValueError, TypeError):
            return None  # Division by nothing, a root of a negative number, a text.
        return value if is_usable else None


@lru_cache(maxsize=256)
def parse_expression(text: str) -> Expression:
    """Return a formula.

    Raises:
        ValueError: it says something that is not in the tables, in a sentence.
    """
    if len(text) > LENGTH_MAX:
        raise ValueError(f"{len(text)} characters; an expression has at most {LENGTH_MAX}")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"not an expression: {getattr(error, 'msg', error)}") from error
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    names = set()
    for node in ast.walk(tree):
        _check(node)
        if isinstance(node, ast.Name) and id(node) not in called:
            names.add(node.id)
    return Expression(text, frozenset(names - {X}), tree, _evaluator())


def _check(node: ast.AST) -> None:
    words = ", ".join(sorted(FUNCTIONS))
    match node:
        case ast.Call(func=ast.Name(id=name)) if name not in FUNCTIONS:
            raise ValueError(f"{name}() is unknown; there are {words}")
        case ast.Call(func=ast.Name(), keywords=[]):
            return
        case ast.Call():
            raise ValueError(f"only {words} can be called, with values alone")
        case ast.Constant(value=value) if not isinstance(value, bool | int | float):
            raise ValueError(f"{value!r} is neither a number nor true or false")
        case _ if not isinstance(node, _NODES):
            raise ValueError(f"{type(node).__name__} cannot be used in an expression")


def _evaluator() -> SimpleEval:
    # Imported late: 2 MiB and 11 ms for those alone who have a formula.
    from simpleeval import DEFAULT_OPERATORS, SimpleEval

    operators = dict(DEFAULT_OPERATORS)
    # Whole numbers without end would hold up everything; floats overflow at once.
    operators[ast.Pow] = math.pow
    return SimpleEval(operators=operators, functions=dict(FUNCTIONS))
