"""The way to a thing over HTTP: writes by POST, and a subscription that never ends.

A line takes writes, gives what is pushed, and reads a resource back. It tries once; its end is an
exception, and the next one is the supervisor's. The other way: see mqtt_line.

Characteristics: in writes · out pushed entries, in order, our own among them · buffered by the
network alone · event loop only · not durable.

Source: thethings.iO API reference, thing write and thing subscribe.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

import structlog

from gatewayd.clouds.cloud_time import CloudTime
from gatewayd.clouds.thethingsio.addresses import resource_path, thing_path
from gatewayd.clouds.thethingsio.answers import Refused
from gatewayd.clouds.thethingsio.codec import Entry, decode_rows
from gatewayd.clouds.thethingsio.settings import Config
from gatewayd.clouds.thethingsio.stream import Event, Subscribed, Texts, Written, decode_event
from gatewayd.clouds.thethingsio.verdict import (
    JSON,
    THROTTLE_S,
    error_of,
    hint_of,
    verdict,
    without_secrets,
)
from gatewayd.errors import LinkLost, Malformed, Throttled
from gatewayd.fields import Secret
from gatewayd.transports.http import RETRY_AFTER_MAX_S, Answer, Http, Request, Stream

log = structlog.get_logger()

GRACE_SHARE, GRACE_S_MIN = 0.25, 1.0
"""How much later than promised a keep-alive may come. The vendor's own client allows a second; a
mobile network needs more when the promise is half a minute."""

FORBIDDEN_MAX = 3
"""403 stands for a rate limit too. So many in a row are about rights."""


class Line(Protocol):
    """One open way to the thing."""

    async def write(self, payload: bytes, *, is_report: bool = False) -> None:
        """Return when the cloud has it; reports are stored and shown as the owner wants."""
        ...

    def pushes(self) -> AsyncIterator[list[Entry]]:
        """Yield what is written to the thing, by whomever, until the line is lost."""
        ...

    async def find_latest(self, key: str) -> Entry | None:
        """Return the newest row of a resource, or None where there is none yet."""
        ...


class Reader:
    """Reads resources back."""

    def __init__(self, http: Http, token: Secret, cloud_time: CloudTime) -> None:
        self._http = http
        self._cloud_time = cloud_time
        self.token = token

    async def find_latest(self, key: str) -> Entry | None:
        """Return the newest row of a resource, or None where there is none yet.

        Raises:
            LinkLost, LinkDenied, Throttled, Malformed: it cannot be said.
        """
        path = resource_path(self.token.reveal(), key, limit="1")
        answer = await self._http.send(Request("GET", path, JSON))
        self._cloud_time.note(answer.headers)
        if answer.status in (304, 404):
            return None
        if not answer.is_success:
            raise verdict(answer, f"read of {key}") or LinkLost(f"read of {key}")
        rows = decode_rows(answer.body)
        return rows[0] if rows and rows[0].key == key else None


class HttpLine:
    """Writes by POST, is told by the answer to one endless GET."""

    def __init__(
        self, config: Config, http: Http, events: AsyncIterator[Event], reader: Reader
    ) -> None:
        self._http = http
        self._token = reader.token
        self._query = {
            name: "false"
            for name, is_on in (("store", config.store), ("broadcast", config.broadcast))
            if not is_on
        }
        self._events = events
        self._throttled = 0
        self._forbidden = 0
        self.find_latest = reader.find_latest

    async def wait_subscribed(self, timeout_s: float) -> None:
        """Return when the cloud says that the subscription stands; raises LinkError."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                async for event in self._events:
                    if isinstance(event, Subscribed):
                        return
                    _check(event)
        raise LinkLost("the cloud did not confirm the subscription")

    async def pushes(self) -> AsyncIterator[list[Entry]]:
        """Yield what is written to the thing.

        Raises:
            LinkLost: the cloud ended the subscription, or did not even send a keep-alive.
            LinkDenied: it says so.
        """
        async for event in self._events:
            if isinstance(event, Written):
                yield event.entries
            _check(event)
        raise LinkLost("the cloud ended the subscription")

    async def write(self, payload: bytes, *, is_report: bool = False) -> None:
        """Return when the cloud has taken the write.

        Raises:
            LinkLost, LinkDenied, Throttled, BatchRefused: see verdict.
        """
        path = thing_path(self._token.reveal(), **(self._query if is_report else {}))
        answer = await self._http.send(Request("POST", path, JSON, payload))
        error = verdict(answer, "write")
        if error is None:
            self._throttled = self._forbidden = 0
            return
        raise self._throttled_instead(answer, error)

    def _throttled_instead(self, answer: Answer, error: Exception) -> Exception:
        """Return the error, or that it is to be tried again: later each time, unless told when."""
        self._forbidden = self._forbidden + 1 if answer.status == 403 else 0
        is_throttled = isinstance(error, Throttled) or 0 < self._forbidden < FORBIDDEN_MAX
        if not is_throttled:
            return error
        self._throttled += 1
        if isinstance(error, Throttled) and "retry-after" in answer.headers:
            return error
        wait_s = min(THROTTLE_S * 2.0 ** (self._throttled - 1), RETRY_AFTER_MAX_S)
        return Throttled(str(error), wait_s)


async def _events(stream: Stream) -> AsyncGenerator[Event]:
    """Yield what comes, wherever the network has cut it; what means nothing is passed over."""
    texts, is_told = Texts(), False
    async for chunk in stream.chunks():
        try:
            found = texts.feed(chunk)
        except Malformed as error:
            raise LinkLost(f"the subscription is no JSON: {error}") from error
        for text in found:
            try:
                event = decode_event(text)
            except Malformed as error:
                if not is_told:
                    log.warning("push unreadable", reason=str(error))
                is_told = True
                continue
            yield event


def _check(event: Event) -> None:
    """Raise what a refusal on the stream means."""
    if isinstance(event, Refused):
        words = f"{event.code} {without_secrets(event.message)}"
        sentence = f"subscription refused: {words}{hint_of(event.code)}"
        raise error_of(event.code, sentence)


@asynccontextmanager
async def open_http_line(
    config: Config, http: Http, token: Secret, cloud_time: CloudTime
) -> AsyncIterator[HttpLine]:
    """Subscribe once; the subscription stands when the block begins.

    Raises:
        LinkLost, LinkDenied, Throttled: see verdict.
    """
    silence_s = config.keep_alive + max(GRACE_S_MIN, GRACE_SHARE * config.keep_alive)
    path = thing_path(token.reveal(), keepAlive=str(round(config.keep_alive * 1000)))
    async with http.stream(Request("GET", path, JSON), silence_s) as stream:
        cloud_time.note(stream.headers)
        if stream.status != 200:
            error = verdict(await stream.whole(), "subscription")
            raise error or LinkLost(f"subscription: status {stream.status}")
        async with contextlib.aclosing(_events(stream)) as events:
            line = HttpLine(config, http, events, Reader(http, token, cloud_time))
            # A proxy that joins chunks lets go of the first with the first keep-alive.
            await line.wait_subscribed(max(config.timeout, silence_s))
            yield line
