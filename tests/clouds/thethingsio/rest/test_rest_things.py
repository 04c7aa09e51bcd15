"""A thing by its token, against the sandbox: each call with its success and a failure."""

from __future__ import annotations

import asyncio

import pytest

from gatewayd.clouds.thethingsio.codec import Entry, Geo
from gatewayd.clouds.thethingsio.rest import Rest
from gatewayd.clouds.thethingsio.rest_errors import Invalid, NotFound
from gatewayd.clouds.thethingsio.rest_things import Tag, Thing
from gatewayd.clouds.thethingsio.sandbox import Sandbox
from gatewayd.errors import LinkDenied, LinkLost
from gatewayd.fields import Secret
from tests.clouds.thethingsio.rest.scene import CODE, TOKEN

T_MS = 1_700_000_000_000


async def test_a_code_activates_one_thing(nobody: Rest) -> None:
    """43 letters come back, and they open the thing."""
    token = await nobody.activate(Secret(CODE))
    assert len(token.reveal()) == 43
    await nobody.thing(token).write([Entry("a", 1)])


@pytest.mark.parametrize("code", ["", "unknown"])
async def test_an_unknown_code_activates_nothing(nobody: Rest, code: str) -> None:
    """The sentence says what to do, not what the code was."""
    with pytest.raises(LinkDenied, match="panel"):
        await nobody.activate(Secret(code))


async def test_a_code_is_good_once(nobody: Rest) -> None:
    """The second time it is refused."""
    await nobody.activate(Secret(CODE))
    with pytest.raises(LinkDenied, match="already used"):
        await nobody.activate(Secret(CODE))


async def test_values_are_written_and_read(thing: Thing) -> None:
    """Several keys, several values of one, out of order; the newest is read first."""
    entries = [Entry("t", 2.5, T_MS + 2), Entry("door", "open", T_MS), Entry("t", 1.5, T_MS + 1)]
    await thing.write(entries)
    assert await thing.rows("t", 5) == [Entry("t", 2.5, T_MS + 2), Entry("t", 1.5, T_MS + 1)]
    assert await thing.rows("door") == [Entry("door", "open", T_MS)]


async def test_a_value_keeps_its_position_and_any_json(thing: Thing) -> None:
    """An object with a geo, null, a list."""
    geo = Geo(41.5, 2.25)
    await thing.write([Entry("x", {"a": [1, None]}, T_MS, geo)])
    assert await thing.rows("x") == [Entry("x", {"a": [1, None]}, T_MS, geo)]


async def test_an_undated_value_gets_the_clouds_time(thing: Thing, sandbox: Sandbox) -> None:
    """Also when that is an hour off."""
    sandbox.clock.shift_ms = -3_600_000
    await thing.write([Entry("t", 1)])
    [row] = await thing.rows("t")
    assert row.time_ms is not None
    assert abs(row.time_ms - sandbox.clock.now_ms()) < 5000


@pytest.mark.parametrize("key", ["bad key", "", "ü", "k" * 129, "$unknown"])
async def test_a_write_that_breaks_the_rules_is_refused_whole(thing: Thing, key: str) -> None:
    """400, and its good half is not taken either."""
    with pytest.raises(Invalid):
        await thing.write([Entry("good", 1), Entry(key, 1)])
    assert await thing.keys() == ()


async def test_a_write_with_a_wrong_token_is_not_found(stranger: Thing) -> None:
    """404; and the token is not in the sentence."""
    with pytest.raises(NotFound, match="Thing not found") as caught:
        await stranger.write([Entry("t", 1)])
    assert "no-such-token" not in str(caught.value)


async def test_store_and_broadcast_can_be_switched_off(thing: Thing) -> None:
    """Not stored is pushed all the same; not broadcast is stored all the same."""
    async with thing.listen() as pushes:
        await thing.write([Entry("quiet", 1)], broadcast=False)
        await thing.write([Entry("fleeting", 2)], store=False)
        assert await anext(pushes) == [{"key": "fleeting", "value": 2}]
    assert await thing.keys() == ("quiet",)


async def test_a_stretch_begins_with_its_start_and_ends_before_its_end(thing: Thing) -> None:
    """As the vendor's paging needs it."""
    await thing.write([Entry("t", second, T_MS + 1000 * second) for second in range(5)])
    rows = await thing.rows("t", 10, T_MS + 1000, T_MS + 3000)
    assert [row.value for row in rows] == [2, 1]
    assert await thing.rows("t", 10, T_MS + 9000) == []


