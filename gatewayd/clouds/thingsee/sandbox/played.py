"""Sensors that the sandbox plays itself, for training without a gateway: how they answer. Pure.

Source: Haltian developer site, message commands; configuration pages of Presence and Environment.
"""

from __future__ import annotations

from gatewayd.clouds.thingsee.adjusting import (
    INTERVALS,
    PIR,
    SETTINGS,
    adjust,
    defaults_of,
    passive_interval,
)
from gatewayd.clouds.thingsee.codec import Event, Json, Message, answer_to, maybe_number
from gatewayd.clouds.thingsee.rest_types import Selection
from gatewayd.clouds.thingsee.sandbox.history import History
from gatewayd.clouds.thingsee.sandbox.records import Thing

REMOTE, PING = 1402, 1600
INFORMATION, UNAVAILABLE = 1101, 1102
UNSUPPORTED = -2
WANTED = "requestTsmId"


def play(thing: Thing, request: Message, history: History, now_s: int) -> Message | None:
    """Return what a played sensor answers to a request; None is silence, the only "no" there is.

    A configuration is answered with all settings of its message, a remote command with -2.
    """
    match request.event:
        case Event.CONFIG_REQUEST if request.id in SETTINGS:
            current = thing.settings.get(request.id, {})
            values = adjust(request.id, current, request.said())
            if request.id == PIR:
                intervals = defaults_of(INTERVALS) | thing.settings.get(INTERVALS, {})
                values["passiveReportInterval"] = passive_interval(
                    values, intervals["reportInterval"]
                )
            thing.settings[request.id] = values
            answer = answer_to(request, thing.tuid, now_s, dict(values))
        case Event.COMMAND_REQUEST if request.id == REMOTE:
            fields: dict[str, Json] = {"result": UNSUPPORTED, "payload": ""}
            answer = answer_to(request, thing.tuid, now_s, fields)
        case Event.COMMAND_REQUEST if request.id == PING:
            answer = answer_to(request, thing.tuid, now_s, {})
        case Event.INFO_REQUEST:
            answer = _inform(thing, request, history, now_s)
        case _:
            return None
    return Message(
        id=answer.id,
        event=answer.event,
        time_s=answer.time_s,
        thing=thing.tuid,
        gateway=thing.gateway,
        fields=answer.fields,
    )


def _inform(thing: Thing, request: Message, history: History, now_s: int) -> Message:
    """Return the message that was asked for, as it was last, or that there is none."""
    wanted = maybe_number(request.fields.get(WANTED))
    id = int(wanted) if wanted is not None else 0
    found = history.of(thing.tuid, Selection(message_ids=(id,), limit=1))
    if request.id == INFORMATION and found:
        return answer_to(request, thing.tuid, now_s, found[0].said(), id=id)
    return answer_to(request, thing.tuid, now_s, {WANTED: id}, id=UNAVAILABLE)
