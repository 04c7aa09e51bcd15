"""Objects that apps store, against the sandbox."""

from __future__ import annotations

import pytest

from gatewayd.clouds.thethingsio.rest import Rest
from gatewayd.clouds.thethingsio.rest_errors import Invalid, NotFound
from gatewayd.errors import LinkDenied

LISTS = ("Playlists",)
SONGS = (*LISTS, "25", "Songs")


async def test_an_object_is_stored_under_its_id_or_a_new_one(api: Rest) -> None:
    """In the document, in the path, or made there."""
    assert await api.objects.store(LISTS, {"_id": "25", "name": "Dubstep"}) == "25"
    assert await api.objects.store_as((*LISTS, "26"), {"name": "Classic"}) == "26"
    made = await api.objects.store(LISTS, {"name": "Other"})
    assert (await api.objects.get((*LISTS, made)))["name"] == "Other"


async def test_an_id_is_taken_once(api: Rest) -> None:
    """400, both ways."""
    await api.objects.store(LISTS, {"_id": "25"})
    with pytest.raises(Invalid, match="25"):
        await api.objects.store(LISTS, {"_id": "25"})
    with pytest.raises(Invalid, match="25"):
        await api.objects.store_as((*LISTS, "25"), {})


async def test_an_object_is_read(api: Rest) -> None:
    """With its id."""
    await api.objects.store(LISTS, {"_id": 25, "name": "Dubstep"})
    assert await api.objects.get((*LISTS, "25")) == {"_id": 25, "name": "Dubstep"}


async def test_an_object_that_is_not_there_is_not_found(api: Rest) -> None:
    """Neither read, nor changed, nor deleted."""
    with pytest.raises(NotFound):
        await api.objects.get((*LISTS, "25"))


async def test_a_collection_is_sorted_by_id_downwards(api: Rest) -> None:
    """As numbers where they are numbers; empty where there is nothing."""
    assert await api.objects.list(LISTS) == ()
    for id in ("9", "100", "25"):
        await api.objects.store(LISTS, {"_id": id})
    assert [each["_id"] for each in await api.objects.list(LISTS)] == ["100", "25", "9"]


async def test_a_collection_needs_a_session(nobody: Rest) -> None:
    """The private as well as the common ones."""
    for tree in (nobody.objects, nobody.app_objects):
        with pytest.raises(LinkDenied):
            await tree.list(LISTS)


async def test_an_update_leaves_what_it_does_not_name(api: Rest) -> None:
    """And cannot change the id."""
    await api.objects.store(LISTS, {"_id": "25", "name": "Dubstep", "duration": 1})
    await api.objects.update((*LISTS, "25"), {"duration": 180})
    assert await api.objects.get((*LISTS, "25")) == {
        "_id": "25",
        "name": "Dubstep",
        "duration": 180,
    }


async def test_what_is_not_there_cannot_be_updated(api: Rest) -> None:
    """404; another id is 400."""
    with pytest.raises(NotFound):
        await api.objects.update((*LISTS, "25"), {"a": 1})
    await api.objects.store(LISTS, {"_id": "25"})
    with pytest.raises(Invalid):
        await api.objects.update((*LISTS, "25"), {"_id": "26"})


async def test_an_object_is_deleted(api: Rest) -> None:
    """And its id is free again."""
    await api.objects.store(LISTS, {"_id": "25"})
    await api.objects.delete((*LISTS, "25"))
    assert await api.objects.list(LISTS) == ()
    await api.objects.store(LISTS, {"_id": "25"})


async def test_what_is_not_there_cannot_be_deleted(api: Rest) -> None:
    """404."""
    with pytest.raises(NotFound):
        await api.objects.delete((*LISTS, "25"))


async def test_collections_nest_without_anything_above_them(api: Rest) -> None:
    """And one below an object is another one than one of the same name elsewhere."""
    await api.objects.store_as((*SONGS, "100"), {"name": "deep"})
    assert await api.objects.list(SONGS) == ({"name": "deep", "_id": "100"},)
    assert await api.objects.list(("Songs",)) == ()
    await api.objects.store_as((*SONGS, "100", "Artist", "10"), {})
    with pytest.raises(NotFound):
        await api.objects.get((*LISTS, "25"))


@pytest.mark.parametrize("path", [(), ("Playlists", "25")])
async def test_an_object_is_no_collection(api: Rest, path: tuple[str, ...]) -> None:
    """That is a bug of the caller's, and never asked."""
    with pytest.raises(ValueError, match="collection"):
        await api.objects.list(path)


async def test_changes_of_a_collection_are_pushed(api: Rest) -> None:
    """What is stored and what is changed, whole; of this collection only."""
    async with api.objects.listen(LISTS, 0.1) as pushes:
        await api.objects.store(SONGS, {"_id": "1"})
        await api.objects.store(LISTS, {"_id": 20, "name": "Classic"})
        await api.objects.update((*LISTS, "20"), {"duration": 90})
        assert await anext(pushes) == [{"_id": 20, "name": "Classic"}]
        assert await anext(pushes) == [{"_id": 20, "name": "Classic", "duration": 90}]


async def test_nobody_listens_without_a_session(nobody: Rest) -> None:
    """Refused before the stream."""
    with pytest.raises(LinkDenied):
        async with nobody.objects.listen(LISTS):
            pass


async def test_what_is_the_apps_is_everybodys(api: Rest, ann: Rest) -> None:
    """The other tree: stored by one, read and changed by another user."""
    await api.app_objects.store(LISTS, {"_id": "25"})
    await ann.app_objects.update((*LISTS, "25"), {"by": "ann"})
    assert await api.app_objects.get((*LISTS, "25")) == {"_id": "25", "by": "ann"}
    await ann.app_objects.delete((*LISTS, "25"))


async def test_what_is_a_users_own_is_nobody_elses(api: Rest, ann: Rest) -> None:
    """Neither seen nor deleted."""
    await api.objects.store(LISTS, {"_id": "25"})
    assert await ann.objects.list(LISTS) == ()
    with pytest.raises(NotFound):
        await ann.objects.delete((*LISTS, "25"))
