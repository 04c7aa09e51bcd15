"""The part of the control plane that breaks things and puts them right again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict

from aiohttp import web

from gatewayd.clouds.thingplus.sandbox.answers import invalid
from gatewayd.clouds.thingplus.sandbox.bodies import BOOL, NUMBER, TEXT, WHOLE, check, optional
from gatewayd.clouds.thingplus.sandbox.faults import RateLimit, RestFault
from gatewayd.clouds.thingplus.sandbox.records import Document
from gatewayd.clouds.thingplus.sandbox.sandbox import Sandbox

Verb = Callable[[Sandbox, web.Request, Document], Awaitable[object]]
"""One thing that the control plane does; what it returns is the JSON answer."""

_MQTT = {
    "refuse": optional(BOOL),
    "hang": optional(BOOL),
    "connack_code": optional(WHOLE),
    "withhold": optional(WHOLE),
    "lose_ack": optional(WHOLE),
    "lose_request": optional(WHOLE),
    "delay_request_s": optional(NUMBER),
}
_REST = {
    "path": optional(TEXT),
    "method": optional(TEXT),
    "times": optional(WHOLE),
    "status": optional(WHOLE),
    "code": optional(TEXT),
    "message": optional(TEXT),
    "retry_after_s": optional(WHOLE),
    "delay_s": optional(NUMBER),
    "after": optional(BOOL),
    "hang": optional(BOOL),
    "cut": optional(BOOL),
}
_RATE = {"count": WHOLE, "window_s": optional(NUMBER)}


async def faults(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """What is broken now."""
    broker, calls = sandbox.broker.faults, sandbox.calls.faults
    return {
        "mqtt": {
            "refuse": not sandbox.listeners[0].is_open,
            "hang": broker.is_hung,
            "connack_code": broker.connack_code,
            "withhold": broker.withhold,
            "lose_ack": broker.lose_ack,
            "lose_request": calls.lose,
            "delay_request_s": calls.delay_s,
        },
        "rest": [asdict(each) for each in sandbox.rest_faults.armed()],
        "rate_limit": asdict(sandbox.rest_faults.rate_limit),
    }


async def clear(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """Put everything right again."""
    await sandbox.clear_faults()
    return await faults(sandbox, request, body)


async def break_mqtt(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """refuse, hang, connack_code, withhold N, lose_ack N, lose_request N (-1 = all), delay."""
    check(body, _MQTT)
    broker, calls = sandbox.broker.faults, sandbox.calls.faults
    broker.connack_code = body.get("connack_code", broker.connack_code)
    broker.withhold = body.get("withhold", broker.withhold)
    broker.lose_ack = body.get("lose_ack", broker.lose_ack)
    calls.lose = body.get("lose_request", calls.lose)
    calls.delay_s = body.get("delay_request_s", calls.delay_s)
    if "hang" in body:
        sandbox.broker.hang(is_hung=body["hang"])
    if body.get("refuse") is True:
        await sandbox.refuse_connections()
    if body.get("refuse") is False:
        await sandbox.accept_connections()
    return await faults(sandbox, request, body)


async def break_rest(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """For the next `times` requests whose path contains `path`: status and code, delay, cut …"""
    fault = RestFault(**check(body, _REST))
    if fault.status is not None and not 200 <= fault.status <= 999:
        raise invalid("status is 200 to 999")
    sandbox.rest_faults.add(fault)
    return await faults(sandbox, request, body)


async def limit_rate(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """Answer 429 with Retry-After beyond `count` requests in `window_s`; 0 = no limit."""
    sandbox.rest_faults.rate_limit = RateLimit(**check(body, _RATE))
    return await faults(sandbox, request, body)


async def kill(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """Cut the MQTT connection of `gateway`, or of all."""
    check(body, {"gateway": optional(TEXT)})
    return {"killed": sandbox.kill(body.get("gateway", ""))}


FAULT_VERBS: tuple[tuple[str, str, Verb], ...] = (
    ("GET", "/_sandbox/faults", faults),
    ("DELETE", "/_sandbox/faults", clear),
    ("POST", "/_sandbox/faults/mqtt", break_mqtt),
    ("POST", "/_sandbox/faults/rest", break_rest),
    ("POST", "/_sandbox/faults/rate", limit_rate),
    ("POST", "/_sandbox/kill", kill),
)
