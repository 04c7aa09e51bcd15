"""HTTP requests against a real server on the loopback, good and bad."""

from __future__ import annotations

import asyncio
import datetime
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gatewayd.errors import (
    BatchRefused,
    ConfigError,
    LinkDenied,
    LinkLost,
    Malformed,
    Throttled,
)
from gatewayd.transports.http import (
    RETRY_AFTER_DEFAULT_S,
    RETRY_AFTER_MAX_S,
    Answer,
    HttpSettings,
    Request,
    open_http,
    refusal,
    retry_after_s,
)
from tests.peers.listening import listening

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Serve one handler for every path; yield the base address."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    try:
        port = runner.addresses[0][1]
        yield f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def saying(reply: bytes) -> AsyncIterator[str]:
    """Serve the same bytes to whoever connects, and hang up."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply)
        await writer.drain()

    async with listening(talk) as port:
        yield f"http://127.0.0.1:{port}"


def write_certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate of localhost that nobody signed but itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))
        .not_valid_after(datetime.datetime(2120, 1, 1, tzinfo=datetime.UTC))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    form = serialization.Encoding.PEM
    private = serialization.PrivateFormat.PKCS8
    (folder / "cert.pem").write_bytes(certificate.public_bytes(form))
    secret = key.private_bytes(form, private, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(secret)
    return folder / "cert.pem", folder / "key.pem"


async def echo(request: web.Request) -> web.Response:
    body = await request.text()
    return web.Response(text=f"{request.method} {request.raw_path} {body}")


async def test_a_request_arrives_as_it_was_written() -> None:
    """Method, encoded path and body reach the server unchanged; the answer comes back whole."""
    async with serving(echo) as url, open_http(HttpSettings(base_url=f"{url}/base/")) as http:
        answer = await http.send(Request("PUT", "/x?filter%5Bid%5D=a%20b", {}, b"body"))
    assert answer.is_success
    assert answer.body == b"PUT /base/x?filter%5Bid%5D=a%20b body"


async def test_a_status_is_an_answer_and_not_an_exception() -> None:
    """Every status comes back, also those that only one cloud knows."""

    async def gateway_error(request: web.Request) -> web.Response:
        return web.Response(status=600, reason="Gateway error", text="{}")

    async with serving(gateway_error) as url, open_http(HttpSettings(base_url=url)) as http:
        answer = await http.send(Request("GET", "/"))
    assert (answer.status, answer.body) == (600, b"{}")


async def test_a_redirect_is_not_followed() -> None:
    """A token does not travel to where a redirect points."""

    async def elsewhere(request: web.Request) -> web.Response:
        raise web.HTTPFound("http://127.0.0.1:9/")

    async with serving(elsewhere) as url, open_http(HttpSettings(base_url=url)) as http:
        assert (await http.send(Request("GET", "/"))).status == 302


async def test_https_to_a_plain_port_is_told() -> None:
    """In words, with the place."""

    async def page(request: web.Request) -> web.Response:
        return web.Response()

    async with serving(page) as url:
        settings = HttpSettings(base_url=url.replace("http:", "https:"))
        async with open_http(settings) as http:
            with pytest.raises(LinkLost, match=r":\d+: no TLS is spoken there$"):
                await http.send(Request("GET", "/"))


async def test_nobody_listening_is_a_lost_link(unused_tcp_port: int) -> None:
    """A refused connection is LinkLost, in the system's words."""
    settings = HttpSettings(base_url=f"http://127.0.0.1:{unused_tcp_port}")
    async with open_http(settings) as http:
        with pytest.raises(LinkLost, match=r":\d+: Connection refused$"):
            await http.send(Request("GET", "/"))


async def test_silence_is_a_lost_link() -> None:
    """A server that accepts and says nothing is given up after the deadline."""

    async def silent(request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        return web.Response()

    async with (
        serving(silent) as url,
        open_http(HttpSettings(base_url=url, total_s=0.1)) as http,
    ):
        with pytest.raises(LinkLost, match="in time"):
            await http.send(Request("GET", "/"))


async def test_an_answer_cut_short_is_a_lost_link() -> None:
    """Fewer bytes than announced are no answer."""
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"
    async with saying(reply) as url, open_http(HttpSettings(base_url=url)) as http:
        with pytest.raises(LinkLost):
            await http.send(Request("GET", "/"))


async def test_an_answer_that_is_no_http_is_malformed() -> None:
    """Another protocol on that port is said to be one."""
    async with saying(b"SSH-2.0-OpenSSH\r\n") as url, open_http(HttpSettings(base_url=url)) as http:
        with pytest.raises(Malformed, match="HTTP"):
            await http.send(Request("GET", "/"))


async def test_an_endless_answer_is_stopped() -> None:
    """No more than the limit is kept of a body."""

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 65536)

    async with (
        serving(endless) as url,
        open_http(HttpSettings(base_url=url, body_bytes_max=100_000)) as http,
    ):
        with pytest.raises(Malformed, match="100000 bytes"):
            await http.send(Request("GET", "/"))


def dripping(*parts: bytes, is_ended: bool = True) -> Handler:
    """Answer in parts, and end the answer or keep it open in silence."""

    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for part in parts:
            await response.write(part)
        if not is_ended:
            await asyncio.Event().wait()
        return response

    return drip


