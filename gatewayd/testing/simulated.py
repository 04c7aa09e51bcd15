"""Tests that live in simulated time: `@simulated` above an `async def test_…`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec

from gatewayd.testing.clock import run_simulated

P = ParamSpec("P")


def simulated(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run a coroutine test on a loop whose time jumps; its fixtures are passed as usual."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        run_simulated(test(*args, **kwargs))

    return run
