"""The last point of each bucket in what was delivered, kept over connections and restarts.

A batch can end in the middle of an instant: then the next one's point must hold what the server
has already, because it replaces it (see points). Only whole batches count: one that was written
in part is sent again from its beginning, which continues the batch before it.

The file is written when a connection ends, and only if anything was delivered over it; a point
is a few hundred bytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from operator import index
from pathlib import Path

import orjson
import structlog

from gatewayd.clouds.thinger.points import Point
from gatewayd.small_files import DAMAGE, make_folder, replace_file

log = structlog.get_logger()

FILE = "last-points.json"
BYTES_MAX = 1024 * 1024
"""Far more than any gateway's buckets; a larger file is damaged."""


@asynccontextmanager
async def remembered_points(folder: Path) -> AsyncIterator[dict[str, Point]]:
    """Yield the last point of each bucket, to be kept up to date, and keep it afterwards."""
    loop = asyncio.get_running_loop()
    known = await loop.run_in_executor(None, load_points, folder)
    before = dict(known)
    try:
        yield known
    finally:
        if known != before:
            try:
                await loop.run_in_executor(None, store_points, folder, dict(known))
            except OSError as error:
                log.warning("last points not kept", reason=error.strerror)


def remember(points: Iterable[Point], known: dict[str, Point]) -> None:
    """Note the last points of a batch that is delivered as a whole."""
    for point in points:
        known[point.bucket] = point


def load_points(folder: Path) -> dict[str, Point]:
    """Return the points; a file that is missing or damaged has none."""
    try:
        with (folder / FILE).open("rb") as file:
            kept = orjson.loads(file.read(BYTES_MAX))
        return {
            str(bucket): Point(str(bucket), index(point["ts"]), dict(point["members"]))
            for bucket, point in kept.items()
        }
    except DAMAGE:
        return {}


def store_points(folder: Path, known: Mapping[str, Point]) -> None:
    """Keep the points; a power cut leaves the old file or the new one.

    Raises:
        OSError: it could not be written.
    """
    make_folder(folder)
    kept = {name: {"ts": each.time_ms, "members": each.members} for name, each in known.items()}
    replace_file(folder / FILE, orjson.dumps(kept))
