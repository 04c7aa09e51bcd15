"""HTTP requests over one pooled session: bytes out, bytes in, and each failure named once.

    async with open_http(HttpSettings("https://api.thingplus.net")) as http:
        answer = await http.send(Request("GET", "/v2/users/me", {"Authorization": token}))

Characteristics: in: requests · out: answers · not buffered · at most `CONNECTIONS_MAX` at once,
the others wait · not ordered · one event loop only · nothing durable. Tries once. Redirects are
not followed, because a token would go with them. Headers and bodies never reach a repr or a log.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path

import aiohttp
import yarl

from gatewayd.errors import (
    BatchRefused,
    ConfigError,
    LinkDenied,
    LinkError,
    LinkLost,
    Malformed,
    Throttled,
)
from gatewayd.transports.tls import Tls, is_distrusted, make_context, tell

CONNECTIONS_MAX = 4
"""A gateway asks one thing after the other; more sockets would only cost memory."""

KEEP_ALIVE_S = 30.0
"""How long an idle connection waits for the next request. Many front ends cut at 60 s."""

CHUNK_BYTES = 64 * 1024

REFUSAL_BYTES_MAX = 64 * 1024
"""What a server may say instead of a stream: a sentence, or a proxy's page."""

RETRY_AFTER_DEFAULT_S = 30.0
"""What 429 without a readable Retry-After means here."""

RETRY_AFTER_MAX_S = 3600.0
"""A cloud that says "tomorrow" is asked again within the hour: limits are lifted by people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """Where the requests of one session go, and how long and how large they may become.

    Attributes:
        base_url: scheme, host, port and an optional path that stands before every request's own.
        ca_file: PEM file with the authorities to trust, or None for those of the system.
        certificate_file, key_file: PEM of a client certificate, or None.
        body_bytes_max: a longer answer is `Malformed`; what was read of it is thrown away.
    """

    base_url: str
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    connect_s: float = 10.0
    read_s: float = 30.0
    total_s: float = 60.0
    body_bytes_max: int = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `path` is percent-encoded already, query included.

    A path is not in the repr either: some clouds want their token in it.
    """

    method: str
    path: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, whatever its status. Header names are lower case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


class Http:
    """One open session; made by `open_http`."""

    def __init__(self, session: aiohttp.ClientSession, settings: HttpSettings) -> None:
        self.session = session
        self._settings = settings
        self._base = settings.base_url.rstrip("/")
        self.place = yarl.URL(self._base).authority

    async def send(self, request: Request) -> Answer:
        """Send one request and return its whole answer, whatever its status.

        Raises:
            LinkLost: no connection, a cut one, or no answer in time. The request may have
                been carried out.
            LinkDenied: the server's certificate is not trusted.
            Malformed: the answer is not HTTP, or is longer than `body_bytes_max`.
        """
        with translated(self.place):
            async with self.session.request(
                request.method,
                self.url_of(request),
                headers=request.headers,
                data=request.body,
                allow_redirects=False,
            ) as response:
                return Answer(response.status, _headers(response), await self._read(response))

    @asynccontextmanager
    async def stream(self, request: Request, silence_s: float) -> AsyncIterator[Stream]:
        """Send one request and hold its answer open for as long as the block lasts.

        Args:
            silence_s: how long the server may say nothing, its headers included.

        Raises:
            LinkLost, LinkDenied, Malformed: as for `send`, before the block begins.
        """
        endless = aiohttp.ClientTimeout(total=None, sock_connect=self._settings.connect_s)
        with translated(self.place):
            async with asyncio.timeout(self._settings.connect_s + silence_s):
                response = await self.session.request(
                    request.method,
                    self.url_of(request),
                    headers=request.headers,
                    data=request.body,
                    allow_redirects=False,
                    timeout=endless,
                )
        try:
            yield Stream(self.place, response, silence_s)
        finally:
            response.close()

    def url_of(self, request: Request) -> yarl.URL:
        """Return the whole address of a request."""
        return yarl.URL(self._base + request.path, encoded=True)

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        limit = self._settings.body_bytes_max
        body = bytearray()
        async for chunk in response.content.iter_chunked(CHUNK_BYTES):
            body += chunk
            if len(body) > limit:
                response.close()
                raise Malformed(f"{self.place} answers with more than {limit} bytes")
        return bytes(body)


