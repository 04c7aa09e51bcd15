"""Opens a sandbox: its world, the device sockets, the broker, the REST server."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from gatewayd.clock import Clock, SystemClock
from gatewayd.clouds.thinger.codec import Dialect
from gatewayd.clouds.thinger.sandbox.call import AppPremises
from gatewayd.clouds.thinger.sandbox.device_calls import Premises
from gatewayd.clouds.thinger.sandbox.doors import Doors
from gatewayd.clouds.thinger.sandbox.feeds import Feeds
from gatewayd.clouds.thinger.sandbox.hub import Hub
from gatewayd.clouds.thinger.sandbox.intake import Intake
from gatewayd.clouds.thinger.sandbox.journal import Journal
from gatewayd.clouds.thinger.sandbox.mqtt import MqttSide
from gatewayd.clouds.thinger.sandbox.rest import open_app_side
from gatewayd.clouds.thinger.sandbox.sandbox import Sandbox
from gatewayd.clouds.thinger.sandbox.settings import (
    IOTMP_PORT,
    IOTMP_TLS_PORT,
    MQTT_PORT,
    MQTT_TLS_PORT,
    REST_PORT,
    SOCKET_PORT,
    SOCKET_TLS_PORT,
    SandboxSettings,
)
from gatewayd.clouds.thinger.sandbox.socket_side import Door, SocketSide
from gatewayd.clouds.thinger.sandbox.streams import Streams
from gatewayd.clouds.thinger.sandbox.world import World
from gatewayd.sandbox.clock import MovableClock
from gatewayd.sandbox.errands import Errands, open_errands
from gatewayd.sandbox.faults import RestFaults
from gatewayd.sandbox.listening import open_listeners
from gatewayd.sandbox.tls import tls_for
from gatewayd.transports.broker import Listener, open_broker, open_listener
from gatewayd.transports.broker_host import Manners

_PLAIN = {Dialect.CLASSIC: SOCKET_PORT, Dialect.IOTMP: IOTMP_PORT}
_TLS = {Dialect.CLASSIC: SOCKET_TLS_PORT, Dialect.IOTMP: IOTMP_TLS_PORT}


@asynccontextmanager
async def open_sandbox(
    settings: SandboxSettings | None = None, clock: Clock | None = None
) -> AsyncIterator[Sandbox]:
    """Yield a Thinger.io cloud on the loopback; it ends with the block.

    Raises:
        OSError: a port is taken, or the certificate cannot be kept.
    """
    settings = settings or SandboxSettings()
    base = clock or SystemClock()
    tls = tls_for(settings, base)
    async with AsyncExitStack() as stack:
        own_clock = MovableClock(base)
        errands = await stack.enter_async_context(open_errands())
        premises = _app_premises(settings, own_clock, errands)
        mqtt_side = MqttSide(
            premises.world, premises.journal, premises.intake, premises.feeds, premises.hub
        )
        manners = Manners(is_relay=False)
        broker = await stack.enter_async_context(open_broker(mqtt_side, manners=manners))
        mqtt_side.clients = broker.clients.values
        mqtt = open_listeners(broker, settings, tls, (MQTT_PORT, MQTT_TLS_PORT))
        mqtt_listeners = await stack.enter_async_context(mqtt)
        stack.push_async_callback(_leave_all, premises.sockets)
        sandbox = Sandbox(
            clock=own_clock,
            app_premises=premises,
            mqtt_side=mqtt_side,
            broker=broker,
            rest_faults=RestFaults(),
            sockets_plain=await _sockets(stack, premises.sockets, settings, None),
            sockets_tls=await _sockets(stack, premises.sockets, settings, tls.context)
            if tls.context
            else {},
            mqtt_listeners=mqtt_listeners,
            ca_file=tls.ca_file,
            tls_reason=tls.reason,
        )
        app_side = open_app_side(sandbox, settings.port(REST_PORT))
        sandbox.rest_port = await stack.enter_async_context(app_side)
        yield sandbox


def _app_premises(settings: SandboxSettings, clock: MovableClock, errands: Errands) -> AppPremises:
    world = World(settings, clock)
    journal = Journal(settings.messages_max, settings.message_bytes_max)
    hub = Hub(clock)
    intake = Intake(world, journal, hub)
    streams = Streams(journal, errands)
    return AppPremises(
        world=world,
        journal=journal,
        doors=Doors(world),
        intake=intake,
        feeds=Feeds(streams, intake),
        hub=hub,
        streams=streams,
        sockets=SocketSide(Premises(world, journal, intake, streams, errands)),
    )


async def _sockets(
    stack: AsyncExitStack,
    sockets: SocketSide,
    settings: SandboxSettings,
    context: ssl.SSLContext | None,
) -> dict[Dialect, Listener]:
    """Open the device sockets of both protocols, plain or with TLS."""
    return {
        dialect: await stack.enter_async_context(
            open_listener(Door(sockets, dialect), settings.port(port), context)
        )
        for dialect, port in (_TLS if context else _PLAIN).items()
    }


async def _leave_all(sockets: SocketSide) -> None:
    sockets.hang(is_hung=False)
    sockets.cut_all("the sandbox stops")
    await sockets.wait_closed()
