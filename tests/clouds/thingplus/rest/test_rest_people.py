"""Users, services, sites, billings, tags, timelines, rules, push devices, the catalogue."""

from __future__ import annotations

import pytest

from gatewayd.clouds.thingplus.query import Query
from gatewayd.clouds.thingplus.rest import Rest
from gatewayd.clouds.thingplus.rest_errors import (
    Denied,
    NotFound,
    PlanExceeded,
    ThingPlusError,
)
from gatewayd.clouds.thingplus.sandbox.sandbox import Sandbox
from gatewayd.fields import Secret

RULE = {"name": "Too hot", "trigger": {"type": "sensor"}}


async def test_the_user_of_the_token_is_read(api: Rest, ann: Rest) -> None:
    """Each token has its own."""
    assert (await api.me()).login_id == "sandbox"
    found = await ann.me()
    assert (found.login_id, found.site) == ("ann", "2")
    assert found.roles


async def test_a_user_changes_his_profile(ann: Rest) -> None:
    """What may be changed is, what may not is refused."""
    await ann.update_me({"locale": "ko"})
    assert (await ann.me()).locale == "ko"
    with pytest.raises(ThingPlusError, match="SCHEMA_VALIDATE"):
        await ann.update_me({"roles": ["serviceAdmin"]})


async def test_users_are_listed_and_read(api: Rest, ann: Rest) -> None:
    """An administrator sees all, others their own site's."""
    everybody = (await api.users.list()).items
    assert {each.login_id for each in everybody} == {"sandbox", "ann"}
    assert [each.login_id for each in (await ann.users.list()).items] == ["ann"]
    assert (await api.users.get(everybody[0].id)).login_id == "sandbox"


async def test_a_missing_user_is_not_found(api: Rest) -> None:
    """404 NOT_FOUND."""
    with pytest.raises(NotFound):
        await api.users.get("none")


async def test_a_password_is_changed(ann: Rest, sandbox: Sandbox) -> None:
    """The old one is asked for; a wrong one is 400 MISMATCH_ERROR."""
    with pytest.raises(ThingPlusError) as caught:
        await ann.change_password(Secret("wrong"), Secret("new"))
    assert caught.value.code == "MISMATCH_ERROR"
    await ann.change_password(Secret("ann"), Secret("new"))
    await ann.log_in("ann", Secret("new"))
    with pytest.raises(Denied):
        await ann.log_in("ann", Secret("ann"))


async def test_services_sites_and_billings_are_read(ann: Rest) -> None:
    """A user's own."""
    assert (await ann.services.list()).items[0].id == "sandbox"
    assert [each.id for each in (await ann.sites.list()).items] == ["2"]
    assert (await ann.site()).id == "2"
    assert (await ann.sites.get("2")).id == "2"
    assert [each.id for each in (await ann.billings.list()).items] == ["2"]
    assert (await ann.billings.get("2")).id == "2"


async def test_other_sites_and_billings_are_not_to_be_seen(ann: Rest) -> None:
    """403 and 404."""
    with pytest.raises(Denied):
        await ann.sites.get("1")
    with pytest.raises(NotFound):
        await ann.billings.get("1")


async def test_tags_are_made_read_changed_and_deleted(api: Rest) -> None:
    """The whole life of one."""
    made = await api.tags.create({"name": "Heating", "sensors": ["temp"]})
    assert (made.name, made.sensors) == ("Heating", ("temp",))
    assert [each.id for each in (await api.tags.list()).items] == [made.id]
    assert (await api.tags.get(made.id)).name == "Heating"
    assert (await api.tags.update(made.id, {"name": "Warmth"})).name == "Warmth"
    await api.tags.delete(made.id)
    with pytest.raises(NotFound):
        await api.tags.get(made.id)


async def test_a_tag_names_sensors_that_there_are(api: Rest) -> None:
    """404 for one that is not there, 400 without a name, 404 for changing a missing tag."""
    with pytest.raises(NotFound):
        await api.tags.create({"name": "x", "sensors": ["none"]})
    with pytest.raises(ThingPlusError, match="SCHEMA_VALIDATE"):
        await api.tags.create({"sensors": []})
    with pytest.raises(NotFound):
        await api.tags.update("none", {"name": "x"})
    with pytest.raises(NotFound):
        await api.tags.delete("none")


async def test_a_tag_of_others_is_denied(api: Rest, ann: Rest) -> None:
    """403, and it is not listed."""
    made = await api.tags.create({"name": "Mine", "sensors": []})
    with pytest.raises(Denied):
        await ann.tags.get(made.id)
    assert (await ann.tags.list()).items == ()


