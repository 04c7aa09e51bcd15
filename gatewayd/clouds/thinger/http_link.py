"""Thinger.io by the callback of an HTTP device: readings up, one property of wishes down.

Each point is a POST; its answer is the device's property that the owner chose, if one is
configured, and the only way down: `{"ts": time_ms, "pump/relay": true, …}`. Since nobody knows
how long it has stood there, `ts` is needed, and the desk refuses what is old.

A body that is no JSON would be answered with 200 and thrown away, so 200 does not prove that
anything was kept; there is nothing better.

Characteristics: in batches of at most `BATCH_MAX` readings · out commands · buffered
`WAITING_MAX` commands · when full an answer's are left out, the next brings them again ·
ordered · event loop only · not durable.

Source: Thinger.io documentation, HTTP devices.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NoReturn

import orjson
import structlog

from gatewayd.clouds.thinger.edges import remember, remembered_points
from gatewayd.clouds.thinger.gathering import Gathering
from gatewayd.clouds.thinger.names import Names
from gatewayd.clouds.thinger.points import Point, plan_points
from gatewayd.clouds.thinger.resources import make_resources
from gatewayd.clouds.thinger.settings import Config, names_of
from gatewayd.clouds.thinger.wishes import is_new, load_wish_ms, read_wishes, store_wish_ms
from gatewayd.errors import BatchRefused, LinkDenied
from gatewayd.model import Batch, Command, Outcome
from gatewayd.transports.http import Answer, Http, HttpSettings, Request, open_http, refusal
from gatewayd.uplink import Premises

log = structlog.get_logger()

BATCH_MAX = 100
"""Readings a batch; each point is a request of its own."""

WAITING_MAX = 64

WISH_BYTES_MAX = 64 * 1024
"""The answer, which is one property."""


@asynccontextmanager
async def open_http_link(config: Config, premises: Premises) -> AsyncIterator[HttpLink]:
    """Open a session and ask once, to learn whether the token is good.

    Raises:
        LinkLost, LinkDenied: see `Http.send`; also when the device is not known.
        ConfigError: illegal names or address.
    """
    names = names_of(config, premises.channels)
    settings = HttpSettings(
        base_url=config.rest_url,
        ca_file=config.ca_file,
        certificate_file=config.certificate_file,
        key_file=config.key_file,
        connect_s=config.timeout,
        read_s=config.timeout,
        total_s=2 * config.timeout,
        body_bytes_max=WISH_BYTES_MAX,
    )
    async with remembered_points(premises.state_dir) as known, open_http(settings) as http:
        link = HttpLink(config, premises, names, http, known)
        await link.recall()
        await link.ask()
        yield link


class HttpLink:
    """One open session with the callback."""

    batch_max = BATCH_MAX

    def __init__(
        self,
        config: Config,
        premises: Premises,
        names: Names,
        http: Http,
        known: dict[str, Point],
    ) -> None:
        self._config, self._premises, self._names = config, premises, names
        self._http, self._known = http, known
        self._resources = make_resources(names)
        device = config.device or premises.gateway_id
        self._path = f"/v3/users/{config.user}/devices/{device}/callback/data"
        self._now_s = asyncio.get_running_loop().time
        self._gathering = Gathering(config.bucket_interval, premises.clock, names)
        self._waiting: asyncio.Queue[Command] = asyncio.Queue()
        self._wish_ms = self._kept_ms = 0
        self._asked_s = self._now_s()

    def wait_s(self, pending: Batch) -> float:
        """Return how long these readings may still wait for company; 0 = send them now."""
        return self._gathering.wait_s(pending, self._now_s())

    async def send(self, batch: Batch) -> None:
        """Return when the server has answered every point with success.

        Raises:
            LinkLost, LinkDenied, Throttled: see `refusal`.
            BatchRefused: readings that cannot be points, or that the server will not take.
        """
        plan = plan_points(batch, self._names, self._known)
        for reason, seqs in plan.refused.items():
            raise BatchRefused(reason, seqs)
        for point in plan.points:
            body = orjson.dumps(point.payload())
            answer = await self._request("POST", f"?ts={point.time_ms}", body)
            self._check(answer, point.seqs)
        remember(plan.points, self._known)
        self._gathering.sent(batch, self._now_s())

    async def ask(self) -> None:
        """Ask for the wishes without telling anything; raises LinkLost, LinkDenied, Throttled."""
        self._check(await self._request("GET"), ())

    async def _request(self, method: str, query: str = "", body: bytes | None = None) -> Answer:
        token = self._config.callback_token
        headers = {"Authorization": f"Bearer {token.reveal() if token else ''}"}
        if body is not None:
            headers["Content-Type"] = "application/json;charset=UTF-8"
        self._asked_s = self._now_s()
        return await self._http.send(Request(method, self._path + query, headers, body))

    def _check(self, answer: Answer, seqs: list[int] | tuple[()]) -> None:
        """Take the wishes in an answer, or raise what its status means."""
        error = refusal(answer, "the device's callback")
        if answer.status == 404:
            raise LinkDenied("the server knows no such device; make one of type HTTP")
        if isinstance(error, BatchRefused):
            raise BatchRefused(str(error), seqs) if seqs else LinkDenied(str(error))
        if error is not None:
            raise error
        wishes = read_wishes(answer.body, self._resources, self._premises.uplink)
        wish_ms = wishes[0].issued_ms or 0 if wishes else 0
        if not is_new(wish_ms, self._wish_ms, self._premises.clock.now_ms()):
            return
        # All or nothing: what does not fit now comes again with the next answer.
        if wishes and self._waiting.qsize() + len(wishes) <= WAITING_MAX:
            self._wish_ms = wish_ms
            for command in wishes:
                self._waiting.put_nowait(command)

    async def recall(self) -> None:
        """Know which wish was taken last, perhaps before this program was started."""
        loop, folder = asyncio.get_running_loop(), self._premises.state_dir
        self._wish_ms = self._kept_ms = await loop.run_in_executor(None, load_wish_ms, folder)

    async def commands(self) -> AsyncIterator[Command]:
        """Yield the wishes for outputs; each is kept as taken before it is carried out."""
        while True:
            command = await self._waiting.get()
            await self._keep(command.issued_ms or 0)
            yield command

    async def _keep(self, wish_ms: int) -> None:
        if wish_ms == self._kept_ms:
            return
        self._kept_ms = wish_ms
        loop, folder = asyncio.get_running_loop(), self._premises.state_dir
        try:
            await loop.run_in_executor(None, store_wish_ms, folder, wish_ms)
        except OSError as error:
            uplink = self._premises.uplink
            log.warning("last wish not kept", uplink=uplink, reason=error.strerror)

    async def reply(self, command: Command, outcome: Outcome) -> None:
        """Tell nothing: the output's state is a reading, and there is no other way up."""

    async def tend(self) -> NoReturn:
        """Ask for wishes where nothing has been told for a while; raises as `ask` does."""
        while True:
            wait_s = self._asked_s + self._config.poll_interval - self._now_s()
            if wait_s <= 0:
                await self.ask()
            else:
                await asyncio.sleep(wait_s)
