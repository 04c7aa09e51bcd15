"""Opens a sandbox: its clock and world, the broker with its listeners, the REST server."""

from __future__ import annotations

import os
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from gatewayd.clock import Clock, SystemClock
from gatewayd.clouds.thingplus.sandbox.calls import Calls
from gatewayd.clouds.thingplus.sandbox.errands import open_errands
from gatewayd.clouds.thingplus.sandbox.faults import RestFaults
from gatewayd.clouds.thingplus.sandbox.journal import Journal
from gatewayd.clouds.thingplus.sandbox.mqtt import DeviceSide
from gatewayd.clouds.thingplus.sandbox.oauth import Doors
from gatewayd.clouds.thingplus.sandbox.rest import open_app_side
from gatewayd.clouds.thingplus.sandbox.sandbox import Sandbox
from gatewayd.clouds.thingplus.sandbox.settings import (
    MQTT_PORT,
    MQTT_TLS_PORT,
    REST_PORT,
    MovableClock,
    SandboxSettings,
)
from gatewayd.clouds.thingplus.sandbox.world import World
from gatewayd.transports.broker import open_broker, open_listener
from gatewayd.transports.certificates import LocalCertificate, NoCryptography, load_or_make
from gatewayd.transports.mqtt_packets import Message


@asynccontextmanager
async def open_sandbox(
    settings: SandboxSettings | None = None, clock: Clock | None = None
) -> AsyncIterator[Sandbox]:
    """Yield a Thing+ cloud on the loopback; it ends with the block.

    Raises:
        OSError: a port is taken, or the certificate cannot be kept.
    """
    settings = settings or SandboxSettings()
    base = clock or SystemClock()
    certificate, reason = _certificate(settings, base)
    async with AsyncExitStack() as stack:
        own_clock = MovableClock(base)
        world = World(settings, own_clock)
        journal = Journal(settings.messages_max, settings.message_bytes_max)
        errands = await stack.enter_async_context(open_errands())

        def publish(message: Message) -> int:
            return broker.publish(message)

        calls = Calls(publish)
        device_side = DeviceSide(world, journal, calls, errands)
        broker = await stack.enter_async_context(open_broker(device_side))
        plain = open_listener(broker, settings.port(MQTT_PORT))
        listeners = [await stack.enter_async_context(plain)]
        if certificate is not None:
            tls = open_listener(broker, settings.port(MQTT_TLS_PORT), _context(certificate))
            listeners.append(await stack.enter_async_context(tls))
        sandbox = Sandbox(
            clock=own_clock,
            world=world,
            journal=journal,
            calls=calls,
            doors=Doors(world),
            device_side=device_side,
            broker=broker,
            rest_faults=RestFaults(),
            listeners=tuple(listeners),
            ca_file=None if certificate is None else certificate.ca_file,
            tls_reason=reason,
        )
        app_side = open_app_side(sandbox, settings.port(REST_PORT))
        sandbox.rest_port = await stack.enter_async_context(app_side)
        yield sandbox


def _certificate(settings: SandboxSettings, clock: Clock) -> tuple[LocalCertificate | None, str]:
    """Return the certificate to serve TLS with, or None and the reason why not."""
    if not settings.tls:
        return None, "switched off"
    try:
        return load_or_make(settings.state_dir or default_state_dir(), clock.now_ms()), ""
    except NoCryptography as error:
        return None, str(error)


def default_state_dir() -> Path:
    """Return where the self-made certificates are kept between runs."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "gatewayd" / "sandbox"


def _context(certificate: LocalCertificate) -> ssl.SSLContext:
    """Return a server's TLS settings: 1.2 or newer, as the vendor recommends."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate.cert_file, certificate.key_file)
    return context
