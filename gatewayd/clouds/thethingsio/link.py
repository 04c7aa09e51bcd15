"""The live connection of this gateway to thethings.iO: one thing, its resources, its commands.

Strategy: values leave only through `send`, one write in flight (report). `tend` reads what is
pushed and keeps what is for outputs; `commands` first hands on what was missed while nobody
listened, then that (requests). How bytes travel is the line's business: HTTP with a subscription
(http_line) or MQTT (mqtt_line).

Characteristics: in batches of at most `batch_max` readings · out commands · buffered by `requests`
· ordered by resource · event loop only · durable: the token and the last commands.

Source: thethings.iO API reference; App Development guide.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import NoReturn

import structlog

from gatewayd.clouds.cloud_time import CloudTime
from gatewayd.clouds.thethingsio.activation import obtain_token
from gatewayd.clouds.thethingsio.codec import GEO, SETTINGS, Entry, encode_point, encode_write
from gatewayd.clouds.thethingsio.http_line import Line, open_http_line
from gatewayd.clouds.thethingsio.mqtt_line import open_mqtt_line
from gatewayd.clouds.thethingsio.names import Names
from gatewayd.clouds.thethingsio.report import Told, is_urgent, plan_writes, reply_entries
from gatewayd.clouds.thethingsio.requests import Requests, load_requests
from gatewayd.clouds.thethingsio.settings import (
    Config,
    check_settings,
    find_position,
    http_settings,
    names_of,
)
from gatewayd.errors import BatchRefused, LinkDenied, LinkError, LinkLost, Malformed, Throttled
from gatewayd.model import Batch, Channel, ChannelId, Command, Outcome
from gatewayd.transports.http import open_http
from gatewayd.uplink import Premises

__all__ = ["Config", "ThethingsioLink", "open_link", "subscription"]

log = structlog.get_logger()

CATCH_UP_S = 10.0
"""How long reading back may keep commands waiting that are pushed meanwhile."""

DATE_S = 5.0
"""How long the question for a command's time may take. Over MQTT the API may be out of reach."""

OWN_SETTINGS = f"{SETTINGS}.gatewayd"


def subscription(config: Config, channels: Mapping[ChannelId, Channel]) -> frozenset[ChannelId]:
    """Return the channels that this thing hears of.

    Raises:
        ConfigError: illegal names or numbers.
    """
    check_settings(config)
    names = names_of(config, channels)
    find_position(config, names, channels)
    return frozenset(names)


@asynccontextmanager
async def open_link(config: Config, premises: Premises) -> AsyncIterator[ThethingsioLink]:
    """Connect once; the subscription stands before the block begins.

    Raises:
        LinkLost, LinkDenied, Throttled: see errors.
        ConfigError: illegal names, or a token that can be neither read nor kept.
    """
    check_settings(config)
    names, cloud_time = names_of(config, premises.channels), CloudTime(premises.clock)
    async with open_http(http_settings(config)) as http:
        token = await obtain_token(config, premises.state_dir, http)
        open_line = open_http_line if config.transport == "http" else open_mqtt_line
        async with open_line(config, http, token, cloud_time) as line:
            requests = await load_requests(premises, names, cloud_time)
            link = ThethingsioLink(config, premises, names, line, requests)
            if config.describe:
                await link.describe()
            yield link


