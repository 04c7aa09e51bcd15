"""Opens a sandbox: its clock and world, the broker with its listeners, the HTTP server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from gatewayd.clock import Clock, SystemClock
from gatewayd.clouds.thethingsio.sandbox.hub import Hub
from gatewayd.clouds.thethingsio.sandbox.intake import Intake
from gatewayd.clouds.thethingsio.sandbox.journal import Journal
from gatewayd.clouds.thethingsio.sandbox.mqtt import DeviceSide
from gatewayd.clouds.thethingsio.sandbox.objects import Objects
from gatewayd.clouds.thethingsio.sandbox.rest import open_app_side
from gatewayd.clouds.thethingsio.sandbox.sandbox import Sandbox
from gatewayd.clouds.thethingsio.sandbox.settings import (
    MQTT_PORT,
    MQTT_TLS_PORT,
    REST_PORT,
    REST_TLS_PORT,
    SandboxSettings,
)
from gatewayd.clouds.thethingsio.sandbox.world import World
from gatewayd.sandbox.clock import MovableClock
from gatewayd.sandbox.faults import RestFaults
from gatewayd.sandbox.tls import certificate_for, server_context
from gatewayd.transports.broker import open_broker, open_listener
from gatewayd.transports.broker_host import Manners
from gatewayd.transports.mqtt_packets import Message

MANNERS = Manners(is_relay=False, is_curt=False)


@asynccontextmanager
async def open_sandbox(
    settings: SandboxSettings | None = None, clock: Clock | None = None
) -> AsyncIterator[Sandbox]:
    """Yield a thethings.iO cloud on the loopback; it ends with the block.

    Raises:
        OSError: a port is taken, or the certificate cannot be kept.
    """
    settings = settings or SandboxSettings()
    base = clock or SystemClock()
    certificate, reason = certificate_for(settings, base)
    context = None if certificate is None else server_context(certificate)
    async with AsyncExitStack() as stack:
        own_clock = MovableClock(base)
        world, hub = World(settings, own_clock), Hub()
        journal = Journal(settings.messages_max, settings.message_bytes_max)

        def publish(message: Message) -> int:
            return broker.publish(message)

        intake = Intake(world, journal, hub, publish)
        device_side = DeviceSide(world, journal, intake, publish)
        broker = await stack.enter_async_context(open_broker(device_side, manners=MANNERS))
        plain = open_listener(broker, settings.port(MQTT_PORT))
        listeners = [await stack.enter_async_context(plain)]
        if context is not None:
            tls = open_listener(broker, settings.port(MQTT_TLS_PORT), context)
            listeners.append(await stack.enter_async_context(tls))
        sandbox = Sandbox(
            settings=settings,
            clock=own_clock,
            world=world,
            objects=Objects(),
            journal=journal,
            hub=hub,
            intake=intake,
            broker=broker,
            rest_faults=RestFaults(),
            listeners=tuple(listeners),
            ca_file=None if certificate is None else certificate.ca_file,
            tls_reason=reason,
        )
        safe = None if context is None else (settings.port(REST_TLS_PORT), context)
        app_side = open_app_side(sandbox, settings.port(REST_PORT), safe)
        sandbox.rest_port, sandbox.rest_tls_port = await stack.enter_async_context(app_side)
        yield sandbox
