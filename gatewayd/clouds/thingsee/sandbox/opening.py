"""Opens a sandbox: its clock and world, the broker with its listeners, the REST server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from gatewayd.clock import Clock, SystemClock
from gatewayd.clouds.thingsee.sandbox.intake import Intake
from gatewayd.clouds.thingsee.sandbox.journal import Journal
from gatewayd.clouds.thingsee.sandbox.mqtt import DeviceSide
from gatewayd.clouds.thingsee.sandbox.orders import Orders
from gatewayd.clouds.thingsee.sandbox.outlets import Outlets
from gatewayd.clouds.thingsee.sandbox.rest import open_app_side
from gatewayd.clouds.thingsee.sandbox.sandbox import Sandbox
from gatewayd.clouds.thingsee.sandbox.settings import (
    MQTT_PORT,
    MQTT_TLS_PORT,
    REST_PORT,
    SandboxSettings,
)
from gatewayd.clouds.thingsee.sandbox.world import World
from gatewayd.sandbox.clock import MovableClock
from gatewayd.sandbox.errands import open_errands
from gatewayd.sandbox.faults import RestFaults
from gatewayd.sandbox.listening import open_listeners
from gatewayd.sandbox.tls import tls_for
from gatewayd.transports.broker import open_broker
from gatewayd.transports.broker_host import Manners
from gatewayd.transports.mqtt_packets import Message


@asynccontextmanager
async def open_sandbox(
    settings: SandboxSettings | None = None, clock: Clock | None = None
) -> AsyncIterator[Sandbox]:
    """Yield a Thingsee cloud on the loopback; it ends with the block.

    Raises:
        OSError: a port is taken, or the certificate cannot be kept.
    """
    settings = settings or SandboxSettings()
    base = clock or SystemClock()
    tls = tls_for(settings, base)
    async with AsyncExitStack() as stack:
        own_clock = MovableClock(base)
        world = World(settings, own_clock)
        journal = Journal(settings.messages_max, settings.message_bytes_max)
        errands = await stack.enter_async_context(open_errands())

        def publish(message: Message) -> int:
            return broker.publish(message)

        outlets = Outlets(settings, publish, errands, journal.counts)
        intake = Intake(world, journal, outlets)
        device_side = DeviceSide(world, journal, intake)
        manners = Manners(is_relay=False)
        broker = await stack.enter_async_context(open_broker(device_side, manners=manners))
        ports = open_listeners(broker, settings, tls, (MQTT_PORT, MQTT_TLS_PORT))
        listeners = await stack.enter_async_context(ports)
        sandbox = Sandbox(
            clock=own_clock,
            world=world,
            journal=journal,
            outlets=outlets,
            intake=intake,
            orders=Orders(world, publish, errands, journal.counts),
            device_side=device_side,
            broker=broker,
            rest_faults=RestFaults(),
            listeners=listeners,
            ca_file=tls.ca_file,
            tls_reason=tls.reason,
        )
        app_side = open_app_side(sandbox, settings.port(REST_PORT))
        sandbox.rest_port = await stack.enter_async_context(app_side)
        yield sandbox
