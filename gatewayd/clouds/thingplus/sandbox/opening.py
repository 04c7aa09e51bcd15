"""Opens a sandbox: its clock and world, the broker with its listeners, the REST server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from gatewayd.clock import Clock, SystemClock
from gatewayd.clouds.thingplus.sandbox.calls import Calls
from gatewayd.clouds.thingplus.sandbox.journal import Journal
from gatewayd.clouds.thingplus.sandbox.mqtt import DeviceSide
from gatewayd.clouds.thingplus.sandbox.oauth import Doors
from gatewayd.clouds.thingplus.sandbox.rest import open_app_side
from gatewayd.clouds.thingplus.sandbox.sandbox import Sandbox
from gatewayd.clouds.thingplus.sandbox.settings import (
    MQTT_PORT,
    MQTT_TLS_PORT,
    REST_PORT,
    SandboxSettings,
)
from gatewayd.clouds.thingplus.sandbox.world import World
from gatewayd.sandbox.clock import MovableClock
from gatewayd.sandbox.errands import open_errands
from gatewayd.sandbox.faults import RestFaults
from gatewayd.sandbox.listening import open_listeners
from gatewayd.sandbox.tls import tls_for
from gatewayd.transports.broker import open_broker
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
    tls = tls_for(settings, base)
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
        ports = open_listeners(broker, settings, tls, (MQTT_PORT, MQTT_TLS_PORT))
        listeners = await stack.enter_async_context(ports)
        sandbox = Sandbox(
            clock=own_clock,
            world=world,
            journal=journal,
            calls=calls,
            doors=Doors(world),
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