class ThethingsioLink:
    """One open connection to thethings.iO."""

    def __init__(
        self, config: Config, premises: Premises, names: Names, line: Line, requests: Requests
    ) -> None:
        self._config = config
        self._premises = premises
        self._line = line
        self._names = names
        self._position = find_position(config, names, premises.channels)
        self._now_s = asyncio.get_running_loop().time
        self._send_at_s = self._now_s()
        self._told = Told()
        self._log = log.bind(uplink=premises.uplink)
        self.batch_max = config.batch_max
        self.requests = requests

    def wait_s(self, pending: Batch) -> float:
        """Return how long these readings may still wait for company; 0 = send them now."""
        interval_s = self._config.report_interval
        wait_s = min(self._send_at_s - self._now_s(), interval_s)
        if wait_s <= 0 or not pending.readings:
            return 0.0
        # A backlog has waited long enough; only what is new gathers for the next report.
        if self._premises.clock.now_ms() - pending.readings[0].time_ms >= interval_s * 1000:
            return 0.0
        words = self._told.words
        is_pressing = any(
            is_urgent(reading, self._names.get(reading.channel), words)
            for reading in pending.readings
        )
        return 0.0 if is_pressing else wait_s

    async def send(self, batch: Batch) -> None:
        """Return when the cloud has taken all that it can be told of a batch.

        Raises:
            LinkLost, LinkDenied, Throttled: see verdict. What is acknowledged is not sent again.
            BatchRefused: values that no JSON can hold, or that the cloud refuses.
        """
        told = self._told
        plan = plan_writes(batch, self._names, told, self._position)
        for reason, seqs in plan.refused.items():
            raise BatchRefused(reason, seqs)
        for write in plan.writes:
            await self._line.write(write.payload, is_report=True)
            told.seqs.update(write.seqs)
        told.marks |= plan.marks
        told.words |= plan.words
        if plan.position is not None and plan.position != told.position:
            await self._tell(Entry(GEO, encode_point(plan.position)))
            told.position = plan.position
        told.seqs = {seq for seq in told.seqs if seq > batch.through}
        if self._now_s() >= self._send_at_s:
            self._send_at_s = self._now_s() + self._config.report_interval

    async def commands(self) -> AsyncIterator[Command]:
        """Yield what was asked of outputs while nobody listened, then what is asked now."""
        async for command in self.requests.commands(await self._read_back()):
            yield command

    async def _read_back(self) -> list[Entry]:
        """Return the newest row of every resource that commands.

        Raises:
            LinkLost, LinkDenied: over HTTP it is the same cloud, and the line is lost. Over MQTT
                commands come without it.
        """
        rows = []
        try:
            async with asyncio.timeout(CATCH_UP_S):
                for key in self.requests.keys:
                    row = await self._line.find_latest(key)
                    if row is not None:
                        rows.append(row)
        except (LinkError, Malformed, TimeoutError) as error:
            if isinstance(error, LinkDenied) and self._config.transport == "http":
                raise
            if self._config.transport == "http":
                raise LinkLost(f"commands cannot be read back: {error}") from error
            self._log.warning("commands cannot be read back", reason=str(error))
        return rows

    async def reply(self, command: Command, outcome: Outcome) -> None:
        """Tell the output's value now, and what became of the command.

        Raises:
            LinkLost, LinkDenied: see errors.
        """
        resource, clock = self._names[command.channel], self._premises.clock
        latest = self._premises.board.latest(command.channel)
        # Readings of this resource carry our time; among them this has to be in its place.
        time_ms = clock.now_ms() if clock.is_synchronised() else None
        value = latest.value if latest is not None else None
        await self._tell(*reply_entries(resource, outcome, value, time_ms))
        if command.issued_ms is None:
            await self._date(resource.command)

    async def _date(self, key: str) -> None:
        """Ask for the time that the cloud has given to a command; its clock may have been set."""
        with suppress(LinkError, Malformed, TimeoutError):  # Then its arrival's has to do.
            async with asyncio.timeout(DATE_S):
                row = await self._line.find_latest(key)
                if row is not None:
                    await self.requests.date(row)

    async def describe(self) -> None:
        """Tell the thing's settings who writes here; the owner's own settings are not touched."""
        premises = self._premises
        about = {"id": premises.gateway_id, "name": premises.gateway_name}
        await self._tell(Entry(OWN_SETTINGS, {**about, "version": premises.version}))

    async def _tell(self, *entries: Entry) -> None:
        """Write what is no reading; where the cloud does not want it, that is all right."""
        try:
            await self._line.write(encode_write(entries))
        except (BatchRefused, Throttled) as error:
            self._log.warning("not told", resource=entries[0].key, reason=str(error))

    async def tend(self) -> NoReturn:
        """Take what is pushed until the connection is lost.

        Raises:
            LinkLost, LinkDenied: then.
        """
        async for entries in self._line.pushes():
            await self.requests.take(entries)
        raise LinkLost("the cloud ended the subscription")
