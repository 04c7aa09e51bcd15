"""A small MQTT 3.1/3.1.1 broker for the loopback, whose faults can be switched on and off.

Strategy: one task a connection reads packets and answers them in order; everything that decides
(may this client in? may it publish there? what does the message mean?) is asked of a `Host`, in
plain calls that never wait, so a message is understood before its PUBACK leaves. Deliveries to
other clients are written at once and never awaited: a reader too slow is cut, not waited for.

It grants QoS 1 at the most, keeps retained messages, wills and keep-alives, and lets a newer
connection take over a client id. It keeps no session across connections: the clouds of this
project connect clean. Our own, because a bought broker can neither withhold one PUBACK nor say
what it saw.

Source: OASIS MQTT Version 3.1.1.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from gatewayd.errors import Malformed
from gatewayd.transports import mqtt_packets as mqtt
from gatewayd.transports.broker_host import (
    ACCEPTED,
    BAD_CLIENT_ID,
    BAD_VERSION,
    BrokerLimits,
    Client,
    Faults,
    Host,
    Manners,
)
from gatewayd.transports.listener import Listener, open_listener
from gatewayd.transports.mqtt_packets import Connect, Message
from gatewayd.transports.mqtt_topics import is_match

__all__ = ["Broker", "Listener", "open_broker", "open_listener"]

CONNECT_DEADLINE_S = 10.0
"""A connection that does not introduce itself within this time is closed."""

READ_BYTES = 64 * 1024
KEEP_ALIVE_FACTOR = 1.5
"""A client silent for one and a half keep-alives is gone [3.1.2.10]."""


class Broker:
    """The listeners and everything connected to them; made by `open_broker`."""

    def __init__(self, host: Host, limits: BrokerLimits, manners: Manners) -> None:
        self.faults = Faults()
        self.clients: dict[str, Client] = {}
        self.retained: dict[str, Message] = {}
        self._host = host
        self._limits = limits
        self._manners = manners
        self._named = 0
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._connections: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}

    def publish(self, message: Message) -> int:
        """Send a message of the cloud's own to every subscriber; return how many there were."""
        if message.is_retained:
            self._retain(message)
        live = Message(message.topic, message.payload, message.qos)
        return sum(client.deliver(live) for client in tuple(self.clients.values()))

    def hang(self, *, is_hung: bool) -> None:
        """Stop (or go on) reading from every connection."""
        self.faults.is_hung = is_hung
        if is_hung:
            self._flowing.clear()
        else:
            self._flowing.set()

    def cut_all(self, reason: str) -> int:
        """Close every connection without a word; return how many there were."""
        for client in tuple(self.clients.values()):
            client.cut(reason)
        writers = tuple(self._connections)
        for writer in writers:
            writer.transport.abort()
        return len(writers)

    async def attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until it ends. The callback of `asyncio.start_server`."""
        if len(self._connections) >= self._limits.clients_max:
            writer.transport.abort()
            return
        self._connections[writer] = asyncio.current_task()
        try:
            await self._serve(_Wire(reader, writer, self._flowing, self._limits.packet_bytes_max))
        finally:
            del self._connections[writer]
            writer.close()

    async def wait_closed(self) -> None:
        """Return when every connection that is open now has been taken leave of."""
        tasks = [task for task in self._connections.values() if task is not None]
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, wire: _Wire) -> None:
        try:
            login = await wire.next_packet(CONNECT_DEADLINE_S)
        except (Malformed, TimeoutError, OSError):
            return
        if not isinstance(login, Connect):
            return
        code = self._admit(login)
        wire.writer.write(mqtt.encode_connack(code))
        if code != ACCEPTED:
            return
        if not login.client_id:
            self._named += 1
            login = replace(login, client_id=f"unnamed-{self._named}")
        client = Client(login, wire.writer, self._limits)
        older = self.clients.get(login.client_id)
        if older is not None:
            # Its will comes now: later it would overwrite what the newer one says first.
            older.cut("taken over by a newer connection")
            self._leave(older, older.end)
        self.clients[login.client_id] = client
        self._host.connected(client)
        reason = await self._converse(client, wire)
        self._leave(client, reason)

    def _admit(self, login: Connect) -> int:
        if self.faults.connack_code:
            return self.faults.connack_code
        if not login.is_known_version:
            return BAD_VERSION
        if not login.client_id and not (login.clean_session and login.version == "3.1.1"):
            return BAD_CLIENT_ID  # [3.1.3.1]: only a clean session may leave the name to us.
        return self._host.admit(login)

    async def _converse(self, client: Client, wire: _Wire) -> str:
        """Answer packets until the connection ends; return why, "" for a DISCONNECT."""
        keep_alive_s = client.login.keep_alive_s * KEEP_ALIVE_FACTOR or None
        try:
            while True:
                packet = await wire.next_packet(keep_alive_s)
                if packet is None:
                    return client.end or "connection lost"
                if isinstance(packet, mqtt.Bare) and packet.kind == mqtt.DISCONNECT:
                    return ""
                self._answer(client, packet)
                if client.end:
                    return client.end
        except TimeoutError:
            return f"silent for {keep_alive_s:g} s"
        except Malformed as error:
            return f"broke the protocol: {error}"
        except OSError as error:
            return client.end or f"connection lost: {error.strerror or error}"

    def _leave(self, client: Client, reason: str) -> None:
        if self.clients.get(client.login.client_id) is not client:
            return  # Taken leave of already, when a newer connection came.
        del self.clients[client.login.client_id]
        will = client.login.will
        if reason and will is not None and self._host.may_publish(client, will.topic):
            self._take(client, will, is_duplicate=False)
        self._host.disconnected(client, reason)

    def _answer(self, client: Client, packet: mqtt.Packet) -> None:
        match packet:
            case mqtt.Publish():
                self._publish(client, packet)
            case mqtt.Subscribe():
                self._subscribe(client, packet)
            case mqtt.Unsubscribe():
                for pattern in packet.filters:
                    client.subscriptions.pop(pattern, None)
                client.write(mqtt.encode_acknowledge(mqtt.UNSUBACK, packet.packet_id))
            case mqtt.Bare():
                client.write(mqtt.encode_bare(mqtt.PINGRESP))
            case mqtt.Connect():
                raise Malformed("a second CONNECT")
            case _:
                pass  # The acknowledgement of a delivery; see Client.deliver.

    def _publish(self, client: Client, packet: mqtt.Publish) -> None:
        message = packet.message
        if message.qos == 2:
            raise Malformed("QoS 2, which this broker does not speak")
        if not self._host.may_publish(client, message.topic):
            client.cut(f"may not publish to {message.topic[:80]}")
            return
        if message.qos and self._is_due("withhold"):
            self._host.withheld(client, message)
            return
        self._take(client, message, is_duplicate=packet.is_duplicate)
        if message.qos and not self._is_due("lose_ack"):
            self._acknowledge(client, mqtt.encode_acknowledge(mqtt.PUBACK, packet.packet_id))

    def _acknowledge(self, client: Client, puback: bytes) -> None:
        if self.faults.ack_delay_s > 0:
            loop = asyncio.get_running_loop()
            loop.call_later(self.faults.ack_delay_s, client.write, puback)
        else:
            client.write(puback)

    def _is_due(self, fault: str) -> bool:
        """Return whether this fault strikes now, and count it down."""
        left: int = getattr(self.faults, fault)
        if left > 0:
            setattr(self.faults, fault, left - 1)
        return left != 0

    def _take(self, client: Client, message: Message, *, is_duplicate: bool) -> None:
        self._host.received(client, message, is_duplicate=is_duplicate)
        if self._manners.is_relay:
            self.publish(message)

    def _retain(self, message: Message) -> None:
        self.retained.pop(message.topic, None)
        if message.payload and len(self.retained) < self._limits.retained_max:
            self.retained[message.topic] = message

    def _subscribe(self, client: Client, packet: mqtt.Subscribe) -> None:
        for pattern, _ in packet.filters:
            if self._manners.is_curt and not self._host.may_subscribe(client, pattern):
                client.cut(f"may not subscribe to {pattern[:80]}")
                return
        codes = tuple(self._grant(client, pattern, qos) for pattern, qos in packet.filters)
        client.write(mqtt.encode_suback(packet.packet_id, codes))
        for (pattern, _), code in zip(packet.filters, codes, strict=True):
            if code == mqtt.REFUSED_FILTER:
                continue
            for message in tuple(self.retained.values()):
                if is_match(pattern, message.topic):
                    client.deliver(message)
            self._host.subscribed(client, pattern)

    def _grant(self, client: Client, pattern: str, qos: int) -> int:
        if len(client.subscriptions) >= self._limits.subscriptions_max:
            return mqtt.REFUSED_FILTER
        if not self._manners.is_curt and not self._host.may_subscribe(client, pattern):
            return mqtt.REFUSED_FILTER
        client.subscriptions[pattern] = min(qos, 1)
        return min(qos, 1)


class _Wire:
    """The packets of one connection, held back while the broker hangs."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        flowing: asyncio.Event,
        bytes_max: int,
    ) -> None:
        self.writer = writer
        self._reader = reader
        self._flowing = flowing
        self._framer = mqtt.Framer(bytes_max)
        self._frames: list[tuple[int, bytes]] = []

    async def next_packet(self, deadline_s: float | None) -> mqtt.Packet | None:
        """Return the next packet, or None at the end of the stream.

        Raises:
            TimeoutError: nothing arrived in time. Malformed, OSError: the connection is lost.
        """
        while not self._frames:
            async with asyncio.timeout(deadline_s):
                data = await self._reader.read(READ_BYTES)
            await self._flowing.wait()
            if not data:
                return None
            self._frames = self._framer.feed(data)[::-1]
        await self._flowing.wait()
        return mqtt.decode_packet(*self._frames.pop())


@asynccontextmanager
async def open_broker(
    host: Host, limits: BrokerLimits | None = None, manners: Manners | None = None
) -> AsyncIterator[Broker]:
    """Yield a broker without listeners (see `open_listener`); cut everything at the end."""
    broker = Broker(host, limits or BrokerLimits(), manners or Manners())
    try:
        yield broker
    finally:
        broker.hang(is_hung=False)
        broker.cut_all("the broker stops")
        await broker.wait_closed()
