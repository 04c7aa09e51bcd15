"""Drives the outputs of a plan to their safe values: all at once, the quick ones within 2 s.

Strategy: every device has a task of its own, so that none waits for another but on a wire that
they share; there, one that failed steps back until all the others have had their turn. The
second round (today's file) begins when the first is over, or half of the time is. What is safe
by `soon_s` is told then; whoever did not answer is tried again for as long as there is patience.
A first-round device that answers late may have undone what today's file wants on the same wire:
then that is written once more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from gatewayd.config.wires import port_of, real_name
from gatewayd.errors import DeviceError, GatewayError
from gatewayd.ports import Ports
from gatewayd.setpoint import agrees, legal_value, show_value

if TYPE_CHECKING:
    from gatewayd.cli._outputs import Job, Plan, Round

WRITE_S = 1.0
"""For one write with its read-back."""

TRIES_WRONG = 3
"""For an output that answers and is not what it was set to: a fourth try would not help."""

AGAIN_S = 0.05
"""Between the two writes of what cannot be read back: half a frame that a killed daemon left on
the wire spoils the first."""

STEP_BACK_S = 0.5
"""How long one that failed lets the others on its wire go first."""

PAUSES_S = (0.05, 0.2, 0.5)
"""Between tries; after that a second."""


@dataclass(frozen=True, slots=True)
class Result:
    """One output, and whether it is safe now; the detail says what it is, or why not.

    `file` is the configuration that says what safe is; None where the daemon was asked.
    """

    output: str
    is_safe: bool
    detail: str
    file: str | None = None


@dataclass(eq=False, slots=True)
class Attempt:
    """All tries with one device.

    Attributes:
        results: by the outputs' local names.
        had_turn: set once it was tried; until then others that failed step back.
    """

    job: Job
    ports: Ports
    wires: Mapping[str, Mapping[str, object]]
    results: dict[str, Result] = field(init=False)
    wrong: dict[str, int] = field(default_factory=dict)
    had_turn: asyncio.Event = field(default_factory=asyncio.Event)
    written_s: float = 0.0

    def __post_init__(self) -> None:
        device, file = self.job.device, str(self.job.file)
        self.results = {
            name: Result(f"{device.name}/{name}", False, "the device did not answer in time", file)
            for name in device.limits
        }

    @property
    def wire(self) -> str | None:
        """One name for its wire, whichever file names it."""
        port = port_of(self.job.device)
        return None if port is None else real_name(port, self.wires)

    @property
    def is_over(self) -> bool:
        """True when every output is safe, or no further try would help."""
        return all(
            result.is_safe or self.wrong.get(name, 0) >= TRIES_WRONG
            for name, result in self.results.items()
        )

    async def run(self, others: Sequence[Attempt]) -> None:
        """Try until it is over, or until cancelled."""
        tries = 0
        while not self.is_over:
            if tries:
                await _step_back([each for each in others if each is not self])
                await asyncio.sleep(PAUSES_S[tries - 1] if tries <= len(PAUSES_S) else 1.0)
            tries += 1
            try:
                await self._try_once()
            except (GatewayError, OSError) as error:
                self.lose(str(error))
            finally:
                self.had_turn.set()

    def lose(self, reason: str) -> None:
        """Note why what is not safe is not."""
        for name, result in self.results.items():
            if not result.is_safe:
                self.results[name] = replace(result, detail=reason)

    async def _try_once(self) -> None:
        device = self.job.device
        async with device.driver.open(device.config, self.ports) as actuator:
            for name in [name for name in self.results if not self.results[name].is_safe]:
                self.results[name] = await self._drive(actuator, name)
        self.written_s = asyncio.get_running_loop().time()

    async def _drive(self, actuator: Any, name: str) -> Result:
        device, told = self.job.device, self.results[name]
        channel = next(channel for channel in device.channels if channel.id == name)
        safe = legal_value(channel, device.limits[name].safe)
        try:
            async with asyncio.timeout(WRITE_S):
                await actuator.write(name, safe)
                seen = await actuator.read_back(name)
                if seen is None:
                    await asyncio.sleep(AGAIN_S)
                    await actuator.write(name, safe)
        except TimeoutError:
            return replace(told, detail=f"no answer within {WRITE_S:g} s")
        except DeviceError as error:
            return replace(told, detail=str(error))
        if seen is None:
            return replace(told, is_safe=True, detail=f"{show_value(safe)} (assumed)")
        is_safe = agrees(channel, safe, seen)
        self.wrong[name] = 0 if is_safe else self.wrong.get(name, 0) + 1
        return replace(told, is_safe=is_safe, detail=f"{show_value(seen)} (read back)")


async def _step_back(others: Sequence[Attempt]) -> None:
    waiting = [asyncio.ensure_future(each.had_turn.wait()) for each in others]
    if waiting:
        _, late = await asyncio.wait(waiting, timeout=STEP_BACK_S)
        for each in late:
            each.cancel()


async def drive(
    plan: Plan, soon_s: float, patience_s: float, tell: Callable[[list[Result]], object]
) -> list[Result]:
    """Return what became of every output.

    Args:
        soon_s: by then all that answers at once is safe; the others are told.
        patience_s: for those, beyond `soon_s`.
        tell: hears which outputs are not safe at `soon_s`, if any.
    """
    loop = asyncio.get_running_loop()
    soon_at_s = loop.time() + soon_s
    tasks: dict[Attempt, asyncio.Task[None]] = {}
    rounds: list[list[Attempt]] = []
    for number, each in enumerate(plan.rounds):
        rounds.append(_attempts(each))
        _start(rounds[-1], tasks)
        left = len([later for later in plan.rounds[number:] if later.jobs])
        await _wait(tasks, loop.time() + (soon_at_s - loop.time()) / max(1, left))
    began_s = loop.time()
    await _wait(tasks, soon_at_s)
    _note_bugs(tasks)
    lost = [Result(one.name, False, one.reason, str(one.file)) for one in plan.lost]
    late = [result for result in _results(rounds) if not result.is_safe]
    if late and any(not task.done() for task in tasks.values()):
        tell(late)
        await _wait(tasks, soon_at_s + patience_s)
    if len(rounds) > 1:
        await _have_last_word(rounds, began_s)
    _note_bugs(tasks)
    results = _results(rounds)  # Before the cancelling, which is no reason of theirs.
    for task in tasks.values():
        task.cancel()
    return [*results, *lost]


def _attempts(each: Round) -> list[Attempt]:
    ports = Ports(each.wires)
    return [Attempt(job, ports, each.wires) for job in each.jobs]


def _start(attempts: list[Attempt], tasks: dict[Attempt, asyncio.Task[None]]) -> None:
    for each in attempts:
        same = [other for other in attempts if other.wire is not None and other.wire == each.wire]
        tasks[each] = asyncio.get_running_loop().create_task(each.run(same))


async def _wait(tasks: Mapping[Attempt, asyncio.Task[None]], until_s: float) -> None:
    wait_s = max(0.0, until_s - asyncio.get_running_loop().time())
    if tasks:
        await asyncio.wait(tasks.values(), timeout=wait_s)


def _note_bugs(tasks: Mapping[Attempt, asyncio.Task[None]]) -> None:
    """Say what broke a task: a bug in one driver keeps no other device from being tried."""
    for attempt, task in tasks.items():
        error = task.exception() if task.done() and not task.cancelled() else None
        if error is not None:
            attempt.lose(f"{type(error).__name__}: {error}")


async def _have_last_word(rounds: list[list[Attempt]], began_s: float) -> None:
    """Write today's values again where the last daemon's came after them on the same wire."""
    first, second = rounds
    late = {each.wire for each in first if each.written_s > began_s}
    again = [each for each in second if each.wire in late and each.is_over]
    for each in again:
        each.results = {name: replace(r, is_safe=False) for name, r in each.results.items()}
    if again:
        await asyncio.wait([asyncio.ensure_future(each.run(again)) for each in again], timeout=2.0)


def _results(rounds: list[list[Attempt]]) -> list[Result]:
    return [result for each in rounds for attempt in each for result in attempt.results.values()]
