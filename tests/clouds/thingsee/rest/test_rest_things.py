"""Things: alerts, general information, messages with their selections, installation, group."""

from __future__ import annotations

import pytest

from gatewayd.clouds.thingsee.codec import Json, Message
from gatewayd.clouds.thingsee.rest import Rest
from gatewayd.clouds.thingsee.rest_errors import NotFound, ThingseeError
from gatewayd.clouds.thingsee.rest_types import InstallationStatus, Selection
from gatewayd.clouds.thingsee.sandbox import Sandbox
from tests.clouds.thingsee.rest.scene import GROUP, GW, PLAYED, SENSOR, SILENT, Api

NOBODY = "TSPR04NOBODYKNOWS"
HOUR_S = 3600
QUIET = [
    pytest.param("/things/{}/alerts", id="alerts"),
    pytest.param("/things/{}", id="info"),
    pytest.param("/things/{}/messages?limit=1", id="messages"),
    pytest.param("/things/{}/commands", id="commands"),
    pytest.param("/things/{}/installations", id="installations"),
    pytest.param("/things/{}/group", id="group"),
]


@pytest.mark.parametrize("path", QUIET)
async def test_an_unknown_thing_is_not_found(raw: Api, path: str) -> None:
    """`error` says `Not Found`, which is what the vendor's app looks at."""
    reply = await raw.get(path.format(NOBODY))
    assert (reply.status, reply.body["error"]) == (404, "Not Found")


@pytest.mark.parametrize("path", ["/things/alerts", "/things/alerts/count"])
async def test_alerts_need_a_token(anonymous: Api, path: str) -> None:
    """As everything."""
    assert (await anonymous.get(path)).status == 401


async def test_silent_things_alert(api: Rest, raw: Api, sandbox: Sandbox, measured: int) -> None:
    """Gateway after ten minutes, sensor after twice its heartbeat; one never heard, never."""
    assert await api.things.alerting() == ()
    sandbox.clock.shift_ms = 11 * 60_000
    assert await api.things.alerting() == (GW,)
    sandbox.clock.shift_ms = 3 * HOUR_S * 1000
    assert set(await api.things.alerting()) == {GW, SENSOR}
    assert await api.things.alert_count() == 2


async def test_the_count_of_alerts_is_text(raw: Api) -> None:
    """As on the vendor's page."""
    assert (await raw.get("/things/alerts/count")).data == {"alert_count": "0"}


async def test_alerts_of_a_thing_have_their_time(
    api: Rest, sandbox: Sandbox, measured: int
) -> None:
    """Open while it is silent, with an end once it is heard again; ISO without a zone."""
    sandbox.clock.shift_ms = HOUR_S * 1000
    [alert] = await api.things.alerts(GW)
    assert (alert.tuid, alert.type) == (GW, "gateway connection lost")
    assert [span.to_time for span in alert.spans] == [""]
    now_s = sandbox.world.now_s()
    sandbox.inject([Message(id=1000, event=17, time_s=now_s, thing=GW)], GW)
    [alert] = await api.things.alerts(GW)
    [span] = alert.spans
    assert span.from_time < span.to_time
    assert len(span.to_time) == len("2019-12-03T07:22:19")
    assert await api.things.alerting() == ()


async def test_alerts_are_selected_by_time(api: Rest, sandbox: Sandbox) -> None:
    """Those that touch the stretch."""
    spans = [
        {"type": "heartbeat missed", "from_ms": start * 1000, "to_ms": (start + 10) * 1000}
        for start in (100, 200)
    ]
    sandbox.provision({"things": [{"tuid": SILENT, "alerts": spans}]})
    [alert] = await api.things.alerts(SILENT, from_s=150)
    assert [span.from_time for span in alert.spans] == ["1970-01-01T00:03:20"]
    [alert] = await api.things.alerts(SILENT, to_s=150)
    assert [span.from_time for span in alert.spans] == ["1970-01-01T00:01:40"]
    assert await api.things.alerts(SILENT, from_s=300) == ()


async def test_a_thing_is_told_in_general(api: Rest, measured: int) -> None:
    """Battery, last event, gateway, version."""
    info = await api.things.info(SENSOR)
    assert (info.battery, info.time_s, info.gateway) == (86, measured + 40, GW)
    assert info.version == "2019.11.15"
    place = (await api.things.info(PLAYED)).location
    assert (place.lat, place.lon) == (65.01, 25.52)


async def test_what_nobody_knows_of_a_thing_is_none(raw: Api, api: Rest) -> None:
    """Numbers or null: the vendor's app takes nothing else."""
    data = (await raw.get(f"/things/{SILENT}")).data
    assert data["battery_level"] is None
    assert data["timestamp"] is None
    info = await api.things.info(SILENT)
    assert (info.battery, info.time_s, info.version, info.location.lat) == (None, None, "", None)


async def test_things_learn_from_their_messages(api: Rest, sandbox: Sandbox) -> None:
    """Battery as a whole number, version, place."""
    now_s = sandbox.world.now_s()
    said: list[tuple[int, dict[str, Json]]] = [
        (1110, {"batl": 34.6}),
        (1100, {"swVersion": "7.1"}),
        (1210, {"lat": 60.2, "lon": 24.9, "lacr": 5}),
    ]
    sandbox.inject(
        [
            Message(id=id, event=10, time_s=now_s, thing=SILENT, gateway=GW, fields=fields)
            for id, fields in said
        ],
        GW,
    )
    info = await api.things.info(SILENT)
    assert (info.battery, info.version, info.gateway) == (35, "7.1", GW)
    assert (info.location.lat, info.location.lon) == (60.2, 24.9)


