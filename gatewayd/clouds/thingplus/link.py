"""The live connection of this gateway to Thing+: one MQTT session, reports, requests.

Strategy: values leave only through `send`, one message in flight; statuses go once an interval
and with every batch that changes one (statuses); requests are answered or become commands
(requests). This file holds them together and decides when values go.

Characteristics: in batches of at most `BATCH_MAX` readings · out commands · buffered nothing ·
ordered by sensor · event loop only · not durable.

Source: Thing+ gateway MQTT protocol 0.9.5; Thing+ embedded guide 2.2 and 4.3.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from gatewayd.clock import Clock
from gatewayd.clouds.thingplus.codec import Form
from gatewayd.clouds.thingplus.interval import load_interval
from gatewayd.clouds.thingplus.names import Names, name_channels
from gatewayd.clouds.thingplus.report import Mark, is_urgent, plan_values
from gatewayd.clouds.thingplus.requests import Requests
from gatewayd.clouds.thingplus.settings import Config, check_numbers, mqtt_settings
from gatewayd.clouds.thingplus.statuses import Line, Statuses
from gatewayd.errors import BatchRefused, Throttled
from gatewayd.model import Batch, Channel, ChannelId, Command, Outcome
from gatewayd.transports.mqtt import open_mqtt
from gatewayd.uplink import Premises

__all__ = ["Config", "ThingplusLink", "open_link", "subscription"]

BATCH_MAX = 5000
"""Readings a batch: two or three messages, so that a backlog drains quickly."""

HOLD_S = 10.0
"""How often to ask again whether values may go while the cloud's time is awaited."""


def subscription(config: Config, channels: Mapping[ChannelId, Channel]) -> frozenset[ChannelId]:
    """Return the channels that Thing+ hears of.

    Raises:
        ConfigError: illegal names or numbers.
    """
    check_numbers(config)
    gateway_id = config.gateway_id or "gateway"  # Its own id is checked when a link is opened.
    return frozenset(name_channels(gateway_id, channels, config.sensors, config.actuators))


@asynccontextmanager
async def open_link(config: Config, premises: Premises) -> AsyncIterator[ThingplusLink]:
    """Connect once; the gateway and all statuses are announced before the block begins.

    Raises:
        LinkLost, LinkDenied: see errors.
        ConfigError: illegal names, or a certificate that cannot be read.
    """
    gateway_id = config.gateway_id or premises.gateway_id
    names = name_channels(gateway_id, premises.channels, config.sensors, config.actuators)
    loop, configured_s = asyncio.get_running_loop(), config.report_interval
    interval_s = await loop.run_in_executor(None, load_interval, premises.state_dir, configured_s)
    async with open_mqtt(mqtt_settings(config, gateway_id, interval_s)) as session:
        line = Line(session, gateway_id, config.gzip_above)
        statuses = Statuses(config, premises, names, line, interval_s)
        requests = Requests(premises, names, line, statuses, configured_s)
        try:
            # The order that the vendor asks for.
            await session.subscribe([line.topic(Form.REQUEST)])
            await line.say_connection(b"on")
            await statuses.tell_all()
            yield ThingplusLink(config, premises.clock, names, statuses, requests)
        finally:
            await line.say_goodbye()


class ThingplusLink:
    """One open connection to Thing+."""

    batch_max = BATCH_MAX

    def __init__(
        self, config: Config, clock: Clock, names: Names, statuses: Statuses, requests: Requests
    ) -> None:
        self._config = config
        self._clock = clock
        self._names = names
        self._now_s = asyncio.get_running_loop().time
        self._send_at_s = self._now_s()
        self._marks: dict[str, Mark] = {}
        self._scanned = 0
        self.statuses = statuses
        self.requests = requests

    def wait_s(self, pending: Batch) -> float:
        """Return how long these readings may still wait for company; 0 = send them now."""
        if self.statuses.is_held:
            return HOLD_S
        series_s = self._series_s()
        wait_s = self._send_at_s - self._now_s()
        if wait_s <= 0 or series_s <= 0 or not pending.readings:
            return 0.0
        # A backlog has waited long enough; only what is new gathers for the next report.
        if self._clock.now_ms() - pending.readings[0].time_ms >= series_s * 1000:
            return 0.0
        return 0.0 if self._has_urgent(pending) else min(wait_s, series_s)

    def _has_urgent(self, pending: Batch) -> bool:
        """Look through what was not looked through before; what was urgent has been sent."""
        told = self.statuses.told
        for seq, reading in zip(reversed(pending.seqs), reversed(pending.readings), strict=True):
            if seq <= self._scanned:
                break
            if is_urgent(reading, self._names.get(reading.channel), told):
                return True
        self._scanned = pending.through
        return False

    def _series_s(self) -> float:
        configured_s = self._config.series_interval
        return self.statuses.interval_s if configured_s is None else configured_s

    async def send(self, batch: Batch) -> None:
        """Return when the values are acknowledged and the changed statuses told.

        Raises:
            LinkLost: no connection, or no PUBACK in time.
            BatchRefused: values that Thing+ would ignore; see `plan_values`.
            Throttled: the cloud's time is awaited first.
        """
        if self.statuses.is_held:
            raise Throttled("no timeSync yet", HOLD_S)
        plan = plan_values(batch, self._names, self._marks)
        for reason, seqs in plan.refused.items():
            raise BatchRefused(reason, seqs)
        await self.statuses.tell_changes(batch, is_up=True)
        for message in plan.messages:
            await self.statuses.line.publish(Form.VALUES, message)
        self._marks |= plan.marks
        await self.statuses.tell_changes(batch, is_up=False)
        if self._now_s() >= self._send_at_s:
            self._send_at_s = self._now_s() + self._series_s()

    def commands(self) -> AsyncIterator[Command]:
        """Yield what the cloud asks of outputs; the rest is answered by `Requests`."""
        return self.requests.commands()

    async def reply(self, command: Command, outcome: Outcome) -> None:
        """Tell the cloud what became of its command, with the value read back."""
        await self.requests.reply(command, outcome)

    async def tend(self) -> None:
        """Tell all statuses once an interval until the connection is lost (LinkLost)."""
        await self.statuses.tend()
