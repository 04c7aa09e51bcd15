"""The part of the control plane that breaks what Thingsee has: link, downlink, stream, tokens."""

from __future__ import annotations

from aiohttp import web

from gatewayd.clouds.thingsee.sandbox.disorder import Disorders
from gatewayd.clouds.thingsee.sandbox.sandbox import Sandbox
from gatewayd.sandbox.bodies import NUMBER, TEXT, WHOLE, Document, check, optional
from gatewayd.sandbox.control import VerbRow
from gatewayd.sandbox.outage import BROKER_SHAPE, break_broker

_DISORDER = {"lose": optional(WHOLE), "duplicate": optional(WHOLE), "reorder": optional(WHOLE)}
_DOWNLINK = {**_DISORDER, "delay_s": optional(NUMBER)}


async def break_mqtt(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """The broker: refuse, hang, connack_code, withhold N, lose_ack N, ack_delay_s (-1: all)."""
    check(body, BROKER_SHAPE)
    await break_broker(sandbox.broker, sandbox.listeners, body)
    return sandbox.faults()


async def break_downlink(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """Commands on their way to gateways: lose N, duplicate N, reorder N, delay_s."""
    check(body, _DOWNLINK)
    sandbox.orders.delay_s = body.get("delay_s", sandbox.orders.delay_s)
    _set(sandbox.orders.downlink.faults, body)
    return sandbox.faults()


async def break_stream(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """Messages on the customer's stream: lose N, duplicate N, reorder N."""
    check(body, _DISORDER)
    _set(sandbox.outlets.stream.faults, body)
    return sandbox.faults()


def _set(faults: Disorders, body: Document) -> None:
    for name in _DISORDER:
        setattr(faults, name, body.get(name, getattr(faults, name)))


async def kill(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """Cut the MQTT connection of `gateway`, or of all."""
    check(body, {"gateway": optional(TEXT)})
    return {"killed": sandbox.kill(body.get("gateway", ""))}


async def revoke(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """Let the tokens of `client_id`, or of all, be good no more."""
    check(body, {"client_id": optional(TEXT)})
    return {"revoked": sandbox.world.revoke_tokens(body.get("client_id", ""))}


FAULT_VERBS: tuple[VerbRow[Sandbox], ...] = (
    ("POST", "/_sandbox/faults/mqtt", break_mqtt),
    ("POST", "/_sandbox/faults/downlink", break_downlink),
    ("POST", "/_sandbox/faults/stream", break_stream),
    ("POST", "/_sandbox/kill", kill),
    ("POST", "/_sandbox/revoke", revoke),
)
