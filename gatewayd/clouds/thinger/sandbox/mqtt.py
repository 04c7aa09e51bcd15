"""The device side over MQTT: free topics, an account's own; buckets may listen to them.

The user name is the account's, the client id the device's, the password its credentials. Accounts
do not see each other's topics, so the broker relays nothing by itself: this host does.

Source: Thinger.io documentation, MQTT. Wills, retained messages and QoS are undocumented; here
they work as MQTT says.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable

import orjson

from gatewayd.clouds.thinger.sandbox.feeds import Feeds
from gatewayd.clouds.thinger.sandbox.hub import Hub
from gatewayd.clouds.thinger.sandbox.intake import Intake
from gatewayd.clouds.thinger.sandbox.journal import Journal, Received
from gatewayd.clouds.thinger.sandbox.records import Account, Device
from gatewayd.clouds.thinger.sandbox.world import World
from gatewayd.transports.broker_host import ACCEPTED, BAD_CLIENT_ID, NOT_AUTHORISED, Client
from gatewayd.transports.mqtt_packets import Connect, Message
from gatewayd.transports.mqtt_topics import is_match, is_topic_filter, is_topic_name

RETAINED_MAX = 1000
"""Of one account."""


class MqttSide:
    """The host of the sandbox's broker; see `gatewayd.transports.broker_host.Host`."""

    def __init__(
        self, world: World, journal: Journal, intake: Intake, feeds: Feeds, hub: Hub
    ) -> None:
        self._world = world
        self._journal = journal
        self._intake = intake
        self._feeds = feeds
        self._hub = hub
        self._retained: dict[str, dict[str, Message]] = {}
        self.clients: Callable[[], Iterable[Client]] = tuple
        """Who is connected; the broker's."""

    def reset(self) -> None:
        """Forget what is retained."""
        self._retained.clear()

    def admit(self, login: Connect) -> int:
        if not login.client_id:
            return BAD_CLIENT_ID
        found = self._find(login)
        if found is None:
            self._journal.counts["logins_refused"] += 1
            return NOT_AUTHORISED
        password = login.password or b""
        is_right = secrets.compare_digest(found[1].credentials.encode(), password)
        if not is_right or not found[1].is_enabled or found[1].type != "MQTT":
            self._journal.counts["logins_refused"] += 1
            return NOT_AUTHORISED
        return ACCEPTED

    def may_publish(self, client: Client, topic: str) -> bool:
        return is_topic_name(topic)

    def may_subscribe(self, client: Client, pattern: str) -> bool:
        return is_topic_filter(pattern)

    def connected(self, client: Client) -> None:
        self._journal.counts["connections"] += 1
        found = self._find(client.login)
        if found is not None:
            self._intake.set_connected(*found, is_connected=True)

    def subscribed(self, client: Client, pattern: str) -> None:
        for message in tuple(self._retained.get(client.login.username or "", {}).values()):
            if is_match(pattern, message.topic):
                client.deliver(message)

    def received(self, client: Client, message: Message, *, is_duplicate: bool) -> None:
        found = self._find(client.login)
        if found is None:
            return
        self._journal.counts["duplicates"] += is_duplicate
        try:
            content: object = orjson.loads(message.payload)
        except orjson.JSONDecodeError:
            content = message.payload.decode(errors="replace")
        else:
            self._feeds.published(found[0], message.topic, content)
        self._note(found[0].id, found[1].id, message, content)
        self._hub.emit(
            found[0].id,
            "device_topic_publish",
            device=found[1].id,
            topic=message.topic,
            payload=content,
        )
        self.publish(found[0].id, message)

    def withheld(self, client: Client, message: Message) -> None:
        login = client.login
        self._note(login.username or "", login.client_id, message, None, "withheld")

    def disconnected(self, client: Client, reason: str) -> None:
        found = self._find(client.login)
        if found is not None:
            self._intake.set_connected(*found, is_connected=False)

    def publish(self, user: str, message: Message) -> int:
        """Send a message to an account's subscribers; return how many there were."""
        if message.is_retained:
            shelf = self._retained.setdefault(user, {})
            shelf.pop(message.topic, None)
            if message.payload and len(shelf) < RETAINED_MAX:
                shelf[message.topic] = message
        live = Message(message.topic, message.payload, message.qos)
        return sum(
            each.deliver(live) for each in tuple(self.clients()) if each.login.username == user
        )

    def _find(self, login: Connect) -> tuple[Account, Device] | None:
        account = self._world.accounts.get(login.username or "")
        device = account.devices.get(login.client_id) if account else None
        return (account, device) if account and device else None

    def _note(
        self, user: str, device: str, message: Message, content: object, verdict: str = ""
    ) -> None:
        number, now_ms = self._journal.next_number(), self._world.clock.now_ms()
        received = Received(number, now_ms, "mqtt", user, device, message.topic, content, verdict)
        self._journal.keep(received, len(message.payload))
