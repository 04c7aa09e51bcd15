"""Gateways with their states, and the queries of collections, against the sandbox."""

from __future__ import annotations

import pytest

from gatewayd.clouds.thingplus.query import Embed, OrderDir, Query, SeriesQuery
from gatewayd.clouds.thingplus.rest import Rest
from gatewayd.clouds.thingplus.rest_errors import Denied, NotFound, ThingPlusError
from gatewayd.clouds.thingplus.sandbox.sandbox import Sandbox
from tests.clouds.thingplus.rest.words import refusal_of

GATEWAY = "b827eb000001"
FOREIGN = "b827eb000002"


def ids(page: object) -> list[str]:
    return [each.id for each in page.items]  # type: ignore[attr-defined]  # Any page of records.


async def test_gateways_are_listed(api: Rest) -> None:
    """All that the user may see, with what the cloud says about the whole."""
    page = await api.gateways.list()
    assert ids(page) == [GATEWAY, FOREIGN]
    assert page.meta.total == page.meta.count == 2


async def test_gateways_of_others_are_not_listed(ann: Rest) -> None:
    """Another site's user sees none."""
    assert ids(await ann.gateways.list()) == []


async def test_a_gateway_is_read(api: Rest) -> None:
    """Its own record, with ids of what belongs to it."""
    found = await api.gateways.get(GATEWAY)
    assert (found.name, found.model, found.report_interval_ms) == ("Boiler room", "34", 60_000)
    assert found.sensor_ids == ("temp", "text", "relay")


async def test_a_missing_gateway_is_not_found(api: Rest) -> None:
    """404 NOT_FOUND."""
    with pytest.raises(NotFound) as caught:
        await api.gateways.get("b827eb999999")
    assert (caught.value.code, caught.value.category) == ("NOT_FOUND", "REQUEST_ERROR")


async def test_a_gateway_of_others_is_denied(ann: Rest) -> None:
    """403 ACCESSGROUP_DENY."""
    with pytest.raises(Denied) as caught:
        await ann.gateways.get(GATEWAY)
    assert caught.value.code == "ACCESSGROUP_DENY"
    assert caught.value.category == "AUTHORIZATION_ERROR"


async def test_a_gateway_is_changed(api: Rest) -> None:
    """Under the cloud's own names; the rest stays."""
    changed = await api.gateways.update(GATEWAY, {"name": "Attic", "reportInterval": 120_000})
    assert (changed.name, changed.report_interval_ms, changed.model) == ("Attic", 120_000, "34")


async def test_an_unknown_field_of_a_gateway_is_refused(api: Rest) -> None:
    """400 SCHEMA_VALIDATE."""
    with pytest.raises(ThingPlusError) as caught:
        await api.gateways.update(GATEWAY, {"colour": "green"})
    assert (caught.value.status, caught.value.code) == (400, "SCHEMA_VALIDATE")


async def test_a_gateway_is_deleted(api: Rest) -> None:
    """204, and it is gone."""
    await api.gateways.delete(FOREIGN)
    with pytest.raises(NotFound):
        await api.gateways.delete(FOREIGN)


async def test_a_gateway_of_others_is_not_deleted(ann: Rest, api: Rest) -> None:
    """It is still there afterwards."""
    with pytest.raises(Denied):
        await ann.gateways.delete(GATEWAY)
    assert (await api.gateways.get(GATEWAY)).id == GATEWAY


async def test_a_status_is_written_and_read(api: Rest) -> None:
    """With how long it is to be believed."""
    assert await api.gateways.status(GATEWAY) is None
    await api.gateways.put_status(GATEWAY, "on", 90)
    found = await api.gateways.status(GATEWAY)
    assert found is not None
    assert found.value == "on"
    assert found.time_ms is not None
    assert found.expires_ms == found.time_ms + 90_000


async def test_a_status_that_is_no_word_is_refused(api: Rest) -> None:
    """on, off or err."""
    with pytest.raises(ThingPlusError, match="SCHEMA_VALIDATE"):
        await api.gateways.put_status(GATEWAY, "fine", 90)


async def test_the_status_of_a_missing_gateway_is_not_found(api: Rest) -> None:
    """404 for reading and writing."""
    with pytest.raises(NotFound):
        await api.gateways.status("b827eb999999")
    with pytest.raises(NotFound):
        await api.gateways.put_status("b827eb999999", "on", 90)


