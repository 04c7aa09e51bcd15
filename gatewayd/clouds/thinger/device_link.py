"""Thinger.io over its device socket: readings into buckets, resources, streams, calls.

Strategy: the session and the requests work by themselves, in the turn of the loop in which bytes
arrive. `send` writes points, at most a few unanswered at a time; `tend` beats: it says that we
are alive, sends the samples that are due, and answers commands that take too long. It sleeps
until the earliest of these, or until the board has news for a subscription.

Characteristics: in batches of at most `BATCH_MAX` readings · out commands · buffered nothing ·
ordered by bucket · event loop only · not durable.

Source: Thinger.io Arduino-Library 2.40.0, `thinger.h`; Thinger.io documentation, data buckets.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

import structlog

from gatewayd.clouds.thinger.calls import Allowance, Due, calls_for
from gatewayd.clouds.thinger.codec import Dialect
from gatewayd.clouds.thinger.edges import remember, remembered_points
from gatewayd.clouds.thinger.events import Answer, Call, KeepAlive, Login, Operation
from gatewayd.clouds.thinger.gathering import Gathering
from gatewayd.clouds.thinger.names import Names
from gatewayd.clouds.thinger.points import Point, plan_points
from gatewayd.clouds.thinger.pson import UNSET, Pson
from gatewayd.clouds.thinger.requests import Desks, Errand, Requests
from gatewayd.clouds.thinger.resources import make_resources
from gatewayd.clouds.thinger.session import Session, open_session
from gatewayd.clouds.thinger.settings import Config, codec_of, listing_of, names_of, stream_settings
from gatewayd.clouds.thinger.streams import Streams
from gatewayd.clouds.thinger.unanswered import remembered_commands
from gatewayd.clouds.thinger.view import View
from gatewayd.clouds.thinger.viewing import Viewer
from gatewayd.clouds.thinger.writing import Writing
from gatewayd.errors import BatchRefused, LinkLost
from gatewayd.model import Batch, Command, Outcome
from gatewayd.uplink import Premises

log = structlog.get_logger()

BATCH_MAX = 500
"""Readings a batch. Each point has its own acknowledgement, so larger ones gain nothing, and
what is lost with a connection is sent again."""

NO_ROOM_S = 0.1
"""How soon to look again when the server is slow to read; the newest is sent then."""

INTERVAL_S_MAX = 86400.0
"""What the property may ask for; the dashboards are for people who live by the day."""

LOGIN_ID = 1
"""The newer protocol wants one; the classic log-in and its answer have none."""


@asynccontextmanager
async def open_device_link(config: Config, premises: Premises) -> AsyncIterator[DeviceLink]:
    """Connect and log in once.

    Raises:
        LinkLost, LinkDenied: see `open_session`.
        ConfigError: illegal names, or a certificate that cannot be read.
    """
    names = names_of(config, premises.channels)
    device = config.device or premises.gateway_id
    codec = codec_of(config)
    id = LOGIN_ID if codec.dialect is Dialect.IOTMP else 0
    login = Login(config.user, device, config.credentials, id)
    async with (
        remembered_points(premises.state_dir) as known,
        remembered_commands(premises.state_dir, premises.clock) as memory,
        open_session(stream_settings(config), codec, login, config.timeout) as session,
    ):
        link = DeviceLink(config, premises, names, session, known)
        link.requests.inherit(memory.inherited)
        session.attend(link.requests)
        try:
            await link.read_settings()
            yield link
        finally:
            memory.left = link.requests.unanswered()


class DeviceLink:
    """One open connection to Thinger.io's device socket."""

    batch_max = BATCH_MAX

    def __init__(
        self,
        config: Config,
        premises: Premises,
        names: Names,
        session: Session,
        known: dict[str, Point],
    ) -> None:
        self._config, self._premises, self._names = config, premises, names
        self._session = session
        self._now_s = asyncio.get_running_loop().time
        self._viewer = Viewer(premises, names, config.stale_after)
        self._resources = make_resources(names, premises.manage)
        self._listing = listing_of(config)
        self._log = log.bind(uplink=premises.uplink)
        self._gathering = Gathering(config.bucket_interval, premises.clock, names)
        self._known = known
        pace, is_confirmed = config.points_per_s_max, config.bucket_ack
        self._writing = Writing(session, pace, is_confirmed=is_confirmed)
        self._allowances: dict[str, Allowance] = {}
        self._left_out: set[str] = set()
        self._wake = asyncio.Event()
        self._beat_s = self._now_s() + config.keep_alive
        self._echoes_before = -1
        self.streams = Streams(premises.board)
        desks = Desks(
            session.say,
            self.view,
            lambda: self._listing(self._resources),
            self._wake.set,
            config.blink_interval,
        )
        connection = f"{premises.clock.now_ms():x}"
        self.requests = Requests(premises.uplink, connection, self._resources, self.streams, desks)

    # Readings.

    def wait_s(self, pending: Batch) -> float:
        """Return how long these readings may still wait for company; 0 = send them now."""
        return self._gathering.wait_s(pending, self._now_s())

    async def send(self, batch: Batch) -> None:
        """Return when the server has confirmed every point, and the calls are made.

        Raises:
            LinkLost, LinkDenied: see `Writing.write`.
            BatchRefused: the readings of points that were refused twice, or cannot be points.
        """
        plan = plan_points(batch, self._names, self._known)
        for reason, seqs in plan.refused.items():
            raise BatchRefused(reason, seqs)
        await self._writing.write(plan.points)
        remember(plan.points, self._known)
        board, now_ms = self._premises.board, self._premises.clock.now_ms()
        for due in calls_for(batch, self._config.calls, self._names, board, now_ms):
            await self._make_call(due)
        self._gathering.sent(batch, self._now_s())

    # Calls.

    async def _make_call(self, due: Due) -> None:
        entry = self._config.calls[due.channel]
        key, now_s = f"{due.operation.name} {due.name}", self._now_s()
        allowance = self._allowances.get(key)
        if allowance is None:
            allowance = Allowance(entry.interval, entry.burst, entry.burst, now_s)
            self._allowances[key] = allowance
        if not allowance.take(now_s):
            if key not in self._left_out:  # Told once: a busy channel would fill the log.
                self._left_out.add(key)
                self._log.warning("calls left out, too many", target=key, channel=due.channel)
            return
        answer = await self.call(due.operation, due.name, due.payload, *due.path)
        if not answer.is_ok:
            self._log.warning("call refused", target=key, channel=due.channel)

    async def call(
        self, operation: Operation, name: str, payload: Pson = UNSET, *path: str
    ) -> Answer:
        """Call an endpoint or a device, read or set a property, write a bucket; raises LinkLost."""
        return await self._session.call(Call(0, operation, name, payload, path))

    async def read_settings(self) -> None:
        """Follow the device property in which the account's owner may keep settings."""
        name = self._config.settings_property
        if not name:
            return
        answer = await self.call(Operation.GET_PROPERTY, name)
        settings = answer.payload if isinstance(answer.payload, Mapping) else {}
        interval_s = settings.get("bucket_interval_s")
        if isinstance(interval_s, bool) or not isinstance(interval_s, int | float):
            return
        if 0 <= interval_s <= INTERVAL_S_MAX:
            self._gathering.interval_s = float(interval_s)
            self._log.info("bucket interval set", interval_s=interval_s)

    # Commands.

    async def commands(self) -> AsyncIterator[Command]:
        """Yield what the server asks of outputs; the rest is answered by `Requests`."""
        while True:
            item = await self.requests.next()
            if item is None:
                self._session.stream.check()
                raise LinkLost("connection closed")
            if isinstance(item, Errand):
                self._log.info("asked by the cloud", action=item.action)
                await self._premises.manage[item.action]()
            else:
                yield item

    async def reply(self, command: Command, outcome: Outcome) -> None:
        """Answer a command, unless it took too long, and echo the output's state."""
        self.requests.reply(command, outcome)

    # Time.

    async def tend(self) -> None:
        """Keep the connection alive and its streams fed until it is lost (LinkLost)."""
        with self._premises.board.watched(self._on_post):
            while True:
                self._wake.clear()
                self._session.stream.check()
                now_s = self._now_s()
                self._beat(now_s)
                self.requests.expire(now_s)
                self._sample(now_s)
                instants = (self._beat_s, self.requests.next_s(), self.streams.next_s())
                next_s = min(each for each in instants if each is not None)
                if not self._session.stream.has_room:
                    next_s = max(next_s, now_s + NO_ROOM_S)
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(next_s):
                        await self._wake.wait()

    def _on_post(self) -> None:
        if self.streams.waits_for_news:
            self._wake.set()

    def _beat(self, now_s: float) -> None:
        """Say that we are alive when it is time; lose a server that did not say so itself."""
        if now_s < self._beat_s:
            return
        if self._session.echoes == self._echoes_before:
            self._session.stream.lose("the server does not echo keep-alives")
            self._session.stream.check()
        self._echoes_before = self._session.echoes
        self._beat_s += self._config.keep_alive
        if self._beat_s <= now_s:  # The machine has slept; the echo needs its time all the same.
            self._beat_s = now_s + self._config.keep_alive
        self._session.say(KeepAlive())

    def _sample(self, now_s: float) -> None:
        """Send what is due for as long as the connection has room for it."""
        due = self.streams.due(self.view(), now_s)
        while self._session.stream.has_room and (sample := next(due, None)) is not None:
            self._session.say(sample)

    def view(self) -> View:
        """Return what resources show now."""
        return self._viewer.view(self.requests.outcomes, self.requests.refused)
