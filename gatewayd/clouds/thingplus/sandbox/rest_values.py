"""REST endpoints of statuses and series: what a gateway and its sensors report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gatewayd.clouds.thingplus.codec import FOR_EVER, TIME_MS_MAX, Points, expires_ms
from gatewayd.clouds.thingplus.sandbox.aggregates import read_series
from gatewayd.clouds.thingplus.sandbox.answers import Answer, Face
from gatewayd.clouds.thingplus.sandbox.call import Call, Route
from gatewayd.clouds.thingplus.sandbox.documents import (
    gateway_document,
    sensor_document,
    series_document,
    status_document,
)
from gatewayd.clouds.thingplus.sandbox.intake import maybe_number, take_points
from gatewayd.clouds.thingplus.sandbox.journal import Received
from gatewayd.clouds.thingplus.sandbox.queries import series_query
from gatewayd.clouds.thingplus.sandbox.records import Gateway, Sensor
from gatewayd.model import Value
from gatewayd.sandbox.bodies import ANY, WHOLE, Document, check, one_of, optional
from gatewayd.sandbox.errors import invalid, not_found, schema

_STATUS = {
    "value": one_of("on", "off", "err"),
    "timeout": optional(WHOLE),
    "validDuration": optional(WHOLE),
}
_POINT = {"value": ANY, "time": WHOLE}
POINTS_MAX = 100_000


async def gateway_status(call: Call) -> Answer:
    """Return the gateway's record with its status expanded, and its history if asked for."""
    owner = call.gateway()
    document = gateway_document(owner)
    status = status_document(owner)
    query = series_query(call.query)
    meta = None
    if query is not None and status is not None:
        # A status has no interval to be drawn together by: its words are always raw.
        times_ms, words = owner.history.between(
            query.start_ms, call.world.clock.now_ms() + 1 if query.end_ms is None else query.end_ms
        )
        data = [each for pair in zip(words, times_ms, strict=True) for each in pair]
        status["data"] = data[: 2 * query.count]
        _, meta = read_series(owner.history, query, call.world.clock.now_ms())
        meta = {"count": len(status["data"]) // 2} | {
            name: meta[name] for name in ("dataStart", "dataEnd")
        }
        status["_meta"] = meta
    if status is not None:
        document["status"] = status
    return Answer(document, meta=meta)


async def sensor_status(call: Call) -> Answer:
    """Return the sensor's record with its status expanded."""
    found = call.sensor()
    status = status_document(found)
    return Answer(sensor_document(found) | ({"status": status} if status else {}))


async def put_gateway_status(call: Call) -> Answer:
    """Store a status of a gateway."""
    return _put_status(call, call.gateway())


async def put_sensor_status(call: Call) -> Answer:
    """Store a status of a sensor."""
    return _put_status(call, call.sensor())


def _put_status(call: Call, holder: Gateway | Sensor) -> Answer:
    body = call.checked(_STATUS)
    duration = body.get("timeout", body.get("validDuration"))
    if duration is None or duration < FOR_EVER:
        raise schema("timeout is a whole number of seconds, or -1")
    until_ms = expires_ms(duration, call.world.clock.now_ms())
    call.world.mark(holder, body["value"], until_ms)
    if isinstance(holder, Sensor):
        holder.was_in_status = True
    return Answer(status_document(holder))


async def series(call: Call) -> Answer:
    """Return the sensor's record with its series expanded: last value, points, statistics."""
    found = call.sensor()
    document = sensor_document(found)
    query = series_query(call.query)
    if not found.series.total and query is None:
        return Answer(document)
    expanded = series_document(call.world, found, query)
    return Answer(document | {"series": expanded}, meta=expanded.get("_meta"))


async def put_series(call: Call) -> Answer:
    """Store one value or several of a sensor; all are newer than what is there, or none goes in."""
    found = call.sensor()
    body = call.body()
    rows = body if isinstance(body, list) else [body]
    points = _points(call, found, rows)
    _expect_newer(found, points)
    _store(call, call.world.gateways[found.owner], {found.id: points})
    document = series_document(call.world, found, None)
    if isinstance(body, list):
        document["seriesPack"] = rows
    return Answer(document)