async def test_an_unknown_resource_is_not_found(thing: Thing) -> None:
    """404, not an empty list."""
    with pytest.raises(NotFound, match="nope"):
        await thing.rows("nope")


@pytest.mark.parametrize("limit", [0, -1, 1001])
async def test_a_limit_that_the_cloud_does_not_know_is_a_bug_of_ours(
    thing: Thing, limit: int
) -> None:
    """It is not even asked for."""
    with pytest.raises(ValueError, match="1000"):
        await thing.rows("t", limit)


async def test_all_values_come_page_by_page_each_once(thing: Thing) -> None:
    """2300 of them, 500 of which share the millisecond where a page ends."""
    times = [T_MS + min(number, 1100) for number in range(1600)]
    times += [T_MS + number for number in range(1600, 2300)]
    for begin in range(0, 2300, 1000):
        part = range(begin, min(begin + 1000, 2300))
        await thing.write([Entry("t", number, times[number]) for number in part])
    values = [row.value async for row in thing.all_rows("t")]
    assert len(values) == 2300
    assert set(values) == set(range(2300))


async def test_more_than_a_page_in_one_millisecond_ends_all_the_same(thing: Thing) -> None:
    """What is beyond the first thousand of it cannot be reached; what is older can."""
    await thing.write([Entry("t", -1, T_MS - 1)])
    for begin in (0, 1000):
        await thing.write([Entry("t", begin + number, T_MS) for number in range(1000)])
    values = [row.value async for row in thing.all_rows("t")]
    assert len(values) == 1001
    assert values[-1] == -1


async def test_keys_are_listed(thing: Thing) -> None:
    """None at first."""
    assert await thing.keys() == ()
    await thing.write([Entry("b", 1), Entry("a", 2)])
    assert await thing.keys() == ("b", "a")


async def test_keys_of_an_unknown_thing_are_not_found(stranger: Thing) -> None:
    """404."""
    with pytest.raises(NotFound):
        await stranger.keys()


async def test_last_values_of_all_resources_come_at_once(thing: Thing) -> None:
    """By resource; as many of each as asked for."""
    await thing.write([Entry("a", 1, T_MS), Entry("a", 2, T_MS + 1), Entry("b", 3, T_MS)])
    newest = await thing.last_values()
    assert {key: [row.value for row in rows] for key, rows in newest.items()} == {
        "a": [2],
        "b": [3],
    }
    assert len((await thing.last_values(2))["a"]) == 2


async def test_last_values_of_an_unknown_thing_are_not_found(stranger: Thing) -> None:
    """404."""
    with pytest.raises(NotFound):
        await stranger.last_values()


async def test_a_description_is_replaced_whole(thing: Thing) -> None:
    """Read, change, store."""
    await thing.describe({"name": "Boiler", "floor": 2})
    await thing.describe({**await thing.description(), "floor": 3})
    assert await thing.description() == {"name": "Boiler", "floor": 3}


async def test_a_thing_that_nobody_described_has_no_description(
    thing: Thing, stranger: Thing
) -> None:
    """404, as for every resource that nobody wrote; and nobody describes an unknown thing."""
    with pytest.raises(NotFound):
        await thing.description()
    with pytest.raises(NotFound):
        await stranger.describe({})


async def test_a_position_is_geojson_there(thing: Thing, sandbox: Sandbox) -> None:
    """In all of its three written forms, longitude first."""
    assert await thing.position() is None
    for entry in (
        Entry("$geo", {"type": "Point", "coordinates": [2.25, 41.5]}),
        Entry("$geo", [2.25, 41.5]),
        Entry("$geo", None, geo=Geo(41.5, 2.25)),
    ):
        await thing.set_position(Geo(0, 0))
        await thing.write([entry])
        assert await thing.position() == Geo(41.5, 2.25)
    [row] = await thing.rows("$geo")
    assert row.value == {"type": "Point", "coordinates": [2.25, 41.5]}
    assert row.time_ms is None


async def test_a_position_that_is_none_is_refused(thing: Thing) -> None:
    """400, and the old one stands."""
    await thing.set_position(Geo(1, 2))
    for value in ("here", [200, 0], {"type": "Polygon", "coordinates": []}):
        with pytest.raises(Invalid):
            await thing.write([Entry("$geo", value)])
    assert await thing.position() == Geo(1, 2)


async def test_settings_are_merged_and_reached_by_path(thing: Thing) -> None:
    """One word, or a way of words."""
    assert await thing.setting() == {}
    await thing.set_setting({"name": "My Thing", "foo": "bar"})
    await thing.set_setting({"foo": "baz"})
    await thing.set_setting(17, "a.b")
    assert await thing.setting("name") == "My Thing"
    assert await thing.setting("a.b") == 17
    assert await thing.setting() == {"name": "My Thing", "foo": "baz", "a": {"b": 17}}
    assert await thing.keys() == ()