async def test_rules_are_made_read_changed_and_deleted(api: Rest) -> None:
    """The whole life of one."""
    made = await api.rules.create(RULE)
    assert (made.name, made.status) == ("Too hot", "activated")
    assert [each.id for each in (await api.rules.list()).items] == [made.id]
    assert (await api.rules.get(made.id)).trigger == {"type": "sensor"}
    assert (await api.rules.update(made.id, {"status": "deactivated"})).status == "deactivated"
    await api.rules.delete(made.id)
    with pytest.raises(NotFound):
        await api.rules.get(made.id)


async def test_the_plan_limits_rules(ann: Rest) -> None:
    """471 BILLING; a rule that is none is 400."""
    await ann.rules.create(RULE)
    with pytest.raises(PlanExceeded) as caught:
        await ann.rules.create(RULE)
    assert (caught.value.status, caught.value.code) == (471, "BILLING")
    with pytest.raises(ThingPlusError, match="SCHEMA_VALIDATE"):
        await ann.rules.update((await ann.rules.list()).items[0].id, {"status": "maybe"})
    with pytest.raises(NotFound):
        await ann.rules.delete("none")


async def test_push_devices_are_made_read_changed_and_deleted(api: Rest) -> None:
    """The whole life of one."""
    made = await api.push_devices.create({"name": "Phone", "token": "t"})
    assert [each.id for each in (await api.push_devices.list()).items] == [made.id]
    assert (await api.push_devices.get(made.id)).name == "Phone"
    assert (await api.push_devices.update(made.id, {"name": "Old"})).name == "Old"
    await api.push_devices.delete(made.id)
    with pytest.raises(NotFound):
        await api.push_devices.get(made.id)


async def test_a_push_device_is_what_it_is(api: Rest) -> None:
    """400 for an unknown field, 404 for a missing one."""
    with pytest.raises(ThingPlusError, match="SCHEMA_VALIDATE"):
        await api.push_devices.create({"colour": "green"})
    with pytest.raises(NotFound):
        await api.push_devices.update("none", {"name": "x"})
    with pytest.raises(NotFound):
        await api.push_devices.delete("none")


def tell(sandbox: Sandbox, *ids: str) -> None:
    """Put entries into the timeline of site 1."""
    for id in ids:
        entry = {"id": id, "type": "sensorValue", "severity": "warning", "success": "y"}
        sandbox.world.add_document("timelines", {**entry, "_site": "1", "time": f"{id}000"})


async def test_the_timeline_is_read_between_two_ids(api: Rest, sandbox: Sandbox) -> None:
    """maxId is included, sinceId is not; newest first."""
    tell(sandbox, "1", "2", "3", "4")
    page = await api.timelines.between(max_id="3", since_id="1")
    assert [each.id for each in page.items] == ["3", "2"]
    assert len((await api.timelines.between()).items) == 4
    first = (await api.timelines.list(Query(count=1))).items[0]
    assert (first.severity, first.is_success, first.time_ms) == ("warning", True, 4000)
    assert (await api.timelines.get("1")).id == "1"


async def test_the_timeline_of_others_is_not_to_be_seen(
    api: Rest, ann: Rest, sandbox: Sandbox
) -> None:
    """Not listed, 403 by id; 404 for none; 400 for an id that is none."""
    tell(sandbox, "1")
    assert (await ann.timelines.list()).items == ()
    with pytest.raises(Denied):
        await ann.timelines.get("1")
    with pytest.raises(NotFound):
        await api.timelines.get("9")
    with pytest.raises(ThingPlusError):
        await api.timelines.between(max_id="x")


async def test_the_catalogue_is_read(api: Rest) -> None:
    """Types, drivers and models, listed and one by one."""
    types = {each.id: each async for each in api.sensor_types.all()}
    assert (types["temperature"].category, types["led"].category) == ("sensor", "actuator")
    driver = await api.sensor_drivers.get("jsonrpcSensor")
    assert "jsonrpcTemp" in driver.models
    assert len((await api.sensor_drivers.list()).items) >= 2
    model = await api.gateway_models.get("34")
    assert model.device_models[0].id == "jsonrpcFullV1.0"
    assert any(each.model == "jsonrpcTemp" for each in model.device_models[0].sensors)
    assert len((await api.gateway_models.list()).items) >= 2
    assert (await api.sensor_types.get("led")).category == "actuator"


async def test_what_the_catalogue_does_not_have_is_not_found(api: Rest) -> None:
    """404 for each of the three."""
    with pytest.raises(NotFound):
        await api.sensor_types.get("none")
    with pytest.raises(NotFound):
        await api.sensor_drivers.get("none")
    with pytest.raises(NotFound):
        await api.gateway_models.get("none")
