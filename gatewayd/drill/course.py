"""The course of a drill: one exercise after the other, each on fresh ground, each judged alike."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gatewayd.drill.daemon import DrillError
from gatewayd.drill.exercises import Plan, Skipped, check_wrapper
from gatewayd.drill.ground import PROGRAM, Ground, Ledger, open_ground
from gatewayd.drill.shifted import set_clock

EXERCISE_S = 180.0
"""For one exercise with its draining. Ten on a PC."""


@dataclass(slots=True)
class Result:
    """What came of one exercise.

    Attributes:
        findings: what was not as it must be; none is a pass.
        skipped: why it could not be made here, empty where it was.
        facts: said, arrived, lost, repeats, reordered, tail_s, and what the exercise measured.
        before, after: the ledger.
    """

    name: str
    findings: list[str] = field(default_factory=list)
    skipped: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    before: Ledger = field(default_factory=dict)
    after: Ledger = field(default_factory=dict)
    took_s: float = 0.0

    @property
    def is_passed(self) -> bool:
        """Whether nothing was lost and everything was safe."""
        return not self.findings


async def exercise(
    plan: Plan, scratch: Path | None = None, program: Sequence[str] | None = None
) -> Result:
    """Make one exercise.

    Args:
        scratch: where its folder is made; None = where temporary files are.
        program: what runs a verb in place of `gatewayd`; for testing the drill itself.
    """
    loop = asyncio.get_running_loop()
    result, began_s = Result(plan.name), loop.time()
    try:
        await check_wrapper(plan)
        chosen = plan.program if program is None or plan.program != PROGRAM else program
        opening = open_ground(scratch, chosen, plan.wrapper)
        async with asyncio.timeout(EXERCISE_S), opening as ground:
            set_clock(ground.folder / "clock", 0)
            await _make(plan, ground, result)
    except Skipped as reason:
        result.skipped = str(reason)
    except DrillError as error:
        result.findings.append(str(error))
    except TimeoutError:
        result.findings.append(f"not done within {EXERCISE_S:g} s")
    result.took_s = round(loop.time() - began_s, 1)
    return result


async def _make(plan: Plan, ground: Ground, result: Result) -> None:
    try:
        ground.facts["start_s"] = round(await ground.daemon.start(), 2)
        await ground.wait_news()
        result.before = await ground.ledger()
        await plan.run(ground)
        result.after = await ground.settle()
        ground.judge(result.after)
        code = await ground.daemon.stop()
        ground.expect(code == 0, f"exit code {code} after SIGTERM")
        ground.expect(not ground.is_pump_on(), "the pump was on after the daemon's end")
    finally:
        result.findings, result.facts = ground.findings, ground.facts
