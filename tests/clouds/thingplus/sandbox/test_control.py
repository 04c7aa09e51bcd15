"""The control plane, over HTTP."""

from __future__ import annotations

import gzip
from typing import Any

import orjson
import pytest

from gatewayd.clouds.thingplus.sandbox import Sandbox, SandboxSettings
from tests.clouds.thingplus.sandbox.device import BASE, online
from tests.clouds.thingplus.sandbox.scene import GW, TEMP, Api, gateway
from tests.mqtt_peer import Login, mqtt_peer

T = 1_700_000_000_000


async def test_it_says_what_there_is(anonymous: Api) -> None:
    """Ports, and every verb with a sentence."""
    body = (await anonymous.get("/_sandbox/")).body
    assert body["mqtt"]
    paths = {each["path"] for each in body["verbs"]}
    assert {"/_sandbox/provision", "/_sandbox/stats", "/_sandbox/faults/rest"} <= paths
    assert all(each["does"] for each in body["verbs"])


async def test_a_world_is_made_in_one_request(sandbox: Sandbox, anonymous: Api) -> None:
    """Keys come back, types decide what is an actuator, and the gateway may connect."""
    document = {
        "sites": [{"id": "9"}],
        "accounts": [{"login_id": "zoe", "password": "z", "site": "9"}],
        "clients": [{"id": "app", "secret": "sandbox", "scopes": ["gateway-read"]}],
        "gateways": [
            {
                "id": "0000000000aa",
                "site": "9",
                "report_interval_ms": 300_000,
                "devices": [{"id": "0000000000aa-0"}],
                "sensors": [{"id": "aa-t", "type": "temperature"}, {"id": "aa-r", "type": "led"}],
            }
        ],
    }
    reply = await anonymous.post("/_sandbox/provision", document)
    assert reply.status == 200, reply.text
    (made,) = reply.body["gateways"]
    assert (made["devices"], made["sensors"]) == (["0000000000aa-0"], ["aa-t", "aa-r"])
    zoe = await anonymous.signed_in("zoe", "z", "app")
    sensors = (await zoe.get("/v2/gateways/0000000000aa/sensors")).data
    assert [each["category"] for each in sensors] == ["sensor", "actuator"]
    login = Login(client_id=made["id"], username=made["id"], password=made["api_key"])
    async with mqtt_peer(sandbox.mqtt_port, login) as peer:
        assert peer.connack == 0


async def test_a_token_is_made_without_a_password(anonymous: Api) -> None:
    """Of the first user for the first app, or of whoever is named."""
    for body, login_id in (({}, "sandbox"), ({"login_id": "ann"}, "ann")):
        made = await anonymous.post("/_sandbox/token", body)
        me = await anonymous.bearing(made.body["access_token"]).get("/v2/users/me")
        assert me.data["loginId"] == login_id
    assert (await anonymous.post("/_sandbox/token", {"client": "none"})).status == 404
    assert (await anonymous.post("/_sandbox/token", {"login_id": "none"})).status == 404


async def test_timeline_entries_are_made(anonymous: Api, api: Api) -> None:
    """Of the first site, if nobody says otherwise."""
    entry = {"id": "77", "time": "1", "type": "sensorValue"}
    assert (await anonymous.post("/_sandbox/provision", {"timelines": [entry]})).status == 200
    assert [each["id"] for each in (await api.get("/v2/timelines")).data] == ["77"]


@pytest.mark.parametrize(
    ("document", "status"),
    [
        ({"gateway": []}, 400),
        ({"gateways": [{"name": "x"}]}, 400),
        ({"gateways": [{"id": GW}]}, 409),
        ({"gateways": [{"id": "x", "site": "none"}]}, 404),
        ({"gateways": [{"id": "x", "model": "none"}]}, 404),
        ({"clients": [{"id": "x", "secret": "y", "scopes": ["z"]}]}, 400),
        ({"gateways": 5}, 400),
        ({"sites": [{"id": "5", "plan": {"gateways": 1}}]}, 400),
    ],
)
async def test_a_wrong_world_is_refused_with_a_sentence(
    anonymous: Api, document: dict[str, Any], status: int
) -> None:
    """400, 404, 409; never a crash."""
    reply = await anonymous.post("/_sandbox/provision", document)
    assert reply.status == status, reply.text
    assert reply.body["error"]


