"""Takes what Thing+ asks: answers what the protocol itself needs, hands commands on.

Characteristics: in requests · out commands, answers · remembers `ANSWERS_MAX` answers for
requests that come twice, and `OPEN_MAX` that are under way · when full the oldest is forgotten ·
event loop only.

Source: Thing+ embedded guide 4.3.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator

import structlog

from gatewayd.clouds.thingplus.calls import (
    MANAGED,
    Outputs,
    answer_of,
    read_command,
    read_interval,
    read_time,
)
from gatewayd.clouds.thingplus.codec import Form
from gatewayd.clouds.thingplus.interval import store_interval
from gatewayd.clouds.thingplus.names import Names
from gatewayd.clouds.thingplus.rpc import (
    Request,
    Response,
    RpcCode,
    RpcError,
    decode_request,
    encode_response,
)
from gatewayd.clouds.thingplus.statuses import Line, Statuses
from gatewayd.errors import Malformed
from gatewayd.model import Command, Outcome
from gatewayd.uplink import Premises

log = structlog.get_logger()

SKEW_MS_MAX = 600_000
"""A clock that is further off than this is wrong, says the vendor's own gateway."""

ANSWERS_MAX = 64
"""Answers kept; a broker repeats only what was just in flight."""

OPEN_MAX = 256
"""Requests under way; the desk takes far fewer at a time."""


class Requests:
    """The requests of one connection."""

    def __init__(
        self,
        premises: Premises,
        names: Names,
        line: Line,
        statuses: Statuses,
        configured_interval_s: float,
    ) -> None:
        self._premises = premises
        self._line = line
        self._statuses = statuses
        self._configured_interval_s = configured_interval_s
        sensors = {sensor.id: sensor for sensor in names.values() if sensor.is_output}
        self._outputs = Outputs(premises.uplink, sensors, premises.channels)
        self._open: OrderedDict[str, bytes] = OrderedDict()
        self._answers: OrderedDict[bytes, bytes] = OrderedDict()
        self._log = log.bind(uplink=premises.uplink)
        self.clock_offset_ms: int | None = None
        """The cloud's time minus ours, once it has said its time."""
        self.malformed = 0
        """Requests that could be neither read nor answered."""

    async def commands(self) -> AsyncIterator[Command]:
        """Yield the commands; everything else that the cloud asks is answered on the way."""
        topic = self._line.topic(Form.REQUEST)
        async for message in self._line.session.messages():
            # A retained request is a command of nobody knows when.
            if message.topic != topic or message.is_retained:
                continue
            command = await self._take(message.payload)
            if command is not None:
                yield command

    async def reply(self, command: Command, outcome: Outcome) -> None:
        """Answer a controlActuator."""
        await self._answer(answer_of(command, outcome))

    async def _take(self, payload: bytes) -> Command | None:
        """Return the command in a request, or answer it."""
        if payload in self._answers:
            await self._line.publish(Form.RESPONSE, self._answers[payload])
            return None
        if payload in self._open.values():
            return None  # It is under way and will be answered once.
        try:
            request = decode_request(payload)
            self._open[request.id] = payload
            if len(self._open) > OPEN_MAX:
                self._open.popitem(last=False)
            return await self._carry_out(request)
        except RpcError as error:
            refusal = Response(error.request_id, code=error.code, message=str(error))
            await self._answer(refusal)
        except Malformed as error:
            self.malformed += 1
            if self.malformed == 1:
                self._log.warning("request unreadable", error=str(error))
        return None

    async def _carry_out(self, request: Request) -> Command | None:
        """Return a command, or do and answer what the cloud asks; raises RpcError."""
        method, manage = request.method, self._premises.manage
        self._log.info("asked by the cloud", method=method[:64], request_id=request.id)
        if method == "controlActuator":
            return read_command(request, self._outputs)
        if method == "timeSync":
            await self._compare_time(read_time(request))
        elif method == "setProperty":
            await self._set_interval(request, read_interval(request))
        elif method == "swInfo":
            local = {"version": self._premises.version, "date": "", "comment": "gatewayd"}
            await self._answer(Response(request.id, {"local": local, "remote": {}}))
            return None
        elif method in MANAGED and method in manage:
            await self._answer(Response(request.id))
            await manage[method]()
            return None
        else:
            raise RpcError(request.id, RpcCode.NO_METHOD, f"unknown method: {method[:64]}")
        await self._answer(Response(request.id))
        return None

    async def _answer(self, response: Response) -> None:
        """Send an answer and keep it, should the same request come again."""
        answer = encode_response(response)
        payload = self._open.pop(response.id, None)
        if payload is not None:
            self._answers[payload] = answer
            if len(self._answers) > ANSWERS_MAX:
                self._answers.popitem(last=False)
        await self._line.publish(Form.RESPONSE, answer)

    async def _compare_time(self, time_ms: int) -> None:
        """Note how far our clock is off; setting it is not a cloud's business."""
        offset_ms = time_ms - self._premises.clock.now_ms()
        is_close = abs(offset_ms) <= SKEW_MS_MAX
        if not is_close:
            self._log.warning("clock differs from the cloud's", offset_ms=offset_ms)
        self.clock_offset_ms = offset_ms
        if self._statuses.is_held and is_close:
            self._statuses.is_held = False
            await self._statuses.tell_all()

    async def _set_interval(self, request: Request, interval_s: float) -> None:
        """Use and keep another report interval; keep-alive follows at the next connection."""
        loop, folder = asyncio.get_running_loop(), self._premises.state_dir
        kept = (folder, self._configured_interval_s, interval_s)
        try:
            await loop.run_in_executor(None, store_interval, *kept)
        except OSError as error:
            message = f"cannot keep the interval: {error.strerror}"
            raise RpcError(request.id, RpcCode.INTERNAL, message) from error
        self._statuses.interval_s = interval_s
        self._log.info("report interval set", interval_s=interval_s)
        await self._statuses.tell_all()
