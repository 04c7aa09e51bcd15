"""Where a sandbox listens: a plain port, and one with TLS where there is a certificate."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from gatewayd.sandbox.settings import ListenSettings
from gatewayd.sandbox.tls import Tls
from gatewayd.transports.listener import Attendant, Listener, open_listener


@asynccontextmanager
async def open_listeners(
    attendant: Attendant, settings: ListenSettings, tls: Tls, ports: tuple[int, int]
) -> AsyncIterator[tuple[Listener, ...]]:
    """Yield the open listeners, the plain one first; `ports` are the usual ones, plain and TLS.

    Raises:
        OSError: a port is taken.
    """
    plain, safe = (settings.port(usual) for usual in ports)
    async with AsyncExitStack() as stack:
        listeners = [await stack.enter_async_context(open_listener(attendant, plain))]
        if tls.context is not None:
            with_tls = open_listener(attendant, safe, tls.context)
            listeners.append(await stack.enter_async_context(with_tls))
        yield tuple(listeners)
