"""A sandbox's HTTP server on the loopback."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

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
        app, access_log=None, handler_cancellation=True, shutdown_timeout=SHUTDOWN_S
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
