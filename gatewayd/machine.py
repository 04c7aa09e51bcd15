"""What a cloud may do to this machine where its owner allows it: restart, reboot, poweroff."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

import structlog

from gatewayd.errors import ConfigError, GatewayError

log = structlog.get_logger()

ASK_S = 10.0
"""For logind to answer. It does so before it acts."""

LOGIND = ("org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager")


def management(restart: Callable[[], None]) -> Mapping[str, Callable[[], Awaitable[None]]]:
    """Return every act by name; `restart` begins the gateway anew in this process.

    An act that fails is logged, not raised: a cloud is answered before it acts.
    """

    async def begin_anew() -> None:
        log.warning("restart asked for by a cloud")
        restart()

    async def act(method: str) -> None:
        log.warning("asking logind", method=method)
        try:
            await ask_logind(method)
        except GatewayError as error:
            # The cloud has its answer already; who runs this machine must hear of it.
            log.error("logind does not act", method=method, reason=str(error))

    return {
        "restart": begin_anew,
        "reboot": partial(act, "Reboot"),
        "poweroff": partial(act, "PowerOff"),
    }


async def ask_logind(method: str) -> None:
    """Ask systemd-logind, which stops every service in order first.

    Raises:
        GatewayError: it may not, cannot, or is not there. Nothing has happened then.

    Source: org.freedesktop.login1(5); a polkit rule for the user `gatewayd` allows it.
    """
    try:
        from dbus_fast import BusType, Message, MessageType
        from dbus_fast.aio import MessageBus
    except ModuleNotFoundError as error:
        raise ConfigError("reboot and poweroff need: pip install 'gatewayd[manage]'") from error
    name, path, interface = LOGIND
    try:
        async with asyncio.timeout(ASK_S):
            bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
            try:
                call = Message(name, path, interface, method, signature="b", body=[False])
                reply = await bus.call(call)
            finally:
                bus.disconnect()
    except (OSError, EOFError, TimeoutError) as error:
        raise GatewayError(f"logind cannot be asked: {error}") from error
    if reply is None or reply.message_type is MessageType.ERROR:
        reason = reply.body[0] if reply is not None and reply.body else "no reason given"
        raise GatewayError(f"logind refuses {method}: {reason}")
