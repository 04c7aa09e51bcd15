"""The device side over MQTT: one topic a thing, no login, the token is in the topic.

What is published on `v2/things/TOKEN` is a write; subscribers get the bare array, never the
published object. Topics below a thing's are handed on as they are. Who subscribes to
`v2/activations/CODE/ANYTHING` spends the code and hears the answer there. Chosen where the
vendor's pages are silent: a subscription with an unknown token is refused with 0x80, what is
published there is dropped; nothing is retained.

Source: thethings.iO MQTT guide; the vendor's mqtt-node examples.
"""

from __future__ import annotations

from collections.abc import Callable

from gatewayd.clouds.thethingsio.addresses import thing_topic
from gatewayd.clouds.thethingsio.answers import encode_activated, encode_refused
from gatewayd.clouds.thethingsio.sandbox.intake import Intake
from gatewayd.clouds.thethingsio.sandbox.journal import Journal
from gatewayd.clouds.thethingsio.sandbox.records import Thing
from gatewayd.clouds.thethingsio.sandbox.world import World
from gatewayd.sandbox.errors import ApiError
from gatewayd.transports.broker_host import ACCEPTED, Client
from gatewayd.transports.mqtt_packets import Connect, Message

THINGS = "v2/things/"
ACTIVATIONS = "v2/activations/"


class DeviceSide:
    """The host of the sandbox's broker; see `gatewayd.transports.broker_host.Host`."""

    def __init__(
        self, world: World, journal: Journal, intake: Intake, publish: Callable[[Message], int]
    ) -> None:
        self._world = world
        self._journal = journal
        self._intake = intake
        self._publish = publish

    def admit(self, login: Connect) -> int:
        return ACCEPTED

    def may_publish(self, client: Client, topic: str) -> bool:
        return True  # What is not for a thing is taken and dropped, as far as anybody can tell.

    def may_subscribe(self, client: Client, pattern: str) -> bool:
        if "+" in pattern or "#" in pattern:
            return False
        return self._thing(pattern) is not None or _code(pattern) != ""

    def connected(self, client: Client) -> None:
        self._journal.counts["connections"] += 1

    def subscribed(self, client: Client, pattern: str) -> None:
        code = _code(pattern)
        if not code:
            return
        try:
            answer = encode_activated(self._world.activate(code).token)
        except ApiError as error:
            answer = encode_refused(error.status, str(error))
        self._publish(Message(pattern, answer, 1))

    def received(self, client: Client, message: Message, *, is_duplicate: bool) -> None:
        thing = self._thing(message.topic)
        if thing is None:
            self._journal.counts["strays"] += 1
            return
        if message.topic != thing_topic(thing.token):
            self._journal.counts["relayed"] += 1
            self._publish(Message(message.topic, message.payload, message.qos))
            return
        self._journal.counts["repeated"] += is_duplicate
        try:
            self._intake.take(thing, message.payload, "mqtt")
        except ApiError:
            self._journal.counts["refused"] += 1  # Nobody hears of it: MQTT has no answer.

    def withheld(self, client: Client, message: Message) -> None:
        self._journal.counts["withheld"] += 1

    def disconnected(self, client: Client, reason: str) -> None:
        self._journal.counts["disconnections"] += 1

    def _thing(self, topic: str) -> Thing | None:
        """Return the thing whose topic this is, or is below, or None."""
        if not topic.startswith(THINGS):
            return None
        return self._world.things.get(topic[len(THINGS) :].partition("/")[0])


def _code(topic: str) -> str:
    """Return the activation code in a topic that asks for an activation, otherwise nothing."""
    if not topic.startswith(ACTIVATIONS):
        return ""
    code, _, unique = topic[len(ACTIVATIONS) :].partition("/")
    return code if unique else ""