async def load_series(call: Call) -> Answer:
    """Store values of many sensors at once.

    The vendor names the path and describes no body; taken are `{sensor: [{value, time}, …]}` and
    `[{sensor, value, time}, …]`.
    """
    packs = _packs(call.body())
    found = {name: call.world.sensors.get(name) for name in packs}
    checked: dict[str, Points] = {}
    for name, sensor in found.items():
        if sensor is None:
            raise not_found(f"sensor {name}")
        call.world.gateway_for(call.caller, sensor.owner)
        checked[name] = _points(call, sensor, packs[name])
        _expect_newer(sensor, checked[name])
    for name, points in checked.items():
        owner = call.world.gateways[call.world.sensors[name].owner]
        _store(call, owner, {name: points})
    return Answer({"count": sum(len(points.times_ms) for points in checked.values())}, 201)


def _packs(body: object) -> dict[str, Sequence[object]]:
    if isinstance(body, dict):
        if not all(isinstance(rows, list) for rows in body.values()):
            raise schema("each sensor has a list of points")
        return body
    if not isinstance(body, list):
        raise schema("points by sensor, or a list of points")
    packs: dict[str, list[object]] = {}
    for row in body:
        if not isinstance(row, dict) or not isinstance(row.get("sensor"), str):
            raise schema("a point has no sensor")
        packs.setdefault(row["sensor"], []).append(
            {name: row[name] for name in row if name != "sensor"}
        )
    return dict(packs)


def _points(call: Call, sensor: Sensor, rows: Sequence[object]) -> Points:
    """Return checked points. Raises ApiError: 400 SCHEMA_VALIDATE."""
    if not 0 < len(rows) <= POINTS_MAX:
        raise schema(f"1 to {POINTS_MAX} points")
    points = Points([], [])
    for row in rows:
        point = check(row, _POINT, place="point")
        if not 0 <= point["time"] <= TIME_MS_MAX:
            raise schema("time is no instant in milliseconds")
        points.times_ms.append(point["time"])
        points.values.append(_value(call, sensor, point))
    return points


def _value(call: Call, sensor: Sensor, point: Document) -> Value:
    value = point["value"]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (isinstance(value, str | dict) or (is_number and call.face is not Face.V2)):
        raise schema("value is text or an object")
    is_numeric = call.world.catalogue.is_number(sensor.type)
    result: Value = maybe_number(value) if is_numeric else value
    return result


def _expect_newer(sensor: Sensor, points: Points) -> None:
    last_ms = sensor.series.last_ms
    for time_ms in points.times_ms:
        if time_ms <= last_ms:
            raise invalid(f"time {time_ms} lies in the past of {sensor.id}")
        last_ms = time_ms


def _store(call: Call, owner: Gateway, flat: Mapping[str, Points]) -> None:
    journal, world = call.premises.journal, call.world
    number = journal.next_number()
    tally = take_points(world, journal, owner, flat, number)
    topic = f"{call.face.value}/series"
    verdict = tally.verdict()
    journal.keep(
        Received(
            number=number,
            time_ms=world.clock.now_ms(),
            way="rest",
            gateway=owner.id,
            topic=topic,
            payload=call.raw,
            qos=0,
            is_retained=False,
            is_duplicate=False,
            accepted=tally.accepted,
            dropped=tally.dropped,
            verdict=verdict,
        )
    )


_GATEWAY = "/gateways/{gateway}"
_SENSOR = "/gateways/{gateway}/sensors/{sensor}"

ROUTES = (
    Route("GET", _GATEWAY + "/status", gateway_status, is_for_gateways=True),
    Route("PUT", _GATEWAY + "/status", put_gateway_status, is_for_gateways=True),
    Route("GET", _SENSOR + "/status", sensor_status, is_for_gateways=True),
    Route("PUT", _SENSOR + "/status", put_sensor_status, is_for_gateways=True),
    Route("GET", _SENSOR + "/series", series, is_for_gateways=True),
    Route("PUT", _SENSOR + "/series", put_series, is_for_gateways=True),
    Route("POST", "/loadSeries", load_series),
)
