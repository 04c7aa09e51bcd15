"""Takes what Thingsee asks of this gateway and its things: answers it, or hands commands on.

Strategy: an answer travels the way of the readings. A request with a transaction number that comes
again with the same content is given the same answer and does nothing; without a number the time
stands for it. What was answered over an earlier connection is passed over (answered). There is no
negative answer to a configuration (30/31): a thing that does not have such settings is silent.

Characteristics: in requests · out commands, answers · remembers `ANSWERS_MAX` requests for
`REPEAT_S` and `OPEN_MAX` commands under way · when full the oldest is forgotten · event loop only.

Source: Haltian developer site, message commands, common profile, sensors' configuration pages.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Mapping
from typing import NamedTuple

import structlog

from gatewayd.clouds.local import new_id
from gatewayd.clouds.thingsee.about import own_answer, unknown_destination
from gatewayd.clouds.thingsee.adjusting import SETTINGS
from gatewayd.clouds.thingsee.answered import is_lately, key_of, store_answered
from gatewayd.clouds.thingsee.codec import MESSAGES_MAX, Event, Json, Message, sort_out
from gatewayd.clouds.thingsee.commands import (
    LEDS,
    REBOOT,
    RELAY,
    REMOTE,
    UNSUPPORTED,
    Move,
    Refused,
    find_led,
    led_answer,
    read_led,
    read_relay,
    refusal,
    relay_answer,
)
from gatewayd.clouds.thingsee.dating import seconds_of
from gatewayd.clouds.thingsee.information import FIRMWARE, Information
from gatewayd.clouds.thingsee.line import Line
from gatewayd.clouds.thingsee.names import Names, Place
from gatewayd.clouds.thingsee.own_settings import OwnSettings
from gatewayd.errors import Malformed
from gatewayd.model import Command, Outcome
from gatewayd.uplink import Premises

log = structlog.get_logger()

REPEAT_S = 600.0
"""How long a request is remembered; a customer gives up after five minutes."""

ANSWERS_MAX = 256
OPEN_MAX = 256
"""Commands under way; the desk takes far fewer at a time."""

PING = 1600


class _Memory(NamedTuple):
    """A request seen before, and its answers; None while it is under way."""

    time_s: float
    answers: list[Message] | None


class _Open(NamedTuple):
    """A command under way, and what it was made of."""

    request: Message
    place: Place
    key: bytes | None


class Requests:
    """The requests of one connection; answers leave by its line."""

    def __init__(
        self,
        premises: Premises,
        names: Names,
        own: OwnSettings,
        line: Line,
        answered: Mapping[str, int] | None = None,
    ) -> None:
        """Begin with what was answered on earlier connections; None = nothing, and no later one
        will hear of this."""
        self._is_kept = answered is not None
        self._earlier = answered or {}
        self._answered = dict(self._earlier)
        self._premises = premises
        self._names = names
        self._own = own
        self.line = line
        self._open: OrderedDict[str, _Open] = OrderedDict()
        self._memories: OrderedDict[bytes, _Memory] = OrderedDict()
        self._information = Information(premises, names, own)
        self._log = log.bind(uplink=premises.uplink)
        self.ahead_ms = 0
        """How much later it is at the cloud than here, where somebody knows."""
        self.ignored: Counter[str] = Counter()
        """Requests that had no answer, by reason."""

    async def take(self, payload: bytes) -> list[Command]:
        """Return the commands in a payload; everything else in it is answered on the way.

        Raises:
            LinkLost: an answer could not be sent.
        """
        try:
            messages, faults = sort_out(payload, MESSAGES_MAX)
        except Malformed as error:
            messages, faults = [], [str(error)]
        for fault in faults:
            self._ignore("malformed", fault)
        found = [await self.take_one(message) for message in messages]
        return [command for command in found if command is not None]

    async def take_one(self, request: Message) -> Command | None:
        """Return the command that a request is, or answer it; raises LinkLost."""
        key = key_of(request)
        if key is not None and (memory := self._find_memory(key)) is not None:
            if memory.answers:
                await self.line.post(memory.answers)
            return None
        if key is not None and is_lately(self._earlier.get(key.hex()), self._now_ms()):
            return None
        self._remember(key, None)
        self._log.info("request taken", tsm_id=request.id, tsm_ev=request.event)
        if request.destination not in self._names.devices:
            fault = unknown_destination(self._names.gateway, request.destination, self._now_s())
            await self._answer(key, [fault])
            return None
        match request.event:
            case Event.CONFIG_REQUEST if request.id in LEDS:
                return await self._blink(request, key)
            case Event.CONFIG_REQUEST:
                await self._configure(request, key)
            case Event.COMMAND_REQUEST:
                return await self._command(request, key)
            case Event.INFO_REQUEST | Event.DIAGNOSTICS_REQUEST:
                await self._answer(key, self._information.answers(request))
            case Event.RESET_REQUEST:
                await self._manage("restart")
            case Event.FIRMWARE_REQUEST if request.id in FIRMWARE:
                await self._answer(key, [self._information.no_firmware(request)])
            case _:
                self._ignore("unknown", f"event {request.event} of message {request.id}")
        return None

    async def reply(self, command: Command, outcome: Outcome) -> None:
        """Answer the request that a command was made of; a route's has none."""
        found = self._open.pop(command.request_id, None)
        if found is None:
            return
        request, place, key = found
        is_led = request.id in LEDS
        fields = led_answer(request, outcome) if is_led else relay_answer(place, outcome)
        await self._answer(key, [self._answer_to(request, fields)])
        if key is not None and self._is_kept:
            await self._keep_answered(key)

    # Repeats

    async def _keep_answered(self, key: bytes) -> None:
        self._answered[key.hex()] = self._now_ms()
        loop, folder = asyncio.get_running_loop(), self._premises.state_dir
        try:
            await loop.run_in_executor(None, store_answered, folder, dict(self._answered))
        except OSError as error:
            self._log.warning("answered commands not kept", reason=error.strerror)

    def _find_memory(self, key: bytes) -> _Memory | None:
        memory = self._memories.get(key)
        if memory is None or asyncio.get_running_loop().time() - memory.time_s >= REPEAT_S:
            return None
        return memory

    def _remember(self, key: bytes | None, answers: list[Message] | None) -> None:
        if key is None:
            return
        self._memories[key] = _Memory(asyncio.get_running_loop().time(), answers)
        self._memories.move_to_end(key)
        if len(self._memories) > ANSWERS_MAX:
            self._memories.popitem(last=False)

    async def _answer(self, key: bytes | None, answers: list[Message]) -> None:
        answers = [self.line.stamped(answer) for answer in answers]
        self._remember(key, answers)
        if answers:
            await self.line.post(answers)

    def _answer_to(self, request: Message, fields: dict[str, Json]) -> Message:
        return own_answer(self._names, request, self._now_s(), fields)

    def _now_ms(self) -> int:
        return self._premises.clock.now_ms()

    def _now_s(self) -> float:
        return seconds_of(self._now_ms() * 1000)

    def _ignore(self, reason: str, what: str) -> None:
        """Count what has no answer; the first of each kind is told."""
        self.ignored[reason] += 1
        if self.ignored[reason] == 1:
            self._log.warning("request ignored", reason=reason, what=what)

    # Outputs

    def _open_command(self, request: Message, move: Move, key: bytes | None) -> Command:
        # A number would begin anew with each connection, and the desk takes it for a repeat.
        what = key.hex() if key is not None else new_id()
        request_id = f"{request.id} to {request.destination}, {what}"
        self._open[request_id] = _Open(request, move.place, key)
        if len(self._open) > OPEN_MAX:
            self._open.popitem(last=False)
        time_s = request.time_s
        issued_ms = None if time_s is None else round(time_s * 1000) - self.ahead_ms
        return Command(
            self._premises.uplink,
            request_id,
            move.place.channel,
            move.value,
            move.hold_s,
            move.blink_s,
            issued_ms,
        )

    async def _command(self, request: Message, key: bytes | None) -> Command | None:
        """Take a 35: the remote command, a ping, or something that is not supported."""
        if request.id == PING:
            # A ping to a Wirepas node is answered by that node alone, and we are none.
            is_ours = request.fields.get("wpnode") is None
            await self._answer(key, [self._answer_to(request, {})] if is_ours else [])
            return None
        word = request.fields.get("command")
        try:
            if request.id == REMOTE and word == RELAY:
                return self._open_command(request, read_relay(request, self._names), key)
            if request.id == REMOTE and word == REBOOT:
                await self._reboot(request, key)
                return None
            raise Refused(f"{str(word)[:64]} is not supported", UNSUPPORTED)
        except Refused as error:
            await self._answer(key, [self._answer_to(request, refusal(error))])
        return None

    async def _reboot(self, request: Message, key: bytes | None) -> None:
        if "reboot" not in self._premises.manage:
            raise Refused("the owner does not allow it")
        await self._answer(key, [self._answer_to(request, {"result": 0, "payload": ""})])
        await self._manage("reboot")

    async def _manage(self, act: str) -> None:
        if act in self._premises.manage:
            await self._premises.manage[act]()
        else:
            self._ignore("not allowed", act)

    async def _blink(self, request: Message, key: bytes | None) -> Command | None:
        """Take a LED command; a thing without LED is silent."""
        if find_led(request.destination, self._names) is None:
            self._ignore("no such settings", f"message {request.id}")
            return None
        move = read_led(request, self._names, self._premises.channels)
        if move is not None:
            return self._open_command(request, move, key)
        await self._answer(key, [self._answer_to(request, led_answer(request, None))])
        return None

    # Settings

    async def _configure(self, request: Message, key: bytes | None) -> None:
        """Change the settings that a 30 names and answer with all of them, kept on the disk."""
        thing, id = request.destination, request.id
        if id not in SETTINGS or not self._own.has(thing, id):
            self._ignore("no such settings", f"message {id}")
            return
        before = self._own.current(thing, id)
        values = self._own.change(thing, id, request.said())
        if values != before:
            content = self._own.kept.to_json()
            try:
                await asyncio.get_running_loop().run_in_executor(
                    None, self._own.kept.store, self._premises.state_dir, content
                )
            except OSError as error:
                self._log.error("settings not kept", reason=str(error))
            self._log.info("settings changed", thing=thing, request_id=id, values=values)
        await self._answer(key, [self._answer_to(request, dict(values))])
