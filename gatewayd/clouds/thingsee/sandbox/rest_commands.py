"""REST endpoints that send commands to things, and the log of them.

A request is carried out whole or not at all.

Source: Thingsee Open Services API, "Send a command to a thing", "Get all commands".
"""

from __future__ import annotations

from collections.abc import Sequence

from gatewayd.clouds.thingsee.codec import Message, to_json
from gatewayd.clouds.thingsee.sandbox.call import Call, Route
from gatewayd.clouds.thingsee.sandbox.errors import bad
from gatewayd.clouds.thingsee.sandbox.records import Thing
from gatewayd.clouds.thingsee.selecting import is_selected, newest
from gatewayd.clouds.thingsee.sending import read_commands
from gatewayd.errors import Malformed


def commands(call: Call) -> object:
    """The log: chronological, of what the API admits only."""
    thing, selection, allowed = call.thing(), call.selection(), call.premises.orders.allowed()
    meant = [
        each
        for each in thing.commands
        if each.command.id in allowed and is_selected(each.command, selection)
    ]
    return [
        {
            "tuid": thing.tuid,
            "timestamp": each.time_s,
            "responsible": each.responsible,
            "command": to_json(each.command),
        }
        for each in newest(meant, selection.limit)
    ]


def send(call: Call) -> object:
    """Send commands to the thing of the path."""
    thing = call.thing()
    found = _commands(call)
    for command in found:
        if command.destination not in ("", thing.tuid):
            raise bad(f"tsmDstTuid {command.destination} is not {thing.tuid}")
    sent = _give(call, thing, found)
    return {"responsible": call.responsible, "commands": [to_json(each) for each in sent]}


def send_each(call: Call) -> object:
    """Send commands to the things that they name."""
    found = [(call.world.thing(each.destination), each) for each in _commands(call)]
    sent = [each for thing, command in found for each in _give(call, thing, [command])]
    return {"responsible": call.responsible, "commands": [to_json(each) for each in sent]}


def _give(call: Call, thing: Thing, found: list[Message]) -> list[Message]:
    premises = call.premises

    def take(messages: Sequence[Message], gateway: str) -> None:
        premises.intake.take(messages, gateway, premises.journal.next_number())

    return premises.orders.give(thing, found, call.responsible, take)


def _commands(call: Call) -> list[Message]:
    """Return the commands of a body. Raises ApiError: any of them cannot be sent."""
    try:
        return read_commands(call.body(), call.premises.orders.allowed())
    except Malformed as error:
        raise bad(str(error)) from None


ROUTES = (
    Route("GET", "/things/{tuid}/commands", commands),
    Route("POST", "/things/{tuid}/commands", send),
    Route("POST", "/messages", send_each),
)
