"""The resources of a user's things against the sandbox."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gatewayd.clouds.thethingsio.codec import Entry, Geo
from gatewayd.clouds.thethingsio.rest import Rest
from gatewayd.clouds.thethingsio.rest_errors import Forbidden, Invalid, NotFound
from gatewayd.clouds.thethingsio.rest_resources import Resource
from gatewayd.clouds.thethingsio.rest_things import Thing
from gatewayd.clouds.thethingsio.sandbox import Sandbox
from gatewayd.errors import LinkDenied, LinkLost
from gatewayd.fields import Secret
from tests.clouds.thethingsio.rest.scene import ID, OTHER_ID, OTHER_TOKEN, TOKEN

T_MS = 1_700_000_000_000


@pytest.fixture
async def owner(api: Rest) -> AsyncIterator[Rest]:
    """The first user, who owns both things."""
    await api.link(Secret(TOKEN))
    await api.link(Secret(OTHER_TOKEN))
    yield api


async def test_resources_are_listed_with_their_things(owner: Rest, thing: Thing) -> None:
    """And nothing at all for who has no thing."""
    await thing.write([Entry("temperature", 1)])
    found = {each.name: set(each.things) for each in await owner.resources.list()}
    assert found == {"temperature": {ID}, "description": {ID, OTHER_ID}}
    assert isinstance((await owner.resources.list())[0], Resource)


async def test_who_has_no_thing_sees_no_resource(ann: Rest, nobody: Rest) -> None:
    """An empty list; without a session not even that."""
    assert await ann.resources.list() == ()
    with pytest.raises(LinkDenied):
        await nobody.resources.list()


async def test_one_resource_of_all_things_is_read(owner: Rest, thing: Thing) -> None:
    """By thing, the newest first, within dates."""
    await thing.write([Entry("t", number, T_MS + number) for number in range(4)])
    await owner.resources.write("t", OTHER_ID, [9])
    found = await owner.resources.of_all("t", 2, T_MS, T_MS + 3)
    assert [row.value for row in found[ID]] == [2, 1]
    assert (await owner.resources.of_all("t"))[OTHER_ID][0].value == 9


async def test_values_of_all_things_need_a_session(owner: Rest, ann: Rest, nobody: Rest) -> None:
    """And show nothing of what belongs to others."""
    await owner.resources.write("t", ID, [1])
    assert await ann.resources.of_all("t") == {}
    with pytest.raises(LinkDenied):
        await nobody.resources.of_all("t")


async def test_one_resource_of_one_thing_is_read_and_paged(owner: Rest, thing: Thing) -> None:
    """More than a page of it."""
    for begin in (0, 1000):
        part = range(begin, begin + 700)
        await thing.write([Entry("t", number, T_MS + number) for number in part])
    assert [row.value for row in await owner.resources.rows("t", ID, 2)] == [1699, 1698]
    assert len([row async for row in owner.resources.all_rows("t", ID)]) == 1400


async def test_a_foreign_things_values_are_forbidden(ann: Rest, owner: Rest) -> None:
    """403; 404 for what there is not."""
    with pytest.raises(Forbidden):
        await ann.resources.rows("t", ID)
    with pytest.raises(NotFound):
        await owner.resources.rows("nope", ID)
    with pytest.raises(NotFound):
        await owner.resources.rows("t", "no-such-thing")


async def test_an_apps_write_reaches_the_thing_with_its_name(owner: Rest, thing: Thing) -> None:
    """This is how a command comes to a gateway."""
    async with thing.listen() as pushes:
        await owner.resources.write("LED", ID, ["on"])
        assert await anext(pushes) == [{"key": "LED", "value": "on"}]
    [row] = await thing.rows("LED")
    assert row.value == "on"


async def test_an_apps_write_can_be_stored_or_shown_only(owner: Rest, thing: Thing) -> None:
    """The two flags, and a time of its own."""
    async with thing.listen() as pushes:
        await owner.resources.write("a", ID, [1], broadcast=False)
        await owner.resources.write("b", ID, [2], store=False)
        await owner.resources.write_dated(ID, Entry("c", 3, T_MS))
        assert await anext(pushes) == [{"key": "b", "value": 2}]
        dated = {"key": "c", "value": 3, "datetime": "2023-11-14T22:13:20.000Z"}
        assert await anext(pushes) == [dated]
    assert await thing.keys() == ("a", "c")


async def test_a_foreign_things_resources_cannot_be_written(ann: Rest, nobody: Rest) -> None:
    """403 for the one, no way for the other."""
    with pytest.raises(Forbidden):
        await ann.resources.write("LED", ID, ["on"])
    with pytest.raises(LinkDenied):
        await nobody.resources.write("LED", ID, ["on"])


async def test_a_write_without_values_is_refused(owner: Rest) -> None:
    """400."""
    with pytest.raises(Invalid):
        await owner.resources.write("LED", ID, [])


async def test_magic_resources_work_for_apps_too(owner: Rest, thing: Thing) -> None:
    """`$geo`, `$settings` and a path in them."""
    point = {"type": "Point", "coordinates": [2.154007, 41.390205]}
    await owner.resources.write("$geo", ID, [point])
    assert await thing.position() == Geo(41.390205, 2.154007)
    await owner.resources.write("$settings", ID, [{"name": "x", "foo": "bar"}])
    await owner.resources.write("$settings.name", ID, ["My Thing"])
    [row] = await owner.resources.rows("$settings", ID)
    assert row.value == {"name": "My Thing", "foo": "bar"}
    [row] = await owner.resources.rows("$settings.name", ID)
    assert row == Entry("$settings.name", "My Thing")


async def test_magic_nonsense_is_refused_to_apps_too(owner: Rest, ann: Rest) -> None:
    """400, and 403 for a foreign thing."""
    with pytest.raises(Invalid):
        await owner.resources.write("$geo", ID, ["here"])
    with pytest.raises(Invalid):
        await owner.resources.rows("$weather", ID)
    with pytest.raises(Forbidden):
        await ann.resources.rows("$geo", ID)


async def test_new_values_are_pushed_with_their_thing(owner: Rest, thing: Thing) -> None:
    """Of the resource that was asked for, no other."""
    async with owner.resources.listen("t", 0.1) as pushes:
        await thing.write([Entry("other", 1), Entry("t", 15)])
        assert await anext(pushes) == [{"value": 15, "id": ID}]


async def test_values_of_foreign_things_are_not_pushed(
    ann: Rest, nobody: Rest, thing: Thing, sandbox: Sandbox
) -> None:
    """The stream stands, and says nothing of them; without a session there is none."""
    async with ann.resources.listen("t", 0.1) as pushes:
        await thing.write([Entry("t", 15)])
        sandbox.hub.end_all("close")
        with pytest.raises(LinkLost):
            await anext(pushes)
    with pytest.raises(LinkDenied):
        async with nobody.resources.listen("t"):
            pass


async def test_descriptions_are_read_and_replaced(owner: Rest) -> None:
    """By thing; whole."""
    await owner.resources.describe(ID, {"name": "Boiler"})
    found = await owner.resources.descriptions()
    assert found[ID][0].value == {"name": "Boiler"}
    assert list(found[OTHER_ID]) == []


async def test_descriptions_need_a_session(nobody: Rest) -> None:
    """None, no description."""
    with pytest.raises(LinkDenied):
        await nobody.resources.descriptions()


async def test_a_foreign_thing_cannot_be_described(ann: Rest) -> None:
    """403."""
    with pytest.raises(Forbidden):
        await ann.resources.describe(ID, {"name": "mine"})