async def test_the_states_of_a_stretch_of_time_can_be_asked_for(
    api: Rest, sandbox: Sandbox
) -> None:
    """The query of a series is taken for statuses too."""
    await api.gateways.put_status(GATEWAY, "on", 90)
    query = SeriesQuery(start_ms=sandbox.clock.now_ms() - 60_000, interval="0")
    found = await api.gateways.status_history(GATEWAY, query)
    assert found.latest is not None
    assert found.latest.value == "on"


# Queries of collections.


async def test_a_collection_is_read_page_by_page(api: Rest) -> None:
    """count and page; total says how much there is."""
    page = await api.gateways.list(Query(count=1, page=1))
    assert ids(page) == [FOREIGN]
    assert (page.meta.page, page.meta.total, page.meta.max_count) == (1, 2, 4000)
    assert [each.id async for each in api.gateways.all(Query(count=1))] == [GATEWAY, FOREIGN]


async def test_a_collection_is_sorted(api: Rest) -> None:
    """orderBy and orderDir."""
    page = await api.gateways.list(Query(order_by="id", order_dir=OrderDir.DESC))
    assert ids(page) == [FOREIGN, GATEWAY]


async def test_only_some_fields_are_read(api: Rest) -> None:
    """fields keeps the id and what is named."""
    found = await api.gateways.get(GATEWAY, Query(fields=("model",)))
    assert (found.id, found.model, found.name) == (GATEWAY, "34", "")


async def test_filters_are_and_across_keys_or_within_one(api: Rest) -> None:
    """As the vendor's page says."""
    either = Query(filter={"id": (GATEWAY, FOREIGN), "name": ("Boiler room",)})
    assert ids(await api.gateways.list(either)) == [GATEWAY]
    assert ids(await api.gateways.list(Query(filter={"id": ("none",)}))) == []


async def test_other_resources_are_embedded(api: Rest) -> None:
    """sensors, devices, status, each as objects."""
    await api.gateways.put_status(GATEWAY, "on", 90)
    query = Query(embed=(Embed("sensors"), Embed("devices"), Embed("status")))
    found = await api.gateways.get(GATEWAY, query)
    assert [each.type for each in found.sensors] == ["temperature", "string", "powerSwitch"]
    assert [each.name for each in found.devices] == ["Pi"]
    assert found.status is not None


async def test_what_is_not_embedded_stays_an_id(api: Rest) -> None:
    """Nothing is expanded that was not asked for."""
    await api.gateways.put_status(GATEWAY, "on", 90)
    found = await api.gateways.get(GATEWAY)
    assert (found.sensors, found.devices, found.status) == ((), (), None)


async def test_records_are_read_by_their_time(api: Rest, sandbox: Sandbox) -> None:
    """start is included, end is not."""
    now_ms = sandbox.clock.now_ms()
    young = Query(start_ms=now_ms - 60_000, end_ms=now_ms + 60_000)
    page = await api.gateways.list(young)
    assert len(page.items) == 2
    assert (page.meta.start_ms, page.meta.end_ms) == (now_ms - 60_000, now_ms + 60_000)
    assert ids(await api.gateways.list(Query(end_ms=now_ms - 60_000))) == []


async def test_a_query_that_makes_no_sense_is_refused(api: Rest) -> None:
    """400 INVALID_INPUT."""
    with pytest.raises(ThingPlusError) as caught:
        await api.gateways.list(Query(page=-1))
    assert (caught.value.status, caught.value.code) == (400, "INVALID_INPUT")


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01T00:00:00Z", ""])
async def test_a_time_that_is_none_is_refused(api: Rest, text: str) -> None:
    """400 INVALID_INPUT, at either end."""
    for name in ("start", "end"):
        assert await refusal_of(api, "/gateways", (name, text)) == "INVALID_INPUT"


async def test_a_direction_that_is_none_is_refused(api: Rest) -> None:
    """400 INVALID_INPUT."""
    assert (
        await refusal_of(api, "/gateways", ("orderBy", "id"), ("orderDir", "up")) == "INVALID_INPUT"
    )


async def test_a_filter_without_a_name_is_refused(api: Rest) -> None:
    """400 INVALID_INPUT; so are brackets that do not close."""
    assert await refusal_of(api, "/gateways", ("filter", "y")) == "INVALID_INPUT"
    assert await refusal_of(api, "/gateways", ("filter[virtual", "y")) == "INVALID_INPUT"


async def test_a_field_that_is_not_there_is_not_read(api: Rest) -> None:
    """The id stays."""
    found = await api.gateways.get(GATEWAY, Query(fields=("colour",)))
    assert (found.id, found.model) == (GATEWAY, "")