async def test_messages_come_with_their_group(raw: Api, measured: int) -> None:
    """Newest first, header and fields, as on the vendor's page."""
    [newest, before] = (await raw.get(f"/things/{SENSOR}/messages?limit=2")).data
    assert (
        newest.items()
        >= {
            "tsmId": 13100,
            "tsmEv": 9,
            "tsmTs": measured + 40,
            "tsmTuid": SENSOR,
            "tsmGw": GW,
            "deploymentGroupId": GROUP,
            "moveCount": 4,
        }.items()
    )
    assert before["tsmTs"] == measured + 30


async def test_messages_are_selected(api: Rest, measured: int) -> None:
    """By ids, by events, by time with both ends, the newest of what is left."""

    async def times(**asked: object) -> list[int]:
        found = await api.things.messages(SENSOR, Selection(limit=100, **asked))  # type: ignore[arg-type]  # The caller's.
        return [int((each.time_s or 0) - measured) for each in found]

    assert await times(message_ids=(12100,)) == [10, 30]
    assert await times(message_ids=(12100, 13100), event_ids=(9,)) == [40]
    assert await times(from_s=measured + 10, to_s=measured + 30) == [10, 20, 30]
    newest = await api.things.messages(SENSOR, Selection(message_ids=(12100,), limit=1))
    assert [each.fields for each in newest] == [{"temp": 23}]
    assert len(await api.things.messages(SENSOR, Selection(limit=0))) == 5


@pytest.mark.parametrize(
    "query",
    ["", "?limit=", "?limit=x", "?limit=-1", "?limit=1&from=now", "?limit=1&messageid=12100;1"],
)
async def test_a_bad_selection_is_refused(raw: Api, query: str) -> None:
    """The limit is required, and everything is a number."""
    reply = await raw.get(f"/things/{SENSOR}/messages{query}")
    assert (reply.status, reply.body["error"]) == (400, "Bad Request")


async def test_a_partial_message_stays_partial(api: Rest, sandbox: Sandbox) -> None:
    """What did not change was not said."""
    now_s = sandbox.world.now_s()
    message = Message(
        id=12100, event=9, time_s=now_s, thing=SENSOR, gateway=GW, fields={"airp": 97021.277}
    )
    sandbox.inject([message], GW)
    [found] = await api.things.messages(SENSOR, Selection(limit=1))
    assert found.fields == {"airp": 97021.277}


async def test_all_messages_are_read_page_after_page(api: Rest, sandbox: Sandbox) -> None:
    """Each once, newest first, also where a page ends within a second."""
    start_s = sandbox.world.now_s() - 1000
    sandbox.inject(
        [
            Message(
                id=12100 + number % 3,
                event=10,
                time_s=start_s + number // 3,
                thing=SENSOR,
                gateway=GW,
                fields={},
            )
            for number in range(100)
        ],
        GW,
    )
    found = [each async for each in api.things.all_messages(SENSOR, Selection(limit=7))]
    assert len({(each.id, each.time_s) for each in found}) == len(found) == 100
    times = [each.time_s for each in found]
    assert times == sorted(times, reverse=True)  # type: ignore[type-var]  # Numbers.


async def test_a_page_that_is_one_second_grows(api: Rest, sandbox: Sandbox) -> None:
    """Or reading would never get past it."""
    now_s = sandbox.world.now_s()
    sandbox.inject(
        [
            Message(id=12100 + number, event=10, time_s=now_s, thing=SENSOR, gateway=GW)
            for number in range(9)
        ],
        GW,
    )
    found = [each async for each in api.things.all_messages(SENSOR, Selection(limit=2))]
    assert {each.id for each in found} == {12100 + number for number in range(9)}
    assert len(found) == 9


async def test_the_current_installation_comes_first(api: Rest) -> None:
    """New from the factory, then what was set, with who set it."""
    assert (await api.things.install(SENSOR, InstallationStatus.INSTALLED)).status == "installed"
    history = await api.things.installations(SENSOR)
    assert [each.status for each in history] == ["installed", "new"]
    [current] = await api.things.installations(SENSOR, limit=1)
    assert (current.tuid, current.status, current.responsible) == (SENSOR, "installed", "app-2")
    assert current.time_s is not None


@pytest.mark.parametrize("status", InstallationStatus)
async def test_every_status_can_be_set(api: Rest, status: InstallationStatus) -> None:
    """In any order."""
    await api.things.install(SENSOR, status)
    assert (await api.things.installations(SENSOR, limit=1))[0].status == status


@pytest.mark.parametrize("body", [{"installation_status": "broken"}, {}, [], b"{"])
async def test_an_unknown_status_is_refused(raw: Api, body: object) -> None:
    """And a body that is none."""
    reply = await raw.post(f"/things/{SENSOR}/installations", body)
    assert (reply.status, reply.body["error"]) == (400, "Bad Request")


async def test_a_thing_is_put_into_a_group(api: Rest) -> None:
    """From `unassigned`, where new ones are."""
    assert await api.things.group(SILENT) == "unassigned"
    assert await api.things.set_group(SILENT, GROUP) == GROUP
    assert await api.things.group(SILENT) == GROUP


async def test_a_thing_cannot_be_in_no_group_that_there_is(api: Rest) -> None:
    """404, and it stays where it was."""
    with pytest.raises(NotFound):
        await api.things.set_group(SENSOR, "prfi00nowhere")
    assert await api.things.group(SENSOR) == GROUP


async def test_the_client_says_what_the_cloud_refuses(api: Rest) -> None:
    """With status and words."""
    with pytest.raises(ThingseeError, match=r"400 Bad Request: installation_status is new"):
        await api.things.install(SENSOR, "broken")


async def test_an_unknown_thing_is_the_clients_not_found(api: Rest) -> None:
    """A class of its own."""
    with pytest.raises(NotFound):
        await api.things.info(NOBODY)