async def test_everything_received_is_shown_in_order(sandbox: Sandbox, anonymous: Api) -> None:
    """Pages by number, payloads inflated, binary ones in base64, filters by topic."""
    async with gateway(sandbox) as peer:
        await peer.publish(BASE, gzip.compress(orjson.dumps({TEMP: [T, 1]})))
        await peer.publish(f"{BASE}/log", b"\xff\xfe")
        await peer.publish(f"{BASE}/status", "on,90")
    first = (await anonymous.get("/_sandbox/messages?limit=2")).body["messages"]
    assert [each["number"] for each in first] == [1, 2]
    assert (first[0]["payload"], first[0]["is_gzip"]) == (f'{{"{TEMP}":[{T},1]}}', True)
    assert (first[0]["accepted"], first[0]["verdict"]) == (1, "1 accepted")
    assert first[1]["payload_base64"] == "//4="
    rest = (await anonymous.get("/_sandbox/messages?after=2")).body["messages"]
    assert [each["topic"] for each in rest] == [f"{BASE}/status"]
    found = (await anonymous.get(f"/_sandbox/messages?topic=/log&gateway={GW}")).body["messages"]
    assert [each["number"] for each in found] == [2]
    assert (await anonymous.get("/_sandbox/messages?after=x")).status == 400


async def test_counts_drops_and_series_add_up(sandbox: Sandbox, anonymous: Api) -> None:
    """accepted + dropped = sent; the series is dumped in pages."""
    async with gateway(sandbox) as peer:
        await peer.publish(BASE, orjson.dumps({TEMP: [T, 1, T + 1, 2, T + 1, 2, T, 5]}))
        stats = (await anonymous.get("/_sandbox/stats")).body
        assert stats["connected"] == [GW]
    assert (stats["points_accepted"], stats["points_dropped"]) == (2, 2)
    assert stats["dropped"] == {"duplicate": 1, "not after the last": 1}
    drops = (await anonymous.get(f"/_sandbox/drops?sensor={TEMP}")).body
    assert [each["reason"] for each in drops["drops"]] == ["duplicate", "not after the last"]
    page = (await anonymous.get(f"/_sandbox/series/{TEMP}?offset=1&limit=5")).body
    assert (page["total"], page["points"]) == (2, [[T + 1, 2]])
    assert (await anonymous.get("/_sandbox/series/none")).status == 404


async def test_a_gateway_is_shown_as_it_counts_now(sandbox: Sandbox, anonymous: Api) -> None:
    """Connection, keep-alive, and a status that has run out."""
    async with online(sandbox) as device:
        await device.peer.publish(f"{BASE}/status", f"on,90,{TEMP},on,90")
        shown = (await anonymous.get(f"/_sandbox/gateways/{GW}")).body
        assert (shown["is_connected"], shown["keep_alive_s"], shown["state"]) == (True, 120, "on")
        assert shown["subscriptions"] == [f"{BASE}/req"]
        await anonymous.post("/_sandbox/clock", {"move_ms": 90_001})
        shown = (await anonymous.get(f"/_sandbox/gateways/{GW}")).body
        assert (shown["state"], shown["sensors"][TEMP]["state"]) == ("err", "err")
    assert (await anonymous.get("/_sandbox/gateways/none")).status == 404


async def test_violations_and_sensors_not_seen_are_shown(sandbox: Sandbox, anonymous: Api) -> None:
    """By gateway."""
    async with gateway(sandbox, keep_alive_s=7) as peer:
        await peer.publish(f"{BASE}/status", f"err,-1,{TEMP},on,90")
    body = (await anonymous.get(f"/_sandbox/violations?gateway={GW}")).body
    assert [each["rule"] for each in body["violations"]] == ["keep-alive"]
    assert [each["rule"] for each in body["notes"]] == ["status-word"]
    places = {(each["sensor"], each["in"]) for each in body["unseen"]}
    assert (TEMP, "values") in places
    assert (TEMP, "status") not in places


async def test_the_clock_is_set_and_moved(sandbox: Sandbox, anonymous: Api) -> None:
    """shift sets, move adds, skew is for timeSync alone."""
    await anonymous.post("/_sandbox/clock", {"shift_ms": 1000, "skew_ms": 7})
    body = (await anonymous.post("/_sandbox/clock", {"move_ms": 500})).body
    assert (body["shift_ms"], body["skew_ms"]) == (1500, 7)
    assert (await anonymous.post("/_sandbox/clock", {"shift_ms": "x"})).status == 400
    assert (await anonymous.get("/_sandbox/clock")).body["shift_ms"] == 1500


