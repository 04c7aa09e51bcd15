"""Thing+'s call that switches an actuator, answered on the spot by this gateway.

    POST v2/controlActuator   {"id": gateway, "act": "controlActuator", "params":
                              {"id": actuator, "cmd": …, "options": {…}}}

The answer is what Thing+ makes of the gateway's: 600 where the hardware did not do it, or nothing
moved. No cloud is asked.

Source: Thing+ REST API, controlActuator; "Getting Started", API Response.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gatewayd.clouds.local import Asked, Site, Told, new_id, read_json, tell
from gatewayd.clouds.thingplus.calls import Outputs, answer_of, read_command
from gatewayd.clouds.thingplus.names import name_channels
from gatewayd.clouds.thingplus.rpc import Request, RpcCode, RpcError
from gatewayd.clouds.thingplus.settings import Config

CALL = "controlActuator"


def open_local(site: Site) -> LocalThingplus:
    """Return what answers Thing+'s calls.

    Raises:
        ConfigError: illegal names.
    """
    return LocalThingplus(site)


class LocalThingplus:
    """Answers for one gateway."""

    def __init__(self, site: Site) -> None:
        premises, config = site.premises, site.config
        own = config if isinstance(config, Config) else None
        self._gateway = (own.gateway_id if own else "") or premises.gateway_id
        entries = (own.sensors, own.actuators) if own else ({}, {})
        names = name_channels(self._gateway, premises.channels, *entries)
        sensors = {sensor.id: sensor for sensor in names.values() if sensor.is_output}
        self._outputs = Outputs(premises.uplink, sensors, premises.channels)
        self._submit = site.submit

    async def answer(self, asked: Asked) -> Told:
        """Return the answer to a call."""
        if asked.path != f"v2/{CALL}":
            return _refuse(404, "NOT_FOUND", f"{asked.path[:100]} is not answered here")
        if asked.method != "POST":
            return _refuse(405, "INVALID_INPUT", "expected POST")
        body = read_json(asked)
        if not isinstance(body, Mapping):
            return _refuse(400, "JSON_PARSING", "expected a JSON object")
        if body.get("id") != self._gateway:
            return _refuse(404, "NOT_FOUND", f"this gateway is {self._gateway}")
        if body.get("act") != CALL:
            return _refuse(400, "SCHEMA_VALIDATE", f"act is not {CALL}")
        return await self._control(body.get("params"), asked.origin)

    async def _control(self, params: object, origin: str) -> Told:
        known = params if isinstance(params, Mapping) else None
        actuator = known.get("id") if known else None
        if isinstance(actuator, str) and actuator not in self._outputs.sensors:
            return _refuse(404, "NOT_FOUND", f"no actuator is called {actuator[:128]}")
        try:
            request = Request(new_id(), CALL, known)
            command = read_command(request, replace(self._outputs, origin=origin))
        except RpcError as error:
            is_shape = error.code is RpcCode.BAD_PARAMS
            status, code = (400, "SCHEMA_VALIDATE") if is_shape else (600, "PROCESS_COMMAND_RESULT")
            return _refuse(status, code, f"{int(error.code)} {error}")
        response = answer_of(command, await self._submit(command))
        if response.code is not None:
            message = f"{int(response.code)} {response.message}"
            return _refuse(600, "PROCESS_COMMAND_RESULT", message)
        data = {"cmd": known["cmd"] if known else "", "result": response.result}
        return tell({"statusCode": 200, "message": "OK", "data": data})


_CATEGORY = {
    "NOT_FOUND": "REQUEST_ERROR",
    "INVALID_INPUT": "REQUEST_ERROR",
    "JSON_PARSING": "REQUEST_ERROR",
    "SCHEMA_VALIDATE": "REQUEST_ERROR",
    "PROCESS_COMMAND_RESULT": "GATEWAY_ERROR",
}


def _refuse(status: int, code: str, message: str) -> Told:
    error = {"category": _CATEGORY[code], "code": code, "message": message}
    return tell({"statusCode": status, "message": message, "errors": [error]}, status)
