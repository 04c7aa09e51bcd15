"""Buckets: made, written by whom they say, and read back in pages, spans and aggregates."""

from __future__ import annotations

import pytest

from gatewayd.clouds.thinger.rest import Rest
from gatewayd.clouds.thinger.rest_buckets import BucketQuery, Point
from gatewayd.clouds.thinger.rest_errors import Denied, Forbidden, Invalid, NotFound
from gatewayd.clouds.thinger.rest_types import NewBucket, Source
from gatewayd.clouds.thinger.sandbox import Sandbox
from tests.clouds.thinger.rest.conftest import Opened

T0 = 1_671_536_877_360
DAY_MS = 86_400_000


async def fill(api: Rest, count: int) -> None:
    """Write so many points, a second apart."""
    for place in range(count):
        await api.buckets.write("boiler", {"temperature": float(place)}, T0 + 1000 * place)


async def test_a_bucket_is_made_read_and_changed(api: Rest) -> None:
    """What is not named stays."""
    await api.buckets.add(NewBucket(id="Weather", name="The weather", source=Source.API))
    await api.buckets.change("Weather", {"enabled": False})
    found = await api.buckets.get("Weather")
    assert (found.id, found.name, found.source) == ("Weather", "The weather", "api")
    assert found.is_enabled is False
    assert {each.id for each in await api.buckets.list()} == {"boiler", "closed", "Weather"}


@pytest.mark.parametrize(
    "new",
    [
        NewBucket(id="no-hyphen"),
        NewBucket(id=""),
        NewBucket(id="boiler"),
        NewBucket(id="a", tags=["1", "2", "3", "4", "5", "6"]),
        NewBucket(id="a", source=Source.DEVICE),
    ],
)
async def test_a_bucket_that_cannot_be_is_refused(api: Rest, bad: Rest, new: NewBucket) -> None:
    """400: id, a taken id, tags, a source without its device; 401 without a token."""
    with pytest.raises(Invalid):
        await api.buckets.add(new)
    with pytest.raises(Denied):
        await bad.buckets.add(new)


async def test_buckets_are_for_their_owner(bad: Rest, open_as: Opened) -> None:
    """401 without a good token, 403 for another's."""
    with pytest.raises(Denied):
        await bad.buckets.list()
    async with open_as(of="ann") as foreign:
        with pytest.raises(Forbidden):
            await foreign.buckets.list()


async def test_a_missing_bucket_is_not_found(api: Rest) -> None:
    """However it is asked for."""
    for each in (
        api.buckets.get("none"),
        api.buckets.read("none"),
        api.buckets.read("none", version="v2"),
        api.buckets.write("none", {"a": 1}),
        api.buckets.delete("none"),
        api.buckets.change("none", {"name": "x"}),
    ):
        with pytest.raises(NotFound):
            await each


async def test_a_bucket_is_deleted(api: Rest) -> None:
    """With its points."""
    await fill(api, 1)
    await api.buckets.delete("boiler")
    await api.buckets.add(NewBucket(id="boiler"))
    assert await api.buckets.read("boiler") == ()


async def test_points_are_written_and_read(api: Rest) -> None:
    """The newest first, ten where nothing is said; `ts` is no member."""
    await fill(api, 12)
    found = await api.buckets.read("boiler")
    assert found[0] == Point(T0 + 11_000, {"temperature": 11})
    assert len(found) == 10
    assert await api.buckets.read("boiler", version="v2") == found


async def test_a_scalar_is_a_point_too(api: Rest, sandbox: Sandbox) -> None:
    """Its time is now."""
    await api.buckets.write("boiler", 5)
    for version in ("v1", "v2"):
        (point,) = await api.buckets.read("boiler", version=version)
        assert point.value == 5
        assert abs(point.time_ms - sandbox.clock.now_ms()) < 5000
    with pytest.raises(ValueError, match="object"):
        await api.buckets.write("boiler", 5, T0)


