"""A real paho client folded into a scope: connects once, remembers everything, never reconnects."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

WAIT_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """How a peer connects. The will is (topic, payload, QoS, retain)."""

    client_id: str = "peer"
    username: str | None = None
    password: str | None = None
    will: tuple[str, bytes, int, bool] | None = None
    keep_alive_s: int = 60
    is_clean: bool = True
    version: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv311
    ca_file: Path | None = None


class Peer:
    """One connection of one client."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.connack: int | None = None
        self.messages: list[MQTTMessage] = []
        self.acked: set[int] = set()
        self.granted: dict[int, list[int]] = {}
        self.is_gone = False
        self._news = asyncio.Event()

    def tell(self, change: Callable[[], object]) -> None:
        """Apply what a callback brought, in the loop, and wake whoever waits."""
        change()
        self._news.set()

    async def until(self, is_so: Callable[[], bool], timeout_s: float = WAIT_S) -> None:
        """Wait for something to be true, asking after every callback."""
        async with asyncio.timeout(timeout_s):
            while not is_so():
                self._news.clear()
                await self._news.wait()

    def send(self, topic: str, payload: bytes | str, qos: int = 1, *, retain: bool = False) -> int:
        """Publish and return the message id at once."""
        return self.client.publish(topic, payload, qos, retain).mid

    async def publish(
        self, topic: str, payload: bytes | str, qos: int = 1, *, retain: bool = False
    ) -> None:
        """Publish and wait for the acknowledgement (at QoS 0: for the socket)."""
        number = self.send(topic, payload, qos, retain=retain)
        await self.until(lambda: number in self.acked)

    async def subscribe(self, topic: str, qos: int = 1) -> list[int]:
        """Subscribe and return the codes of the SUBACK."""
        number = self.client.subscribe(topic, qos)[1]
        assert number is not None
        await self.until(lambda: number in self.granted)
        return self.granted[number]

    async def payloads(self, count: int) -> list[bytes]:
        """Return the first payloads received, once there are that many."""
        await self.until(lambda: len(self.messages) >= count)
        return [bytes(message.payload) for message in self.messages[:count]]

    async def gone(self, timeout_s: float = WAIT_S) -> None:
        """Wait for the end of the connection."""
        await self.until(lambda: self.is_gone, timeout_s)


@asynccontextmanager
async def mqtt_peer(port: int, login: Login | None = None) -> AsyncIterator[Peer]:
    """Yield a peer whose CONNECT has been answered, one way or the other."""
    login, loop = login or Login(), asyncio.get_running_loop()
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id=login.client_id,
        clean_session=login.is_clean,
        protocol=login.version,
        reconnect_on_failure=False,
    )
    if login.username is not None:
        client.username_pw_set(login.username, login.password)
    if login.will is not None:
        client.will_set(*login.will)
    if login.ca_file is not None:
        client.tls_set(ca_certs=str(login.ca_file))
    peer = Peer(client)
    _listen(client, peer, loop)
    await loop.run_in_executor(None, client.connect, "127.0.0.1", port, login.keep_alive_s)
    client.loop_start()
    try:
        await peer.until(lambda: peer.connack is not None or peer.is_gone)
        yield peer
    finally:
        client.disconnect()
        await loop.run_in_executor(None, client.loop_stop)


def _listen(client: Client, peer: Peer, loop: asyncio.AbstractEventLoop) -> None:
    def tell(change: Callable[[], object]) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(peer.tell, change)

    def on_connect(_c: Any, _u: Any, _f: Any, reason: Any, _p: Any) -> None:
        tell(lambda: setattr(peer, "connack", reason.value))

    def on_disconnect(*_: Any) -> None:
        tell(lambda: setattr(peer, "is_gone", True))

    def on_message(_c: Any, _u: Any, message: MQTTMessage) -> None:
        tell(lambda: peer.messages.append(message))

    def on_publish(_c: Any, _u: Any, number: int, _r: Any, _p: Any) -> None:
        tell(lambda: peer.acked.add(number))

    def on_subscribe(_c: Any, _u: Any, number: int, codes: Any, _p: Any) -> None:
        granted = [code.value for code in codes]
        tell(lambda: peer.granted.update({number: granted}))

    def on_socket_open(_c: Any, _u: Any, sock: Any) -> None:
        # Two small packets in a row wait 40 ms for an acknowledgement otherwise.
        if isinstance(sock, socket.socket):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    client.on_socket_open = on_socket_open
    client.on_connect = on_connect
    client.on_disconnect = on_disconnect
    client.on_message = on_message
    client.on_publish = on_publish
    client.on_subscribe = on_subscribe
