"""The part of the control plane that breaks what only Thing+ has: its MQTT side."""

from __future__ import annotations

from aiohttp import web

from gatewayd.clouds.thingplus.sandbox.sandbox import Sandbox
from gatewayd.sandbox.bodies import NUMBER, TEXT, WHOLE, Document, check, optional
from gatewayd.sandbox.control import VerbRow
from gatewayd.sandbox.outage import BROKER_SHAPE, break_broker

_MQTT = {
    **BROKER_SHAPE,
    "lose_request": optional(WHOLE),
    "delay_request_s": optional(NUMBER),
}


async def break_mqtt(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """refuse, hang, connack_code, withhold N, lose_ack N, ack_delay_s, lose_request N (-1: all)"""
    check(body, _MQTT)
    calls = sandbox.calls.faults
    calls.lose = body.get("lose_request", calls.lose)
    calls.delay_s = body.get("delay_request_s", calls.delay_s)
    await break_broker(sandbox.broker, sandbox.listeners, body)
    return sandbox.faults()


async def kill(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """Cut the MQTT connection of `gateway`, or of all."""
    check(body, {"gateway": optional(TEXT)})
    return {"killed": sandbox.kill(body.get("gateway", ""))}


FAULT_VERBS: tuple[VerbRow[Sandbox], ...] = (
    ("POST", "/_sandbox/faults/mqtt", break_mqtt),
    ("POST", "/_sandbox/kill", kill),
)
