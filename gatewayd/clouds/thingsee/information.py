"""Answers to what Thingsee wants to know of this gateway and its things: from memory, at once.

Source: Haltian developer site, common profile (1101, 1102), message commands, gateway profile.
"""

from __future__ import annotations

from dataclasses import replace

from gatewayd.clouds.thingsee.about import (
    CONNECTION,
    HEARTBEATS,
    SYSTEM_INFO,
    UNAVAILABLE,
    UPTIME,
    announcement,
    heartbeats,
    latest,
    latest_diagnostics,
    own_answer,
    own_diagnostics,
)
from gatewayd.clouds.thingsee.adjusting import SETTINGS
from gatewayd.clouds.thingsee.codec import ID_MAX, Event, Json, Message, maybe_number
from gatewayd.clouds.thingsee.dating import seconds_of
from gatewayd.clouds.thingsee.names import DIAGNOSTICS, Names
from gatewayd.clouds.thingsee.own_settings import OwnSettings
from gatewayd.uplink import Premises

FIRMWARE = {1300: 1301, 1302: 1303}
"""Firmware updates and the messages that say what became of them."""

_BARE = {CONNECTION: SYSTEM_INFO, 11211: HEARTBEATS}
"""What a request without `requestTsmId` is after, by its own id."""


class Information:
    """What is known here, as messages."""

    def __init__(self, premises: Premises, names: Names, own: OwnSettings) -> None:
        self._premises = premises
        self._names = names
        self._own = own

    def answers(self, request: Message) -> list[Message]:
        """Return the answer to an information (32) or diagnostics (27) request."""
        if request.event == Event.DIAGNOSTICS_REQUEST:
            uptime_s, count = self._uptime_s(), len(self._names.devices)
            fields = own_diagnostics(self._premises.version, uptime_s, count)
            return [self._answer(request, fields, DIAGNOSTICS)]
        asked = maybe_number(request.fields.get("requestTsmId"))
        wanted = _BARE.get(request.id, 0)
        if asked is not None:
            wanted = int(asked) if 0 <= asked <= ID_MAX else 0
        found = self._find(request, wanted)
        return found or [self._answer(request, {"requestTsmId": wanted}, UNAVAILABLE)]

    def no_firmware(self, request: Message) -> Message:
        """Return that a firmware update will not be."""
        fields: dict[str, Json] = {
            "result": "fail",
            "resultReason": "this gateway is updated by its owner",
        }
        return replace(self._answer(request, fields, FIRMWARE[request.id]), event=Event.NONE)

    def _find(self, request: Message, wanted: int) -> list[Message]:
        names, thing, board = self._names, request.destination, self._premises.board
        if thing == names.gateway and (own := self._of_gateway(wanted)) is not None:
            return [self._answer(request, own, wanted)]
        if wanted == DIAGNOSTICS:
            states = latest_diagnostics(thing, names, board)
            return [self._answer(request, each, wanted) for each in states]
        if wanted in SETTINGS and self._own.has(thing, wanted):
            return [self._answer(request, dict(self._own.current(thing, wanted)), wanted)]
        found = latest(thing, wanted, names, board, self._own.kept.settings)
        if found is None:
            return []
        fields, time_s = found
        return [replace(self._answer(request, fields, wanted), time_s=time_s)]

    def _of_gateway(self, wanted: int) -> dict[str, Json] | None:
        if wanted == UPTIME:
            return {"uptime": self._uptime_s()}
        if wanted == HEARTBEATS:
            now_ms = self._premises.clock.now_ms()
            return heartbeats(self._names, self._premises.board, now_ms)
        known = announcement(self._names, self._premises.version, Event.INFO_RESPONSE, 0)
        return next((message.said() for message in known if message.id == wanted), None)

    def _uptime_s(self) -> int:
        return self._premises.clock.boottime_ms() // 1000

    def _answer(self, request: Message, fields: dict[str, Json], id: int) -> Message:
        now_s = seconds_of(self._premises.clock.now_ms() * 1000)
        return own_answer(self._names, request, now_s, fields, id=id)
