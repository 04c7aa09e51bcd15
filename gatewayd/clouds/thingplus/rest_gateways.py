"""Gateways, their devices and sensors, states and values: the nouns below `/gateways`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial

from gatewayd.clouds.json_fields import inner
from gatewayd.clouds.places import place
from gatewayd.clouds.thingplus.envelope import Envelope
from gatewayd.clouds.thingplus.query import POINTS_MAX, SeriesQuery, StatQuery
from gatewayd.clouds.thingplus.rest_calls import Calls, Collection, Shelf, patiently
from gatewayd.clouds.thingplus.rest_series import Point, Series, Status
from gatewayd.clouds.thingplus.rest_types import Device, Gateway, Sensor
from gatewayd.errors import Malformed


class Gateways(Shelf[Gateway]):
    """`/gateways`: read, changed and deleted here; registered in rest_control."""

    def __init__(self, calls: Calls) -> None:
        super().__init__(calls, "/gateways", Gateway.of)

    def devices(self, gateway: str) -> Collection[Device]:
        """Return the devices of one gateway."""
        return Collection(self._calls, place("gateways", gateway, "devices"), Device.of)

    def sensors(self, gateway: str) -> Sensors:
        """Return the sensors and actuators of one gateway."""
        return Sensors(self._calls, gateway)

    async def update(self, gateway: str, changes: Mapping[str, object]) -> Gateway:
        """Change some fields of a gateway, under the cloud's names for them."""
        return Gateway.of((await self._calls.put(place("gateways", gateway), changes)).record)

    async def delete(self, gateway: str) -> None:
        """Delete a gateway with all its devices, sensors and values. There is no way back."""
        await self._calls.delete(place("gateways", gateway))

    async def status(self, gateway: str) -> Status | None:
        """Return what the cloud believes of a gateway; None before its first word."""
        return _status(await self._calls.get(place("gateways", gateway, "status")))

    async def status_history(self, gateway: str, query: SeriesQuery) -> Series:
        """Return the states of a gateway over a stretch of time, as points."""
        envelope = await self._calls.get(place("gateways", gateway, "status"), query)
        return Series.of(inner(envelope.record, "status") or {}, envelope.meta)

    async def put_status(self, gateway: str, value: str, valid_s: int) -> Status | None:
        """Say that a gateway is `on`, `off` or `err`, and how long that is to be believed."""
        body = {"value": value, "timeout": valid_s}
        return _status(await self._calls.put(place("gateways", gateway, "status"), body))


class Sensors(Collection[Sensor]):
    """`/gateways/{gateway}/sensors`: sensors and actuators, their states and values."""

    def __init__(self, calls: Calls, gateway: str) -> None:
        self._gateway = gateway
        super().__init__(calls, place("gateways", gateway, "sensors"), Sensor.of)

    async def status(self, sensor: str) -> Status | None:
        """Return what the cloud believes of a sensor; None before its first word."""
        return _status(await self._calls.get(self._path + place(sensor, "status")))

    async def put_status(self, sensor: str, value: str, valid_s: int) -> Status | None:
        """Say that a sensor is `on`, `off` or `err`, and how long that is to be believed."""
        body = {"value": value, "timeout": valid_s}
        return _status(await self._calls.put(self._path + place(sensor, "status"), body))

    async def latest(self, sensor: str) -> Point | None:
        """Return the latest value; None before the first."""
        return _series(await self._calls.get(self._path + place(sensor, "series"))).latest

    async def series(self, sensor: str, query: SeriesQuery | StatQuery) -> Series:
        """Return one answer's worth of values, raw or drawn together, or statistics."""
        return _series(await self._calls.get(self._path + place(sensor, "series"), query))

    async def raw_points(self, sensor: str, start_ms: int, end_ms: int) -> AsyncIterator[Point]:
        """Yield every raw value from start (included) to end (excluded), oldest first.

        An answer holds `POINTS_MAX` at the most, and nobody says which ones it leaves out. So a
        stretch whose answer is full is asked for again in halves.
        """
        step_ms = max(end_ms - start_ms, 1)
        while start_ms < end_ms:
            until_ms = min(start_ms + step_ms, end_ms)
            query = SeriesQuery(start_ms=start_ms, end_ms=until_ms, interval="0", count=POINTS_MAX)
            found = await patiently(partial(self.series, sensor, query))
            if len(found.points) >= POINTS_MAX and step_ms > 1:
                step_ms = -(-step_ms // 2)
                continue
            for point in sorted(found.points, key=lambda each: each.time_ms):
                yield point
            start_ms = until_ms

    async def put_series(self, sensor: str, points: Sequence[Point]) -> None:
        """Store values, oldest first.

        Raises:
            ThingPlusError: INVALID_INPUT, one of them is not newer than what is stored.
        """
        bodies = [point.body() for point in points]
        body = bodies[0] if len(bodies) == 1 else bodies
        await self._calls.put(self._path + place(sensor, "series"), body)


def _status(envelope: Envelope) -> Status | None:
    """Return the status: expanded inside its owner's record, or the answer itself."""
    record = envelope.record
    status = inner(record, "status") or (record if "value" in record else None)
    return Status.of(status) if status else None


def _series(envelope: Envelope) -> Series:
    """Return the series, which stands expanded inside its sensor's record."""
    record = envelope.record
    found = inner(record, "series")
    if found is None and "series" in record and record["series"]:
        raise Malformed("Thing+ sends a sensor without its values")
    return Series.of(found or {}, envelope.meta)
