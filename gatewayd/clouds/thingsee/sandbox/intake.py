"""Messages on their way into the world, from whichever side they come, and on to the customer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import orjson

from gatewayd.clouds.thingsee.codec import Event, Message, maybe_number, to_json
from gatewayd.clouds.thingsee.sandbox.alerts import end_silence
from gatewayd.clouds.thingsee.sandbox.conformance import (
    check_answer,
    check_fields,
    check_header,
    check_repeat,
    note_fields,
)
from gatewayd.clouds.thingsee.sandbox.journal import Arrival, Journal
from gatewayd.clouds.thingsee.sandbox.orders import find_logged
from gatewayd.clouds.thingsee.sandbox.outlets import Outlets
from gatewayd.clouds.thingsee.sandbox.records import Thing
from gatewayd.clouds.thingsee.sandbox.world import World
from gatewayd.sandbox.errors import ApiError
from gatewayd.sandbox.violations import Findings

BATTERY, SYSTEM_INFO, LOCATION = 1110, 1100, 1210
ANSWERS = frozenset(
    {
        Event.CONFIG_RESPONSE,
        Event.COMMAND_RESPONSE,
        Event.INFO_RESPONSE,
        Event.DIAGNOSTICS_RESPONSE,
    }
)
TRANSACTED = frozenset({Event.CONFIG_RESPONSE, Event.COMMAND_RESPONSE})
"""Answers that nobody gives unasked."""


@dataclass(slots=True)
class Tally:
    """What became of the messages of one publish."""

    accepted: int = 0
    repeats: int = 0
    refused: int = 0

    def verdict(self) -> str:
        """Return it in words."""
        parts = [f"{self.accepted} accepted"]
        parts += [f"{self.repeats} repeated"] if self.repeats else []
        parts += [f"{self.refused} refused"] if self.refused else []
        return ", ".join(parts)


class Intake:
    """Takes messages: judges them, keeps them, passes them on."""

    def __init__(self, world: World, journal: Journal, outlets: Outlets) -> None:
        self._world = world
        self._journal = journal
        self._outlets = outlets

    def take(self, messages: Sequence[Message], gateway: str, number: int) -> Tally:
        """Take the messages of publish `number`; `gateway` sent it, "" where nobody knows."""
        tally = Tally()
        passed: list[Message] = []
        for message in messages:
            self._blame(message, gateway)
            try:
                kept = self._keep(message, gateway)
            except ApiError:
                tally.refused += 1
                continue
            earlier = self._world.history.find(kept)
            if earlier is not None:
                self.blame(gateway or kept.thing, check_repeat(kept, earlier))
            is_new = self._world.history.add(kept)
            tally.accepted += is_new
            tally.repeats += not is_new
            self._journal.arrive(
                Arrival(number, kept, not is_new), len(orjson.dumps(to_json(kept)))
            )
            passed.append(kept)
        self._outlets.tell(passed, publish_all=self._world.settings.publish_all)
        return tally

    def blame(self, gateway: str, findings: Findings, *, is_note: bool = False) -> None:
        """Write down what a check has found."""
        self._journal.blame(self._world.clock.now_ms(), gateway, findings, is_note=is_note)

    def _blame(self, message: Message, gateway: str) -> None:
        findings = check_header(message, gateway, self._world.now_s()) + check_fields(message)
        self.blame(gateway or message.thing, findings)
        self.blame(gateway or message.thing, note_fields(message), is_note=True)

    def _keep(self, message: Message, gateway: str) -> Message:
        """Note what a message says of its thing; return it as the cloud passes it on.

        Raises:
            ApiError: it is of nobody, or there are too many things.
        """
        if not message.thing:
            raise ApiError(400, "", "a message of nobody")
        world, now_ms = self._world, self._world.clock.now_ms()
        thing = world.meet(message.thing)
        relay = message.gateway or (gateway if gateway != thing.tuid else "")
        if relay:
            thing.gateway = relay
        for name in {relay, gateway} - {""}:
            relaying = world.meet(name)
            relaying.is_gateway = True
            end_silence(relaying, now_ms, world.settings)
        if thing.is_gateway and message.event == Event.DISCONNECTED:
            thing.heard_ms = now_ms
        else:
            end_silence(thing, now_ms, world.settings)
        kept = _completed(message, thing.group, now_ms)
        _note(thing, kept)
        if message.event in ANSWERS:
            self._note_answer(thing, kept)
        return kept

    def _note_answer(self, thing: Thing, answer: Message) -> None:
        logged = find_logged(thing, answer)
        if logged is not None:
            logged.answer = logged.answer or answer
            logged.answers += 1
            self._journal.counts["answers"] += 1
        if logged is not None or answer.event in TRANSACTED:
            request = logged.command if logged else None
            self.blame(thing.way or thing.tuid, check_answer(answer, request))


def _completed(message: Message, group: str, now_ms: int) -> Message:
    """Return a message with what the cloud adds: group, its time, and a time if there is none.

    `batl` is whole, as the vendor's app needs it; times that are, too.
    """
    time_s = now_ms // 1000 if message.time_s is None else message.time_s
    fields = dict(message.fields)
    level = maybe_number(fields.get("batl"))
    if level is not None:
        fields["batl"] = round(level)
    return replace(
        message,
        time_s=int(time_s) if time_s == int(time_s) else time_s,
        cloud_time_s=now_ms // 1000,
        group=group,
        fields=fields,
    )


def _note(thing: Thing, message: Message) -> None:
    """Note what a message says of its thing in general, unless a newer one has."""
    time_s = int(message.time_s or 0)
    if thing.time_s is not None and time_s < thing.time_s:
        return
    thing.time_s = time_s
    fields = message.fields
    if message.id == BATTERY and (level := maybe_number(fields.get("batl"))) is not None:
        thing.battery = round(level)
    if message.id == SYSTEM_INFO and isinstance(fields.get("swVersion"), str):
        thing.version = str(fields["swVersion"])
    if message.id == LOCATION:
        latitude, longitude = maybe_number(fields.get("lat")), maybe_number(fields.get("lon"))
        if latitude is not None and longitude is not None:
            thing.location = latitude, longitude