async def test_a_stream_is_read_as_it_comes() -> None:
    """Its bytes arrive before its end does, and a proper end is no error."""
    request, got = Request("GET", "/"), b""
    async with (
        serving(dripping(b"one", b"two")) as url,
        open_http(HttpSettings(base_url=url)) as http,
        http.stream(request, 5.0) as stream,
    ):
        async for chunk in stream.chunks():
            got += chunk
    assert (stream.status, got) == (200, b"onetwo")


async def test_a_silent_stream_is_a_lost_link() -> None:
    """What came before is not lost; the deadline starts again with every byte."""
    got = b""
    async with (
        serving(dripping(b"one", is_ended=False)) as url,
        open_http(HttpSettings(base_url=url, total_s=0.01)) as http,
        http.stream(Request("GET", "/"), 0.1) as stream,
    ):
        with pytest.raises(LinkLost, match="said nothing for"):
            async for chunk in stream.chunks():
                got += chunk
    assert got == b"one"


async def test_a_stream_cut_in_the_middle_is_a_lost_link() -> None:
    """A chunk that was announced and did not come."""
    reply = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n5\r\ntw"
    async with (
        saying(reply) as url,
        open_http(HttpSettings(base_url=url)) as http,
        http.stream(Request("GET", "/"), 5.0) as stream,
    ):
        with pytest.raises(LinkLost):
            async for _ in stream.chunks():
                pass


async def test_a_stream_that_nobody_serves_is_a_lost_link(unused_tcp_port: int) -> None:
    """Before the block begins."""
    settings = HttpSettings(base_url=f"http://127.0.0.1:{unused_tcp_port}")
    async with open_http(settings) as http:
        with pytest.raises(LinkLost):
            async with http.stream(Request("GET", "/"), 5.0):
                pass


async def test_a_refused_stream_can_be_read_whole() -> None:
    """Up to a limit: a refusal is short."""

    async def refuse(request: web.Request) -> web.Response:
        return web.Response(status=401, body=b"x" * int(request.query["n"]))

    async with serving(refuse) as url, open_http(HttpSettings(base_url=url)) as http:
        async with http.stream(Request("GET", "/?n=3"), 5.0) as stream:
            answer = await stream.whole()
        assert (answer.status, answer.body) == (401, b"xxx")
        async with http.stream(Request("GET", "/?n=99999"), 5.0) as stream:
            with pytest.raises(Malformed, match="refusal"):
                await stream.whole()


async def test_only_a_trusted_certificate_is_spoken_to(tmp_path: Path) -> None:
    """With the authority's file the request goes through; without it the link is denied."""
    certificate, key = write_certificate(tmp_path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    async with serving(echo, tls) as url:
        async with open_http(HttpSettings(base_url=url, ca_file=certificate)) as http:
            assert (await http.send(Request("GET", "/"))).is_success
        async with open_http(HttpSettings(base_url=url)) as http:
            with pytest.raises(LinkDenied, match="certificate"):
                await http.send(Request("GET", "/"))


@pytest.mark.parametrize("url", ["api.thingplus.net", "ftp://x", "http://", ""])
async def test_an_address_that_is_none_is_a_mistake_of_the_owner(url: str) -> None:
    """What cannot be asked is said before anything is sent."""
    with pytest.raises(ConfigError, match="address"):
        async with open_http(HttpSettings(base_url=url)):
            pass


async def test_a_missing_ca_file_is_a_mistake_of_the_owner(tmp_path: Path) -> None:
    """Verification is never left out because its file is not there."""
    settings = HttpSettings(base_url="https://localhost", ca_file=tmp_path / "none.pem")
    with pytest.raises(ConfigError, match=r"none\.pem"):
        async with open_http(settings):
            pass


def test_secrets_are_not_in_a_repr() -> None:
    """A request or an answer in a log shows neither path nor headers nor bodies."""
    shown = f"{Request('GET', '/hush', {'Authorization': 'Bearer hush'}, b'hush')}"
    shown += f"{Answer(200, {'set-cookie': 'hush'}, b'hush')}"
    assert "hush" not in shown


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, LinkDenied),
        (403, LinkDenied),
        (429, Throttled),
        (408, LinkLost),
        (503, LinkLost),
        (404, BatchRefused),
        (302, BatchRefused),
    ],
)
def test_a_status_says_whose_turn_it_is(status: int, error: type[Exception]) -> None:
    """Each refusal becomes the one error that its reader can act on."""
    assert type(refusal(Answer(status, {}, b""), "GET /x")) is error


def test_success_is_no_refusal() -> None:
    """2xx needs nobody to act."""
    assert refusal(Answer(204, {}, b""), "GET /x") is None


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "99999999"}, RETRY_AFTER_MAX_S),
        ({"retry-after": "soon"}, RETRY_AFTER_DEFAULT_S),
        ({}, RETRY_AFTER_DEFAULT_S),
        (
            {
                "retry-after": "Fri, 20 Nov 2026 11:00:20 GMT",
                "date": "Fri, 20 Nov 2026 11:00:00 GMT",
            },
            20.0,
        ),
        ({"retry-after": "Fri, 20 Nov 2026 11:00:20 GMT"}, RETRY_AFTER_DEFAULT_S),
    ],
)
def test_retry_after_is_read_in_both_forms(headers: dict[str, str], wait_s: float) -> None:
    """Seconds, or a date against the answer's own; anything else is the default."""
    assert retry_after_s(Answer(429, headers, b"")) == wait_s
