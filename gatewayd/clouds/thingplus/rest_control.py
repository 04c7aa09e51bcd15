"""Registering gateways and operating them: the verbs of the Thing+ REST API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gatewayd.clouds.json_fields import text
from gatewayd.clouds.thingplus.rest_calls import Calls
from gatewayd.clouds.thingplus.rest_series import Point
from gatewayd.clouds.thingplus.rest_types import NewGateway, Registered
from gatewayd.errors import Malformed
from gatewayd.fields import Secret

APIKEY = "apikey"
APIKEY_READY = "apikeyReady"


@dataclass(frozen=True, slots=True)
class Done:
    """What a gateway answered to a command; `data` as it came."""

    result: object
    cmd: str = ""
    data: Mapping[str, object] = field(default_factory=dict)


class Control:
    """Registration, commands and management."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def register_key(self, gateway: str, model: str) -> Secret:
        """Make an API key for a gateway id and return it."""
        body = {"id": gateway, "modelId": model, "authType": APIKEY}
        data = (await self._calls.post("/registerGatewayKey", body)).record
        return _key_of(data, gateway)

    async def prepare_key(self, gateway: str, model: str) -> None:
        """Make an API key that the gateway fetches by itself, with `activate_key`."""
        body = {"id": gateway, "modelId": model, "authType": APIKEY_READY}
        await self._calls.post("/registerGatewayKey", body)

    async def activate_key(self, gateway: str, vendor_key: Secret) -> Secret:
        """Return the prepared API key of a gateway; its vendor's key is the only credential.

        Raises:
            ThingPlusError: MISMATCH_ERROR (another vendor's), NOT_FOUND (no such vendor key),
                QUERY_RESULT_EMPTY (nothing is prepared), SCHEMA_VALIDATE (not such an id).
        """
        body = {"gatewayId": gateway, "vendorKey": vendor_key.reveal()}
        data = (await self._calls.open_call("POST", "/activateGatewayKey", body)).record
        return _key_of(data, gateway)

    async def register(self, new: NewGateway) -> Registered:
        """Register a gateway with its devices and sensors.

        A partial success (207) is a result, not an error: the gateway is there, and the
        result's `problems` say what is not.

        Raises:
            Conflict: the gateway is there already. PlanExceeded: the plan allows no more.
            NotFound: no such site or model. Denied: not this user's site.
        """
        return Registered.of(await self._calls.post("/registerGateway", new))

    async def control(
        self, gateway: str, actuator: str, cmd: str, options: Mapping[str, object] | None = None
    ) -> Done:
        """Send a command to an actuator and return what its gateway answered.

        The cloud waits about 30 s for the gateway.

        Raises:
            ActuatorTimeout: the gateway did not answer; nobody knows whether it acted.
            GatewayAnsweredError: it answered with an error.
        """
        params: dict[str, object] = {"id": actuator, "cmd": cmd}
        if options:
            params["options"] = dict(options)
        body = {"id": gateway, "act": "controlActuator", "params": params}
        data = (await self._calls.post("/controlActuator", body)).record
        return Done(data.get("result"), text(data, "cmd"), data)

    async def manage(
        self, gateway: str, act: str, params: Mapping[str, object] | Sequence[object] | None = None
    ) -> Done:
        """Ask a gateway for one of its management methods: `reboot`, `setProperty`, …"""
        body: dict[str, object] = {"id": gateway, "act": act}
        if params is not None:
            body["params"] = params
        data = (await self._calls.post("/manageGateway", body)).data
        return Done(data, act, data if isinstance(data, Mapping) else {})

    async def load_series(self, points: Mapping[str, Sequence[Point]]) -> None:
        """Store values of many sensors at once, by sensor id, each oldest first.

        The vendor names the path and no body; this is the shape of its sensors' own series.
        """
        body = {sensor: [point.body() for point in rows] for sensor, rows in points.items()}
        await self._calls.post("/loadSeries", body)


def _key_of(data: Mapping[str, object], gateway: str) -> Secret:
    key = text(data, gateway)
    if not key:
        raise Malformed(f"Thing+ sends no API key for {gateway}")
    return Secret(key)
