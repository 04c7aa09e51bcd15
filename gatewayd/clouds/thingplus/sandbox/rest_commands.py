"""REST endpoints that reach the gateway itself: commands to actuators, and its management."""

from __future__ import annotations

from typing import Any

from gatewayd.clouds.thingplus.rpc import Request, Response
from gatewayd.clouds.thingplus.sandbox.answers import Answer
from gatewayd.clouds.thingplus.sandbox.bodies import INTERVAL
from gatewayd.clouds.thingplus.sandbox.call import Call, Route
from gatewayd.clouds.thingplus.sandbox.calls import NoAnswer, new_request
from gatewayd.clouds.thingplus.sandbox.records import Sensor
from gatewayd.sandbox.bodies import ANY, OBJECT, TEXT, Document, check, one_of, optional
from gatewayd.sandbox.errors import ApiError, schema
from gatewayd.sandbox.violations import Violation

METHODS = frozenset(
    (
        *("setProperty", "getProperty", "reboot", "restart", "poweroff", "swUpdate", "swInfo"),
        *("log", "netInfo", "timeSync", "syncConfig", "resetConfig", "rebootEveryday", "modem"),
        "delete",
    )
)
"""What manageGateway forwards. The vendor's gateway also knows `shell`; nobody needs that."""

_CONTROL = {"id": TEXT, "act": one_of("controlActuator"), "params": OBJECT}
_PARAMS = {"id": TEXT, "cmd": TEXT, "options": optional(OBJECT)}
_MANAGE = {"id": TEXT, "act": TEXT, "params": optional(ANY)}


async def control_actuator(call: Call) -> Answer:
    """Send a command to an actuator and return what its gateway answered."""
    body = call.checked(_CONTROL)
    params = check(body["params"], _PARAMS, place="params")
    sensor = call.world.sensor_for(call.caller, body["id"], params["id"])
    response = await _ask(call, body["id"], new_request(body["act"], params))
    outcome: Document = {"cmd": params["cmd"], "result": response.result}
    if response.code is not None:
        error = {"code": response.code, "message": response.message}
        outcome = {"cmd": params["cmd"], "error": error}
    _record(call, sensor, outcome)
    _expect_result(response)
    return Answer(outcome)


def _record(call: Call, actuator: Sensor, outcome: Document) -> None:
    """Store the outcome as the actuator's value, as the vendor's cloud does."""
    at_ms = max(call.world.clock.now_ms(), actuator.series.last_ms + 1)
    actuator.series.append([at_ms], [outcome])


async def manage_gateway(call: Call) -> Answer:
    """Have a gateway do something to itself; or, asked by it, note its new interval."""
    body = call.checked(_MANAGE)
    gateway = call.world.gateway_for(call.caller, body["id"])
    act, params = body["act"], body.get("params")
    if act not in METHODS:
        raise schema(f"act {act[:40]} is none of the model's")
    interval = None
    if act == "setProperty":
        if not isinstance(params, dict) or not params:
            raise schema("setProperty needs params")
        interval = params.get("reportInterval")
        if interval is not None and not INTERVAL.is_valid(interval):
            raise schema(f"reportInterval is not {INTERVAL.words}")
    if call.caller.gateway is None:
        response = await _ask(call, gateway.id, new_request(act, _as_sent(params)))
        _expect_result(response)
        result = response.result
    elif interval is None:
        raise ApiError(403, "ACL_DENY", "a gateway may set its own reportInterval")
    else:
        result = {}
    if interval is not None:
        gateway.report_interval_ms = int(interval)
        gateway.modified_ms = call.world.clock.now_ms()
    return Answer(result)


def _as_sent(params: Any) -> Any:
    """Return params with the interval as text, the form that every vendor example has."""
    if isinstance(params, dict) and "reportInterval" in params:
        return params | {"reportInterval": str(params["reportInterval"])}
    return params


async def _ask(call: Call, gateway: str, request: Request) -> Response:
    journal = call.premises.journal
    journal.counts["requests"] += 1
    timeout_s = call.world.settings.command_timeout_s
    try:
        return await call.premises.calls.call(gateway, request, timeout_s)
    except NoAnswer as error:
        journal.counts["requests_unanswered"] += 1
        now_ms = call.world.clock.now_ms()
        journal.blame(Violation(now_ms, gateway, "response", str(error)))
        raise ApiError(504, "PROCESS_COMMAND_RESULT", str(error)) from None


def _expect_result(response: Response) -> None:
    if response.code is not None:
        text = f"{response.code} {response.message}".strip()
        raise ApiError(600, "PROCESS_COMMAND_RESULT", text)


ROUTES = (
    Route("POST", "/controlActuator", control_actuator),
    Route("POST", "/manageGateway", manage_gateway, is_for_gateways=True),
)
