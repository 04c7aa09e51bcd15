"""Takes what the server asks: answers what can be answered, hands commands on.

Reads are answered in the turn of the loop in which they arrive, from the board. Commands wait in
a bounded queue for the desk and are answered when their outcome is known, or with REQUEST_ERROR
when that takes too long; the write goes on then, and its echo tells how it ended.

Characteristics: in events · out answers, commands, errands · buffered `WAITING_MAX` commands ·
when full the newest is refused · event loop only.

Source: Thinger.io Arduino-Library 2.40.0, `thinger.h`, `thinger_resource.hpp`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from gatewayd.clouds.thinger.events import (
    Answer,
    Describe,
    Event,
    Kind,
    Path,
    Run,
    Sample,
    StartStream,
    StopStream,
)
from gatewayd.clouds.thinger.pson import UNSET, Pson
from gatewayd.clouds.thinger.resources import Resource, Resources, Role, is_parent
from gatewayd.clouds.thinger.setpoints import Setpoint, read_setpoint
from gatewayd.clouds.thinger.streams import Streams
from gatewayd.clouds.thinger.unanswered import Unanswered
from gatewayd.clouds.thinger.view import View, describe, show
from gatewayd.model import ChannelId, Command, Outcome, Status, Value

WAITING_MAX = 64
"""Commands that wait for the desk. A person presses one; a script that floods is told no."""

ANSWER_S = 5.0
"""The server's patience is not public; its newer devices get 10 s and more."""

REPEAT_S = 2.0
"""The last command of an output, again with the same id within this time, is the same command.
A longer memory would be wrong: a server may always use the lowest id that is free, and the output
may have gone safe meanwhile."""

INHERITED_S = 30.0
"""The same for a command that the last connection left without an answer."""

UNKNOWN_CODE, BUSY_CODE, REFUSED_CODE, FAILED_CODE = 404, 503, 409, 500


@dataclass(frozen=True, slots=True)
class Errand:
    """Something to do to the machine, by name."""

    action: str


@dataclass(slots=True)
class _Open:
    """One command under way; answered at `due_s` (loop time) at the latest."""

    run: Run
    resource: Resource
    due_s: float
    is_answered: bool = False


@dataclass(frozen=True, slots=True)
class _Last:
    """The last command of one output, and when it came (loop time)."""

    run: Run
    at_s: float
    request_id: str


@dataclass(frozen=True, slots=True)
class Desks:
    """What requests are answered from and by.

    Attributes:
        say: writes an event now.
        view: returns what resources show now.
        listing: returns all resources, in the protocol's form.
        wake: tells the link that something is due.
        blink_s: on-time and off-time of the resource `blink`.
    """

    say: Callable[[Event], None]
    view: Callable[[], View]
    listing: Callable[[], Pson]
    wake: Callable[[], None]
    blink_s: float


