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
from gatewayd.sandbox.listening import open_listeners
from gatewayd.sandbox.tls import tls_for
from gatewayd.transports.broker import open_broker
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
    tls = tls_for(settings, base)
    async with AsyncExitStack() as stack:
        own_clock = MovableClock(base)
        world, hub = World(settings, own_clock), Hub()
        journal = Journal(settings.messages_max, settings.message_bytes_max)

        def publish(message: Message) -> int:
            return broker.publish(message)

        intake = Intake(world, journal, hub, publish)
        device_side = DeviceSide(world, journal, intake, publish)
        broker = await stack.enter_async_context(open_broker(device_side, manners=MANNERS))
        ports = open_listeners(broker, settings, tls, (MQTT_PORT, MQTT_TLS_PORT))
        listeners = await stack.enter_async_context(ports)
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
            listeners=listeners,
            ca_file=tls.ca_file,
            tls_reason=tls.reason,
        )
        safe = None if tls.context is None else (settings.port(REST_TLS_PORT), tls.context)
        app_side = open_app_side(sandbox, settings.port(REST_PORT), safe)
        sandbox.rest_port, sandbox.rest_tls_port = await stack.enter_async_context(app_side)
        yield sandbox
