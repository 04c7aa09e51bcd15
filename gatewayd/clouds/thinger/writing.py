"""Writes points into buckets: a few in the air, at a bounded pace, each one confirmed."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Collection, Sequence

from gatewayd.clouds.thinger.events import Call, Operation
from gatewayd.clouds.thinger.points import Point
from gatewayd.clouds.thinger.session import IN_FLIGHT_MAX, Reply, Session
from gatewayd.errors import BatchRefused, Throttled

REFUSED_PAUSE_S = 1.0
"""A point that is refused is tried once more after so long; then it is the point, or the bucket."""

BUCKET_PAUSE_S = 60.0
"""How long a bucket that takes nothing is left alone. The connection stays: commands are as good
as ever, only the history waits, whole and in order, until the owner has made the bucket."""

WAITS_MAX = 5
"""So often a bucket that has taken nothing yet is waited for because of a lone point; then it is
the point's fault. Else one that the server can never take would block all that follow."""


class Writing:
    """The points of one connection."""

    def __init__(self, session: Session, points_per_s_max: float, *, is_confirmed: bool) -> None:
        """Take the session; without `is_confirmed` a point counts as written when it is sent."""
        self._session = session
        self._pause_s = 1 / points_per_s_max
        self._is_confirmed = is_confirmed
        self._trusted: set[str] = set()
        self._waits: Counter[str] = Counter()
        self._now_s = asyncio.get_running_loop().time
        self._next_s = 0.0

    async def write(self, points: Sequence[Point]) -> None:
        """Return when the server has all points.

        Raises:
            LinkLost: no connection, or no confirmation in time.
            Throttled: a bucket takes nothing, so it is missing or disabled. That is for the owner
                to mend, and costs no readings meanwhile.
            BatchRefused: the readings of points that were refused twice.
        """
        refused = await self._write(points)
        if refused:
            await asyncio.sleep(REFUSED_PAUSE_S)
            refused = await self._write(refused)
        bad = {point.bucket for point in refused}
        self._trusted |= {point.bucket for point in points} - bad
        if refused:
            error = what_refusal_means(points, refused, self._trusted)
            if isinstance(error, Throttled):
                self._waits.update(bad)
                self._trusted |= {bucket for bucket in bad if self._waits[bucket] >= WAITS_MAX}
            raise error

    async def _write(self, points: Sequence[Point]) -> list[Point]:
        """Write points once; return those that were refused."""
        refused: list[Point] = []
        window: deque[tuple[Point, Reply]] = deque()

        async def settle() -> None:
            point, reply = window.popleft()
            if not (await self._session.answer_of(reply)).is_ok:
                refused.append(point)

        for point in points:
            await self._keep_pace()
            call = Call(0, Operation.WRITE_BUCKET, point.bucket, point.payload())
            if not self._is_confirmed:
                await self._session.tell(call)
                continue
            if len(window) >= IN_FLIGHT_MAX - 1:  # One place is left for other calls.
                await settle()
            window.append((point, await self._session.ask(call)))
        while window:
            await settle()
        return refused

    async def _keep_pace(self) -> None:
        now_s = self._now_s()
        wait_s = self._next_s - now_s
        self._next_s = max(now_s, self._next_s) + self._pause_s
        if wait_s > 0:
            await asyncio.sleep(wait_s)


def what_refusal_means(
    points: Sequence[Point], refused: Sequence[Point], trusted: Collection[str] = ()
) -> BatchRefused | Throttled:
    """Return the error for points that were refused twice, out of all that were written.

    Args:
        trusted: buckets that take points: a lone one that is refused is the point's own fault.
    """
    buckets = sorted({point.bucket for point in refused})
    for bucket in buckets:
        written = sum(point.bucket == bucket for point in points)
        least = 1 if bucket in trusted else 0
        if written == sum(point.bucket == bucket for point in refused) > least:
            advice = "is it there and enabled? `gatewayd cloud thinger register` looks"
            return Throttled(f"bucket {bucket} takes nothing; {advice}", BUCKET_PAUSE_S)
    seqs = [seq for point in refused for seq in point.seqs]
    return BatchRefused(f"points refused twice by bucket {', '.join(buckets)}", seqs)