class Stream:
    """An answer whose body comes bit by bit, for as long as the server likes."""

    def __init__(self, place: str, response: aiohttp.ClientResponse, silence_s: float) -> None:
        self._place = place
        self._response = response
        self._silence_s = silence_s
        self.status = response.status
        self.headers: Mapping[str, str] = _headers(response)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the bytes as they come, wherever the network has cut them; for one consumer.

        Returns when the server ends the answer properly.

        Raises:
            LinkLost: the connection was cut, or nothing came for `silence_s`.
        """
        while chunk := await self._next_chunk():
            yield chunk

    async def whole(self) -> Answer:
        """Return the rest as an answer: what should be a stream may be a refusal.

        Raises:
            LinkLost, Malformed: as for `Http.send`.
        """
        body = bytearray()
        with translated(self._place):
            async with asyncio.timeout(self._silence_s):
                async for chunk in self.chunks():
                    body += chunk
                    if len(body) > REFUSAL_BYTES_MAX:
                        raise Malformed(f"a refusal of more than {REFUSAL_BYTES_MAX} bytes")
        return Answer(self.status, self.headers, bytes(body))

    async def _next_chunk(self) -> bytes:
        with translated(self._place):
            try:
                async with asyncio.timeout(self._silence_s):
                    return await self._response.content.readany()
            except TimeoutError:
                sentence = f"{self._place} said nothing for {self._silence_s:g} s"
                raise LinkLost(sentence) from None


@asynccontextmanager
async def open_http(settings: HttpSettings) -> AsyncIterator[Http]:
    """Open a session; connections are made when the first request needs them.

    Raises:
        ConfigError: the address is none, or the CA file cannot be used.
    """
    connector = aiohttp.TCPConnector(
        limit=CONNECTIONS_MAX, keepalive_timeout=KEEP_ALIVE_S, ssl=_tls(settings)
    )
    timeout = aiohttp.ClientTimeout(
        total=settings.total_s, sock_connect=settings.connect_s, sock_read=settings.read_s
    )
    # Some clouds hand out a cookie that keeps a client on one server, or is a session. `unsafe`
    # lets hosts without a name have one too; no other host is ever asked in this session.
    jar = aiohttp.CookieJar(unsafe=True)
    headers = {"User-Agent": "gatewayd"}
    async with aiohttp.ClientSession(
        connector=connector, timeout=timeout, headers=headers, cookie_jar=jar
    ) as session:
        yield Http(session, settings)


def refusal(answer: Answer, asked: str) -> LinkError | None:
    """Return what an answer's status means for a link, or None for success.

    For clouds whose statuses mean what HTTP says: 401, 403 → LinkDenied, 429 → Throttled,
    408 and 5xx → LinkLost, everything else → BatchRefused. `asked` opens the sentence.
    """
    if answer.is_success:
        return None
    sentence = f"{asked}: HTTP status {answer.status}"
    if answer.status in (401, 403):
        return LinkDenied(sentence)
    if answer.status == 429:
        return Throttled(sentence, retry_after_s(answer))
    if answer.status == 408 or answer.status >= 500:
        return LinkLost(sentence)
    return BatchRefused(sentence)


def retry_after_s(answer: Answer) -> float:
    """Return how long an answer asks to wait: seconds, or a date read against its own Date."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isdecimal():
        return min(float(text), RETRY_AFTER_MAX_S)
    try:
        until, now = (parsedate_to_datetime(each) for each in (text, answer.headers["date"]))
        wait_s = (until - now).total_seconds()
    except (KeyError, TypeError, ValueError):
        return RETRY_AFTER_DEFAULT_S
    return min(max(wait_s, 0.0), RETRY_AFTER_MAX_S)


def _tls(settings: HttpSettings) -> ssl.SSLContext | bool:
    url = yarl.URL(settings.base_url)
    if url.scheme not in ("http", "https") or not url.host:
        raise ConfigError(f"{settings.base_url!r} is not an http or https address")
    if url.scheme == "http":
        return True
    return make_context(
        Tls(
            ca_file=settings.ca_file,
            certificate_file=settings.certificate_file,
            key_file=settings.key_file,
        )
    )


@contextmanager
def translated(place: str) -> Iterator[None]:
    """Name what aiohttp and the system raise within the block."""
    try:
        yield
    except TimeoutError as error:
        raise LinkLost(f"{place} did not answer in time") from error
    except aiohttp.ClientConnectorCertificateError as error:
        kind = LinkDenied if is_distrusted(error.certificate_error) else LinkLost
        raise kind(f"{place}: {tell(error.certificate_error)}") from error
    except aiohttp.ClientResponseError as error:
        raise Malformed(f"{place} does not answer in HTTP: {error.message}") from error
    except (aiohttp.ClientError, OSError) as error:
        raise LinkLost(f"{place}: {_reason(error)}") from error


def _headers(response: aiohttp.ClientResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _reason(error: Exception) -> str:
    """Return what happened, in the system's own words where there are some."""
    system = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    return tell(system) if isinstance(system, OSError) else str(error) or type(error).__name__
