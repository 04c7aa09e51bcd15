"""Who is spoken to by TLS, and as whom, over every transport that opens connections."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from gatewayd.errors import ConfigError, LinkDenied, LinkError, LinkLost
from gatewayd.transports.http import HttpSettings, Request, open_http
from gatewayd.transports.mqtt import MqttSettings, open_mqtt
from gatewayd.transports.stream import StreamSettings, open_stream
from gatewayd.transports.tls import Tls, make_context
from tests.mosquitto import Certificates, make_certificates
from tests.peers.listening import listening

CONNACK = bytes([0x20, 2, 0, 0])
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass
class Server:
    """Something that speaks TLS and answers whatever is asked with the one thing it knows."""

    port: int
    certificates: Certificates
    heard: bytes = b""


@asynccontextmanager
async def serving(
    folder: Path,
    answer: bytes,
    change: Callable[[ssl.SSLContext, Certificates], None] = lambda context, made: None,
) -> AsyncIterator[Server]:
    """Serve for localhost with a certificate of an authority of its own."""
    made = make_certificates(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate_file, made.key_file)
    change(context, made)
    server = Server(0, made)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            server.heard += await reader.read(4096)
            writer.write(answer)
            await writer.drain()
            await reader.read()

    async with listening(talk, context, "0.0.0.0") as server.port:
        yield server


class Ear:
    """A receiver that remembers."""

    def __init__(self) -> None:
        self.heard = asyncio.Event()

    def on_bytes(self, data: bytes) -> None:
        self.heard.set()

    def on_lost(self, reason: str) -> None:
        self.heard.set()


async def by_mqtt(host: str, port: int, tls: Tls) -> None:
    settings = MqttSettings(host=host, port=port, client_id="gw", tls=tls, open_timeout_s=5)
    async with open_mqtt(settings):
        pass


async def by_http(host: str, port: int, tls: Tls) -> None:
    settings = HttpSettings(
        base_url=f"https://{host}:{port}",
        ca_file=tls.ca_file,
        certificate_file=tls.certificate_file,
        key_file=tls.key_file,
    )
    async with open_http(settings) as http:
        assert (await http.send(Request("GET", "/"))).is_success


async def by_stream(host: str, port: int, tls: Tls) -> None:
    ear = Ear()
    async with open_stream(StreamSettings(host=host, port=port, tls=tls), ear) as stream:
        await stream.send(b"hello")
        async with asyncio.timeout(5):
            await ear.heard.wait()
        stream.check()


Way = Callable[[str, int, Tls], Awaitable[None]]
WAYS = [
    pytest.param(by_mqtt, CONNACK, id="mqtt"),
    pytest.param(by_http, ANSWER, id="http"),
    pytest.param(by_stream, b"hello", id="stream"),
]


@pytest.mark.parametrize(("way", "answer"), WAYS)
async def test_the_authority_of_the_file_is_trusted_and_no_other(
    tmp_path: Path, way: Way, answer: bytes
) -> None:
    """Not even those that the whole system trusts: a file pins. A sentence says what is wrong."""
    other = tmp_path / "other"
    other.mkdir()
    stranger = make_certificates(other)
    async with serving(tmp_path, answer) as server:
        tls = Tls(ca_file=server.certificates.ca_file)
        await way("localhost", server.port, tls)
        said = server.heard
        assert said
        for wrong in (Tls(ca_file=stranger.ca_file), Tls()):
            with pytest.raises((LinkDenied, LinkLost), match="certificate not trusted: "):
                await way("localhost", server.port, wrong)
        assert server.heard == said, "nothing is told to whom one does not trust"


@pytest.mark.parametrize(("way", "answer"), WAYS)
async def test_another_hosts_certificate_is_refused_by_name(
    tmp_path: Path, way: Way, answer: bytes
) -> None:
    """However good it is: the sentence says for whom it is not."""
    async with serving(tmp_path, answer) as server:
        tls = Tls(ca_file=server.certificates.ca_file)
        with pytest.raises(
            (LinkDenied, LinkLost), match=r"certificate not trusted: .*127\.0\.0\.2"
        ):
            await way("127.0.0.2", server.port, tls)
        assert not server.heard


def ask_for_certificates(context: ssl.SSLContext, made: Certificates) -> None:
    context.load_verify_locations(made.ca_file)
    context.verify_mode = ssl.CERT_REQUIRED


@pytest.mark.parametrize(("way", "answer"), WAYS)
async def test_this_gateway_proves_itself_with_a_certificate(
    tmp_path: Path, way: Way, answer: bytes
) -> None:
    """Where the server asks for one; without it there is no link."""
    async with serving(tmp_path, answer, ask_for_certificates) as server:
        made = server.certificates
        anonymous = Tls(ca_file=made.ca_file)
        known = replace(anonymous, certificate_file=made.certificate_file, key_file=made.key_file)
        await way("localhost", server.port, known)
        with pytest.raises(LinkError):
            await way("localhost", server.port, anonymous)


@pytest.mark.parametrize(("way", "answer"), WAYS)
async def test_a_client_certificate_that_is_none_is_the_owners_mistake(
    tmp_path: Path, way: Way, answer: bytes
) -> None:
    """Named, before anything is connected."""
    made = make_certificates(tmp_path)
    tls = Tls(ca_file=made.ca_file, certificate_file=tmp_path / "none.pem")
    with pytest.raises(ConfigError, match=r"none\.pem"):
        await way("localhost", 1, tls)


def only_1_1(context: ssl.SSLContext, made: Certificates) -> None:
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize(("way", "answer"), WAYS)
async def test_nothing_older_than_tls_1_2_is_spoken(
    tmp_path: Path, way: Way, answer: bytes
) -> None:
    """A server that knows no better is no link."""
    async with serving(tmp_path, answer, only_1_1) as server:
        with pytest.raises(LinkError):
            await way("localhost", server.port, Tls(ca_file=server.certificates.ca_file))
        assert not server.heard


def test_the_oldest_version_is_1_2_wherever_a_context_is_made() -> None:
    """Also where nobody verifies."""
    for tls in (Tls(), Tls(is_verified=False)):
        assert make_context(tls).minimum_version is ssl.TLSVersion.TLSv1_2