async def test_a_setting_that_is_not_there_is_null(thing: Thing) -> None:
    """Also below one that is no object; nonsense is refused."""
    await thing.set_setting("x", "name")
    assert await thing.setting("nope") is None
    assert await thing.setting("name.first") is None
    for key, value in (("$settings", "text"), ("$settings..a", 1)):
        with pytest.raises(Invalid):
            await thing.write([Entry(key, value)])


async def test_an_unknown_magic_resource_is_refused(thing: Thing) -> None:
    """Read as well as written."""
    with pytest.raises(Invalid, match="magic"):
        await thing.rows("$weather")


async def test_writes_are_pushed_to_who_listens(thing: Thing) -> None:
    """One array a write, as it was written: with a time only where the writer gave one."""
    async with thing.listen(0.05) as pushes:
        await asyncio.sleep(0.12)  # Long enough for keep-alives, which nobody sees.
        await thing.write([Entry("LED", "ON"), Entry("t", 1, T_MS)])
        assert await anext(pushes) == [
            {"key": "LED", "value": "ON"},
            {"key": "t", "value": 1, "datetime": "2023-11-14T22:13:20.000Z"},
        ]


async def test_nobody_listens_to_an_unknown_thing(stranger: Thing) -> None:
    """404 before the stream."""
    with pytest.raises(NotFound):
        async with stranger.listen():
            pass


async def test_a_stream_that_falls_silent_is_lost(thing: Thing, sandbox: Sandbox) -> None:
    """No keep-alive for a second longer than promised."""
    sandbox.hub.faults.no_keep_alive = True
    async with thing.listen(0.05) as pushes:
        with pytest.raises(LinkLost, match="said nothing"):
            await anext(pushes)


@pytest.mark.parametrize("how", ["cut", "close"])
async def test_a_stream_that_ends_is_lost(thing: Thing, sandbox: Sandbox, how: str) -> None:
    """With a proper end or without."""
    async with thing.listen() as pushes:
        sandbox.hub.end_all(how)
        with pytest.raises(LinkLost):
            await anext(pushes)


@pytest.mark.parametrize("fault", ["split", "merge"])
async def test_chunk_borders_mean_nothing(thing: Thing, sandbox: Sandbox, fault: str) -> None:
    """Three bytes a chunk, or two texts in one."""
    async with thing.listen() as pushes:
        setattr(sandbox.hub.faults, fault, True)
        await thing.write([Entry("a", "ü{[")])
        await thing.write([Entry("b", '"\\')])
        assert await anext(pushes) == [{"key": "a", "value": "ü{["}]
        assert await anext(pushes) == [{"key": "b", "value": '"\\'}]


async def test_tags_come_and_go(thing: Thing) -> None:
    """Added, listed, deleted."""
    id = await thing.add_tag("kitchen")
    assert await thing.tags() == (Tag(id, "kitchen"),)
    await thing.delete_tag(id)
    assert await thing.tags() == ()


async def test_a_tag_needs_a_name(thing: Thing) -> None:
    """400."""
    with pytest.raises(Invalid, match="name"):
        await thing.add_tag("")


async def test_tags_of_an_unknown_thing_are_not_found(stranger: Thing) -> None:
    """404."""
    with pytest.raises(NotFound):
        await stranger.tags()


async def test_an_unknown_tag_cannot_be_deleted(thing: Thing) -> None:
    """404."""
    with pytest.raises(NotFound, match="Tag"):
        await thing.delete_tag("nope")


async def test_a_revoked_token_opens_nothing(thing: Thing, sandbox: Sandbox) -> None:
    """Who listens with it is cut."""
    async with thing.listen() as pushes:
        sandbox.revoke(sandbox.world.thing(TOKEN))
        with pytest.raises(LinkLost):
            await anext(pushes)
    with pytest.raises(NotFound):
        await thing.write([Entry("t", 1)])


async def test_a_thing_asks_what_time_it_is(thing: Thing, sandbox: Sandbox) -> None:
    """With its token; the cloud's own time, to the millisecond."""
    sandbox.clock.shift_ms = 3_600_000
    assert abs(await thing.now_ms() - sandbox.clock.now_ms()) < 5000


async def test_an_unknown_thing_is_not_told_the_time(stranger: Thing) -> None:
    """404."""
    with pytest.raises(NotFound):
        await stranger.now_ms()
