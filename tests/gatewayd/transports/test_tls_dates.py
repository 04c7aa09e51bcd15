"""A certificate whose dates lie elsewhere is told in one sentence, over every transport.

Most often it is this machine that does not know the time: a Pi without a network believes that it
is 1970, or the day when it was last switched off.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gatewayd.errors import LinkDenied, LinkError, LinkLost
from gatewayd.transports.http import HttpSettings, Request, open_http
from gatewayd.transports.mqtt import MqttSettings, open_mqtt
from gatewayd.transports.stream import StreamSettings, open_stream
from gatewayd.transports.tls import Tls
from tests.mosquitto import Certificates, make_certificates
from tests.peers.listening import listening

FUTURE, PAST = timedelta(days=3650), timedelta(days=-3650)


@dataclass(frozen=True, slots=True)
class Server:
    """Something that speaks TLS, and nothing in it."""

    port: int
    certificates: Certificates


@asynccontextmanager
async def serving(folder: Path, shift: timedelta) -> AsyncIterator[Server]:
    """Serve with certificates whose hour is shifted."""
    made = make_certificates(folder, shift)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate_file, made.key_file)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with listening(talk, context) as port:
        yield Server(port, made)


async def by_mqtt(server: Server) -> None:
    settings = MqttSettings(
        host="localhost",
        port=server.port,
        client_id="gw",
        tls=Tls(ca_file=server.certificates.ca_file),
    )
    async with open_mqtt(settings):
        pass


async def by_http(server: Server) -> None:
    url = f"https://localhost:{server.port}"
    settings = HttpSettings(base_url=url, ca_file=server.certificates.ca_file)
    async with open_http(settings) as http:
        await http.send(Request("GET", "/"))


class Deaf:
    """A receiver to whom nothing is ever said."""

    def on_bytes(self, data: bytes) -> None:
        raise AssertionError

    def on_lost(self, reason: str) -> None:
        raise AssertionError


async def by_stream(server: Server) -> None:
    tls = Tls(ca_file=server.certificates.ca_file)
    settings = StreamSettings(host="localhost", port=server.port, tls=tls)
    async with open_stream(settings, Deaf()):
        pass


WAYS = (by_mqtt, by_http, by_stream)


@pytest.mark.parametrize("connect", WAYS)
async def test_a_clock_that_is_behind_is_said_to_be(
    tmp_path: Path, connect: Callable[[Server], Awaitable[None]]
) -> None:
    """And it is no matter for the owner: the link is tried again at its usual pace."""
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    async with serving(tmp_path, FUTURE) as server:
        with pytest.raises(LinkLost) as caught:
            await connect(server)
    assert str(caught.value).endswith(
        f"the certificate is not valid yet: this machine believes it is {today};"
        " is there a time server?"
    )


@pytest.mark.parametrize("connect", WAYS)
async def test_a_certificate_that_has_expired_is_said_to_have(
    tmp_path: Path, connect: Callable[[Server], Awaitable[None]]
) -> None:
    """With the day that this machine believes in: it may be the clock that ran ahead."""
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    async with serving(tmp_path, PAST) as server:
        with pytest.raises(LinkError) as caught:
            await connect(server)
    text = f"the certificate has expired: this machine believes it is {today}"
    assert text in str(caught.value)
    assert isinstance(caught.value, LinkDenied) == (connect is not by_mqtt)
