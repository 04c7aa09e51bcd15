"""Where the HTTP console listens, and how it proves itself there."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from aiohttp import web

from gatewayd.config.settings import Console
from gatewayd.console.http_guard import split_address
from gatewayd.errors import GatewayError
from gatewayd.transports.http_door import Door, open_door
from gatewayd.transports.tls import tell

CONNECTIONS_MAX = 64
"""16 streams and what a handful of browsers and scrapers keep open beside them."""

STUCK_S = 30.0
"""For a reader to take anything at all before the kernel gives it up."""

HANDSHAKE_S = 5.0
"""For TLS; the slowest browser on the slowest Pi needs one."""


@asynccontextmanager
async def listening(runner: web.AppRunner, console: Console) -> AsyncIterator[str]:
    """Accept connections for a runner while the block lasts; yields the page's address.

    Raises:
        GatewayError: the address cannot be listened on, or the certificate cannot be used.
    """
    assert runner.server is not None
    tls, (host, port) = make_tls(console), split_address(str(console.listen))
    door = Door(
        host=host,
        port=port,
        connections_max=CONNECTIONS_MAX,
        tls=tls,
        handshake_s=HANDSHAKE_S,
        stuck_s=STUCK_S,
    )
    async with AsyncExitStack() as stack:
        try:
            port = await stack.enter_async_context(open_door(runner.server, door))
        except OSError as error:
            reason = error.strerror or str(error)
            sentence = f"the console cannot listen on {console.listen}: {reason}"
            raise GatewayError(sentence) from error
        place = f"[{host}]" if ":" in host else host
        yield f"{'https' if tls else 'http'}://{place}:{port}/"


def make_tls(console: Console) -> ssl.SSLContext | None:
    """Return how the console proves itself, None where it speaks in the clear.

    Raises:
        GatewayError: the files cannot be used.
    """
    if console.certificate_file is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(console.certificate_file, console.key_file)
    except OSError as error:  # ssl.SSLError is one too.
        sentence = f"the console cannot use {console.certificate_file}: {tell(error)}"
        raise GatewayError(sentence) from error
    return context
