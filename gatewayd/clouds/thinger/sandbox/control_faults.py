"""The part of the control plane that breaks what only Thinger.io has: its device socket."""

from __future__ import annotations

from dataclasses import asdict

from aiohttp import web

from gatewayd.clouds.thinger.codec import Codec
from gatewayd.clouds.thinger.events import Run, StartStream, StopStream
from gatewayd.clouds.thinger.pson import UNSET
from gatewayd.clouds.thinger.sandbox.connection import Connection, Gone, NoReply
from gatewayd.clouds.thinger.sandbox.plain import as_json
from gatewayd.clouds.thinger.sandbox.sandbox import Sandbox
from gatewayd.clouds.thinger.sandbox.world import FIRST_USER
from gatewayd.sandbox.bodies import (
    ANY,
    BOOL,
    NUMBER,
    TEXT,
    WHOLE,
    Document,
    check,
    one_of,
    optional,
)
from gatewayd.sandbox.control import VerbRow
from gatewayd.sandbox.errors import ApiError, invalid
from gatewayd.sandbox.outage import BROKER_SHAPE, break_broker

_SOCKET = {
    "refuse": optional(BOOL),
    "login": optional(one_of("", "refuse", "silent", "close")),
    "swallow_keep_alives": optional(BOOL),
    "hang": optional(BOOL),
    "withhold": optional(WHOLE),
    "lose_ack": optional(WHOLE),
    "error_ack": optional(WHOLE),
    "ack_delay_s": optional(NUMBER),
    "lose_request": optional(WHOLE),
    "delay_request_s": optional(NUMBER),
    "split": optional(BOOL),
}
_WHO = {"device": TEXT, "user": optional(TEXT)}
_RAW = {**_WHO, "hex": TEXT, "cut": optional(BOOL)}
_RUN = {**_WHO, "path": TEXT, "payload": optional(ANY), "silent": optional(BOOL)}
_STREAM = {**_WHO, "path": TEXT, "interval_ms": optional(WHOLE), "stop": optional(BOOL)}


async def break_socket(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """refuse, login refuse|silent|close, swallow_keep_alives, hang, withhold N, lose_ack N,
    error_ack N, ack_delay_s, lose_request N, delay_request_s, split; N -1: all"""
    said = check(body, _SOCKET)
    for name, value in said.items():
        if name not in ("refuse", "hang"):
            setattr(sandbox.sockets.faults, name, value)
    if "split" in said:
        for connection in sandbox.sockets.connections.values():
            connection.is_split = said["split"]
    if "hang" in said:
        sandbox.sockets.hang(is_hung=said["hang"])
    if said.get("refuse") is True:
        await sandbox.refuse_connections()
    if said.get("refuse") is False:
        await sandbox.accept_connections()
    return sandbox.faults()


async def break_mqtt(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """refuse, hang, connack_code, withhold N, lose_ack N, ack_delay_s (-1: all)"""
    check(body, BROKER_SHAPE)
    await break_broker(sandbox.broker, sandbox.mqtt_listeners, body)
    return sandbox.faults()


async def kill(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """Cut the connections of `device`, or of all."""
    check(body, {"device": optional(TEXT)})
    return {"killed": sandbox.kill(body.get("device", ""))}


async def raw(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """Send a device any bytes (`hex`), such as half a frame, and perhaps cut the connection."""
    said = check(body, _RAW)
    connection = _connection(sandbox, said)
    try:
        data = bytes.fromhex(said["hex"])
    except ValueError:
        raise invalid("hex is not in hex") from None
    connection.write_bytes(data)
    if said.get("cut"):
        connection.close("cut on purpose")
    return {"sent": len(data)}


async def run(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """Run a resource of a device; `silent`: with no id, so that no answer is wanted."""
    said = check(body, _RUN)
    connection, path = _connection(sandbox, said), tuple(said["path"].split("/"))
    payload = said.get("payload", UNSET)
    if said.get("silent"):
        connection.write_bytes(Codec(connection.dialect).encode(Run(0, path, payload)))
        return {}
    try:
        answer = await sandbox.sockets.ask(
            said.get("user", FIRST_USER), said["device"], path, payload
        )
    except (Gone, NoReply) as error:
        raise ApiError(504, "", type(error).__name__) from None
    return {**asdict(answer), "payload": as_json(answer.payload)}


async def stream(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """Ask a device to start or `stop` a stream, of any path, whether it makes sense or not."""
    said = check(body, _STREAM)
    connection, path = _connection(sandbox, said), tuple(said["path"].split("/"))

    def make(id: int) -> StartStream | StopStream:
        if said.get("stop"):
            return StopStream(id, path)
        return StartStream(id, path, said.get("interval_ms", 0))

    try:
        answer = await connection.ask(make, sandbox.settings.request_timeout_s)
    except (Gone, NoReply) as error:
        raise ApiError(504, "", type(error).__name__) from None
    return {"is_ok": answer.is_ok, "id": answer.id}


async def restart_streams(sandbox: Sandbox, request: web.Request, body: Document) -> object:
    """Start every stream of a device anew, under another id."""
    connection = _connection(sandbox, check(body, _WHO))
    return {"restarted": sandbox.app_premises.streams.restart(connection)}


def _connection(sandbox: Sandbox, said: Document) -> Connection:
    found = sandbox.connection(said["device"], said.get("user", FIRST_USER))
    if found is None:
        raise ApiError(404, "", f"device {said['device'][:40]} is not connected")
    return found


FAULT_VERBS: tuple[VerbRow[Sandbox], ...] = (
    ("POST", "/_sandbox/faults/socket", break_socket),
    ("POST", "/_sandbox/faults/mqtt", break_mqtt),
    ("POST", "/_sandbox/kill", kill),
    ("POST", "/_sandbox/raw", raw),
    ("POST", "/_sandbox/run", run),
    ("POST", "/_sandbox/stream", stream),
    ("POST", "/_sandbox/streams/restart", restart_streams),
)
