"""`show`: gateways and sensors with their states, values and statistics, as the cloud has them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from gatewayd.clock import SystemClock
from gatewayd.clouds.thingplus.query import (
    Embed,
    IntervalFunc,
    Query,
    SeriesQuery,
    StatQuery,
    SubFunc,
    TimeUnit,
    is_interval,
    iso_time,
)
from gatewayd.clouds.thingplus.rest import open_rest
from gatewayd.clouds.thingplus.rest_series import Point, Statistic, Status
from gatewayd.clouds.thingplus.rest_types import Gateway, Sensor
from gatewayd.clouds.thingplus.verbs.account import account_of
from gatewayd.clouds.thingplus.verbs.control import sensor_of
from gatewayd.clouds.verbs import Spoken

WRONG_USAGE = 2
RAW = "0"


async def show(args: argparse.Namespace) -> Spoken:
    """Tell every gateway with its sensors, states and latest values."""
    within = Query(embed=(Embed("status"), Embed("series")))
    query = Query(embed=(Embed("status"), Embed("sensors", within)))
    async with open_rest(account_of(args).rest(), SystemClock()) as api:
        gateways = [gateway async for gateway in api.gateways.all(query)]
    lines = tuple(line for gateway in gateways for line in _gateway_lines(gateway))
    return Spoken(gateways, lines or ("no gateways",))


async def series(args: argparse.Namespace) -> Spoken:
    """Tell a stretch of one sensor's values."""
    if not is_interval(args.interval):
        complaint = f'interval {args.interval!r} is neither "0" nor like "15m", "6h", "1d"'
        return Spoken(None, complaints=(complaint,), code=WRONG_USAGE)
    account, clock = account_of(args), SystemClock()
    gateway, sensor = sensor_of(account, args.sensor)
    start_ms, end_ms = _stretch(clock.now_ms(), args.since)
    async with open_rest(account.rest(), clock) as api:
        sensors = api.gateways.sensors(gateway)
        if args.interval == RAW:
            points = [each async for each in sensors.raw_points(sensor, start_ms, end_ms)]
        else:
            function = IntervalFunc(args.function) if args.function else None
            query = SeriesQuery(
                start_ms=start_ms,
                end_ms=end_ms,
                interval=args.interval,
                interval_func=function,
            )
            points = list((await sensors.series(sensor, query)).points)
    return Spoken(points, tuple(map(_point_line, points)) or ("no values",))


async def statistics(args: argparse.Namespace) -> Spoken:
    """Tell statistics of one sensor's values."""
    unit = TimeUnit(args.unit)
    if args.hours is not None and unit is not TimeUnit.HOUR:
        complaint = "--hours goes with --unit hour only"
        return Spoken(None, complaints=(complaint,), code=WRONG_USAGE)
    account, clock = account_of(args), SystemClock()
    gateway, sensor = sensor_of(account, args.sensor)
    start_ms, end_ms = _stretch(clock.now_ms(), args.since)
    query = StatQuery(
        start_ms=start_ms,
        end_ms=end_ms,
        sub_func=SubFunc(args.function),
        time_unit=unit,
        time_interval=args.hours,
    )
    async with open_rest(account.rest(), clock) as api:
        found = await api.gateways.sensors(gateway).series(sensor, query)
    lines = tuple(map(_statistic_line, found.statistics))
    return Spoken(list(found.statistics), lines or ("no values",))


def _stretch(now_ms: int, since_s: float) -> tuple[int, int]:
    """Return start and end; the end is excluded there, and the latest value should not be."""
    return now_ms - round(since_s * 1000), now_ms + 1


def _gateway_lines(gateway: Gateway) -> Iterator[str]:
    yield f"{gateway.id}  {_word(gateway.status)}  {gateway.name}"
    for sensor in gateway.sensors:
        yield f"  {sensor.id}  {_word(sensor.status)}  {sensor.type}  {_latest(sensor)}"


def _word(status: Status | None) -> str:
    return status.value if status else "unknown"


def _latest(sensor: Sensor) -> str:
    latest = sensor.series.latest if sensor.series else None
    return _point_line(latest) if latest else "no value"


def _point_line(point: Point) -> str:
    return f"{iso_time(point.time_ms)}  {point.value}"


def _statistic_line(statistic: Statistic) -> str:
    begin = "-".join(f"{number:02d}" for number in statistic.begin.values())
    return f"{begin}  {statistic.value:g}"
