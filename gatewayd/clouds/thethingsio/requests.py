"""Takes what others write to this thing: what is for an output becomes a command.

Our own writes come back too and are passed over: no resource is both a report and a command. A
push has no id. So the same value for the same resource, with the same time or at once after the
first without one, is the same command: equal to the first, and the desk does it once.

Characteristics: in pushed entries, rows read back · out commands, in order · buffered `OPEN_MAX`
commands · when full nothing more is read from the cloud · event loop only · what was taken is
kept on disk before it is carried out.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple

import orjson
import structlog

from gatewayd.clouds.cloud_time import CloudTime
from gatewayd.clouds.thethingsio.codec import Entry
from gatewayd.clouds.thethingsio.handled import (
    SLACK_MS,
    Taken,
    digest_of,
    is_missed,
    load_taken,
    store_taken,
    taken_of,
)
from gatewayd.clouds.thethingsio.names import Names
from gatewayd.model import Command, Value
from gatewayd.setpoint import TEXT_MAX
from gatewayd.uplink import Premises

log = structlog.get_logger()

OPEN_MAX = 100
"""Commands that wait for the desk."""

PUSH_S = 1.0
"""How long the push of what was just written may take. Longer, and the row is taken for missed."""

REPEAT_S = 2.0
"""The same value again within this time, undated, is the same command: a double click, a copy
made on the way, or the late push of what was read back."""


class _Last(NamedTuple):
    """The last command of one resource, written when it came here, and when that was."""

    command: Command
    at_s: float


class Requests:
    """The commands of one connection."""

    def __init__(
        self, premises: Premises, names: Names, cloud_time: CloudTime, taken: dict[str, Taken]
    ) -> None:
        """Begin with what was taken on earlier connections."""
        self._premises = premises
        self._cloud_time = cloud_time
        self._channels = {each.command: name for name, each in names.items() if each.command}
        self._taken = taken
        self._last: dict[str, _Last] = {}
        self._pushed: set[str] = set()
        self._arrived_s: dict[str, float] = {}
        self._keeping = asyncio.Lock()
        self._arrival = asyncio.Event()
        self._open: asyncio.Queue[tuple[Entry, float]] = asyncio.Queue(OPEN_MAX)
        self._now_s = asyncio.get_running_loop().time
        self._log = log.bind(uplink=premises.uplink)

    @property
    def keys(self) -> Sequence[str]:
        """The resources that command."""
        return tuple(self._channels)

    async def take(self, entries: Sequence[Entry]) -> None:
        """Take what was pushed; waits while `OPEN_MAX` commands do."""
        for entry in entries:
            if entry.key in self._channels:
                self._pushed.add(entry.key)
                self._arrival.set()
                self._arrived_s[entry.key] = self._now_s()
                await self._open.put((entry, self._now_s()))

    async def commands(self, rows: Sequence[Entry]) -> AsyncIterator[Command]:
        """Yield the commands that were missed, then those that are pushed.

        Args:
            rows: the newest of each resource, read after the subscription stood. What has been
                pushed since is newer.
        """
        for row in rows:
            is_ours = row.key in self._channels
            if is_ours and is_missed(row, self._taken.get(row.key)) and not await self._comes(row):
                self._log.info("command read back", resource=row.key)
                time = self._cloud_time
                yield await self._command(row, time.now_ms(), time.ahead_ms())
        while True:
            entry, at_s = await self._open.get()
            # What came before the cloud had told its time came so long ago by its clock, too.
            arrived_ms = self._cloud_time.now_ms() - round((self._now_s() - at_s) * 1000)
            yield await self._command(entry, arrived_ms)

    async def _comes(self, row: Entry) -> bool:
        """Return whether a row, or something newer, is pushed anyway.

        What was written a moment ago may have been written before the subscription stood or
        after; so its push is waited for.
        """
        if row.time_ms is not None and self._cloud_time.now_ms() - row.time_ms < SLACK_MS:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PUSH_S):
                    while row.key not in self._pushed:
                        self._arrival.clear()
                        await self._arrival.wait()
        return row.key in self._pushed

    async def _command(self, entry: Entry, arrived_ms: int, ahead_ms: int = 0) -> Command:
        """Return the command that an entry is; it is kept as taken.

        Args:
            ahead_ms: of the clock that dated it, against ours.
        """
        self._taken[entry.key] = taken_of(entry, arrived_ms)
        await self._keep()
        command = self._decoded(entry, ahead_ms)
        self._last.pop(entry.key, None)
        if entry.time_ms is None or arrived_ms - entry.time_ms < SLACK_MS:
            self._last[entry.key] = _Last(command, self._now_s())
        return command

    async def _keep(self) -> None:
        loop, folder = asyncio.get_running_loop(), self._premises.state_dir
        async with self._keeping:
            try:
                await loop.run_in_executor(None, store_taken, folder, dict(self._taken))
            except OSError as error:
                self._log.warning("commands cannot be kept", reason=error.strerror)

    async def date(self, row: Entry) -> None:
        """Put the time of a resource's newest row in place of its last command's arrival.

        The arrival is as good as what is known of the cloud's clock. A row that was there long
        before the push is an older one of the same value.
        """
        taken, arrived_s = self._taken.get(row.key), self._arrived_s.get(row.key)
        if taken is None or arrived_s is None or row.time_ms is None:
            return
        age_ms = self._cloud_time.now_ms() - row.time_ms
        is_older = age_ms > (self._now_s() - arrived_s) * 1000 + SLACK_MS
        if taken.is_dated or is_older or taken.digest != digest_of(row.value):
            return
        self._taken[row.key] = taken_of(row, row.time_ms)
        await self._keep()

    def _decoded(self, entry: Entry, ahead_ms: int) -> Command:
        key, channel = entry.key, self._channels[entry.key]
        origin, value = self._premises.uplink, command_value(entry.value)
        if entry.time_ms is not None:
            request_id = f"{key}@{entry.time_ms}"
            return Command(origin, request_id, channel, value, issued_ms=entry.time_ms - ahead_ms)
        last = self._last.get(key)
        if last and last.command.value == value and self._now_s() - last.at_s < REPEAT_S:
            return last.command
        # Since boot, because it must not be the id of an earlier connection's command.
        return Command(origin, f"{key}#{self._premises.clock.boottime_ms()}", channel, value)


def command_value(value: Any) -> Value:
    """Return what an entry asks for; what no output can take stays, as text, for the desk."""
    if isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, dict) and value and all(map(_is_number, value.values())):
        return value
    return orjson.dumps(value).decode()[:TEXT_MAX]


def _is_number(part: object) -> bool:
    return isinstance(part, int | float) and not isinstance(part, bool)


async def load_requests(premises: Premises, names: Names, cloud_time: CloudTime) -> Requests:
    """Return the commands' half of a new connection."""
    loop = asyncio.get_running_loop()
    taken = await loop.run_in_executor(None, load_taken, premises.state_dir)
    return Requests(premises, names, cloud_time, taken)
