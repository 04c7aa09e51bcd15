"""What a device asks of the cloud: buckets, endpoints, properties, other devices.

A call with an id is acknowledged, one without is not; the reading of a property is answered
always. How the real server words a failure is unknown, so there are no words.

Source: Thinger.io Arduino-Library 2.40.0, `thinger.h`; Thinger.io documentation, Buckets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from gatewayd.clouds.thinger.events import Answer, Call, Operation, Path
from gatewayd.clouds.thinger.pson import UNSET, Pson
from gatewayd.clouds.thinger.sandbox.connection import Connection, Gone, NoReply
from gatewayd.clouds.thinger.sandbox.intake import Intake
from gatewayd.clouds.thinger.sandbox.journal import Journal, Received
from gatewayd.clouds.thinger.sandbox.plain import as_json
from gatewayd.clouds.thinger.sandbox.socket_faults import SocketFaults
from gatewayd.clouds.thinger.sandbox.streams import Streams
from gatewayd.clouds.thinger.sandbox.world import World
from gatewayd.sandbox.errands import Errands
from gatewayd.sandbox.errors import ApiError, invalid

Ask = Callable[[str, str, Path, Pson], Awaitable[Answer]]
"""Runs a resource of a device of a user. Raises Gone, NoReply."""


@dataclass(frozen=True, slots=True)
class Premises:
    """What the device side works with."""

    world: World
    journal: Journal
    intake: Intake
    streams: Streams
    errands: Errands


class DeviceCalls:
    """Carries out what devices ask, and answers."""

    def __init__(self, premises: Premises, faults: SocketFaults, ask: Ask) -> None:
        self._premises = premises
        self._faults = faults
        self._ask = ask

    def take(self, connection: Connection, call: Call) -> None:
        what = f"Call {call.operation.name} {call.name}"
        if self._faults.is_due("withhold"):
            note(self._premises, connection, what, call.payload, "withheld")
            return
        self._premises.journal.counts["calls"] += 1
        if self._faults.is_due("error_ack"):
            note(self._premises, connection, what, call.payload, "refused on purpose")
            self._acknowledge(connection, call, Answer(call.id, is_ok=False))
            return
        if call.operation is Operation.CALL_DEVICE:
            note(self._premises, connection, what, call.payload)
            self._premises.errands.send(self._call_device(connection, call))
            return
        try:
            payload, verdict = self._carry_out(connection, call), ""
            answer = Answer(call.id, is_ok=True, payload=payload)
        except ApiError as error:
            answer, verdict = Answer(call.id, is_ok=False), str(error)
        note(self._premises, connection, what, call.payload, verdict)
        self._acknowledge(connection, call, answer)

    def _carry_out(self, connection: Connection, call: Call) -> Pson:
        """Do what a device asks and return what answers it. Raises ApiError."""
        world, intake = self._premises.world, self._premises.intake
        account, device, value = connection.account, connection.device, as_json(call.payload)
        match call.operation:
            case Operation.WRITE_BUCKET:
                bucket = world.bucket(account, call.name)
                if bucket.source != "write":
                    raise invalid(f"bucket {bucket.id} is not written by devices")
                intake.store(account, bucket, value)
            case Operation.CALL_ENDPOINT:
                intake.call(account, call.name, value)
            case Operation.SET_PROPERTY:
                intake.set_property(account, device, call.name, value)
            case Operation.GET_PROPERTY:
                if call.name not in device.properties:
                    raise ApiError(404, "", f"no property {call.name[:40]}")
                found: Pson = device.properties[call.name]  # type: ignore[assignment]  # JSON.
                return found
        return UNSET

    async def _call_device(self, connection: Connection, call: Call) -> None:
        """Run a resource of another device of the same user."""
        try:
            answer = await self._ask(connection.account.id, call.name, call.path, call.payload)
            is_ok, payload = answer.is_ok, answer.payload
        except (Gone, NoReply):
            is_ok, payload = False, UNSET
        self._acknowledge(connection, call, Answer(call.id, is_ok, payload))

    def _acknowledge(self, connection: Connection, call: Call, answer: Answer) -> None:
        """Answer a call that wants it: one with an id, or the reading of a property."""
        wants_answer = call.id or call.operation is Operation.GET_PROPERTY
        if not wants_answer or self._faults.is_due("lose_ack"):
            return
        if self._faults.ack_delay_s > 0:
            loop = asyncio.get_running_loop()
            loop.call_later(self._faults.ack_delay_s, connection.write, answer)
        else:
            connection.write(answer)


def note(
    premises: Premises, connection: Connection, what: str, payload: Pson, verdict: str = ""
) -> None:
    """Write down what a device said."""
    content = as_json(payload)
    received = Received(
        premises.journal.next_number(),
        premises.world.clock.now_ms(),
        connection.dialect.value,
        connection.account.id,
        connection.device.id,
        what,
        content,
        verdict,
    )
    premises.journal.keep(received, len(repr(content)))
