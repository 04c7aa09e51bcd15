"""The way to a thing over MQTT: one topic for both directions.

MQTT has no answer: a PUBACK says that the broker has the bytes, not that the thing still exists.
But the cloud shows every write to all subscribers, us too. So as soon as our own word `online` was
seen to come back, a report counts as taken when it does. If it does not, the word is said again:
when not even that comes back, the token was revoked and the report is kept. When it does, this
cloud does not show reports, and the broker's word has to do.

Characteristics: in writes · out pushed entries, in order, our own among them · buffered
`INBOX_MAX` messages · when full the line is lost, rather than a command · event loop only.

Source: thethings.iO MQTT guide; the vendor's mqtt-node examples.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import structlog

from gatewayd.clouds.cloud_time import CloudTime
from gatewayd.clouds.thethingsio.addresses import thing_topic
from gatewayd.clouds.thethingsio.codec import Entry, decode_write, encode_write
from gatewayd.clouds.thethingsio.http_line import Reader
from gatewayd.clouds.thethingsio.settings import OFFLINE, ONLINE, Config, mqtt_settings
from gatewayd.clouds.thethingsio.stream import Written, decode_event
from gatewayd.errors import LinkDenied, LinkLost, Malformed
from gatewayd.fields import Secret
from gatewayd.transports.http import Http
from gatewayd.transports.mqtt import MqttSession, open_mqtt

log = structlog.get_logger()

GOODBYE_S = 2.0
"""How long the last word may take. A stop of the whole gateway has 10 s for everything."""

Print = tuple[str, ...]
"""By what a write is known when it comes back: its resources, in order."""


class MqttLine:
    """Writes and is told on one topic."""

    def __init__(self, config: Config, session: MqttSession, reader: Reader) -> None:
        self._presence = config.presence
        self._timeout_s = config.timeout
        self._session = session
        self._token = reader.token
        self._awaited: dict[Print, asyncio.Future[None]] = {}
        self._is_echoing = False
        self._is_taken_on_trust = False
        self.find_latest = reader.find_latest

    async def subscribe(self) -> None:
        """Return when the broker has granted the thing's topic.

        Raises:
            LinkLost: the connection died.
            LinkDenied: the broker does not know the token.
        """
        try:
            await self._session.subscribe([thing_topic(self._token.reveal())])
        except LinkDenied:
            raise LinkDenied("the broker refuses the thing token") from None  # Not its topic.

    async def pushes(self) -> AsyncIterator[list[Entry]]:
        """Yield what is written to the thing.

        Raises:
            LinkLost: the connection died, or messages did not fit: there may have been commands
                among them, and the next connection reads those back.
        """
        is_told = False
        async for message in self._session.messages():
            if self._session.dropped:
                raise LinkLost("more messages than can wait here")
            # A retained message is a command of nobody knows when.
            if message.is_retained:
                continue
            try:
                event = decode_event(message.payload)
            except Malformed as error:
                if not is_told:
                    log.warning("push unreadable", reason=str(error))
                is_told = True
                continue
            if isinstance(event, Written):
                self._note(event.entries)
                yield event.entries

    def _note(self, entries: Iterable[Entry]) -> None:
        """Recognise what comes back of our own."""
        known = _print(entries)
        if known == (self._presence,) and not self._is_taken_on_trust:
            self._is_echoing = True
        awaited = self._awaited.get(known)
        if awaited is not None and not awaited.done():
            awaited.set_result(None)

    async def write(self, payload: bytes, *, is_report: bool = False) -> None:
        """Return when the broker has the write, and the cloud a report, as far as that is known.

        Raises:
            LinkLost: the connection died, or the cloud shows nothing any more.
        """
        if not (is_report and self._is_echoing):
            await self._publish(payload)
            return
        if await self._comes_back(payload):
            return
        if not await self._comes_back(self._word(ONLINE)):
            raise LinkLost("the cloud does not show what is written; is the thing still there?")
        self._is_echoing, self._is_taken_on_trust = False, True
        log.warning("reports are not shown, the broker's word has to do")

    async def _comes_back(self, payload: bytes) -> bool:
        """Publish, and return whether it came back in time."""
        known = _print(decode_write(payload))
        awaited = self._awaited[known] = asyncio.get_running_loop().create_future()
        try:
            await self._publish(payload)
            async with asyncio.timeout(self._timeout_s):
                await awaited
        except TimeoutError:
            return False
        finally:
            del self._awaited[known]
        return True

    async def _publish(self, payload: bytes) -> None:
        try:
            await self._session.publish(thing_topic(self._token.reveal()), payload)
        except LinkDenied:
            raise LinkDenied("the broker refuses a write with this thing token") from None

    def _word(self, word: str) -> bytes:
        return encode_write([Entry(self._presence, word)])

    async def say_hello(self) -> None:
        """Say `online`, where the owner wants that."""
        if self._presence:
            await self._publish(self._word(ONLINE))

    async def say_goodbye(self) -> None:
        """Say `offline` while that is possible; a lost connection leaves its will instead."""
        if self._session.is_lost or not self._presence:
            return
        with contextlib.suppress(LinkLost, TimeoutError):
            async with asyncio.timeout(GOODBYE_S):
                await self._publish(self._word(OFFLINE))


def _print(entries: Iterable[Entry]) -> Print:
    return tuple(entry.key for entry in entries)


@asynccontextmanager
async def open_mqtt_line(
    config: Config, http: Http, token: Secret, cloud_time: CloudTime
) -> AsyncIterator[MqttLine]:
    """Connect and subscribe once; on leaving, say so.

    Raises:
        LinkLost, LinkDenied: see transports.mqtt.
    """
    async with open_mqtt(mqtt_settings(config, token.reveal())) as session:
        line = MqttLine(config, session, Reader(http, token, cloud_time))
        await line.subscribe()
        try:
            await line.say_hello()
            yield line
        finally:
            await line.say_goodbye()
