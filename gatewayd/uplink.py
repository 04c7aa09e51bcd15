"""The uplink contract, and the halves of its life: `drain` readings, `serve` commands.

A cloud is a folder `gatewayd/clouds/<kind>/`; its `link.py` has

    Config                        a frozen dataclass: the keys of its `[uplink.NAME]` section
    subscription(config, channels) -> the channels that this uplink wants; also checks names
    open_link(config, premises)   an async context manager that connects once and yields a Link

It tries once and raises `LinkLost` or `LinkDenied`; the supervisor opens the next one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Protocol

import structlog

from gatewayd.board import Board
from gatewayd.clock import Clock
from gatewayd.desk import Desk
from gatewayd.errors import BatchRefused, LinkDenied, LinkLost, OutboxError, Throttled
from gatewayd.model import Batch, Channel, ChannelId, Command, Outcome
from gatewayd.outbox import Outbox, Rejection
from gatewayd.progress import Stage
from gatewayd.routes import Route
from gatewayd.sampler import Pace

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Premises:
    """What a link may know of the gateway that it speaks for.

    Attributes:
        uplink: this uplink's name in the configuration; the origin of its commands.
        channels: every channel of this gateway, outputs too, by global name.
        state_dir: where this uplink may keep small files of its own (tokens, intervals).
        manage: what the owner allows a cloud to do to the machine, by name (`restart`,
            `reboot`, `poweroff`); a name that is not here is not allowed.
        routes: what the owner wants done when certain messages are heard.
        paces: how often each sampled device is asked, by name; a cloud may change it.
    """

    uplink: str
    gateway_id: str
    gateway_name: str
    version: str
    channels: Mapping[ChannelId, Channel]
    board: Board
    clock: Clock
    state_dir: Path
    manage: Mapping[str, Callable[[], Awaitable[None]]]
    routes: Sequence[Route] = ()
    paces: Mapping[str, Pace] = field(default_factory=dict)


class Link(Protocol):
    """One open connection to a cloud. Any method may raise LinkLost or LinkDenied."""

    batch_max: int
    """Readings that one `send` takes at the most."""

    def wait_s(self, pending: Batch) -> float:
        """Return how long these readings may still wait for company; 0 = send them now.

        Pure and quick: asked after every append. A cloud that wants reports at intervals
        answers the time to the next one, and 0 as soon as an urgent reading is among them.
        """
        ...

    async def send(self, batch: Batch) -> None:
        """Return when the cloud has taken responsibility for every reading of the batch.

        Raises:
            LinkLost, LinkDenied, Throttled, BatchRefused: see errors.
        """
        ...

    def commands(self) -> AsyncIterator[Command]:
        """Yield what the cloud asks for, decoded; what is answered without hardware is not seen."""
        ...

    async def reply(self, command: Command, outcome: Outcome) -> None:
        """Tell the cloud what became of its command."""
        ...

    async def tend(self) -> None:
        """Keep the connection in order (statuses, keep-alives) until it dies; never returns."""
        ...


REJECTED_RUN_MAX = 5
"""So many batches in a row of which the cloud takes nothing are a matter of rights, not of rows."""

THROTTLE_S_MAX = 3600.0
"""A cloud that asks for more patience than this is asked again all the same."""

LOG_REST_S = 1.0
"""A log that cannot be written is asked again after this."""

SEND_S = 300.0
"""One `send` is done by then; a link's own deadlines are shorter, and this is for those that fail.
A slow radio needs a minute for a large batch."""

COMMANDS_MAX = 32
"""Commands of one cloud under way at a time; more wait in the link's own bounded queue."""


async def drain(link: Link, outbox: Outbox, uplink: str, stage: Stage | None = None) -> None:
    """Send an uplink's readings, oldest first, for as long as the link lives.

    Args:
        stage: told what is done and by when, for whoever watches the progress.

    Raises:
        LinkLost, LinkDenied: as the link says; the cursor stands at the last acknowledgement.
    """
    refusals, stage = 0, stage or Stage()
    is_stuck = False
    while True:
        try:
            batch = await _gather(link, outbox, uplink, stage)
            taken = await _deliver(link, outbox, batch, stage)
        except OutboxError as error:
            # Commands come over the same link and need no log: it is not given up.
            if not is_stuck:
                log.warning("readings wait", uplink=uplink, reason=str(error))
            is_stuck = True
            stage.enter("waiting for the log", asyncio.get_running_loop().time() + LOG_REST_S)
            await asyncio.sleep(LOG_REST_S)
            continue
        is_stuck = False
        refusals = 0 if taken else refusals + 1
        if refusals >= REJECTED_RUN_MAX:
            raise LinkDenied(f"{uplink} refused {refusals} batches in a row entirely")


