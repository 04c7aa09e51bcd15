"""The customer's streams: each message alone on an MQTT topic, arrays pushed to targets.

A target is an address: `http` and `https` get a POST, `ws` and `wss` a text frame on a connection
that this cloud opens. What cannot be delivered is tried `TRIES` times with growing waits and then
given up; a receiver that is down loses messages and may get some twice.

Source: Haltian developer site, MQTT data stream, custom integration, WebSocket. The retries are
ours: the vendor's are not published.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import aiohttp

from gatewayd.clouds.thingsee.codec import Message, encode, encode_single
from gatewayd.clouds.thingsee.sandbox.disorder import Disorder
from gatewayd.clouds.thingsee.sandbox.settings import SandboxSettings
from gatewayd.clouds.thingsee.topics import encode_stream_topic
from gatewayd.sandbox.errands import Errands
from gatewayd.transports.mqtt_packets import Message as Packet

TRIES = 5
SEND_S = 10.0
WAITING_MAX = 1000
"""Arrays that wait for one target; the oldest goes when there are more."""

TARGETS_MAX = 16
STREAMED = "pr"
"""Groups of the production environment; others are not on the MQTT stream."""


@dataclass(eq=False, slots=True)
class Target:
    """Somebody's address; `headers` are what he wants to be shown."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)
    waiting: asyncio.Queue[bytes] = field(default_factory=lambda: asyncio.Queue(WAITING_MAX))
    is_over: bool = False

    def put(self, array: bytes) -> bool:
        """Add an array; return whether the oldest had to go for it."""
        was_full = self.waiting.full()
        if was_full:
            self.waiting.get_nowait()
        self.waiting.put_nowait(array)
        return was_full


class Outlets:
    """Brings messages to whoever listens."""

    def __init__(
        self,
        settings: SandboxSettings,
        publish: Callable[[Packet], int],
        errands: Errands,
        counts: Counter[str],
    ) -> None:
        self.stream = Disorder[Packet]()
        self.targets: list[Target] = []
        self._settings = settings
        self._publish = publish
        self._errands = errands
        self._counts = counts

    def tell(self, messages: Sequence[Message], *, publish_all: bool) -> None:
        """Hand messages to the stream and to every target."""
        for message in messages:
            if publish_all or message.group.startswith(STREAMED):
                topic = encode_stream_topic(message.group, message.thing, message.id)
                for packet in self.stream.pass_on(Packet(topic, encode_single(message), 1)):
                    self._publish(packet)
        array = encode(messages) if messages and self.targets else b""
        for target in self.targets if array else ():
            self._counts["pushes_lost"] += target.put(array)

    def mend(self) -> None:
        """Put the stream right and let go of what was held back."""
        for packet in self.stream.mend():
            self._publish(packet)

    def add(self, target: Target) -> None:
        """Push to a target from now on."""
        self.targets.append(target)
        self._errands.send(self._serve(target))

    def clear(self) -> None:
        """Push to nobody any more."""
        for target in self.targets:
            target.is_over = True
            target.put(b"")  # Wakes the one who serves it.
        self.targets.clear()

    async def _serve(self, target: Target) -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(SEND_S)) as session:
            sender = _Sender(session, target)
            while array := await target.waiting.get():
                await self._deliver(array, target, sender)

    async def _deliver(self, array: bytes, target: Target, sender: _Sender) -> None:
        wait_s = self._settings.push_wait_s
        for attempt in range(TRIES):
            if target.is_over:
                return
            try:
                async with asyncio.timeout(SEND_S):
                    await sender.send(array)
            except (OSError, aiohttp.ClientError, TimeoutError):
                self._counts["pushes_failed"] += 1
            else:
                self._counts["pushes"] += 1
                return
            if attempt < TRIES - 1:
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, self._settings.push_wait_max_s)
        self._counts["pushes_lost"] += 1


class _Sender:
    """Sends arrays to one target: each in a POST, or all on one WebSocket."""

    def __init__(self, session: aiohttp.ClientSession, target: Target) -> None:
        self._session = session
        self._target = target
        self._socket: aiohttp.ClientWebSocketResponse | None = None

    async def send(self, array: bytes) -> None:
        """Send one array. Raises OSError, ClientError, TimeoutError: it was not taken."""
        url, headers = self._target.url, self._target.headers
        if url.startswith("ws"):
            if self._socket is None or self._socket.closed:
                self._socket = await self._session.ws_connect(url, headers=headers)
            await self._socket.send_str(array.decode())
            return
        typed = {"Content-Type": "application/json", **headers}
        async with self._session.post(url, data=array, headers=typed) as response:
            response.raise_for_status()
