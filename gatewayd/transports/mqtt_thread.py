"""One MQTT connection's network thread: paho-mqtt, TLS, and the bridge to the event loop.

Only `mqtt` uses this file, and nothing else imports paho. The thread runs `client.loop` and not
paho's `loop_start`, because the latter dies in silence when a broker sends nonsense and cannot
tell why a connection was not made; here both come out of the thread's future.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol

from gatewayd.fields import Secret
from gatewayd.transports.tls import Tls, make_context

if TYPE_CHECKING:
    from paho.mqtt.client import Client, MQTTMessage
    from paho.mqtt.reasoncodes import ReasonCode

INFLIGHT_MAX = 20
"""Publishes without PUBACK. Brokers cut off clients with too many (mosquitto's default is 20 the
other way); one that waits for its turn here costs nothing."""

LOOP_S = 1.0
"""Longest sleep of the thread; it is woken for packets, this paces the keep-alive checks."""


class Version(IntEnum):
    """Protocol level, as in CONNECT."""

    V31 = 3
    V311 = 4
    V5 = 5


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker publishes when the connection dies without a DISCONNECT."""

    topic: str
    payload: bytes
    qos: int = 1
    is_retained: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttSettings:
    """One connection.

    Attributes:
        connect_timeout_s: for one step of TCP and TLS; the thread cannot be interrupted in one.
        open_timeout_s: for all of it, from the name's resolution to the CONNACK.
        ack_timeout_s: for PUBACK and SUBACK; then the connection counts as dead.
        inbox_max: messages that wait for `messages()`. The newest is dropped: an older question
            has been waiting for its answer, and its QoS 1 acknowledgement has left already.
        payload_bytes_max: larger messages are dropped and counted; paho itself has no limit.
    """

    host: str
    port: int
    client_id: str
    username: str = ""
    password: Secret | None = None
    keep_alive_s: int = 60
    is_clean: bool = True
    version: Version = Version.V311
    will: Will | None = None
    tls: Tls | None = None
    connect_timeout_s: float = 5.0
    open_timeout_s: float = 15.0
    ack_timeout_s: float = 30.0
    inbox_max: int = 100
    payload_bytes_max: int = 256 * 1024


class Message(NamedTuple):
    """What arrived on a subscribed topic."""

    topic: str
    payload: bytes
    is_retained: bool


class Events(Protocol):
    """Who is told what the thread sees; always called on the event loop."""

    def on_connect(self, reason: int, text: str) -> None:
        """Take the CONNACK."""
        ...

    def on_acknowledged(self, mid: int, reasons: Sequence[int]) -> None:
        """Take a PUBACK or SUBACK."""
        ...

    def on_message(self, message: Message) -> None:
        """Take a message."""
        ...

    def on_dropped(self) -> None:
        """Count a message that could not be handed over."""
        ...

    def on_disconnect(self, reason: str) -> None:
        """Take the end of the connection."""
        ...


def make_client(settings: MqttSettings) -> Client:
    """Return paho's client, not yet connected. In the thread: it reads files."""
    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id=settings.client_id,
        clean_session=None if settings.version is Version.V5 else settings.is_clean,
        protocol=MQTTProtocolVersion(settings.version),
        reconnect_on_failure=False,
    )
    client.connect_timeout = settings.connect_timeout_s
    client.max_inflight_messages_set(INFLIGHT_MAX)
    if settings.username:
        secret = settings.password
        client.username_pw_set(settings.username, secret.reveal() if secret else None)
    if settings.will:
        will = settings.will
        client.will_set(will.topic, will.payload, will.qos, will.is_retained)
    if settings.tls:
        client.tls_set_context(make_context(settings.tls))
    return client


@dataclass(frozen=True, slots=True)
class Signals:
    """What the thread and its owner tell each other while a connection is being made."""

    linked: threading.Event = field(default_factory=threading.Event)
    """The thread has a socket that can be shut."""
    leave: threading.Event = field(default_factory=threading.Event)
    """Nobody wants the connection any more."""


def pump(client: Client, settings: MqttSettings, signals: Signals) -> None:
    """Connect and move bytes until the connection ends. The body of the thread."""
    place = (settings.host, settings.port, settings.keep_alive_s)
    if settings.version is Version.V5:
        client.connect(*place, clean_start=settings.is_clean)
    else:
        client.connect(*place)
    signals.linked.set()
    if signals.leave.is_set():
        shut(client)
    try:
        while client.loop(LOOP_S) == 0:
            pass
    finally:
        shut(client)  # Still open when paho stumbled over the broker's nonsense.


def bridge(client: Client, events: Events, loop: asyncio.AbstractEventLoop, bytes_max: int) -> None:
    """Lead paho's events, which happen in the thread, to `events` on the event loop."""

    def post(call: Callable[..., None], *facts: object) -> None:
        with contextlib.suppress(RuntimeError):  # The loop is closed: nobody is left to tell.
            loop.call_soon_threadsafe(call, *facts)

    def on_message(message: MQTTMessage) -> None:
        _confirm(client)
        try:
            topic = message.topic
        except UnicodeDecodeError:
            post(events.on_dropped)
            return
        if len(message.payload) > bytes_max:
            post(events.on_dropped)
        else:
            payload = bytes(message.payload)
            post(events.on_message, Message(topic, payload, message.retain))

    def on_acknowledged(mid: int, reasons: Sequence[ReasonCode]) -> None:
        _confirm(client)
        post(events.on_acknowledged, mid, [reason.value for reason in reasons])

    client.on_socket_open = lambda _c, _u, sock: _hasten(sock)
    # Its presence keeps paho from writing in the publisher's thread, that is on the event loop.
    client.on_socket_register_write = lambda _c, _u, _sock: None
    client.on_connect = lambda _c, _u, _f, reason, _p: post(
        events.on_connect, reason.value, str(reason)
    )
    client.on_publish = lambda _c, _u, mid, reason, _p: on_acknowledged(mid, [reason])
    client.on_subscribe = lambda _c, _u, mid, reasons, _p: on_acknowledged(mid, reasons)
    client.on_message = lambda _c, _u, message: on_message(message)
    client.on_disconnect = lambda _c, _u, _f, reason, _p: post(events.on_disconnect, str(reason))


def _hasten(sock: object) -> None:
    """Send small packets at once: an answer to a command must not wait for Nagle's company."""
    if isinstance(sock, socket.socket):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _confirm(client: Client) -> None:
    """Send the TCP acknowledgement of what was just read now, not in 40 ms.

    The broker may use Nagle's algorithm (mosquitto does unless told otherwise) and would keep
    the next command back until then: 44 ms a round trip, measured, instead of 1.
    """
    sock = client.socket()
    if isinstance(sock, socket.socket):
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def shut(client: Client) -> None:
    """Shut the socket, so that the thread's next read or write ends its loop."""
    sock = client.socket()
    if isinstance(sock, socket.socket):
        with contextlib.suppress(OSError):
            # Not SSLSocket's own method: it swaps the TLS object under the thread's feet.
            socket.socket.shutdown(sock, socket.SHUT_RDWR)
