"""A sandbox's HTTP server on the loopback."""

from __future__ import annotations

import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import formatdate

from aiohttp import http_exceptions, web

from gatewayd.sandbox.clock import MovableClock

SHUTDOWN_S = 1.0
"""How long requests under way may take once the sandbox ends."""


@asynccontextmanager
async def open_server(
    app: web.Application, port: int, tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """Serve an application on 127.0.0.1 and yield the port; port 0 takes any free one.

    Raises:
        OSError: the port is taken.
    """
    runner = web.AppRunner(
        app,
        access_log=None,
        handler_cancellation=True,
        shutdown_timeout=SHUTDOWN_S,
        logger=_logger(),
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def date_answers(app: web.Application, clock: MovableClock) -> None:
    """Give every answer the cloud's time as its Date: aiohttp would give it the machine's."""

    async def date(request: web.Request, response: web.StreamResponse) -> None:
        response.headers["Date"] = formatdate(clock.now_ms() // 1000, usegmt=True)

    app.on_response_prepare.append(date)


def _logger() -> logging.Logger:
    """Return aiohttp's own log without what a peer's bytes can write into it.

    Who does not speak HTTP is answered with 400, which is all there is to say; a traceback would
    look like a fault of ours; nor what came of a peer that left. Our faults still show.
    """
    logger = logging.Logger("gatewayd.sandbox.http")
    logger.parent = logging.getLogger("aiohttp.server")
    logger.addFilter(_is_ours)
    return logger


def _is_ours(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, http_exceptions.HttpProcessingError | ConnectionResetError)
