"""REST: buckets, and what is in them.

Without a query the newest ten points are answered. Source: Thinger.io API description 2025;
Thinger.io documentation, Buckets; the default is our reading.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

from gatewayd.clouds.thinger.sandbox.call import EMPTY, Call, Route
from gatewayd.clouds.thinger.sandbox.points import Stamped, aggregate
from gatewayd.sandbox.errors import invalid

BUCKETS = "/v1/users/{user}/buckets"
BUCKET = BUCKETS + "/{bucket}"
ITEMS = 10
ITEMS_MAX = 1000


async def list_buckets(call: Call) -> object:
    """All buckets."""
    return [each.shown() for each in call.account.buckets.values()]


async def add(call: Call) -> object:
    """Make a bucket."""
    bucket = call.world.add_bucket(call.account, call.body())
    call.premises.feeds.settle(call.account, bucket.id)
    return EMPTY


async def get(call: Call) -> object:
    """One bucket."""
    return call.bucket.shown()


async def change(call: Call) -> object:
    """Change some fields."""
    call.world.change_bucket(call.bucket, call.body())
    call.premises.feeds.settle(call.account, call.bucket.id)
    return EMPTY


async def delete(call: Call) -> object:
    """Delete a bucket with all that is in it."""
    del call.account.buckets[call.bucket.id]
    call.premises.feeds.settle(call.account, call.name("bucket"))
    return EMPTY


async def write(call: Call) -> object:
    """Add one point."""
    call.premises.intake.store(call.account, call.bucket, call.body())
    return EMPTY


async def read(call: Call) -> object:
    """Points with their value in `val`, or in the aggregate's name."""
    points, name = _chosen(call)
    return [{"ts": time_ms, name or "val": value} for time_ms, value in points]


async def read_flat(call: Call) -> object:
    """Points with their members beside the time."""
    points, _ = _chosen(call)
    return [
        {"ts": time_ms, **(value if isinstance(value, dict) else {"value": value})}
        for time_ms, value in points
    ]


def _chosen(call: Call) -> tuple[list[Stamped], str]:
    """Return the points that a query asks for, and the aggregate's name. Raises ApiError."""
    items = call.whole("items")
    if items is not None and not 0 < items <= ITEMS_MAX:
        raise invalid(f"items is 1 to {ITEMS_MAX}")
    sort = call.query.get("sort", "desc")
    if sort not in ("asc", "desc"):
        raise invalid("sort is asc or desc")
    width, kind = call.query.get("agg"), call.query.get("agg_type")
    if (width is None) != (kind is None):
        raise invalid("agg and agg_type go together")
    span = call.whole("min_ts"), call.whole("max_ts")
    count = ITEMS if items is None else items
    points = call.bucket.points
    if width is None or kind is None:
        return points.select(*span, count, is_ascending=sort == "asc"), ""
    try:
        zone = ZoneInfo(call.query.get("tz", "UTC"))
    except (KeyError, ValueError, OSError):
        raise invalid("tz is no time zone") from None
    found = points.select(*span, None, is_ascending=sort == "asc")
    return aggregate(found, width, kind, zone)[:count], kind


ROUTES = (
    Route("GET", BUCKETS, list_buckets, "Bucket", "ListBuckets"),
    Route("POST", BUCKETS, add, "Bucket", "CreateBucket"),
    Route("GET", BUCKET, get, "Bucket", "ReadBucketConfig"),
    Route("PUT", BUCKET, change, "Bucket", "UpdateBucket"),
    Route("DELETE", BUCKET, delete, "Bucket", "DeleteBucket"),
    Route("POST", BUCKET + "/data", write, "Bucket", "WriteBucket"),
    Route("GET", BUCKET + "/data", read, "Bucket", "ReadBucket"),
    Route("GET", "/v2/users/{user}/buckets/{bucket}/data", read_flat, "Bucket", "ReadBucket"),
)
