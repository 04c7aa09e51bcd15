"""`list`, `show`: the account's devices; what this gateway's buckets hold, as the cloud has it."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime

from gatewayd.clock import SystemClock
from gatewayd.clouds.thinger.rest import Rest, open_rest
from gatewayd.clouds.thinger.rest_buckets import ITEMS_MAX, BucketQuery, Point
from gatewayd.clouds.thinger.rest_errors import NotFound
from gatewayd.clouds.thinger.rest_types import Device
from gatewayd.clouds.thinger.verbs.account import Account, account_of
from gatewayd.clouds.verbs import Spoken
from gatewayd.errors import WrongUsage
from gatewayd.model import ChannelId


async def list_devices(args: argparse.Namespace) -> Spoken:
    """Tell every device of the account; a star marks this gateway."""
    account = account_of(args)
    async with open_rest(account.rest(), SystemClock()) as api:
        devices = await api.devices.list()
    lines = tuple(_device_line(each, account.device) for each in devices)
    return Spoken(list(devices), lines or ("no devices",))


async def show(args: argparse.Namespace) -> Spoken:
    """Tell the newest point of every bucket, or a stretch of one bucket or channel."""
    account = account_of(args)
    async with open_rest(account.rest(), SystemClock()) as api:
        if args.what is None:
            return await _newest(api, account)
        bucket, member = _place(account, args.what)
        try:
            points = await _stretch(api, bucket, args)
        except NotFound:
            line = f"there is no bucket {bucket}; this gateway's: {_buckets(account)}"
            return Spoken([], complaints=(line,), code=1)
    if member:
        points = [_only(each, member) for each in points if _has(each, member)]
    document = [{"ts": each.time_ms, "value": each.value} for each in points]
    return Spoken(document, tuple(map(_line, points)) or ("no points",))


async def _newest(api: Rest, account: Account) -> Spoken:
    document: dict[str, object] = {}
    lines: list[str] = []
    complaints: list[str] = []
    for bucket in account.buckets:
        try:
            points = await api.buckets.read(bucket, BucketQuery(items=1, is_ascending=False))
        except NotFound:
            complaints.append(f"there is no bucket {bucket}; `gatewayd cloud thinger register`")
            continue
        document[bucket] = {"ts": points[0].time_ms, "value": points[0].value} if points else None
        lines.append(f"{bucket}  {_line(points[0]) if points else 'empty'}")
    return Spoken(document, tuple(lines), tuple(complaints), 1 if complaints else 0)


async def _stretch(api: Rest, bucket: str, args: argparse.Namespace) -> list[Point]:
    end_ms = SystemClock().now_ms()
    start_ms = end_ms - round(args.since * 1000)
    if args.width is None:
        return [each async for each in api.buckets.points(bucket, start_ms, end_ms)]
    query = BucketQuery(
        items=ITEMS_MAX,
        start_ms=start_ms,
        end_ms=end_ms,
        is_ascending=True,
        width=args.width,
        aggregate=args.function,
    )
    return list(await api.buckets.read(bucket, query))


def _place(account: Account, what: str) -> tuple[str, str]:
    """Return bucket and member of a channel; what is no channel is a bucket.

    Raises:
        WrongUsage: it can be neither.
    """
    known = account.names.get(ChannelId(what))
    if known is not None and known.bucket:
        return known.bucket, known.member
    if known is None and "/" not in what:
        return what, ""
    complaint = "is stored in no bucket" if known else "is no channel and no bucket"
    raise WrongUsage(f"{what} {complaint}; this gateway's buckets: {_buckets(account)}")


def _buckets(account: Account) -> str:
    return ", ".join(account.buckets) or "none"


def _has(point: Point, member: str) -> bool:
    return isinstance(point.value, dict) and member in point.value


def _only(point: Point, member: str) -> Point:
    assert isinstance(point.value, dict)
    return Point(point.time_ms, point.value[member])


def _line(point: Point) -> str:
    value = point.value if isinstance(point.value, int | float | str) else json.dumps(point.value)
    return f"{_iso(point.time_ms)}  {value}"


def _device_line(device: Device, own: str) -> str:
    state = "connected" if device.is_connected else "away"
    since = f" since {_iso(device.connected_ms)}" if device.connected_ms else ""
    mark = "*" if device.id == own else " "
    return f"{mark} {device.id}  {device.type}  {state}{since}  {device.description}".rstrip()


def _iso(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds")