async def test_the_cloud_goes_down_and_comes_back_on_the_same_port(
    sandbox: Sandbox, anonymous: Api
) -> None:
    """Connections are cut and refused in between."""
    port = sandbox.mqtt_port
    async with gateway(sandbox) as peer:
        faults = (await anonymous.post("/_sandbox/faults/mqtt", {"refuse": True})).body
        assert faults["mqtt"]["refuse"] is True
        await peer.gone()
    with pytest.raises(ConnectionRefusedError):
        async with mqtt_peer(port):
            pass
    await anonymous.post("/_sandbox/faults/mqtt", {"refuse": False})
    async with gateway(sandbox) as peer:
        assert (peer.connack, sandbox.mqtt_port) == (0, port)


async def test_mqtt_faults_are_armed_and_cleared(sandbox: Sandbox, anonymous: Api) -> None:
    """Every one of them, and DELETE puts all right."""
    armed = {
        "hang": True,
        "connack_code": 5,
        "withhold": 2,
        "lose_ack": -1,
        "ack_delay_s": 0.25,
        "lose_request": 1,
        "delay_request_s": 0.5,
    }
    body = (await anonymous.post("/_sandbox/faults/mqtt", armed)).body
    assert body["mqtt"] == armed | {"refuse": False}
    body = (await anonymous.delete("/_sandbox/faults")).body
    assert not any(body["mqtt"].values())
    assert (await anonymous.post("/_sandbox/faults/mqtt", {"explode": True})).status == 400


async def test_rest_faults_are_armed_over_http(anonymous: Api, api: Api) -> None:
    """And strike what they are for, not the control plane itself."""
    fault = {"status": 471, "path": "/v2/gateways", "times": 1}
    assert len((await anonymous.post("/_sandbox/faults/rest", fault)).body["rest"]) == 1
    assert (await api.get("/v2/gateways")).code == "BILLING"
    assert (await anonymous.get("/_sandbox/faults")).body["rest"] == []
    await anonymous.post("/_sandbox/faults/rate", {"count": 1})
    assert [(await api.get("/v2/site")).status for _ in range(2)] == [200, 429]
    assert (await anonymous.post("/_sandbox/faults/rest", {"status": 5})).status == 400


async def test_a_request_is_sent_and_its_answer_shown(sandbox: Sandbox, anonymous: Api) -> None:
    """Any method; 504 when nobody answers."""
    async with online(sandbox):
        body = {"gateway": GW, "method": "setProperty", "params": {"reportInterval": "60000"}}
        reply = await anonymous.post("/_sandbox/request", body)
        assert (reply.status, reply.body["result"]) == (200, "success")
    sandbox.world.settings = SandboxSettings(command_timeout_s=0.1)
    assert (await anonymous.post("/_sandbox/request", body)).status == 504


async def test_any_bytes_are_published(sandbox: Sandbox, anonymous: Api) -> None:
    """What a gateway must survive: a request that is no JSON."""
    async with gateway(sandbox) as peer:
        await peer.subscribe(f"{BASE}/req")
        body = {"topic": f"{BASE}/req", "payload": "{nonsense"}
        assert (await anonymous.post("/_sandbox/publish", body)).body == {"delivered": 1}
        assert await peer.payloads(1) == [b"{nonsense"]


async def test_a_connection_is_killed(sandbox: Sandbox, anonymous: Api) -> None:
    """One by its gateway; nobody there is nobody killed."""
    async with gateway(sandbox) as peer:
        assert (await anonymous.post("/_sandbox/kill", {"gateway": GW})).body == {"killed": 1}
        await peer.gone()
    await sandbox.broker.wait_closed()
    assert (await anonymous.post("/_sandbox/kill", {})).body == {"killed": 0}


async def test_reset_begins_anew(sandbox: Sandbox, anonymous: Api, api: Api) -> None:
    """No gateways, no messages, no old tokens; the first account is there."""
    async with gateway(sandbox) as peer:
        await peer.publish(f"{BASE}/status", "on,90")
        await anonymous.post("/_sandbox/faults/mqtt", {"lose_ack": -1})
        assert (await anonymous.post("/_sandbox/reset", {})).status == 200
        await peer.gone()
    stats = (await anonymous.get("/_sandbox/stats")).body
    assert (stats["messages"], stats["connected"]) == (0, [])
    assert (await api.get("/v2/users/me")).status == 403
    admin = await anonymous.signed_in("sandbox", "sandbox")
    assert (await admin.get("/v2/gateways")).data == []
