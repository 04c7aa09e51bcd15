"""The device side: gateways that report and take commands, and customers who listen.

Strategy: the broker asks and tells; every answer is given at once. A gateway is who it says it is
(user name, else client id) if it has the key that is registered for it; without a key anybody on
the loopback may be anybody. What a gateway publishes goes nowhere by itself: the intake decides
what the customer's stream gets.

A gateway may also speak as the stream does, one object a publish on the customer's topics.
"""

from __future__ import annotations

import re
import secrets

from gatewayd.clouds.thingsee.codec import MESSAGES_MAX, Message, sort_out
from gatewayd.clouds.thingsee.sandbox import conformance
from gatewayd.clouds.thingsee.sandbox.intake import Intake, Tally
from gatewayd.clouds.thingsee.sandbox.journal import Journal, Received
from gatewayd.clouds.thingsee.sandbox.orders import UPLINK
from gatewayd.clouds.thingsee.sandbox.world import World
from gatewayd.clouds.thingsee.topics import fill_topic, parse_stream_topic
from gatewayd.errors import Malformed
from gatewayd.transports.broker_host import ACCEPTED, BAD_CLIENT_ID, NOT_AUTHORISED, Client
from gatewayd.transports.mqtt_packets import Connect
from gatewayd.transports.mqtt_packets import Message as Packet

STREAM = "cloudext/"
_LINK = re.compile(r"thingsee/gw/([A-Z0-9]{1,32})/(up|down)")


class DeviceSide:
    """The host of the sandbox's broker; see `gatewayd.transports.broker_host.Host`."""

    def __init__(self, world: World, journal: Journal, intake: Intake) -> None:
        self._world = world
        self._journal = journal
        self._intake = intake
        self._begun: set[Client] = set()
        """Connections that have published something."""

    def admit(self, login: Connect) -> int:
        if not login.client_id:
            return BAD_CLIENT_ID
        if not self.is_key(who(login), (login.password or b"").decode(errors="replace")):
            self._journal.counts["logins_refused"] += 1
            return NOT_AUTHORISED
        return ACCEPTED

    def is_key(self, gateway: str, key: str) -> bool:
        """Return whether this opens the door for a gateway."""
        thing = self._world.things.get(gateway)
        wanted = thing.key if thing is not None else ""
        return not wanted or secrets.compare_digest(wanted.encode(), key.encode())

    def connected(self, client: Client) -> None:
        self._journal.counts["connections"] += 1

    def may_publish(self, client: Client, topic: str) -> bool:
        """Let a client speak as a gateway that it is, or as nobody keeps it from being."""
        gateway = gateway_in(topic, "up")
        if topic.startswith(STREAM) or (gateway and self._may_be(client, gateway)):
            return True
        self._blame(who(client.login), f"publishes to {topic[:120]}")
        return False

    def may_subscribe(self, client: Client, pattern: str) -> bool:
        gateway = gateway_in(pattern, "down")
        if pattern.startswith(STREAM) or (gateway and self._may_be(client, gateway)):
            return True
        self._blame(who(client.login), f"subscribes to {pattern[:120]}")
        return False

    def subscribed(self, client: Client, pattern: str) -> None:
        gateway = gateway_in(pattern, "down")
        if gateway:
            topic = fill_topic(UPLINK, gateway, "")
            self._intake.blame(gateway, conformance.check_login(client.login, gateway, topic))

    def received(self, client: Client, message: Packet, *, is_duplicate: bool) -> None:
        number = self._journal.next_number()
        gateway = gateway_in(message.topic, "up") or who(client.login)
        tally = Tally()
        try:
            messages, faults = sort_out(message.payload)
            is_on_stream = message.topic.startswith(STREAM)
            self._judge(client, message, messages)
            sender = _relay_of(messages) if is_on_stream else gateway
            tally = self._intake.take(messages, sender, number)
            tally.refused += len(faults)
            verdict = tally.verdict()
        except Malformed as error:
            faults, verdict = [str(error)], f"malformed: {error}"
        self._journal.counts["malformed"] += len(faults)
        self._intake.blame(gateway, [("malformed", fault) for fault in faults])
        self._journal.keep(
            Received(
                number,
                self._world.clock.now_ms(),
                "mqtt",
                gateway,
                message.topic,
                message.payload,
                message.qos,
                message.is_retained,
                is_duplicate,
                tally.accepted,
                tally.repeats,
                verdict,
            )
        )

    def withheld(self, client: Client, message: Packet) -> None:
        self._journal.counts["withheld"] += 1

    def disconnected(self, client: Client, reason: str) -> None:
        self._journal.counts["disconnections"] += 1
        self._begun.discard(client)

    def _may_be(self, client: Client, gateway: str) -> bool:
        """Return whether a client may act for a gateway: it has shown its key, or there is none."""
        if who(client.login) == gateway:
            return True
        thing = self._world.things.get(gateway)
        return thing is None or not thing.key

    def _judge(self, client: Client, packet: Packet, messages: list[Message]) -> None:
        """Write down what is wrong with a publish. Raises Malformed: no topic of the stream."""
        gateway = gateway_in(packet.topic, "up")
        if not gateway:
            place = parse_stream_topic(packet.topic)
            for each in messages:
                if (each.thing, each.id) != (place.thing, place.message):
                    text = f"{each.id} of {each.thing} on {packet.topic[:120]}"
                    self._intake.blame(place.thing, [("topic", text)])
            return
        is_array = packet.payload[:1] == b"["
        count = len(messages) if len(messages) <= MESSAGES_MAX else MESSAGES_MAX + 1
        self._intake.blame(gateway, conformance.check_publish(packet, count, is_array=is_array))
        if client not in self._begun and packet is not client.login.will:
            self._begun.add(client)
            self._intake.blame(gateway, conformance.check_start(messages, gateway))

    def _blame(self, gateway: str, text: str) -> None:
        self._intake.blame(gateway, [("foreign-topic", text)])


def who(login: Connect) -> str:
    """Return who a client says it is."""
    return login.username or login.client_id


def gateway_in(topic: str, way: str) -> str:
    """Return the gateway whose link a topic is, `up` or `down`; empty if it is none."""
    match = _LINK.fullmatch(topic)
    return match[1] if match is not None and match[2] == way else ""


def _relay_of(messages: list[Message]) -> str:
    return messages[0].gateway if messages else ""
