"""A real mosquitto on a free loopback port, and a raw paho client to stand at its other side."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import ipaddress
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from tests.peers.listening import free_port, listening

PROGRAM = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
START_S = 10.0
WAIT_S = 10.0
NO_SHIFT = datetime.timedelta()


@dataclass(frozen=True, slots=True)
class Certificates:
    """A private authority and one server certificate of it, for `localhost` and 127.0.0.1."""

    ca_file: Path
    certificate_file: Path
    key_file: Path


def make_certificates(folder: Path, shift: datetime.timedelta = NO_SHIFT) -> Certificates:
    """Make them; they are valid for an hour, which a shift puts into another time."""
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=5) + shift

    def builder(name: x509.Name, public_key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder(ca_name, name, public_key, x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + datetime.timedelta(hours=1))
        )

    authority = (
        builder(ca_name, ca_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    server_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    server = (
        builder(server_name, key.public_key())
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    made = Certificates(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    made.ca_file.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    made.certificate_file.write_bytes(server.public_bytes(serialization.Encoding.PEM))
    made.key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return made


class Mosquitto:
    """One broker process; stop and start keep the port."""

    def __init__(
        self,
        folder: Path,
        *,
        users: Mapping[str, str] | None = None,
        certificates: Certificates | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        self.port = free_port()
        self._file = folder / f"mosquitto-{self.port}.conf"
        self._process: subprocess.Popen[bytes] | None = None
        lines = [f"listener {self.port} {host}", "persistence false", "user root"]
        if users is None:
            lines.append("allow_anonymous true")
        else:
            passwords = folder / f"passwords-{self.port}"
            passwords.write_text("".join(f"{name}:{word}\n" for name, word in users.items()))
            subprocess.run(["mosquitto_passwd", "-U", passwords], check=True, timeout=START_S)
            lines += ["allow_anonymous false", f"password_file {passwords}"]
        if certificates:
            lines += [f"certfile {certificates.certificate_file}"]
            lines += [f"keyfile {certificates.key_file}"]
        self._file.write_text("\n".join(lines) + "\n")

    def start(self) -> None:
        """Return when the port takes connections."""
        assert PROGRAM, "mosquitto is not installed"
        self._process = subprocess.Popen(
            [PROGRAM, "-c", self._file], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + START_S
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            assert self._process.poll() is None, "mosquitto did not start"
            assert time.monotonic() < deadline, "mosquitto does not listen"
            time.sleep(0.01)

    def stop(self) -> None:
        """End the process, also a frozen one."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(START_S)
            self._process = None

    def restart(self) -> None:
        """Kill it and start another on the same port; what it retained is gone."""
        self.stop()
        self.start()

    def freeze(self) -> None:
        """Stop it in its tracks: connections stay open and nothing is answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen one go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


@contextlib.contextmanager
def running(broker: Mosquitto) -> Iterator[Mosquitto]:
    """Start a broker and stop it at the end."""
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


class Heard(NamedTuple):
    """One message that the other side heard."""

    topic: str
    payload: bytes
    is_retained: bool


class OtherSide:
    """Whoever else is on the broker: hears everything, says anything."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._news = asyncio.Condition()
        self.heard: list[Heard] = []

    def say(self, topic: str, payload: bytes, *, qos: int = 1, is_retained: bool = False) -> None:
        """Publish."""
        self._client.publish(topic, payload, qos, is_retained)

    def on(self, topic: str) -> list[bytes]:
        """Return the payloads heard on one topic."""
        return [heard.payload for heard in self.heard if heard.topic == topic]

    async def wait(self, topic: str, count: int = 1) -> bytes:
        """Return the `count`-th payload on a topic, waiting for it."""
        await self.wait_until(lambda: len(self.on(topic)) >= count)
        return self.on(topic)[count - 1]

    async def wait_until(self, is_so: Callable[[], bool], timeout_s: float = WAIT_S) -> None:
        """Wait for something to be true, asking after every message heard."""
        async with asyncio.timeout(timeout_s), self._news:
            await self._news.wait_for(is_so)

    async def take(self, heard: Heard) -> None:
        """Remember a message."""
        async with self._news:
            self.heard.append(heard)
            self._news.notify_all()


@contextlib.asynccontextmanager
async def other_side(
    port: int, topics: str = "#", login: tuple[str, str] | None = None
) -> AsyncIterator[OtherSide]:
    """Connect a raw client that has subscribed when the block begins."""
    loop = asyncio.get_running_loop()
    client = Client(CallbackAPIVersion.VERSION2)
    if login:
        client.username_pw_set(*login)
    side, subscribed = OtherSide(client), asyncio.Event()

    def on_message(_client: Client, _userdata: object, message: MQTTMessage) -> None:
        heard = Heard(message.topic, bytes(message.payload), message.retain)
        asyncio.run_coroutine_threadsafe(side.take(heard), loop)

    def on_connect(*_: object) -> None:
        client.subscribe(topics, qos=1)

    def on_subscribe(*_: object) -> None:
        loop.call_soon_threadsafe(subscribed.set)

    def on_socket_open(_client: Client, _userdata: object, sock: object) -> None:
        assert isinstance(sock, socket.socket)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    client.on_connect = on_connect
    client.on_subscribe = on_subscribe
    client.on_socket_open = on_socket_open
    client.on_message = on_message
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        async with asyncio.timeout(WAIT_S):
            await subscribed.wait()
        yield side
    finally:
        client.disconnect()
        client.loop_stop()


@contextlib.asynccontextmanager
async def cuttable(port: int) -> AsyncIterator[tuple[int, Callable[[], None]]]:
    """Lead a port of its own to a broker's, and cut what is connected when asked to."""
    writers: list[asyncio.StreamWriter] = []

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        writers.extend((writer, back))
        try:
            await asyncio.gather(pump(reader, back), pump(there, writer))
        finally:
            back.transport.abort()

    def cut() -> None:
        for writer in writers:
            writer.transport.abort()

    async with listening(serve) as own_port:
        yield own_port, cut
