"""The byte stream against real sockets: what arrives, what ends it, what it may cost."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gatewayd.errors import ConfigError, LinkDenied, LinkLost, Malformed
from gatewayd.transports.stream import StreamSettings, open_stream
from gatewayd.transports.tls import Tls
from tests.mosquitto import make_certificates
from tests.peers.listening import listening, stay

WAIT_S = 5.0
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Ear:
    """A receiver that remembers, and refuses what it is told to refuse."""

    heard: bytearray = field(default_factory=bytearray)
    ends: list[str] = field(default_factory=list)
    refused: bytes = b"nonsense"
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def on_bytes(self, data: bytes) -> None:
        self.heard += data
        self.changed.set()
        if self.refused in self.heard:
            raise Malformed("nonsense")

    def on_lost(self, reason: str) -> None:
        self.ends.append(reason)
        self.changed.set()

    async def wait(self, is_true: Callable[[], object]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not is_true():
                self.changed.clear()
                await self.changed.wait()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1000):
        writer.write(data)
    writer.close()


async def idle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Never read, never close."""
    writer.transport.pause_reading()  # type: ignore[attr-defined]  # A socket's transport can.
    await stay(reader, writer)


def settings(port: int, **changes: float) -> StreamSettings:
    return StreamSettings(host="127.0.0.1", port=port, **changes)  # type: ignore[arg-type]  # Numbers only.


async def test_bytes_go_there_and_come_back() -> None:
    """Sent with or without waiting; leaving the block is no loss to anybody."""
    ear = Ear()
    async with listening(echo) as port, open_stream(settings(port), ear) as stream:
        await stream.send(b"one ")
        stream.write(b"two")
        await ear.wait(lambda: ear.heard == b"one two")
    assert ear.ends == []


async def test_what_was_written_last_is_sent_off() -> None:
    """Closing waits for it."""
    heard = asyncio.Event()
    sizes: list[int] = []

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sizes.append(len(await reader.read(-1)))
        writer.close()
        heard.set()

    async with listening(swallow) as port:
        async with open_stream(settings(port), Ear()) as stream:
            stream.write(bytes(300_000))
        async with asyncio.timeout(WAIT_S):
            await heard.wait()
    assert sizes == [300_000]


async def test_tls_is_verified(tmp_path: Path) -> None:
    """By the given authority; another certificate is a matter for the owner."""
    made = make_certificates(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate_file, made.key_file)
    async with listening(echo, context) as port:
        trusted = StreamSettings(host="localhost", port=port, tls=Tls(ca_file=made.ca_file))
        ear = Ear()
        async with open_stream(trusted, ear) as stream:
            await stream.send(b"hello")
            await ear.wait(lambda: ear.heard == b"hello")
        with pytest.raises(LinkDenied, match="not trusted"):
            async with open_stream(StreamSettings(host="localhost", port=port, tls=Tls()), Ear()):
                pass


async def test_a_certificate_file_that_is_none_is_a_mistake_of_the_owner(tmp_path: Path) -> None:
    """Named, and before anything is connected."""
    file = tmp_path / "ca.pem"
    file.write_text("no PEM")
    wrong = StreamSettings(host="127.0.0.1", port=1, tls=Tls(ca_file=file))
    with pytest.raises(ConfigError, match=r"ca\.pem"):
        async with open_stream(wrong, Ear()):
            pass


async def test_nobody_there_is_lost() -> None:
    """With the place in the sentence."""
    async with listening(echo) as port:
        pass
    with pytest.raises(LinkLost, match=str(port)):
        async with open_stream(settings(port), Ear()):
            pass


async def test_a_handshake_that_never_ends_is_lost() -> None:
    """The deadline is for all of opening."""
    async with listening(idle) as port:
        slow = StreamSettings(host="127.0.0.1", port=port, tls=Tls(), open_timeout_s=0.05)
        with pytest.raises(LinkLost, match=r"within 0\.05 s"):
            async with open_stream(slow, Ear()):
                pass


@pytest.mark.parametrize("is_orderly", [True, False])
async def test_the_peers_end_is_told_once(is_orderly: bool) -> None:
    """Every later call learns it too; an orderly end can be told from a cut."""

    async def leave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        if is_orderly:
            writer.close()
        else:
            sock = writer.get_extra_info("socket")
            sock.setsockopt(1, 13, b"\x01\x00\x00\x00\x00\x00\x00\x00")  # SO_LINGER 0: a reset.
            writer.transport.abort()

    ear = Ear()
    async with listening(leave) as port, open_stream(settings(port), ear) as stream:
        await stream.send(b"x")
        await ear.wait(lambda: ear.ends)
        assert stream.is_ended is is_orderly
        with pytest.raises(LinkLost):
            stream.write(b"y")
        with pytest.raises(LinkLost):
            await stream.send(b"y")
        assert not stream.has_room
    assert len(ear.ends) == 1


async def test_malformed_bytes_end_the_connection() -> None:
    """The receiver says so; nothing that comes after reaches it."""
    ear = Ear()
    async with listening(echo) as port, open_stream(settings(port), ear) as stream:
        await stream.send(b"nonsense")
        await ear.wait(lambda: ear.ends)
        with pytest.raises(LinkLost, match="breaks the protocol: nonsense"):
            stream.check()


async def test_a_peer_that_does_not_read_costs_bounded_memory() -> None:
    """Answers pile up to the limit, then the connection is gone."""
    ear = Ear()
    async with (
        listening(idle) as port,
        open_stream(settings(port, unsent_bytes_max=200_000), ear) as stream,
    ):
        with pytest.raises(LinkLost, match="does not read"):
            for _ in range(2000):
                stream.write(bytes(10_000))
    assert len(ear.ends) == 1


async def test_a_sender_waits_for_a_slow_peer_and_not_for_ever() -> None:
    """The deadline is for one send."""
    ear = Ear()
    async with (
        listening(idle) as port,
        open_stream(settings(port, send_timeout_s=0.1), ear) as stream,
    ):
        with pytest.raises(LinkLost, match="took nothing"):
            for _ in range(2000):
                await stream.send(bytes(10_000))
