"""Thinger.io over MQTT: readings published as points, commands from a topic.

    PREFIX/state             online, offline (retained; also the last will)
    PREFIX/BUCKET            {"ts": time_ms, member: value, …}
    PREFIX/set/PATH          a value, or {"value", "hold_s", "blink_s", "id", "ts"}; PATH/blink
    PREFIX/outcome/PATH      what became of it, with its id

Thinger.io has no topics of its own: a bucket or a product subscribes to those that the owner
names, so this layout is ours. The prefix is the device's id unless configured.

Characteristics: in batches of at most `BATCH_MAX` readings · out commands · buffered nothing ·
ordered · event loop only · not durable.

Source: Thinger.io documentation, MQTT.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import orjson

from gatewayd.clouds.thinger.edges import remember, remembered_points
from gatewayd.clouds.thinger.gathering import Gathering
from gatewayd.clouds.thinger.names import Names
from gatewayd.clouds.thinger.points import Point, plan_points
from gatewayd.clouds.thinger.resources import Role, make_resources
from gatewayd.clouds.thinger.setpoints import Setpoint, command_of, read_setpoint
from gatewayd.clouds.thinger.settings import OFFLINE, ONLINE, Config, mqtt_settings, names_of
from gatewayd.errors import BatchRefused, LinkLost
from gatewayd.model import Batch, Command, Outcome
from gatewayd.transports.mqtt import Message, MqttSession, open_mqtt
from gatewayd.uplink import Premises

BATCH_MAX = 500

GOODBYE_S = 2.0
"""How long the word `offline` may take. A stop of the whole gateway has 10 s for everything."""


@asynccontextmanager
async def open_mqtt_link(config: Config, premises: Premises) -> AsyncIterator[MqttLink]:
    """Connect once.

    Raises:
        LinkLost, LinkDenied: see `open_mqtt`.
        ConfigError: illegal names, or a certificate that cannot be read.
    """
    names = names_of(config, premises.channels)
    device = config.device or premises.gateway_id
    prefix = prefix_of(config, premises)
    async with (
        remembered_points(premises.state_dir) as known,
        open_mqtt(mqtt_settings(config, device)) as session,
    ):
        await session.subscribe([f"{prefix}/set/#"])
        await session.publish(f"{prefix}/state", ONLINE, is_retained=True)
        try:
            yield MqttLink(config, premises, names, session, known)
        finally:
            if not session.is_lost:
                with suppress(LinkLost, TimeoutError):
                    async with asyncio.timeout(GOODBYE_S):
                        await session.publish(f"{prefix}/state", OFFLINE, is_retained=True)


def prefix_of(config: Config, premises: Premises) -> str:
    """Return what all topics begin with."""
    return config.mqtt_prefix or config.device or premises.gateway_id


class MqttLink:
    """One open connection to Thinger.io's broker."""

    batch_max = BATCH_MAX

    def __init__(
        self,
        config: Config,
        premises: Premises,
        names: Names,
        session: MqttSession,
        known: dict[str, Point],
    ) -> None:
        self._config, self._premises, self._names = config, premises, names
        self._session, self._known = session, known
        self._prefix = prefix_of(config, premises)
        self._resources = make_resources(names)
        self._now_s = asyncio.get_running_loop().time
        self._gathering = Gathering(config.bucket_interval, premises.clock, names)
        self.ignored = 0
        """Messages that are no command for an output of ours."""

    def wait_s(self, pending: Batch) -> float:
        """Return how long these readings may still wait for company; 0 = send them now."""
        return self._gathering.wait_s(pending, self._now_s())

    async def send(self, batch: Batch) -> None:
        """Return when the broker has acknowledged every point.

        Raises:
            LinkLost: no connection, or no PUBACK in time.
            BatchRefused: readings that cannot be points.
        """
        plan = plan_points(batch, self._names, self._known)
        for reason, seqs in plan.refused.items():
            raise BatchRefused(reason, seqs)
        for point in plan.points:
            payload = orjson.dumps(point.payload())
            await self._session.publish(f"{self._prefix}/{point.bucket}", payload)
        remember(plan.points, self._known)
        self._gathering.sent(batch, self._now_s())

    async def commands(self) -> AsyncIterator[Command]:
        """Yield what arrives for outputs."""
        async for message in self._session.messages():
            # A retained message is a command of nobody knows when.
            command = None if message.is_retained else self._read(message)
            if command is None:
                self.ignored += 1
            else:
                yield command

    def _read(self, message: Message) -> Command | None:
        path = tuple(message.topic.removeprefix(f"{self._prefix}/set/").split("/"))
        resource = self._resources.get(path)
        if resource is None or resource.role not in (Role.SETPOINT, Role.BLINK):
            return None
        if resource.role is Role.BLINK:
            setpoint: Setpoint | None = Setpoint(value=True, blink_s=self._config.blink_interval)
        else:
            try:
                setpoint = read_setpoint(orjson.loads(message.payload))
            except orjson.JSONDecodeError:
                setpoint = None
        if setpoint is None:
            return None
        channel = resource.names[0].channel
        return command_of(setpoint, self._premises.uplink, setpoint.id, channel)

    async def reply(self, command: Command, outcome: Outcome) -> None:
        """Publish what became of a command."""
        name = self._names[command.channel]
        told = {
            "id": command.request_id,
            "status": outcome.status.name,
            "detail": outcome.detail,
            "value": outcome.value,
        }
        topic = f"{self._prefix}/outcome/{'/'.join(name.path)}"
        await self._session.publish(topic, orjson.dumps(told))

    async def tend(self) -> None:
        """Wait for the end of the connection (LinkLost)."""
        await self._session.wait_lost()
