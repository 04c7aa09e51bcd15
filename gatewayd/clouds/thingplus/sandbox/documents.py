"""Records as the REST API shows them. Numbers of times and intervals are texts, as the vendor's."""

from __future__ import annotations

import base64
import hashlib

from gatewayd.clouds.thingplus.sandbox.aggregates import read_series
from gatewayd.clouds.thingplus.sandbox.listing import cut, select
from gatewayd.clouds.thingplus.sandbox.queries import (
    CollectionQuery,
    SeriesQuery,
    Tree,
    collection_query,
    series_query,
)
from gatewayd.clouds.thingplus.sandbox.records import (
    Account,
    AuthClient,
    Device,
    Gateway,
    Sensor,
    Site,
)
from gatewayd.clouds.thingplus.sandbox.world import World
from gatewayd.model import Value
from gatewayd.sandbox.bodies import Document


def account_document(account: Account) -> Document:
    """Return a user; never the password."""
    roles = ["serviceAdmin"] if account.is_service_admin else ["siteAdmin"]
    return {
        "id": account.id,
        "loginId": account.login_id,
        "email": f"{account.login_id}@example.com",
        "locale": "en",
        "timezone": "+0.00",
        "country": "KR",
        "accessApproval": "allow",
        "roles": [*roles, f"user:{account.id}"],
        "_service": account.service,
        "_site": account.site,
        **account.profile,
        **_times(account.created_ms, account.created_ms),
    }


def site_document(site: Site) -> Document:
    """Return a site."""
    times = _times(site.created_ms, site.created_ms)
    return {"id": site.id, "name": site.name, "code": site.id, "_service": site.service, **times}


def client_document(client: AuthClient) -> Document:
    """Return an app; never its secret."""
    return {
        "id": client.id,
        "name": client.name,
        "scopes": sorted(client.scopes),
        "_user": client.user,
        **_times(client.created_ms, client.created_ms),
    }


def device_document(device: Device) -> Document:
    """Return a device."""
    times = _times(device.created_ms, device.modified_ms)
    return {
        "id": device.id,
        "name": device.name,
        "model": device.model,
        "owner": device.owner,
        **times,
    }


def gateway_document(gateway: Gateway) -> Document:
    """Return a gateway with the ids of what belongs to it."""
    document: Document = {
        "id": gateway.id,
        "name": gateway.name,
        "model": gateway.model,
        "deviceModels": gateway.device_models,
        "devices": list(gateway.devices),
        "sensors": list(gateway.sensors),
        "reportInterval": str(gateway.report_interval_ms),
        "autoCreateDiscoverable": gateway.auto_create,
        "virtual": gateway.virtual,
        "tree": gateway.id,
        "_site": gateway.site,
        "_service": gateway.service,
        **_times(gateway.created_ms, gateway.modified_ms),
    }
    if gateway.location is not None:
        document["location"] = gateway.location
    if gateway.status is not None:
        document["status"] = record_id("status.gateway", gateway.id)
    return document


def sensor_document(sensor: Sensor) -> Document:
    """Return a sensor; `status` and `series` are there once there is one."""
    document: Document = {
        "id": sensor.id,
        "owner": sensor.owner,
        "name": sensor.name,
        "type": sensor.type,
        "category": sensor.category,
        **sensor.traits,
        **_times(sensor.created_ms, sensor.modified_ms),
    }
    if sensor.device is not None:
        document["deviceId"] = sensor.device
    if sensor.status is not None:
        document["status"] = record_id("status.sensor", sensor.id)
    if sensor.series.total:
        document["series"] = record_id("series.sensor", sensor.id)
    return document


def status_document(holder: Gateway | Sensor) -> Document | None:
    """Return the last status, or None before the first."""
    mark = holder.status
    if mark is None:
        return None
    kind = "sensor" if isinstance(holder, Sensor) else "gateway"
    document: Document = {
        "type": "status",
        "value": mark.word,
        "srcDbType": kind,
        "time": str(mark.time_ms),
        "expireAt": "-1" if mark.expires_ms is None else str(mark.expires_ms),
        "vtime": str(mark.changed_ms),
        "owner": holder.owner if isinstance(holder, Sensor) else holder.id,
        kind: holder.id,
        "status": holder.id,
        "id": record_id(f"status.{kind}", holder.id),
        **_times(mark.created_ms, mark.time_ms),
    }
    if isinstance(holder, Sensor):
        document |= {"srcType": holder.type, "srcCategory": holder.category}
    if mark.detail:
        document["detail"] = mark.detail
    return document


