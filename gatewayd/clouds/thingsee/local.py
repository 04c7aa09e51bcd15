"""Thingsee's REST calls, answered on the spot by this gateway, and its push of message arrays.

    POST things/{tuid}/commands   commands to a thing of this gateway (local_commands)
    POST messages                 the same, each to the thing that it names
    GET  things/{tuid}/commands   those that came here, the newest of them
    GET  things/{tuid}/messages   what a thing says now, and has answered to those
    POST push                     messages of other things, of which routes make commands
    POST auth/client-token        the client's secret as its token; the console has its own gate

Source: Thingsee Open Services API; Haltian developer site, message commands, custom integration.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from gatewayd.clouds.local import Asked, Site, Told, read_json, tell
from gatewayd.clouds.thingsee.codec import to_json
from gatewayd.clouds.thingsee.dating import rank_channels
from gatewayd.clouds.thingsee.inbound import Ear
from gatewayd.clouds.thingsee.local_commands import LocalCommands, Objection
from gatewayd.clouds.thingsee.names import name_channels
from gatewayd.clouds.thingsee.pushed import Pushes
from gatewayd.clouds.thingsee.report import plan_messages
from gatewayd.clouds.thingsee.rest_errors import phrase
from gatewayd.clouds.thingsee.selecting import is_selected, newest, read_selection
from gatewayd.clouds.thingsee.settings import Config, owner_of
from gatewayd.errors import Malformed
from gatewayd.model import Batch, Command
from gatewayd.transports.http_inbox import Posted

MOVES_MAX = 100
"""Commands of routes waited for at a time; as many as an uplink holds."""

MOVES_S = 5.0
"""How long who pushes waits for them; then they take their course without him. He wants to know
that he was heard, and would push again."""


def open_local(site: Site) -> LocalThingsee:
    """Return what answers Thingsee's calls.

    Raises:
        ConfigError: illegal names.
    """
    return LocalThingsee(site)


class LocalThingsee:
    """Answers for one gateway and its things."""

    def __init__(self, site: Site) -> None:
        premises = self._premises = site.premises
        config = site.config if isinstance(site.config, Config) else Config()
        self._names = name_channels(premises.gateway_id, premises.channels, owner_of(config))
        self._ranks = rank_channels(self._names.places)
        self._commands = LocalCommands(site, config, self._names)
        self._ear = Ear(premises.uplink, premises.routes, self._names.devices)
        self._submit = site.submit
        self._moving = 0

    async def answer(self, asked: Asked) -> Told:
        """Return the answer to a call."""
        try:
            return await self._answer(asked)
        except Malformed as error:
            return _refuse(400, str(error))
        except Objection as error:
            return _refuse(error.status, str(error))

    async def _answer(self, asked: Asked) -> Told:
        known = self._commands.known
        match (asked.method, *asked.path.strip("/").split("/")):
            case ("POST", "things", thing, "commands"):
                return await self._send(asked, known(thing))
            case ("POST", "messages"):
                return await self._send(asked)
            case ("GET", "things", thing, "commands"):
                return self._tell_commands(asked, known(thing))
            case ("GET", "things", thing, "messages"):
                return await self._tell_messages(asked, known(thing))
            case ("POST", "push"):
                return await self._take_push(asked)
            case ("POST", "auth", "client-token"):
                return _tell_token(asked)
            case (_, "things", _, "commands" | "messages"):
                raise Objection(405, "expected GET, or POST of commands")
            case (_, "messages" | "push") | (_, "auth", "client-token"):
                raise Objection(405, "expected POST")
        raise Objection(404, f"{asked.path[:100]} is not answered here")

    # Commands

    async def _send(self, asked: Asked, thing: str = "") -> Told:
        sent = self._commands.check(read_json(asked), thing)
        answers = await self._commands.carry_out(sent, asked.origin)
        return _succeed(
            {
                "responsible": asked.origin,
                "commands": [to_json(each) for each in sent],
                "messages": [to_json(each) for each in answers],
            }
        )

    def _tell_commands(self, asked: Asked, thing: str) -> Told:
        return _succeed(
            [
                {
                    "tuid": each.tuid,
                    "timestamp": each.time_s,
                    "responsible": each.responsible,
                    "command": to_json(each.command),
                }
                for each in self._commands.find_sent(thing, read_selection(asked.query))
            ]
        )

    # Messages

    async def _tell_messages(self, asked: Asked, thing: str) -> Told:
        """Tell the latest readings as the link reports them, and answers, the newest first."""
        selection = read_selection(asked.query)
        if selection.limit is None:
            raise Malformed("limit is required")
        settings = (await self._commands.load_kept()).settings
        board, places = self._premises.board, self._names.places_of(thing)
        readings = [each for place in places if (each := board.latest(place.channel)) is not None]
        batch = Batch("", range(len(readings)), readings, len(readings))
        plan = plan_messages(batch, self._names, self._ranks, {}, settings)
        latest = [replace(each, group=self._commands.group) for each in plan.messages]
        answers = [each for each in self._commands.answers if each.thing == thing]
        found = [each for each in latest + answers if is_selected(each, selection)]
        found.sort(key=lambda message: message.time_s or 0.0)
        return _succeed([to_json(each) for each in reversed(newest(found, selection.limit))])

    async def _take_push(self, asked: Asked) -> Told:
        moves: list[Command] = []

        def offer(commands: Sequence[Command]) -> bool:
            if self._moving + len(commands) > MOVES_MAX:
                return False
            moves.extend(commands)
            return True

        # The console has seen to the token already, and to the type.
        posted = Posted(asked.path, {"content-type": "application/json"}, asked.body)
        verdict = Pushes(self._ear, offer, None).take(posted)
        self._moving += len(moves)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(MOVES_S), asyncio.TaskGroup() as tasks:
                    for command in moves:
                        tasks.create_task(self._move(command))
        finally:
            self._moving -= len(moves)
        return Told(verdict.status, verdict.body)

    async def _move(self, command: Command) -> None:
        await self._submit(command)  # What became of it is in the record only.


def _tell_token(asked: Asked) -> Told:
    body = read_json(asked)
    secret = body.get("client_secret") if isinstance(body, dict) else None
    if not isinstance(secret, str) or not secret:
        raise Malformed("client_secret is missing")
    return _succeed({"token": secret})


def _succeed(data: object) -> Told:
    return tell({"data": data})


def _refuse(status: int, message: str) -> Told:
    return tell({"statusCode": status, "error": phrase(status), "message": message}, status)
