"""The face of the Thing+ REST API that a gateway sees with its own API key: itself.

    async with open_own_face(OwnSettings(url=…, gateway_id=…, api_key=…)) as own:
        gateway = await own.gateway(with_sensors=True)

No prefix, no envelope. It may read its own record and the catalogue; making devices and sensors
is allowed only where the gateway and the device model say "discoverable".

Source: Thing+ embedded guide 2.3.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from gatewayd.clouds.places import place
from gatewayd.clouds.thingplus.query import Embed, Query
from gatewayd.clouds.thingplus.rest_auth import KeyHolder
from gatewayd.clouds.thingplus.rest_calls import Calls, Collection, Shelf
from gatewayd.clouds.thingplus.rest_control import Control, Done
from gatewayd.clouds.thingplus.rest_gateways import Sensors
from gatewayd.clouds.thingplus.rest_records import GatewayModel, SensorDriver
from gatewayd.clouds.thingplus.rest_types import Device, Gateway
from gatewayd.fields import Secret
from gatewayd.transports.http import HttpSettings, open_http


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnSettings:
    """Where the API is, and who the gateway is."""

    url: str
    gateway_id: str
    api_key: Secret
    ca_file: Path | None = None
    total_s: float = 60.0


class OwnFace:
    """What one gateway may ask about itself; made by `open_own_face`."""

    def __init__(self, calls: Calls, gateway_id: str) -> None:
        self._calls = calls
        self._id = gateway_id
        self.devices = Collection(calls, place("gateways", gateway_id, "devices"), Device.of)
        self.sensors = Sensors(calls, gateway_id)
        self.gateway_models = Shelf(calls, "/gatewayModels", GatewayModel.of)
        self.sensor_drivers = Shelf(calls, "/sensorDrivers", SensorDriver.of)

    async def gateway(self, *, with_sensors: bool = False) -> Gateway:
        """Return this gateway's own record.

        Raises:
            Denied: the API key is wrong. NotFound: the gateway is not registered.
        """
        query = Query(embed=(Embed("sensors"),)) if with_sensors else None
        return Gateway.of((await self._calls.get(place("gateways", self._id), query)).record)

    async def driver(self, id: str) -> SensorDriver | None:
        """Return one driver of the catalogue, or None."""
        query = Query(filter={"id": (id,)})
        # Some answer with the object, some with a list that holds it.
        records = (await self._calls.get("/sensorDrivers/", query)).records
        return SensorDriver.of(records[0]) if records else None

    async def manage(self, act: str, params: Mapping[str, object] | None = None) -> Done:
        """Ask the cloud to change something of this gateway: `setProperty`, reportInterval."""
        return await Control(self._calls).manage(self._id, act, params)


@asynccontextmanager
async def open_own_face(settings: OwnSettings) -> AsyncIterator[OwnFace]:
    """Open the gateway's own face; nothing is asked yet.

    Raises:
        ConfigError: the address is none, or the CA file cannot be used.
    """
    place_of = HttpSettings(
        base_url=settings.url, ca_file=settings.ca_file, total_s=settings.total_s
    )
    async with open_http(place_of) as http:
        holder = KeyHolder(settings.gateway_id, settings.api_key)
        yield OwnFace(Calls(http, "", holder), settings.gateway_id)
