"""Statuses and series over REST."""

from __future__ import annotations

from gatewayd.clouds.thingplus.sandbox import Sandbox
from tests.clouds.thingplus.sandbox.scene import DI, FOREIGN, FOREIGN_GW, GW, TEMP, Api

T = 1_700_000_000_000
SENSOR = f"/v2/gateways/{GW}/sensors/{TEMP}"


async def test_a_status_is_stored_with_its_end(sandbox: Sandbox, api: Api) -> None:
    """`timeout` or `validDuration`, seconds, -1 for ever; the record then shows its id."""
    put = (await api.put(f"{SENSOR}/status", {"value": "on", "timeout": 90})).data
    assert int(put["expireAt"]) - int(put["time"]) == 90_000
    assert (put["value"], put["sensor"], put["owner"]) == ("on", TEMP, GW)
    read = (await api.get(f"{SENSOR}/status")).data
    assert (read["id"], read["status"]) == (TEMP, put)
    assert (await api.get(SENSOR)).data["status"] == put["id"]
    path = f"/v2/gateways/{GW}/status"
    whole = (await api.put(path, {"value": "err", "validDuration": -1})).data
    assert (whole["expireAt"], whole["gateway"]) == ("-1", GW)
    assert (await api.get(path)).data["status"] == whole


async def test_vtime_is_when_the_word_changed(sandbox: Sandbox, api: Api) -> None:
    """A repeated status moves `time` and not `vtime`."""
    first = (await api.put(f"{SENSOR}/status", {"value": "on", "timeout": 9})).data
    sandbox.clock.shift_ms += 5000
    again = (await api.put(f"{SENSOR}/status", {"value": "on", "timeout": 9})).data
    changed = (await api.put(f"{SENSOR}/status", {"value": "off", "timeout": 9})).data
    assert again["vtime"] == first["vtime"] != again["time"]
    assert changed["vtime"] == changed["time"]


async def test_a_wrong_status_breaks_the_schema(api: Api) -> None:
    """Other words, no duration, a duration that is text, anything more."""
    for body in (
        {"value": "ok", "timeout": 9},
        {"value": "on"},
        {"value": "on", "timeout": "90"},
        {"value": "on", "timeout": 9, "more": 1},
        {"value": "on", "timeout": -2},
    ):
        reply = await api.put(f"{SENSOR}/status", body)
        assert (reply.status, reply.code) == (400, "SCHEMA_VALIDATE"), body


async def test_the_history_of_a_gateways_status_is_read(sandbox: Sandbox, api: Api) -> None:
    """Value first, then time, from dataStart to before dataEnd."""
    path = f"/v2/gateways/{GW}/status"
    assert "status" not in (await api.get(path)).data
    for word in ("on", "err"):
        await api.put(path, {"value": word, "timeout": 9})
        sandbox.clock.shift_ms += 1000
    status = (await api.get(path + "?dataStart=2020-01-01T00:00:00Z")).data["status"]
    assert status["data"][::2] == ["on", "err"]
    assert status["_meta"]["count"] == 2
    one = (await api.get(path + "?dataStart=2020-01-01T00:00:00Z&count=1")).data["status"]
    assert one["data"] == status["data"][:2]


async def test_a_value_is_stored_and_read_back_as_text(api: Api) -> None:
    """The sensor's record with `series` expanded; before the first value it has none."""
    assert "series" not in (await api.get(f"{SENSOR}/series")).data
    put = await api.put(f"{SENSOR}/series", {"value": "36.5", "time": T})
    assert (put.status, put.data["value"], put.data["time"]) == (200, "36.5", str(T))
    read = (await api.get(f"{SENSOR}/series")).data
    assert (read["id"], read["series"]["value"]) == (TEMP, "36.5")
    assert (await api.get(SENSOR)).data["series"].startswith("series.sensor.")


async def test_several_values_are_stored_at_once(sandbox: Sandbox, api: Api) -> None:
    """Oldest first, and the answer shows the pack."""
    rows = [{"value": "1", "time": T}, {"value": "2", "time": T + 1}]
    put = await api.put(f"{SENSOR}/series", rows)
    assert (put.data["seriesPack"], put.data["value"]) == (rows, "2")
    raw = await api.get(f"{SENSOR}/series?dataStart=2023-11-14T22:13:20Z&interval=0")
    assert raw.data["series"]["data"] == [1, T, 2, T + 1]
    assert raw.body["_meta"]["count"] == 2


async def test_a_value_of_the_past_is_invalid_and_nothing_is_stored(
    sandbox: Sandbox, api: Api
) -> None:
    """Equal counts as past; one such point spoils the whole request."""
    await api.put(f"{SENSOR}/series", {"value": "1", "time": T})
    for times in ([T], [T - 1], [T + 5, T + 4], [T + 1, T + 1]):
        rows = [{"value": "2", "time": time} for time in times]
        reply = await api.put(f"{SENSOR}/series", rows)
        assert (reply.status, reply.code) == (400, "INVALID_INPUT"), times
    assert sandbox.world.sensors[TEMP].series.total == 1


