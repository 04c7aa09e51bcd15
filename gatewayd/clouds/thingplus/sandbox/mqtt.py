"""The device side: who may connect and publish what, and what each message means.

Strategy: the broker asks and tells; every answer is given at once. The one thing that takes time,
`timeSync` after a gateway has come, is an errand of the sandbox's own.
"""

from __future__ import annotations

import asyncio

from gatewayd.clouds.thingplus.codec import (
    Form,
    Topic,
    decode_status,
    decode_values,
    encode_topic,
    maybe_gunzip,
    parse_json,
    parse_topic,
)
from gatewayd.clouds.thingplus.rpc import decode_response
from gatewayd.clouds.thingplus.sandbox import conformance
from gatewayd.clouds.thingplus.sandbox.calls import Calls, NoAnswer, new_request
from gatewayd.clouds.thingplus.sandbox.intake import (
    Tally,
    note_connection,
    take_points,
    take_statuses,
)
from gatewayd.clouds.thingplus.sandbox.journal import Journal, Received
from gatewayd.clouds.thingplus.sandbox.records import Gateway
from gatewayd.clouds.thingplus.sandbox.world import World
from gatewayd.errors import Malformed
from gatewayd.sandbox.errands import Errands
from gatewayd.sandbox.violations import Findings, Violation
from gatewayd.transports.broker_host import ACCEPTED, BAD_CLIENT_ID, NOT_AUTHORISED, Client
from gatewayd.transports.mqtt_packets import Connect, Message

_PUBLISHED = {Form.CONNECTION, Form.STATUS, Form.VALUES, Form.RESPONSE, Form.LOG}
_PUBLISHED |= {Form.SENSOR_STATUS, Form.SENSOR_VALUES}
_SUBSCRIBED = {Form.REQUEST, Form.LOG_FILTER}


class TimeSync:
    """Whether and how the cloud tells the time to gateways that come. Tests change it."""

    def __init__(self, delay_s: float, *, is_on: bool) -> None:
        self.is_on = is_on
        self.delay_s = delay_s
        self.skew_ms = 0


