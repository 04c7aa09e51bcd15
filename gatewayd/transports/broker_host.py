"""What a broker knows of one client, and the host that decides for it: limits, faults, contract."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Protocol

from gatewayd.transports import mqtt_packets as mqtt
from gatewayd.transports.mqtt_packets import Connect, Message
from gatewayd.transports.mqtt_topics import is_match

ACCEPTED, BAD_VERSION, BAD_CLIENT_ID, UNAVAILABLE, BAD_LOGIN, NOT_AUTHORISED = range(6)
"""CONNACK codes [3.2.2.3]."""


@dataclass(frozen=True, slots=True)
class BrokerLimits:
    """What one broker is willing to hold.

    `backlog_bytes_max` is what may wait in the socket of one slow reader before it is cut.
    """

    clients_max: int = 256
    packet_bytes_max: int = mqtt.PACKET_BYTES_MAX
    retained_max: int = 1000
    subscriptions_max: int = 100
    backlog_bytes_max: int = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How a broker behaves where the clouds differ.

    Attributes:
        is_relay: what is published goes to the subscribers as it is; false: the host says with
            `Broker.publish` what they get, and nothing is retained.
        is_curt: a subscription that is not allowed closes the connection; false: it is refused
            with 0x80 in the SUBACK.
    """

    is_relay: bool = True
    is_curt: bool = True


@dataclass(slots=True)
class Faults:
    """What goes wrong until it is set back. Counts are of QoS 1 messages; -1 means for ever.

    Attributes:
        connack_code: answer every CONNECT with this code; 0 = as the host says.
        withhold: messages to ignore: neither taken nor acknowledged.
        lose_ack: messages to take without acknowledging them.
        ack_delay_s: acknowledge every message so much later.
        is_hung: connections are accepted and nothing is read from any of them.
    """

    connack_code: int = 0
    withhold: int = 0
    lose_ack: int = 0
    ack_delay_s: float = 0.0
    is_hung: bool = False


class Host(Protocol):
    """Who decides and is told. Every call is quick and raises nothing."""

    def admit(self, login: Connect) -> int:
        """Return the CONNACK code for this client: ACCEPTED or a reason.

        An empty client id is given a name afterwards, if it is let in.
        """
        ...

    def may_publish(self, client: Client, topic: str) -> bool:
        """Return whether the message is let through; false closes the connection."""
        ...

    def may_subscribe(self, client: Client, pattern: str) -> bool:
        """Return whether the filter is granted; false is answered as `Manners` say."""
        ...

    def connected(self, client: Client) -> None:
        """The CONNACK is on its way."""
        ...

    def subscribed(self, client: Client, pattern: str) -> None:
        """The SUBACK is on its way."""
        ...

    def received(self, client: Client, message: Message, *, is_duplicate: bool) -> None:
        """A message was published (or is a will)."""
        ...

    def withheld(self, client: Client, message: Message) -> None:
        """A message was ignored on purpose."""
        ...

    def disconnected(self, client: Client, reason: str) -> None:
        """The client is gone; its will, if it had to be sent, was received before this."""
        ...


class Client:
    """One connection of one client, as long as it lasts."""

    def __init__(self, login: Connect, writer: asyncio.StreamWriter, limits: BrokerLimits) -> None:
        self.login = login
        self.is_tls = writer.get_extra_info("ssl_object") is not None
        self.subscriptions: dict[str, int] = {}
        self.end = ""
        """Why the broker cut the connection; empty while it has not."""
        self._writer = writer
        self._limits = limits
        self._packet_id = 0

    def deliver(self, message: Message) -> bool:
        """Write a message if a subscription matches; return whether one did.

        QoS is the smaller of published and granted. Nothing is sent twice on one connection, so
        the client's PUBACK needs no book-keeping.
        """
        granted = [qos for name, qos in self.subscriptions.items() if is_match(name, message.topic)]
        if not granted or self.end:
            return False
        qos = min(message.qos, max(granted))
        if qos:
            self._packet_id = self._packet_id % 0xFFFF + 1
        out = Message(message.topic, message.payload, qos, message.is_retained)
        self.write(mqtt.encode_publish(out, self._packet_id))
        return True

    def write(self, data: bytes) -> None:
        """Send bytes without waiting; a connection whose backlog is too large is cut."""
        if self._writer.is_closing():
            return
        self._writer.write(data)
        if self._writer.transport.get_write_buffer_size() > self._limits.backlog_bytes_max:
            self.cut("reads too slowly")

    def cut(self, reason: str) -> None:
        """Close the TCP connection at once, without a word. A will is then sent."""
        self.end = self.end or reason
        self._writer.transport.abort()