async def test_a_point_of_the_same_time_goes(api: Rest, sandbox: Sandbox) -> None:
    """A resend makes no double."""
    await api.buckets.write("boiler", {"a": 1}, T0)
    await api.buckets.write("boiler", {"a": 1}, T0)
    await api.buckets.write("boiler", {"a": 2}, T0)
    assert await api.buckets.read("boiler") == (Point(T0, {"a": 2}),)
    assert sandbox.journal.counts["values"] == 1


async def test_a_point_that_cannot_be_is_refused(api: Rest, sandbox: Sandbox) -> None:
    """400: a disabled bucket, a time before 1970, one far ahead, one that is no number."""
    with pytest.raises(Invalid, match="disabled"):
        await api.buckets.write("closed", {"a": 1})
    for ts in (-1, sandbox.clock.now_ms() + 2 * DAY_MS, "soon", True, None):
        with pytest.raises(Invalid, match="ts"):
            await api.buckets.write("boiler", {"a": 1, "ts": ts})
    assert await api.buckets.read("boiler") == ()


async def test_a_span_includes_both_ends(api: Rest) -> None:
    """min_ts, max_ts, items, sort."""
    await fill(api, 10)
    query = BucketQuery(start_ms=T0 + 2000, end_ms=T0 + 5000, items=100, is_ascending=True)
    found = await api.buckets.read("boiler", query)
    assert [each.time_ms - T0 for each in found] == [2000, 3000, 4000, 5000]
    newest = await api.buckets.read("boiler", BucketQuery(items=2, is_ascending=False))
    assert [each.time_ms - T0 for each in newest] == [9000, 8000]


async def test_all_points_come_page_after_page(api: Rest, sandbox: Sandbox) -> None:
    """A thousand an answer; none is missed, none comes twice."""
    points = sandbox.world.accounts["sandbox"].buckets["boiler"].points
    for place in range(2500):
        points.put(T0 + place, {"a": place})
    found = [each async for each in api.buckets.points("boiler", T0 + 10, T0 + 2490)]
    assert [each.time_ms - T0 for each in found] == list(range(10, 2491))


@pytest.mark.parametrize(
    ("aggregate", "values"),
    [("mean", [1, 4, 6.5]), ("min", [0, 3, 6]), ("max", [2, 5, 7]), ("sum", [3, 12, 13])],
)
async def test_points_are_drawn_together(api: Rest, aggregate: str, values: list[float]) -> None:
    """By a width of time, member by member."""
    for place in range(8):
        await api.buckets.write("boiler", {"a": place}, DAY_MS + 20_000 * place)
    query = BucketQuery(width="1m", aggregate=aggregate, is_ascending=True)
    for version in ("v1", "v2"):
        found = await api.buckets.read("boiler", query, version)
        assert [each.value for each in found] == [{"a": value} for value in values]
        assert [each.time_ms for each in found] == [DAY_MS, DAY_MS + 60_000, DAY_MS + 120_000]


@pytest.mark.parametrize(
    "query",
    [
        BucketQuery(items=0),
        BucketQuery(items=1001),
        BucketQuery(width="5m"),
        BucketQuery(width="5x", aggregate="mean"),
        BucketQuery(width="5m", aggregate="magic"),
        BucketQuery(width="5m", aggregate="mean", time_zone="Nowhere/No"),
    ],
)
async def test_a_query_that_makes_no_sense_is_refused(api: Rest, query: BucketQuery) -> None:
    """400."""
    await fill(api, 1)
    with pytest.raises(Invalid):
        await api.buckets.read("boiler", query)
    with pytest.raises(Invalid):
        await api.buckets.read("boiler", query, "v2")


def test_a_query_is_in_the_vendors_words() -> None:
    """Tags repeat."""
    query = BucketQuery(
        width="1d",
        aggregate="mean",
        transform="abs",
        time_zone="Europe/Madrid",
        tags={"room": ["a", "b"]},
    )
    pairs = {name: value for name, value in query.pairs().items() if value is not None}
    assert pairs == {
        "agg": "1d",
        "agg_type": "mean",
        "transform": "abs",
        "tz": "Europe/Madrid",
        "tag_room": ["a", "b"],
    }