class DeviceSide:
    """The host of the sandbox's broker; see `gatewayd.transports.broker_host.Host`."""

    def __init__(self, world: World, journal: Journal, calls: Calls, errands: Errands) -> None:
        settings = world.settings
        self.time_sync = TimeSync(settings.time_sync_delay_s, is_on=settings.time_sync)
        self._world = world
        self._journal = journal
        self._calls = calls
        self._errands = errands
        self._greeted: dict[Client, set[str]] = {}
        """What of "subscribed" and "on" each connection has shown; both bring a timeSync."""

    def admit(self, login: Connect) -> int:
        if not login.client_id:
            return BAD_CLIENT_ID  # As the vendor's broker does, also to clean sessions.
        password = (login.password or b"").decode(errors="replace")
        if not self._world.is_key_of(login.username or "", password):
            self._journal.counts["logins_refused"] += 1
            return NOT_AUTHORISED
        return ACCEPTED

    def connected(self, client: Client) -> None:
        self._journal.counts["connections"] += 1
        self._greeted[client] = set()
        gateway = self._gateway(client)
        if gateway is not None:
            self._blame(gateway.id, conformance.check_login(client.login, gateway))

    def may_publish(self, client: Client, topic: str) -> bool:
        """Let a gateway speak under its own name only; a foreign topic is a violation."""
        username = client.login.username or ""
        base = encode_topic(username, Form.VALUES)
        if topic == base or topic.startswith(base + "/"):
            return True
        self._blame(username, [("foreign-topic", f"publishes to {topic[:120]}")])
        return False

    def may_subscribe(self, client: Client, pattern: str) -> bool:
        username = client.login.username or ""
        if pattern in {encode_topic(username, form) for form in _SUBSCRIBED}:
            return True
        self._blame(username, [("foreign-topic", f"subscribes to {pattern[:120]}")])
        return False

    def subscribed(self, client: Client, pattern: str) -> None:
        if pattern == encode_topic(client.login.username or "", Form.REQUEST):
            self._greet(client, "subscribed")

    def received(self, client: Client, message: Message, *, is_duplicate: bool) -> None:
        number = self._journal.next_number()
        if is_duplicate:
            self._journal.counts["duplicates"] += 1
        tally, verdict = Tally(), ""
        gateway = self._gateway(client)
        try:
            if gateway is None:
                verdict = "the gateway was removed"
            else:
                verdict, tally = self._understand(client, gateway, message, number)
        except Malformed as error:
            verdict = f"malformed: {error}"
            self._journal.counts["malformed"] += 1
            self._blame(
                client.login.username or "", [("malformed", f"{message.topic[:200]}: {error}")]
            )
        self._journal.keep(
            Received(
                number,
                self._world.clock.now_ms(),
                "mqtt",
                client.login.username or "",
                message.topic,
                message.payload,
                message.qos,
                message.is_retained,
                is_duplicate,
                tally.accepted,
                tally.dropped,
                verdict,
            )
        )

    def withheld(self, client: Client, message: Message) -> None:
        self._journal.counts["withheld"] += 1

    def disconnected(self, client: Client, reason: str) -> None:
        self._journal.counts["disconnections"] += 1
        self._greeted.pop(client, None)

    def _gateway(self, client: Client) -> Gateway | None:
        return self._world.gateways.get(client.login.username or "")

    def _understand(
        self, client: Client, gateway: Gateway, message: Message, number: int
    ) -> tuple[str, Tally]:
        """Act on a message; return what became of it. Raises Malformed."""
        topic = parse_topic(message.topic)
        if topic.form not in _PUBLISHED:
            raise Malformed("no topic for a gateway to publish on")
        self._blame(gateway.id, conformance.check_qos(message))
        if topic.form in (Form.VALUES, Form.SENSOR_VALUES):
            flat = decode_values(message.payload, topic.sensor)
            tally = take_points(self._world, self._journal, gateway, flat, number)
            return tally.verdict(), tally
        match topic.form:
            case Form.CONNECTION:
                verdict = self._take_connection(client, gateway, message)
            case Form.STATUS | Form.SENSOR_STATUS:
                verdict = self._take_status(gateway, topic, message)
            case Form.RESPONSE:
                verdict = self._take_response(gateway, message)
            case _:
                verdict = "log line"
        return verdict, Tally()

    def _take_connection(self, client: Client, gateway: Gateway, message: Message) -> str:
        word = message.payload.decode(errors="replace")
        if word not in ("on", "off", "err"):
            raise Malformed(f"connection status {word[:40]!r}")
        note_connection(self._world, gateway, word)
        if word == "on":
            self._greet(client, "on")
        return f"connection {word}"

    def _take_status(self, gateway: Gateway, topic: Topic, message: Message) -> str:
        items = decode_status(message.payload)
        violations, notes = conformance.check_statuses(items, gateway)
        self._blame(gateway.id, violations)
        self._blame(gateway.id, notes, is_note=True)
        if topic.sensor and topic.sensor not in gateway.sensors:
            self._blame(gateway.id, [("unknown-sensor", f"status of {topic.sensor}")])
        take_statuses(self._world, gateway, items, topic.sensor)
        return f"{len(items)} statuses"

    def _take_response(self, gateway: Gateway, message: Message) -> str:
        response = decode_response(message.payload)
        body = parse_json(maybe_gunzip(message.payload))
        self._blame(gateway.id, conformance.check_response(body))
        is_first = self._calls.answer(gateway.id, response)
        return "answer" if is_first else "answer to no open request"

    def _greet(self, client: Client, sign: str) -> None:
        """Send timeSync once a connection has both subscribed and said `on`."""
        signs = self._greeted.get(client, set())
        if sign in signs:
            return
        signs.add(sign)
        if len(signs) == 2 and self.time_sync.is_on:
            self._errands.send(self._tell_time(client.login.username or ""))

    async def _tell_time(self, gateway: str) -> None:
        await asyncio.sleep(self.time_sync.delay_s)
        now_ms = self._world.clock.now_ms() + self.time_sync.skew_ms
        request = new_request("timeSync", {"time": now_ms})
        try:
            await self._calls.call(gateway, request, self._world.settings.command_timeout_s)
            self._journal.counts["time_syncs"] += 1
        except NoAnswer as error:
            self._blame(gateway, [("response", str(error))])

    def _blame(self, gateway: str, findings: Findings, *, is_note: bool = False) -> None:
        now_ms = self._world.clock.now_ms()
        for rule, text in findings:
            self._journal.blame(Violation(now_ms, gateway, rule, text, is_note))
