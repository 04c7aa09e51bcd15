"""Server-sent events: what changed, to everybody who looks, as it changes.

    event: readings    list of readings, the newest of each channel that has a new one
    event: outputs     every output, when anything about one of them changed
    event: health      gateway, health, clock, devices, uplinks and outbox of the status

Each client is told everything once when it comes. After that the changes are looked at four times
a second at the most and put into words once for all clients.

Characteristics: in the board's posts and the status · out frames of text · buffered `FRAMES_MAX`
a client · when full all of them go, and the client is told everything anew: it has missed
nothing but what was in between · `CLIENTS_MAX` clients · event loop only · not durable.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import orjson

from gatewayd.console.surface import ControlSurface, Json, show_reading
from gatewayd.model import ChannelId, Reading

CLIENTS_MAX = 16
"""Pages that are open at once. Each costs a connection and a buffer."""

FRAMES_MAX = 32
"""About 8 s of changes for a client that does not read."""

PAUSE_S = 0.25
"""Between two looks at the board: as quick as an eye follows a figure."""

STATUS_S = 1.0
"""Between two looks at the status."""

HEARTBEAT_S = 15.0
"""A comment this often, so that client and proxies know that the line is alive."""

RESTED = frozenset({"for_s", "left_s", "retry_s", "uptime_s", "time_ms", "pending"}) | {
    "accepted",
    "delivered",
    "repeated",
    "samples",
    "recorded",
}
"""Facts that run by themselves; they travel with the others and are no news alone."""

COUNTS_S = 5.0
"""How old those facts may become before they are told all the same."""


@dataclass(eq=False, slots=True)
class Client:
    """One who looks."""

    frames: deque[bytes] = field(default_factory=deque)
    is_behind: bool = True
    """It has to be told everything: it is new, or was too slow."""
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, frame: bytes) -> None:
        """Queue a frame; whoever is too slow starts again from the beginning."""
        if len(self.frames) >= FRAMES_MAX:
            self.frames.clear()
            self.is_behind = True
        self.frames.append(frame)
        self.arrived.set()


class Events:
    """Tells every client what changed."""

    def __init__(self, surface: ControlSurface) -> None:
        self._surface = surface
        self._clients: set[Client] = set()
        self._posted = asyncio.Event()
        self._told: dict[ChannelId, Reading] = {}
        self._news = News()
        self.is_closed = False

    @contextmanager
    def joined(self) -> Iterator[Client | None]:
        """Look on while the block lasts; None when there are too many already."""
        if len(self._clients) >= CLIENTS_MAX:
            yield None
            return
        client = Client()
        self._clients.add(client)
        self._posted.set()
        try:
            yield client
        finally:
            self._clients.discard(client)

    def close(self) -> None:
        """End every stream."""
        self.is_closed = True
        for client in self._clients:
            client.arrived.set()

    async def frames(self, client: Client) -> AsyncGenerator[bytes, None]:
        """Yield what a client has to be told, until the end."""
        while (told := await self.take(client)) is not None:
            yield told

    async def take(self, client: Client) -> bytes | None:
        """Return what a client has to be told next, after a heartbeat's time a comment; None at
        the end."""
        if not client.is_behind:
            try:
                async with asyncio.timeout(HEARTBEAT_S):
                    await client.arrived.wait()
            except TimeoutError:
                return b": still here\n\n"
        if self.is_closed:
            return None
        client.arrived.clear()
        if not client.is_behind:
            told = b"".join(client.frames)
            client.frames.clear()
            return told
        client.is_behind = False
        client.frames.clear()
        return b"retry: 2000\n\n" + self._everything(await self._surface.status())

    async def run(self) -> None:
        """Watch the board and the status, for as long as anybody looks."""
        with self._surface.board.watched(self._posted.set):
            looked_s = 0.0
            while True:
                looked_s = await self._wait(looked_s)
                if self._clients:
                    await self._tell()
                else:
                    self._told.clear()
                await asyncio.sleep(PAUSE_S)

    async def _wait(self, looked_s: float) -> float:
        """Wait for a post or for the status to be due, without a client for one to come."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout_at(looked_s + STATUS_S if self._clients else None):
                await self._posted.wait()
        except TimeoutError:
            pass
        self._posted.clear()
        return loop.time()

    async def _tell(self) -> None:
        changed = list(self._changed())
        frames = [self._readings_frame(changed)] if changed else []
        status = await self._surface.status()
        now_s = asyncio.get_running_loop().time()
        if self._news.is_new("outputs", status["outputs"], now_s):
            frames.append(make_frame("outputs", status["outputs"]))
        health = health_of(status)
        if self._news.is_new("health", health, now_s):
            frames.append(make_frame("health", health))
        if frames:
            told = b"".join(frames)
            for client in self._clients:
                client.put(told)

    def _changed(self) -> Iterator[Reading]:
        for name, panel in self._surface.board:
            latest = panel.latest
            if latest is not None and self._told.get(name) is not latest:
                self._told[name] = latest
                yield latest

    def _everything(self, status: Json) -> bytes:
        latest = (panel.latest for _, panel in self._surface.board)
        return (
            self._readings_frame(each for each in latest if each is not None)
            + make_frame("outputs", status["outputs"])
            + make_frame("health", health_of(status))
        )

    def _readings_frame(self, readings: Iterable[Reading]) -> bytes:
        channels, now_ms = self._surface.channels, self._surface.clock.now_ms()
        shown = [
            show_reading(each, channels[each.channel], now_ms)
            for each in readings
            if each.channel in channels
        ]
        return make_frame("readings", shown)


@dataclass(slots=True)
class News:
    """Remembers what was told last, without the facts that run by themselves."""

    told: dict[str, tuple[object, float]] = field(default_factory=dict)

    def is_new(self, name: str, document: object, now_s: float) -> bool:
        """Return whether it has to be told (again), and take it as told."""
        rested = without_running(document)
        last, told_s = self.told.get(name, (None, 0.0))
        if rested == last and now_s - told_s < COUNTS_S:
            return False
        self.told[name] = (rested, now_s)
        return True


def without_running(document: object) -> object:
    """Return a document without the facts that change by themselves."""
    match document:
        case Mapping():
            return {k: without_running(v) for k, v in document.items() if k not in RESTED}
        case list():
            return [without_running(each) for each in document]
        case _:
            return document


def health_of(status: Json) -> Json:
    """Return the part of a status that the `health` event tells."""
    kinds = ("gateway", "health", "clock", "devices", "uplinks", "outbox")
    return {kind: status[kind] for kind in kinds if kind in status}


def make_frame(event: str, data: object) -> bytes:
    """Return one event on the wire; JSON has no line breaks that would end it early."""
    text = orjson.dumps(data, option=orjson.OPT_NON_STR_KEYS)
    return b"event: " + event.encode() + b"\ndata: " + text + b"\n\n"