async def _gather(link: Link, outbox: Outbox, uplink: str, stage: Stage) -> Batch:
    """Return the next batch when it is full, or when the link wants it sent."""
    loop = asyncio.get_running_loop()
    pending = Batch(uplink, (), (), outbox.accounts[uplink].cursor)
    while True:
        version = outbox.version
        stage.enter("reading the log", loop.time())
        room = link.batch_max - len(pending)
        more = await outbox.next_batch(uplink, pending.through, room) if room > 0 else None
        if more:
            pending = _joined(pending, more) if pending.readings else more
            if len(pending) < link.batch_max:
                continue
        if not pending.readings:
            if pending.through > outbox.accounts[uplink].cursor:
                await outbox.ack(uplink, pending.through, 0)
            # What is pending now is held back until the clock is right.
            stage.enter("waiting for readings", inf if not outbox.is_dated else loop.time())
            await outbox.wait_changed(version)
            continue
        wait_s = 0.0 if len(pending) >= link.batch_max else link.wait_s(pending)
        if wait_s <= 0:
            return pending
        stage.enter("gathering", loop.time() + wait_s)
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await outbox.wait_changed(version)


def _joined(left: Batch, right: Batch) -> Batch:
    return Batch(
        left.uplink,
        [*left.seqs, *right.seqs],
        [*left.readings, *right.readings],
        right.through,
    )


async def _deliver(link: Link, outbox: Outbox, batch: Batch, stage: Stage) -> bool:
    """Get one batch off our hands, whatever it takes; return whether any of it was taken."""
    loop = asyncio.get_running_loop()
    uplink, taken = batch.uplink, 0
    rejected: list[Rejection] = []
    parts = [batch]
    await outbox.offer(batch)
    while parts:
        part = parts.pop(0)
        stage.enter("sending", loop.time() + SEND_S)
        try:
            if part.readings:
                await link.send(part)
        except Throttled as error:
            wait_s = error.retry_after_s
            log.warning("throttled", uplink=uplink, reason=str(error), retry_s=wait_s)
            stage.enter("waiting as the cloud asks", loop.time() + min(wait_s, THROTTLE_S_MAX))
            await asyncio.sleep(min(wait_s, THROTTLE_S_MAX))
            parts.insert(0, part)
        except BatchRefused as error:
            named, others = _split(part, error.seqs)
            if named is None:
                parts[:0] = _halved(part)
                continue
            log.warning("readings rejected", uplink=uplink, count=len(named), reason=str(error))
            rejected += [
                (seq, reading, str(error))
                for seq, reading in zip(named.seqs, named.readings, strict=True)
            ]
            parts.insert(0, others)
        else:
            # Delivered and rejected rows are settled together with the cursor: if the link had
            # died in between, both would be asked again and neither counted twice.
            await outbox.ack(uplink, part.through, len(part), rejected)
            taken += len(part)
            rejected = []
    return taken > 0


def _split(batch: Batch, seqs: Sequence[int]) -> tuple[Batch | None, Batch]:
    """Return the named rows and the others. A batch of one that was refused is named by that."""
    if not seqs and len(batch) == 1:
        seqs = batch.seqs
    named = set(seqs)
    refused = [i for i, seq in enumerate(batch.seqs) if seq in named]
    if not refused:
        return None, batch
    kept = [i for i, seq in enumerate(batch.seqs) if seq not in named]
    return _part(batch, refused, batch.through), _part(batch, kept, batch.through)


def _halved(batch: Batch) -> list[Batch]:
    middle = len(batch) // 2
    left = _part(batch, range(middle), batch.seqs[middle - 1])
    return [left, _part(batch, range(middle, len(batch)), batch.through)]


def _part(batch: Batch, places: Sequence[int], through: int) -> Batch:
    seqs = [batch.seqs[i] for i in places]
    return Batch(batch.uplink, seqs, [batch.readings[i] for i in places], through)


async def serve(link: Link, desk: Desk) -> None:
    """Bring a cloud's commands to the desk and their outcomes back, until the link dies.

    A command that is under way when the link dies is not undone: the waiting ends, the write
    does not.
    """
    places = asyncio.Semaphore(COMMANDS_MAX)

    async def answer(command: Command) -> None:
        try:
            await link.reply(command, await desk.submit(command))
        finally:
            places.release()

    async with asyncio.TaskGroup() as tasks:
        async for command in link.commands():
            await places.acquire()
            tasks.create_task(answer(command))
    raise LinkLost("the cloud ended its commands")


async def live(
    link: Link, outbox: Outbox, desk: Desk, uplink: str, stage: Stage | None = None
) -> None:
    """Live one link's life: drain, serve and tend together, until the first of them fails."""
    desk.link_up(uplink)
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(drain(link, outbox, uplink, stage))
            tasks.create_task(serve(link, desk))
            tasks.create_task(link.tend())
    finally:
        desk.link_down(uplink)