def series_document(world: World, sensor: Sensor, query: SeriesQuery | None) -> Document:
    """Return the last value and, with a query, the points or statistics asked for."""
    series = sensor.series
    document: Document = {
        "type": "series",
        "srcType": sensor.type,
        "srcCategory": sensor.category,
        "srcDbType": "sensor",
        "series": sensor.id,
        "sensor": sensor.id,
        "owner": sensor.owner,
        "id": record_id("series.sensor", sensor.id),
        **_times(sensor.created_ms, sensor.modified_ms),
    }
    last = series.last_value()
    if last is not None:
        document |= {"time": str(series.last_ms), "value": _text(last)}
    if query is not None:
        document["data"], document["_meta"] = read_series(series, query, world.clock.now_ms())
    return document


def sensor_view(sensor: Sensor, query: CollectionQuery, world: World) -> Document:
    """Return a sensor with what the query embeds, cut to the fields it names."""
    document = sensor_document(sensor)
    embedded: Document = {}
    if "status" in query.embed and sensor.status is not None:
        embedded["status"] = status_document(sensor)
    if "series" in query.embed:
        within = series_query(query.nested.get("series", {}))
        embedded["series"] = series_document(world, sensor, within)
    return cut(document, query.fields) | embedded


def gateway_view(gateway: Gateway, query: CollectionQuery, world: World) -> Document:
    """Return a gateway with what the query embeds, cut to the fields it names."""
    embedded: Document = {}
    if "sensors" in query.embed:
        embedded["sensors"] = sensor_views(gateway, query.nested.get("sensors", {}), world)[0]
    if "devices" in query.embed:
        embedded["devices"] = device_views(gateway, query.nested.get("devices", {}))[0]
    if "status" in query.embed and gateway.status is not None:
        embedded["status"] = status_document(gateway)
    return cut(gateway_document(gateway), query.fields) | embedded


def device_views(gateway: Gateway, tree: Tree) -> tuple[list[Document], Document]:
    """Return a page of a gateway's devices, as the query tree says, and its `_meta`."""
    query = collection_query(tree)
    page, meta = select(map(device_document, gateway.devices.values()), query)
    return [cut(each, query.fields) for each in page], meta


def sensor_views(gateway: Gateway, tree: Tree, world: World) -> tuple[list[Document], Document]:
    """Return a page of a gateway's sensors, as the query tree says, and its `_meta`."""
    query = collection_query(tree)
    page, meta = select(map(sensor_document, gateway.sensors.values()), query)
    return [sensor_view(gateway.sensors[each["id"]], query, world) for each in page], meta


def gateway_views(
    gateways: list[Gateway], tree: Tree, world: World
) -> tuple[list[Document], Document]:
    """Return a page of gateways, as the query tree says, and its `_meta`."""
    query = collection_query(tree)
    page, meta = select(map(gateway_document, gateways), query)
    return [gateway_view(world.gateways[each["id"]], query, world) for each in page], meta


def as_created(document: Document) -> Document:
    """Return a document as the answer to its creation shows it: with times as numbers."""
    return document | {name: int(document[name]) for name in ("ctime", "mtime")}


def record_id(kind: str, id: str) -> str:
    """Return the id of a status or series record: `status.sensor.XXXXXX`, always the same."""
    digest = hashlib.sha256(f"{kind} {id}".encode()).digest()
    return f"{kind}.{base64.b32encode(digest)[:6].decode()}"


def _times(created_ms: int, modified_ms: int) -> Document:
    return {"ctime": str(created_ms), "mtime": str(modified_ms)}


def _text(value: Value) -> Value:
    """Return a number as text, as the vendor stores it; objects stay objects."""
    return value if isinstance(value, dict) else str(value)
