"""How messages leave over MQTT: as arrays, or one by one.

Source: Haltian developer site, MQTT data stream; the gateway's own link is not public.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from gatewayd.clouds.thingsee.codec import Message, encode, encode_single
from gatewayd.clouds.thingsee.names import Names
from gatewayd.clouds.thingsee.report import portions
from gatewayd.clouds.thingsee.settings import Config
from gatewayd.clouds.thingsee.topics import fill_topic
from gatewayd.transports.mqtt import MqttSession

SINGLES_MAX = 20
"""Publishes under way at a time, where each message is one."""


class MqttCarrier:
    """Publishes under the uplink topic."""

    def __init__(self, session: MqttSession, config: Config, names: Names) -> None:
        self._session = session
        self._config = config
        self._names = names

    async def send(self, messages: Sequence[Message]) -> None:
        """Publish one array after the other, or the single objects in their order."""
        if not self._config.single_object:
            for portion in portions(messages):
                await self._session.publish(self._topic(), encode(portion))
            return
        for start in range(0, len(messages), SINGLES_MAX):
            try:
                async with asyncio.TaskGroup() as tasks:
                    for message in messages[start : start + SINGLES_MAX]:
                        publish = self._session.publish(
                            self._topic(message), encode_single(message)
                        )
                        tasks.create_task(publish)
            except ExceptionGroup as group:  # All for the one reason that the link is gone.
                raise group.exceptions[0] from group

    def _topic(self, message: Message | None = None) -> str:
        return uplink_topic(self._config, self._names, message)


def uplink_topic(config: Config, names: Names, message: Message | None = None) -> str:
    """Return where a message, or an array without one, is published."""
    return fill_topic(config.uplink_topic, names.gateway, config.group, message)


def downlink_topic(config: Config, names: Names) -> str:
    """Return where commands arrive."""
    return fill_topic(config.downlink_topic, names.gateway, config.group)
