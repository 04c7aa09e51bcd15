"""Tells Thing+ how its gateway and sensors are: once an interval, and at once on a change.

A change is noticed when `tell_changes` is asked, which the link does with every batch: there is
no change of a channel that is not a reading too.

Source: Thing+ embedded guide 2.2.3 to 2.2.5.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping
from typing import NoReturn

from gatewayd.clouds.thingplus.codec import Form, encode_status, encode_topic, maybe_gzip
from gatewayd.clouds.thingplus.names import Names
from gatewayd.clouds.thingplus.report import status_item, word_of
from gatewayd.clouds.thingplus.settings import Config
from gatewayd.errors import LinkLost
from gatewayd.model import Batch, ChannelId
from gatewayd.transports.mqtt import MqttSession
from gatewayd.uplink import Premises

SINGLES_MAX = 3
"""So many statuses that change at once go out one by one; more make one message for all."""

TEND_S_MAX = 60.0
"""The cycle looks up so often: the cloud may have shortened the interval meanwhile."""

GOODBYE_S = 2.0
"""How long the word `off` may take. A stop of the whole gateway has 10 s for everything."""


class Line:
    """One session with this gateway's topics and compression."""

    def __init__(self, session: MqttSession, gateway_id: str, gzip_above: int) -> None:
        self.session = session
        self._gateway_id = gateway_id
        self._gzip_above = gzip_above

    def topic(self, form: Form, sensor: str = "") -> str:
        """Return one of this gateway's topics."""
        return encode_topic(self._gateway_id, form, sensor)

    async def publish(self, form: Form, payload: bytes, sensor: str = "") -> None:
        """Return when the broker has it; raises LinkLost."""
        topic = self.topic(form, sensor)
        await self.session.publish(topic, maybe_gzip(payload, self._gzip_above))

    async def say_connection(self, word: bytes) -> None:
        """Say `on` or `off`, retained: it must replace the `err` of an earlier will."""
        await self.session.publish(self.topic(Form.CONNECTION), word, is_retained=True)

    async def say_goodbye(self) -> None:
        """Say `off` while that is possible; a lost connection leaves its will instead."""
        if self.session.is_lost:
            return
        with contextlib.suppress(LinkLost, TimeoutError):
            async with asyncio.timeout(GOODBYE_S):
                await self.say_connection(b"off")


class Statuses:
    """The statuses of one connection, and the interval at which they are told.

    `is_held` is true while values wait for the cloud's time; the gateway is in error then.
    """

    def __init__(
        self, config: Config, premises: Premises, names: Names, line: Line, interval_s: float
    ) -> None:
        self._config = config
        self._premises = premises
        self._names = names
        self.line = line
        self._now_s = asyncio.get_running_loop().time
        self._tell_at_s = self._now_s()
        self._told: dict[str, str] = {}
        self.interval_s = interval_s
        self.is_held = config.wait_for_timesync

    @property
    def told(self) -> Mapping[str, str]:
        """The word last told for each sensor id."""
        return self._told

    async def tend(self) -> NoReturn:
        """Tell all statuses once an interval until the connection is lost.

        Raises:
            LinkLost: then.
        """
        while True:
            wait_s = min(self._tell_at_s - self._now_s(), TEND_S_MAX)
            if wait_s <= 0:
                await self.tell_all()
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self.line.session.wait_lost()

    async def tell_all(self) -> None:
        """Send the combined status message."""
        self._tell_at_s = self._now_s() + self.interval_s
        words, validity_s = self._words(self._names), self._validity_s()
        items = [status_item("", "err" if self.is_held else "on", validity_s)]
        items += [status_item(name, word, validity_s) for name, word in words.items()]
        await self.line.publish(Form.STATUS, encode_status(items))
        self._told = words

    async def tell_changes(self, batch: Batch, *, is_up: bool) -> None:
        """Send which of a batch's sensors have become on, or else which are no longer: before or
        after their values."""
        channels: Iterable[ChannelId] = self._names
        if len(batch) < len(self._names):
            channels = {reading.channel for reading in batch.readings}
        changed = {
            name: word
            for name, word in self._words(channels).items()
            if self._told.get(name) != word and (word == "on") is is_up
        }
        if len(changed) > SINGLES_MAX:
            await self.tell_all()
            return
        for name, word in changed.items():
            item = status_item("", word, self._validity_s())
            await self.line.publish(Form.SENSOR_STATUS, encode_status([item]), name)
            self._told[name] = word

    def _words(self, channels: Iterable[ChannelId]) -> dict[str, str]:
        fresh_ms = self._premises.clock.now_ms() - round(self._config.stale_after * 1000)
        board = self._premises.board
        return {
            sensor.id: word_of(sensor, board.latest(channel), fresh_ms)
            for channel in channels
            if (sensor := self._names.get(channel)) is not None
        }

    def _validity_s(self) -> int:
        return max(1, round(self._config.validity_factor * self.interval_s))
