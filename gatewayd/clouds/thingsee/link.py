"""The live connection of this gateway to Thingsee: reports, commands, and messages of others.

Strategy: readings leave only through `send`, by MQTT or POST (carrying). Commands come over the
downlink, from the command log (polling) or out of the messages of other things by way of routes
(inbound); all meet in one bounded queue and go to the desk like any other. What the cloud asks and
needs no output is answered by `Requests`.

Characteristics: in batches of at most `BATCH_MAX` readings · out commands · buffered
`COMMANDS_MAX` commands · when full the network waits, a push is refused · event loop only · not
durable but for settings.

Source: Haltian developer site (messages, streams); the topics of a gateway are not public.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import structlog

from gatewayd.clouds.thingsee.about import announcement, connection
from gatewayd.clouds.thingsee.answered import load_answered
from gatewayd.clouds.thingsee.carrying import MqttCarrier, downlink_topic, uplink_topic
from gatewayd.clouds.thingsee.codec import Event, Message, encode, encode_single
from gatewayd.clouds.thingsee.dating import rank_channels, seconds_of
from gatewayd.clouds.thingsee.gathering import Gathering
from gatewayd.clouds.thingsee.inbound import Ear
from gatewayd.clouds.thingsee.kept import Kept
from gatewayd.clouds.thingsee.line import Carrier, Line
from gatewayd.clouds.thingsee.names import Names, name_channels
from gatewayd.clouds.thingsee.own_settings import OwnSettings
from gatewayd.clouds.thingsee.pushed import Pushes
from gatewayd.clouds.thingsee.report import Halls, plan_messages
from gatewayd.clouds.thingsee.requests import Requests
from gatewayd.clouds.thingsee.settings import (
    Config,
    check_settings,
    mqtt_settings,
    owner_of,
    push_address,
)
from gatewayd.errors import BatchRefused, LinkError
from gatewayd.model import Batch, Channel, ChannelId, Command, Outcome
from gatewayd.transports.mqtt import MqttSession, Will, open_mqtt
from gatewayd.uplink import Premises

__all__ = ["Config", "ThingseeLink", "open_link", "subscription"]

log = structlog.get_logger()

BATCH_MAX = 2000
"""Readings a batch: some twenty arrays, so that a backlog drains quickly."""

COMMANDS_MAX = 100
GOODBYE_S = 2.0
"""How long the last word may take. A stop of the whole gateway has 10 s for everything."""


def subscription(config: Config, channels: Mapping[ChannelId, Channel]) -> frozenset[ChannelId]:
    """Return the channels that Thingsee hears of.

    Raises:
        ConfigError: illegal names, or keys that contradict each other.
    """
    check_settings(config)
    names = _names(config, "gateway", channels)  # Its own id is checked when a link is opened.
    return frozenset(names.places) if config.reports else frozenset()


def _names(config: Config, gateway_id: str, channels: Mapping[ChannelId, Channel]) -> Names:
    return name_channels(gateway_id, channels, owner_of(config))


@asynccontextmanager
async def open_link(config: Config, premises: Premises) -> AsyncIterator[ThingseeLink]:
    """Connect once; the gateway has announced itself before the block begins.

    Raises:
        LinkLost, LinkDenied: see errors.
        ConfigError: illegal names, a file that cannot be read, an address that is taken.
    """
    names = _names(config, premises.gateway_id, premises.channels)
    loop = asyncio.get_running_loop()
    folder, now_ms = premises.state_dir, premises.clock.now_ms()
    kept = await loop.run_in_executor(None, Kept.load, folder)
    answered = await loop.run_in_executor(None, load_answered, folder, now_ms)
    own = OwnSettings(names, kept, premises.paces, config.report_interval)
    own.resume()
    async with AsyncExitStack() as stack:
        session = None
        if config.host:
            will = _will(config, names) if config.reports else None
            session = await stack.enter_async_context(
                open_mqtt(mqtt_settings(config, names.gateway, will))
            )
        carrier = await _carrier(config, names, session, stack)
        # As the customer's stream has it; the gateway's own link leaves the group to the cloud.
        line = Line(carrier, config.group if config.single_object else "")
        requests = Requests(premises, names, own, line, answered)
        link = ThingseeLink(config, premises, names, own, requests)
        if config.push_listen:
            from gatewayd.transports.http_inbox import open_inbox

            address = push_address(config)
            pushes = Pushes(link.ear, link.offer, config.push_token)
            link.push_port = await stack.enter_async_context(open_inbox(*address, pushes.take))
        if session is not None:
            await link.join(session)
        await link.announce()
        try:
            yield link
        finally:
            await link.say_goodbye()


def _will(config: Config, names: Names) -> Will:
    message = connection(names.gateway, Event.DISCONNECTED, None)
    payload = encode_single(message) if config.single_object else encode([message])
    return Will(uplink_topic(config, names, message), payload, is_retained=False)


async def _carrier(
    config: Config, names: Names, session: MqttSession | None, stack: AsyncExitStack
) -> Carrier | None:
    if not config.reports:
        return None
    if config.http_uplink_url:
        from gatewayd.clouds.thingsee.posting import HttpCarrier
        from gatewayd.transports.http import HttpSettings, open_http

        settings = HttpSettings(
            base_url=config.http_uplink_url,
            ca_file=config.ca_file,
            certificate_file=config.certificate_file,
            key_file=config.key_file,
        )
        return HttpCarrier(await stack.enter_async_context(open_http(settings)), config)
    assert session is not None, "check_settings wants a way out for reports"
    return MqttCarrier(session, config, names)


class ThingseeLink:
    """One open connection to Thingsee."""

    batch_max = BATCH_MAX

    def __init__(
        self,
        config: Config,
        premises: Premises,
        names: Names,
        own: OwnSettings,
        requests: Requests,
    ) -> None:
        self._config = config
        self._premises = premises
        self.line = requests.line
        self._session: MqttSession | None = None
        self._queue: asyncio.Queue[Command] = asyncio.Queue(COMMANDS_MAX)
        self._gathering = Gathering(names, own, premises.clock)
        self.names = names
        self._ranks = rank_channels(names.places)
        self._halls: Halls = {}
        self.own = own
        self.ear = Ear(premises.uplink, premises.routes, names.devices)
        self.requests = requests
        self.push_port: int | None = None
        """Where pushes are taken, if they are."""

    async def join(self, session: MqttSession) -> None:
        """Listen to the downlink and the stream; raises LinkLost, LinkDenied."""
        topics = list(self._config.stream_topics)
        if self._config.reports:
            topics.append(downlink_topic(self._config, self.names))
        if topics:
            await session.subscribe(topics)
        self._session = session

    async def announce(self) -> None:
        """Say that this gateway is there; after a boot or an update, also what it is."""
        if self.line.is_mute:
            return
        premises, kept = self._premises, self.own.kept
        now_s = seconds_of(premises.clock.now_ms() * 1000)
        started = {"boot": premises.clock.boot_id(), "version": premises.version}
        messages = [connection(self.names.gateway, Event.CONNECTED, now_s)]
        if kept.started != started:
            is_update = kept.started.get("boot") == started["boot"]
            event = Event.FIRMWARE_UPDATED if is_update else Event.POWER_ON
            messages[:0] = announcement(self.names, premises.version, event, now_s)
        await self.line.post([self.line.stamped(message) for message in messages])
        if kept.started != started:
            kept.started = started
            try:
                await asyncio.get_running_loop().run_in_executor(
                    None, kept.store, premises.state_dir, kept.to_json()
                )
            except OSError as error:
                log.error("start not kept", uplink=premises.uplink, reason=str(error))

    async def say_goodbye(self) -> None:
        """Say that this gateway leaves, while that is possible; else its will does."""
        if self.line.is_mute or (self._session is not None and self._session.is_lost):
            return
        now_s = seconds_of(self._premises.clock.now_ms() * 1000)
        with suppress(LinkError, TimeoutError):
            async with asyncio.timeout(GOODBYE_S):
                last = connection(self.names.gateway, Event.DISCONNECTED, now_s)
                await self.line.post([self.line.stamped(last)])

    def wait_s(self, pending: Batch) -> float:
        """Return how long these readings may still wait for company; 0 = send them now."""
        return self._gathering.wait_s(pending)

    async def send(self, batch: Batch) -> None:
        """Return when the cloud's side has taken all messages of the batch.

        Raises:
            LinkLost, LinkDenied, Throttled: see errors.
            BatchRefused: values that no field of Thingsee can hold.
        """
        settings = self.own.kept.settings
        plan = plan_messages(batch, self.names, self._ranks, self._halls, settings)
        for reason, seqs in plan.refused.items():
            raise BatchRefused(reason, seqs)
        if plan.messages:
            await self.line.post(plan.messages)
        self._halls = plan.halls
        self._gathering.sent({message.thing for message in plan.messages})

    async def commands(self) -> AsyncIterator[Command]:
        """Yield what is asked of outputs, from wherever it came."""
        while True:
            yield await self._queue.get()

    async def reply(self, command: Command, outcome: Outcome) -> None:
        """Tell the cloud what became of its command; a route's is in the record only."""
        await self.requests.reply(command, outcome)

    async def tend(self) -> None:
        """Listen until the connection is lost.

        Raises:
            LinkLost: then.
        """
        async with asyncio.TaskGroup() as tasks:
            if self._session is not None:
                tasks.create_task(self._listen(self._session))
                tasks.create_task(self._session.wait_lost())
            if self._config.poll_interval is not None:
                from gatewayd.clouds.thingsee.polling import poll_api

                things = sorted(self.names.devices)
                tasks.create_task(poll_api(self._config, self._premises.clock, things, self._take))
            tasks.create_task(asyncio.Event().wait())  # Without any of them: until cancelled.

    async def _listen(self, session: MqttSession) -> None:
        downlink = downlink_topic(self._config, self.names)
        async for message in session.messages():
            if message.is_retained:
                continue  # Of nobody knows when.
            if self._config.reports and message.topic == downlink:
                commands: Sequence[Command] = await self.requests.take(message.payload)
            else:
                heard = self.ear.hear(message.payload)
                if heard.faults and self.ear.malformed == len(heard.faults):
                    fault = heard.faults[0]
                    log.warning("message unreadable", uplink=self._premises.uplink, reason=fault)
                commands = heard.commands
            for command in commands:
                await self._queue.put(command)

    async def _take(self, request: Message, ahead_ms: int) -> None:
        """Take a command that did not come over the downlink, dated by such a clock."""
        self.requests.ahead_ms = ahead_ms
        command = await self.requests.take_one(request)
        if command is not None:
            await self._queue.put(command)

    def offer(self, commands: Sequence[Command]) -> bool:
        """Queue commands if there is room for all of them; return whether there was."""
        if self._queue.qsize() + len(commands) > COMMANDS_MAX:
            return False
        for command in commands:
            self._queue.put_nowait(command)
        return True
