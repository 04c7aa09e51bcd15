"""Commands to this gateway's things that come by its local API: checked, carried out, remembered.

Outputs (1402, 1505, 18200), pings (1600) and information (1101, 11211) go the way of the uplink's
requests. The cloud's answer says what was sent; those of the things come later, in the stream.
Here they are in the same answer, under `messages`, which is ours: what was refused or failed is
told there, and a thing that is silent to a request has none. A transaction that comes again is a
repeat for the desk, which answers with what became of the first.

Settings are not changed here (501): the uplink's open link has them in memory, and would undo at
its next change what was written beside it. Their values are told (1101).

Source: Thingsee Open Services API, "Send a command to a thing", "Get all commands".
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import replace

import orjson

from gatewayd.clouds.local import Site
from gatewayd.clouds.thingsee.adjusting import SETTINGS
from gatewayd.clouds.thingsee.codec import Event, Message, to_json
from gatewayd.clouds.thingsee.kept import Kept
from gatewayd.clouds.thingsee.line import Collected, Line
from gatewayd.clouds.thingsee.names import Names
from gatewayd.clouds.thingsee.own_settings import OwnSettings
from gatewayd.clouds.thingsee.requests import Requests
from gatewayd.clouds.thingsee.rest_types import LoggedCommand, Selection
from gatewayd.clouds.thingsee.selecting import is_selected, newest
from gatewayd.clouds.thingsee.sending import read_commands
from gatewayd.clouds.thingsee.settings import Config
from gatewayd.errors import GatewayError, Malformed
from gatewayd.model import Command

EVENTS = {
    1101: Event.INFO_REQUEST,
    1402: Event.COMMAND_REQUEST,
    1505: Event.CONFIG_REQUEST,
    1600: Event.COMMAND_REQUEST,
    11211: Event.INFO_REQUEST,
    18200: Event.CONFIG_REQUEST,
}
"""What is carried out here, and the event that each is sent with."""

ADMITTED = frozenset({*EVENTS, *SETTINGS})

COMMAND_BYTES_MAX = 8 * 1024
"""Twice the longest payload of an output's command."""

SENT_MAX = 100
"""Commands in the log of all things together; of answers as many."""

UNASSIGNED = "unassigned"
"""The group of things that are in none; the vendor's app takes no message without one."""


class Objection(GatewayError):
    """The call is not answered as its app wants; `status` says how."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class LocalCommands:
    """Commands to the things of one gateway.

    Characteristics: in bodies · out commands to the desk, answers · remembers `SENT_MAX` commands
    and answers · when full the oldest is forgotten · event loop only · not durable.
    """

    def __init__(self, site: Site, config: Config, names: Names) -> None:
        self.group = config.group or UNASSIGNED
        self._premises = site.premises
        self._submit = site.submit
        self._report_s = config.report_interval
        self._names = names
        self._sent: deque[LoggedCommand] = deque(maxlen=SENT_MAX)
        self.answers: deque[Message] = deque(maxlen=SENT_MAX)
        """What things have answered, where an app looks for it among their messages."""

    def known(self, thing: str) -> str:
        """Return the TUID of a thing of this gateway. Raises Objection: 404."""
        if thing not in self._names.devices:
            raise Objection(404, f"thing {thing[:40]} was not found")
        return thing

    def check(self, body: object, thing: str = "") -> list[Message]:
        """Return the commands of a body as they will be passed on.

        Args:
            thing: to which they are; empty = to those that they name.

        Raises:
            Malformed, Objection: any of them cannot be carried out; then none is.
        """
        now_s = self._premises.clock.now_ms() // 1000
        checked = []
        for each in read_commands(body, ADMITTED):
            if thing and each.destination not in ("", thing):
                raise Malformed(f"tsmDstTuid {each.destination} is not {thing}")
            destination = self.known(thing or each.destination)
            _check(each)
            checked.append(replace(each, time_s=now_s, thing="", destination=destination))
        return checked

    async def carry_out(self, commands: Sequence[Message], origin: str) -> list[Message]:
        """Carry out commands that were checked, all at once; return the things' answers."""
        self._sent.extend(
            LoggedCommand(each.destination, round(each.time_s or 0), origin, each)
            for each in commands
        )
        is_asked = any(each.event == Event.INFO_REQUEST for each in commands)
        # No output waits for the card.
        kept = await self.load_kept() if is_asked else Kept()
        own = OwnSettings(self._names, kept, self._premises.paces, self._report_s)
        answers = Collected()
        premises = replace(self._premises, uplink=origin)
        requests = Requests(premises, self._names, own, Line(answers, self.group))
        async with asyncio.TaskGroup() as tasks:
            for each in commands:
                # Undated: it is of this moment, and without a transaction one of its own.
                command = await requests.take_one(replace(each, time_s=None))
                if command is not None:
                    tasks.create_task(self._move(requests, command))
        self.answers.extend(answers.messages)
        return answers.messages

    async def _move(self, requests: Requests, command: Command) -> None:
        await requests.reply(command, await self._submit(command))

    def find_sent(self, thing: str, selection: Selection) -> list[LoggedCommand]:
        """Return the newest commands to a thing that a query means, the oldest first."""
        mine = (each for each in self._sent if each.tuid == thing)
        found = [each for each in mine if is_selected(each.command, selection)]
        return newest(found, selection.limit)

    async def load_kept(self) -> Kept:
        """Return the settings as the cloud has set them; the link writes each change down."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(None, Kept.load, self._premises.state_dir)


def _check(command: Message) -> None:
    """Raise Malformed or Objection where a command is none that is carried out here."""
    if command.id in SETTINGS:
        raise Objection(
            501, "settings are changed through the cloud, not here; message 1101 asks for them"
        )
    if command.event != EVENTS[command.id]:
        raise Malformed(f"message {command.id} is sent with tsmEv {EVENTS[command.id]}")
    if len(orjson.dumps(to_json(command))) > COMMAND_BYTES_MAX:
        raise Malformed(f"a command is longer than {COMMAND_BYTES_MAX} bytes")