async def test_version_2_wants_text_and_the_others_take_numbers(api: Api, own: Api) -> None:
    """A number is 400 on v2, stored on v1 and on the gateway's own face."""
    refused = await api.put(f"{SENSOR}/series", {"value": 1, "time": T})
    assert (refused.status, refused.code) == (400, "SCHEMA_VALIDATE")
    path = f"/gateways/{GW}/sensors/{TEMP}/series"
    assert (await api.put(f"/v1{path}", {"value": 1, "time": T})).status == 200
    assert (await own.put(path, {"value": 2.5, "time": T + 1})).body["value"] == "2.5"
    wrong: tuple[object, ...] = (
        {"value": "1", "time": "now"},
        {"value": "1"},
        [],
        {"value": True, "time": T},
        {"value": "1", "time": -1},
    )
    for body in wrong:
        assert (await api.put(f"/v1{path}", body)).status == 400, body


async def test_a_series_has_neither_post_nor_delete(api: Api) -> None:
    """There is no such endpoint."""
    assert (await api.post(f"{SENSOR}/series", {})).status == 404
    assert (await api.delete(f"{SENSOR}/series")).status == 404


async def test_values_of_strangers_are_denied(api: Api) -> None:
    """403, reading and writing."""
    path = f"/v2/gateways/{FOREIGN_GW}/sensors/{FOREIGN}/series"
    assert (await api.get(path)).status == 403
    assert (await api.put(path, {"value": "1", "time": T})).status == 403


async def test_many_sensors_are_loaded_at_once(sandbox: Sandbox, api: Api) -> None:
    """By sensor or as a list; one unknown or past point and nothing goes in."""
    by_sensor = {
        TEMP: [{"value": "1", "time": T}],
        DI: [{"value": "1", "time": T}, {"value": "0", "time": T + 1}],
    }
    reply = await api.post("/v2/loadSeries", by_sensor)
    assert (reply.status, reply.data) == (201, {"count": 3})
    row = {"sensor": TEMP, "value": "2", "time": T + 1}
    assert (await api.post("/v2/loadSeries", [row])).status == 201
    for body, status in (
        ([row], 400),
        ([row | {"time": T + 9}, {"sensor": "x", "value": "1", "time": 1}], 404),
        ([row | {"sensor": FOREIGN}], 403),
        ([{"value": "1", "time": 1}], 400),
        ("text", 400),
        ({TEMP: "x"}, 400),
    ):
        assert (await api.post("/v2/loadSeries", body)).status == status, body
    assert sandbox.world.sensors[TEMP].series.last_ms == T + 1


async def test_statistics_are_read_as_the_vendor_shows(sandbox: Sandbox, api: Api) -> None:
    """`btime` with year, month and day; `gmt` from the zone of dataStart."""
    hour = 3_600_000
    series = sandbox.world.sensors[TEMP].series
    series.append([T + number * hour for number in range(30)], list(range(30)))
    query = (
        "dataStart=2023-11-14T00:00:00%2B09:00&dataEnd=2023-11-17T00:00:00%2B0900"
        "&statFunc[id]=seriesStat&statFunc[subFunc]=count&statFunc[subFunc]=max"
        "&statFunc[timeUnit]=day"
    )
    found = (await api.get(f"{SENSOR}/series?{query}")).data["series"]
    assert found["data"] == [
        {"count": 17, "max": 16, "btime": {"year": 2023, "month": 11, "day": 15}},
        {"count": 13, "max": 29, "btime": {"year": 2023, "month": 11, "day": 16}},
    ]
    assert found["_meta"]["gmt"] == 9
    assert found["_meta"]["stats"] == ["count", "max"]


async def test_a_wrong_range_is_invalid(api: Api) -> None:
    """No start, no time, no interval, no such function."""
    for query in (
        "dataEnd=2023-11-14T00:00:00Z",
        "dataStart=yesterday",
        "dataStart=2023-11-14T00:00:00Z&interval=5s",
        "dataStart=2023-11-14T00:00:00Z&intervalFunc=median",
        "dataStart=2023-11-14T00:00:00Z&statFunc[id]=seriesStat",
        "dataStart=2023-11-14T00:00:00Z&statFunc[id]=other&statFunc[subFunc]=min",
        "dataStart=2023-11-14T00:00:00Z&count=many",
    ):
        reply = await api.get(f"{SENSOR}/series?{query}")
        assert (reply.status, reply.code) == (400, "INVALID_INPUT"), query
