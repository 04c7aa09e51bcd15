"""What this gateway says about itself and its things, besides readings; pure.

Source: Haltian developer site, common profile (1000, 1100, 1312, 1313, 1400, 1403) and gateway
profile (11200).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import orjson

from gatewayd.board import Board
from gatewayd.clouds.thingsee.codec import Event, Json, Message, answer_to
from gatewayd.clouds.thingsee.dating import seconds_of
from gatewayd.clouds.thingsee.names import DIAGNOSTICS, Names, Place
from gatewayd.clouds.thingsee.report import (
    DIAGNOSTIC_GATEWAY,
    DIAGNOSTIC_SENSOR,
    Settings,
    current_place,
    diagnostic_data,
    diagnostic_type,
    wire_fields,
)
from gatewayd.clouds.thingsee.tuid import product_of

CONNECTION, SYSTEM_INFO, UNAVAILABLE, UPTIME = 1000, 1100, 1102, 1112
BINARY, HARDWARE, ERROR_INFO, HEARTBEATS = 1312, 1313, 1403, 11200
MODEL = "gatewayd"

SLOT_S = 900
"""A thing is alive that gave a value in the last quarter of an hour; outputs, that are known."""


def own_answer(
    names: Names, request: Message, time_s: float, fields: Mapping[str, Json], *, id: int = 0
) -> Message:
    """Return the answer of the thing that was asked, relayed by this gateway."""
    answer = answer_to(request, request.destination, time_s, fields, id=id)
    return replace(answer, gateway=names.relayed_by(answer.thing))


def connection(gateway: str, event: int, time_s: float | None) -> Message:
    """Return the word of a connection or its end; a will has no time, the cloud adds it."""
    return Message(id=CONNECTION, event=event, time_s=time_s, thing=gateway)


def system_info(thing: str, version: str, event: int, time_s: float) -> Message:
    """Return which software a thing runs; the serial is what a TUID has after its product."""
    fields: dict[str, Json] = {"swVersion": version, "modelCode": MODEL, "psn": thing[6:]}
    if not product_of(thing):
        fields = {"swVersion": version, "modelCode": MODEL}
    return Message(id=SYSTEM_INFO, event=event, time_s=time_s, thing=thing, fields=fields)


def announcement(names: Names, version: str, event: int, time_s: float) -> list[Message]:
    """Return what a gateway says when it starts: software, binaries, hardware."""
    gateway = names.gateway
    binary: dict[str, Json] = {"binaryType": MODEL, "binaryVersion": version}
    return [
        system_info(gateway, version, event, time_s),
        Message(id=BINARY, event=event, time_s=time_s, thing=gateway, fields=binary),
        Message(id=HARDWARE, event=event, time_s=time_s, thing=gateway, fields={"hwid": gateway}),
    ]


def unknown_destination(gateway: str, destination: str, time_s: float) -> Message:
    """Return that a command was for nobody here."""
    cause = f"{destination or 'nobody'} is none of this gateway's things"
    return Message(
        id=ERROR_INFO,
        event=Event.ERROR,
        time_s=time_s,
        thing=gateway,
        fields={"errorType": "unknown_destination", "errorCause": cause},
    )


def latest(
    thing: str, id: int, names: Names, board: Board, settings: Settings
) -> tuple[dict[str, Json], float] | None:
    """Return the newest fields of a thing's message and their time (s), None if there are none.

    What has no value now is left out: an old one is never shown as fresh.
    """
    fields: dict[str, Json] = {}
    newest_ms = 0
    for place in names.places_of(thing):
        reading = board.latest(place.channel)
        if reading is None or reading.value is None:
            continue
        message, name = current_place(place, settings)
        if message != id or place.message == DIAGNOSTICS:
            continue
        found, reason = wire_fields(reading.value, place, name)
        if not reason:
            fields |= found
            newest_ms = max(newest_ms, reading.time_ms)
    return (fields, seconds_of(newest_ms * 1000)) if fields else None


def latest_diagnostics(thing: str, names: Names, board: Board) -> list[dict[str, Json]]:
    """Return the fields of a 1400 for each channel of a thing that is told in this way."""
    return [
        {
            "diagGroup": DIAGNOSTIC_GATEWAY if place.is_output else DIAGNOSTIC_SENSOR,
            "diagType": diagnostic_type(place),
            "diagData": data,
        }
        for place, data in _states(names.places_of(thing), board)
    ]


def _states(places: Iterable[Place], board: Board) -> Iterable[tuple[Place, str]]:
    for place in places:
        reading = board.latest(place.channel)
        if place.message == DIAGNOSTICS and reading is not None and reading.value is not None:
            data, reason = diagnostic_data(reading.value, place)
            if not reason:
                yield place, data


def own_diagnostics(version: str, uptime_s: int, things: int) -> dict[str, Json]:
    """Return the fields of a 1400 about the gateway itself."""
    data = {"version": version, "uptime_s": uptime_s, "things": things}
    return {"diagGroup": 0, "diagType": MODEL, "diagData": orjson.dumps(data).decode()}


def heartbeats(names: Names, board: Board, now_ms: int) -> dict[str, Json]:
    """Return the fields of an 11200: of each thing whether it is alive, in one slot."""
    beats: list[Json] = []
    for thing in sorted(names.devices):
        alive = any(_is_alive(place, board, now_ms) for place in names.places_of(thing))
        if thing != names.gateway:
            beats.append({"tuid": thing, "slotBits": int(alive)})
    return {"slotInterval": SLOT_S, "slotBitCount": 1, "heartbeats": beats}


def _is_alive(place: Place, board: Board, now_ms: int) -> bool:
    reading = board.latest(place.channel)
    if reading is None or reading.value is None:
        return False
    return place.is_output or now_ms - reading.time_ms <= SLOT_S * 1000
