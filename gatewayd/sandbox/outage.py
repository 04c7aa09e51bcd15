"""What can go wrong with a sandbox's MQTT broker, and how it is put right."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from gatewayd.sandbox.bodies import BOOL, NUMBER, WHOLE, Document, check, optional
from gatewayd.transports.broker import Broker, Listener
from gatewayd.transports.broker_host import Client

CLOSE_S = 5.0
"""For the connections to be taken leave of after they were cut."""

BROKER_SHAPE = {
    "refuse": optional(BOOL),
    "hang": optional(BOOL),
    "connack_code": optional(WHOLE),
    "withhold": optional(WHOLE),
    "lose_ack": optional(WHOLE),
    "ack_delay_s": optional(NUMBER),
}
"""What a control plane takes; the words of `broker_host.Faults`."""


def broken(broker: Broker, listeners: Sequence[Listener]) -> Document:
    """Return what is broken now."""
    faults = broker.faults
    return {
        "refuse": not listeners[0].is_open,
        "hang": faults.is_hung,
        "connack_code": faults.connack_code,
        "withhold": faults.withhold,
        "lose_ack": faults.lose_ack,
        "ack_delay_s": faults.ack_delay_s,
    }


async def break_broker(broker: Broker, listeners: Sequence[Listener], body: Document) -> None:
    """Break what the body of a request says. Raises ApiError."""
    wanted = check({name: body[name] for name in body if name in BROKER_SHAPE}, BROKER_SHAPE)
    faults = broker.faults
    faults.connack_code = wanted.get("connack_code", faults.connack_code)
    faults.withhold = wanted.get("withhold", faults.withhold)
    faults.lose_ack = wanted.get("lose_ack", faults.lose_ack)
    faults.ack_delay_s = wanted.get("ack_delay_s", faults.ack_delay_s)
    if "hang" in wanted:
        broker.hang(is_hung=wanted["hang"])
    if wanted.get("refuse") is True:
        await refuse_connections(broker, listeners)
    if wanted.get("refuse") is False:
        await accept_connections(listeners)


async def mend_broker(broker: Broker, listeners: Sequence[Listener]) -> None:
    """Put everything right again."""
    faults = broker.faults
    faults.connack_code = faults.withhold = faults.lose_ack = 0
    faults.ack_delay_s = 0.0
    broker.hang(is_hung=False)
    await accept_connections(listeners)


async def empty_broker(broker: Broker) -> None:
    """Cut every connection and forget what is retained."""
    broker.cut_all("the sandbox starts anew")
    await asyncio.wait_for(broker.wait_closed(), CLOSE_S)
    broker.retained.clear()


async def refuse_connections(broker: Broker, listeners: Sequence[Listener]) -> None:
    """Close the listeners and cut every connection: the cloud is down."""
    for listener in listeners:
        listener.shut()
    broker.cut_all("the sandbox refuses connections")
    await broker.wait_closed()


async def accept_connections(listeners: Sequence[Listener]) -> None:
    """Listen again on the same ports."""
    for listener in listeners:
        await listener.open()


def cut_clients(broker: Broker, is_meant: Callable[[Client], bool]) -> int:
    """Cut the connections of these clients without a word; return how many there were."""
    found = [client for client in broker.clients.values() if is_meant(client)]
    for client in found:
        client.cut("killed")
    return len(found)
