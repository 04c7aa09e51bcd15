"""Deployment groups: made, renamed, deleted, listed, and the names that none may have."""

from __future__ import annotations

import pytest

from gatewayd.clouds.thingsee.rest import Rest
from gatewayd.clouds.thingsee.rest_errors import Conflict, NotFound, ThingseeError
from gatewayd.clouds.thingsee.rest_types import Group
from tests.clouds.thingsee.rest.scene import GROUP, GW, PLAYED, SENSOR, SILENT, Api

BAD_NAMES = ["has space", "tab\there", "", "unassigned", "a/b", "a+b", "#", "x" * 65]


async def test_a_group_is_made(api: Rest, raw: Api) -> None:
    """With a description or without."""
    assert await api.groups.create("prfi00lab", "Lab") == Group("prfi00lab", "Lab")
    reply = await raw.post("/groups", {"group_id": "prfi00attic"})
    assert reply.data == {"group_id": "prfi00attic", "group_description": ""}
    assert await api.groups.get("prfi00lab") == Group("prfi00lab", "Lab")


@pytest.mark.parametrize("name", BAD_NAMES)
async def test_a_name_that_none_may_have_is_refused(api: Rest, name: str) -> None:
    """No whitespace, not `unassigned`, nothing that means something in a topic."""
    with pytest.raises(ThingseeError) as made:
        await api.groups.create(name)
    with pytest.raises(ThingseeError) as renamed:
        await api.groups.rename(GROUP, name)
    assert (made.value.status, renamed.value.status) == (400, 400)


async def test_a_group_that_exists_is_a_conflict(api: Rest) -> None:
    """Made or renamed to."""
    with pytest.raises(Conflict):
        await api.groups.create(GROUP)
    await api.groups.create("prfi00lab")
    with pytest.raises(Conflict):
        await api.groups.rename("prfi00lab", GROUP)


async def test_a_group_is_renamed_with_its_things(api: Rest) -> None:
    """The old name is nobody's then."""
    renamed = await api.groups.rename(GROUP, "prfi00hq")
    assert (renamed.id, renamed.old, renamed.is_renamed) == ("prfi00hq", GROUP, True)
    assert await api.things.group(SENSOR) == "prfi00hq"
    with pytest.raises(NotFound):
        await api.groups.rename(GROUP, "prfi00again")


async def test_an_empty_group_is_deleted(api: Rest, raw: Api) -> None:
    """And is gone."""
    await api.groups.create("prfi00lab")
    assert await api.groups.delete("prfi00lab") is True
    await api.groups.create("prfi00lab")
    reply = await raw.call("DELETE", "/groups/prfi00lab")
    assert reply.data == {"group_id": "prfi00lab", "deleted": True}
    with pytest.raises(NotFound):
        await api.groups.delete("prfi00lab")


async def test_a_group_with_things_is_not_deleted(api: Rest) -> None:
    """409, and they stay in it."""
    with pytest.raises(Conflict, match="still has things"):
        await api.groups.delete(GROUP)
    assert await api.things.group(SENSOR) == GROUP


async def test_groups_are_listed(api: Rest, raw: Api) -> None:
    """All, those with a part of a name, so many; a slash at the end means nothing."""
    await api.groups.create("rdfi00lab", "Lab")
    assert [each.id for each in await api.groups.all()] == [GROUP, "rdfi00lab"]
    assert [each.description for each in await api.groups.all("rdfi")] == ["Lab"]
    assert len(await api.groups.all(limit=1)) == 1
    assert len((await raw.get("/groups/")).data) == 2


@pytest.mark.parametrize("path", ["/groups", "/groups/", f"/groups/{GROUP}"])
async def test_groups_need_a_token(anonymous: Api, path: str) -> None:
    """As everything."""
    assert (await anonymous.get(path)).status == 401


async def test_the_things_of_a_group_are_listed(api: Rest) -> None:
    """Also those that are in none."""
    assert (await api.groups.things(GROUP)).tuids == (GW, SENSOR)
    assert (await api.groups.things("unassigned")).tuids == (PLAYED, SILENT)


async def test_a_group_that_is_none_is_not_found(api: Rest) -> None:
    """Nor has it things."""
    with pytest.raises(NotFound):
        await api.groups.get("prfi00nowhere")
    with pytest.raises(NotFound):
        await api.groups.things("prfi00nowhere")


NOT_DESCRIBED = [("POST", "firmware"), ("POST", "config"), ("GET", "status")]


@pytest.mark.parametrize(("method", "word"), NOT_DESCRIBED)
async def test_what_nobody_has_described_is_not_implemented(
    raw: Api, method: str, word: str
) -> None:
    """501, and it says why."""
    reply = await raw.call(method, f"/groups/{GROUP}/{word}")
    assert (reply.status, reply.body["error"]) == (501, "Not Implemented")


@pytest.mark.parametrize(("method", "word"), NOT_DESCRIBED)
async def test_what_nobody_has_described_needs_a_token_too(
    anonymous: Api, method: str, word: str
) -> None:
    """There is an endpoint, and it is not open."""
    assert (await anonymous.call(method, f"/groups/{GROUP}/{word}")).status == 401