class Requests:
    """The requests of one connection; a `Handler` of its session."""

    def __init__(
        self,
        origin: str,
        connection: str,
        resources: Resources,
        streams: Streams,
        desks: Desks,
    ) -> None:
        """Take what the link knows; `connection` is new at every log-in."""
        self._origin, self._connection = origin, connection
        self._resources, self._streams, self._desks = resources, streams, desks
        self._now_s = asyncio.get_running_loop().time
        self._waiting: asyncio.Queue[Command | Errand | None] = asyncio.Queue()
        self._open: dict[str, _Open] = {}
        self._last: dict[Path, _Last] = {}
        self._count = 0
        self.outcomes: dict[ChannelId, tuple[int, Outcome]] = {}
        self.refused = 0
        """Requests that were answered with REQUEST_ERROR."""

    def inherit(self, commands: Iterable[Unanswered]) -> None:
        """Know the commands again that the connection before left without an answer."""
        for command in commands:
            resource = self._resources.get(command.run.path or ())
            if resource is not None:
                # As if it had just come, with a longer memory.
                at_s = self._now_s() + INHERITED_S - REPEAT_S
                self._last[_target(resource)] = _Last(command.run, at_s, command.request_id)

    def unanswered(self) -> list[Unanswered]:
        """Return the commands that wait for an answer now."""
        waiting = [(each.run, id) for id, each in self._open.items() if not each.is_answered]
        return [Unanswered(run, request_id) for run, request_id in waiting if run.id]

    async def next(self) -> Command | Errand | None:
        """Return the next command or errand, None when the connection is gone."""
        return await self._waiting.get()

    def on_lost(self) -> None:
        """Let `next` return None after what came before."""
        self._waiting.put_nowait(None)
        self._desks.wake()

    def on_event(self, event: Event) -> None:
        """Take a request; raises LinkLost when its answer cannot be written any more."""
        match event:
            case Run():
                self._run(event)
            case Describe():
                self._describe(event)
            case StartStream():
                self._start(event)
            case StopStream():
                self._streams.stop(event)
                self._answer(event.id)
            case Sample(id, payload):
                # The newer protocol writes to an input through its stream; nobody waits.
                path = self._streams.path_of(id)
                if path is not None:
                    self._run(Run(0, path, payload))

    def _answer(self, id: int, payload: Pson = UNSET) -> None:
        if id:
            self._desks.say(Answer(id, is_ok=True, payload=payload))

    def _refuse(self, id: int, code: int, detail: str) -> None:
        self.refused += 1
        if id:
            self._desks.say(Answer(id, is_ok=False, detail=detail, code=code))

    def _find(self, path: Path | None, id: int) -> Resource | None:
        """Return a resource, or answer for a place that has none."""
        resource = None if path is None else self._resources.get(path)
        if resource is None:
            if path is not None and (not path or is_parent(self._resources, path)):
                self._answer(id)
            else:
                name = "/".join(path or ())[:200]
                self._refuse(id, UNKNOWN_CODE, f"no resource is called {name!r}")
        return resource

    def _describe(self, event: Describe) -> None:
        if not event.path:
            self._answer(event.id, self._desks.listing())
            return
        resource = self._resources.get(event.path)
        if resource is not None:
            self._answer(event.id, describe(resource, self._desks.view()))
        elif is_parent(self._resources, event.path):
            self._answer(event.id, {})
        else:
            self._refuse(event.id, UNKNOWN_CODE, "no such resource")

    def _start(self, event: StartStream) -> None:
        resource = self._find(event.path, event.id)
        if resource is None:
            return
        self._answer(event.id)
        self._streams.start(event, resource, self._now_s())
        if resource.kind in (Kind.INPUT, Kind.IN_OUT):
            self._echo(resource.path)
        self._desks.wake()

    def _run(self, event: Run) -> None:
        resource = self._find(event.path, event.id)
        if resource is None:
            return
        if resource.role is Role.MANAGE:
            if self._has_room(event):
                self._answer(event.id)  # First: the errand may end this program.
                self._waiting.put_nowait(Errand(resource.action))
        elif resource.role is Role.BLINK:
            plain = replace(event, payload=UNSET)  # It has no parameter, whatever came.
            self._command(plain, resource, Setpoint(True, blink_s=self._desks.blink_s))
        elif resource.role is not Role.SETPOINT:
            self._answer(event.id, show(resource, self._desks.view(), event.payload))
        elif event.payload is UNSET:
            self._answer(event.id)  # Says nothing, so moves nothing.
        else:
            setpoint = read_setpoint(event.payload)
            if setpoint is None:
                self._refuse(event.id, REFUSED_CODE, "no value that an output could take")
            else:
                self._command(event, resource, setpoint)

    def _command(self, event: Run, resource: Resource, setpoint: Setpoint) -> None:
        now_s = self._now_s()
        target = _target(resource)
        request_id = self._request_id(event, target, now_s)
        if request_id in self._open:
            return  # It is under way and will be answered once.
        if not self._has_room(event):
            return
        self._open[request_id] = _Open(event, resource, now_s + ANSWER_S)
        self._streams.hold(target)
        channel = resource.names[0].channel
        command = Command(self._origin, request_id, channel, setpoint.value)
        command = replace(command, hold_s=setpoint.hold_s, blink_s=setpoint.blink_s)
        self._waiting.put_nowait(command)
        self._desks.wake()

    def _has_room(self, event: Run) -> bool:
        """Return whether another command can wait, or answer that it cannot."""
        if self._waiting.qsize() < WAITING_MAX:
            return True
        self._refuse(event.id, BUSY_CODE, "too many commands wait")
        return False

    def _request_id(self, event: Run, target: Path, now_s: float) -> str:
        """Return an id that is new for what is new, and the same for what just came."""
        last = self._last.get(target)
        if event.id and last and last.run == event and now_s - last.at_s < REPEAT_S:
            return last.request_id
        self._count += 1
        request_id = f"{self._connection}-{event.id}-{self._count}"
        self._last[target] = _Last(event, now_s, request_id)
        return request_id

    def reply(self, command: Command, outcome: Outcome) -> None:
        """Answer a command, then echo what its output does now; raises LinkLost."""
        self.outcomes[command.channel] = (self._desks.view().now_ms, outcome)
        opened = self._open.pop(command.request_id, None)
        if opened is None:
            return
        self._streams.release(_target(opened.resource))
        if not opened.is_answered:
            if outcome.status is Status.DONE:
                self._answer(opened.run.id)
            else:
                is_refused = outcome.status is Status.REFUSED
                code = REFUSED_CODE if is_refused else FAILED_CODE
                self._refuse(opened.run.id, code, outcome.detail)
        value = outcome.value if outcome.status is Status.DONE else None
        self._echo(_target(opened.resource), value)

    def expire(self, now_s: float) -> None:
        """Answer the commands that take too long; raises LinkLost."""
        for opened in self._open.values():
            if now_s >= opened.due_s and not opened.is_answered:
                opened.is_answered = True
                self._refuse(opened.run.id, FAILED_CODE, f"no outcome within {ANSWER_S:g} s")

    def next_s(self) -> float | None:
        """Return when the next command has taken too long (loop time), or None."""
        waiting = (each.due_s for each in self._open.values() if not each.is_answered)
        return min(waiting, default=None)

    def _echo(self, path: Path, value: Value | None = None) -> None:
        sample = self._streams.event(path, self._desks.view(), value)
        if sample is not None:
            self._desks.say(sample)


def _target(resource: Resource) -> Path:
    """Return the output's own path; `blink` is below it."""
    return resource.path[:-1] if resource.role is Role.BLINK else resource.path
