"""The control plane of the thethings.iO sandbox."""

from __future__ import annotations

import base64
from email.utils import parsedate_to_datetime

import pytest

from gatewayd.clouds.thethingsio.sandbox import Sandbox
from gatewayd.clouds.thethingsio.sandbox.world import FIRST_EMAIL
from tests.clouds.thethingsio.sandbox.conftest import TOKEN, Api
from tests.mqtt_peer import mqtt_peer

WRITE = {"values": [{"key": "t", "value": 1, "datetime": "20170116102510"}]}


async def test_it_says_what_there_is(api: Api, sandbox: Sandbox) -> None:
    """Where it listens, and every verb with a sentence."""
    body = (await api("GET", "/_sandbox/")).body
    assert (body["cloud"], body["mqtt"]) == ("thethingsio", sandbox.mqtt_port)
    assert body["rest"] == sandbox.rest_url
    assert all(verb["does"] for verb in body["verbs"])
    assert {"/_sandbox/write", "/_sandbox/clock"} <= {verb["path"] for verb in body["verbs"]}


async def test_a_world_is_made_in_one_document(api: Api) -> None:
    """Tokens, ids and codes that nobody named are made up, in the vendor's lengths."""
    made = (
        await api(
            "POST",
            "/_sandbox/provision",
            {
                "codes": [{}],
                "apps": [{"id": "app"}],
                "things": [{"id": "thing-number-1", "tags": ["north"]}],
                "users": [
                    {"email": "a@b", "password": "x", "app": "app", "things": ["thing-number-1"]}
                ],
                "firmwares": [{"version": "1", "data_base64": base64.b64encode(b"x").decode()}],
            },
        )
    ).body
    assert len(made["codes"][0]) == 34
    assert len(made["things"][0]["token"]) == 43
    token = (await api("POST", "/_sandbox/token", {"email": "a@b", "app": "app"})).body["token"]
    got = await api("GET", "/v2/me/things", headers={"Authorization": token})
    assert [each["_id"] for each in got.body] == ["thing-number-1"]


@pytest.mark.parametrize(
    "document",
    [
        {"gateways": []},
        {"things": [{"token": "a b"}]},
        {"things": [{"token": TOKEN}]},
        {"users": [{"email": "a@b", "password": "x", "app": "none"}]},
        {"firmwares": [{"version": "1", "data_base64": "%"}]},
        {"codes": ["x"]},
        [],
    ],
)
async def test_a_document_that_is_none_is_refused(api: Api, document: object) -> None:
    """400 or 404, with a sentence."""
    got = await api("POST", "/_sandbox/provision", document)
    assert got.status in (400, 404)
    assert got.body["error"]


async def test_what_was_received_is_shown_with_its_doubles(api: Api, sandbox: Sandbox) -> None:
    """In order; the second of two equal writes is a double, and stored all the same."""
    for _ in range(2):
        await api("POST", f"/v2/things/{TOKEN}", WRITE)
    shown = (await api("GET", "/_sandbox/messages")).body["messages"]
    assert [each["duplicates"] for each in shown] == [0, 1]
    assert '"t"' in shown[0]["payload"]
    assert (await api("GET", "/_sandbox/messages?after=1&limit=9")).body["messages"] == shown[1:]
    stats = (await api("GET", "/_sandbox/stats")).body
    assert (stats["messages"], stats["points_accepted"], stats["duplicates"]) == (2, 2, 1)
    [thing] = (await api("GET", "/_sandbox/things")).body["things"]
    assert thing["resources"]["t"] == {"total": 2, "kept": 2, "duplicates": 1}
    rows = (await api("GET", f"/_sandbox/things/{thing['id']}/resources/t")).body
    assert rows["total"] == len(rows["rows"]) == 2


async def test_what_is_not_there_is_not_shown(api: Api, sandbox: Sandbox) -> None:
    """404; nonsense in the query is 400."""
    [thing] = sandbox.world.things.values()
    assert (await api("GET", f"/_sandbox/things/{thing.id}/resources/t")).status == 404
    assert (await api("GET", "/_sandbox/things/x/resources/t")).status == 404
    assert (await api("GET", "/_sandbox/messages?after=x")).status == 400


async def test_the_panel_writes_to_a_thing(api: Api, sandbox: Sandbox) -> None:
    """And its subscribers hear it."""
    [thing] = sandbox.world.things.values()
    body = {"thing": thing.id, "values": [{"key": "LED", "value": "on"}]}
    async with mqtt_peer(sandbox.mqtt_port) as peer:
        await peer.subscribe(f"v2/things/{TOKEN}")
        assert (await api("POST", "/_sandbox/write", body)).body == {"written": 1}
        assert await peer.payloads(1) == [b'[{"key":"LED","value":"on"}]']
    body["values"] = [{"key": "no key"}]
    assert (await api("POST", "/_sandbox/write", body)).status == 400


async def test_the_clock_is_moved(api: Api) -> None:
    """And the API shows it."""
    before = (await api("GET", "/_sandbox/clock")).body["now_ms"]
    moved = (await api("POST", "/_sandbox/clock", {"move_ms": 3_600_000})).body
    assert 3_600_000 <= moved["now_ms"] - before < 3_605_000
    date = await api("GET", f"/v2/utils/date/?format=unix_timestamp&thingToken={TOKEN}")
    assert abs(date.body["date"] * 1000 - moved["now_ms"]) < 5000
    assert abs(parsedate_to_datetime(date.date).timestamp() * 1000 - moved["now_ms"]) < 5000
    assert (await api("POST", "/_sandbox/clock", {"move_ms": "x"})).status == 400


async def test_sessions_and_tokens_are_revoked(api: Api, sandbox: Sandbox) -> None:
    """Every session, or one thing's token, which becomes another."""
    session = (await api("POST", "/_sandbox/token", {"email": FIRST_EMAIL})).body["token"]
    assert (await api("POST", "/_sandbox/revoke")).body == {"sessions": 1}
    got = await api("GET", "/v2/me/things", headers={"Authorization": session})
    assert (got.status, got.body["message"]) == (401, "Invalid session token")
    [thing] = sandbox.world.things.values()
    new = (await api("POST", "/_sandbox/revoke", {"thing": thing.id})).body["token"]
    assert (await api("POST", f"/v2/things/{TOKEN}", WRITE)).status == 404
    assert (await api("POST", f"/v2/things/{new}", WRITE)).status == 201


async def test_faults_are_armed_and_cleared(api: Api, sandbox: Sandbox) -> None:
    """Of all three kinds."""
    await api("POST", "/_sandbox/faults/mqtt", {"withhold": 2})
    await api("POST", "/_sandbox/faults/stream", {"split": True})
    await api("POST", "/_sandbox/faults/rate", {"count": 1})
    body = (await api("POST", "/_sandbox/faults/rest", {"status": 429, "path": "/v2/"})).body
    assert (body["mqtt"]["withhold"], body["stream"]["split"]) == (2, True)
    assert (body["rest"][0]["status"], body["rate_limit"]["count"]) == (429, 1)
    assert (await api("GET", f"/v2/things/{TOKEN}/resources")).status == 429
    body = (await api("DELETE", "/_sandbox/faults")).body
    assert not any((*body["mqtt"].values(), *body["stream"].values(), *body["rest"]))
    assert (await api("POST", "/_sandbox/faults/stream", {"explode": True})).status == 400
    assert (await api("POST", "/_sandbox/faults/mqtt", {"explode": True})).status == 400
    assert (await api("POST", "/_sandbox/faults/rest", {"status": 17})).status == 400


async def test_the_mqtt_side_can_be_down(api: Api, sandbox: Sandbox) -> None:
    """Refused, and back on the same port."""
    port = sandbox.mqtt_port
    await api("POST", "/_sandbox/faults/mqtt", {"refuse": True})
    with pytest.raises(ConnectionRefusedError):
        async with mqtt_peer(port):
            pass
    await api("POST", "/_sandbox/faults/mqtt", {"refuse": False})
    async with mqtt_peer(port) as peer:
        assert peer.connack == 0


async def test_streams_and_connections_are_cut(api: Api, sandbox: Sandbox) -> None:
    """Those of one token, or all."""
    async with api.session.get(f"{sandbox.rest_url}/things/{TOKEN}") as stream:
        await stream.content.readany()
        got = await api("POST", "/_sandbox/faults/stream", {"end": "close"})
        assert got.status == 200
        assert await stream.content.read() == b""
    async with mqtt_peer(sandbox.mqtt_port) as peer:
        await peer.subscribe(f"v2/things/{TOKEN}")
        assert (await api("POST", "/_sandbox/kill", {"token": TOKEN})).body == {"killed": 1}
        await peer.gone()


async def test_a_reset_begins_anew(api: Api, sandbox: Sandbox) -> None:
    """No things, no messages, no faults, the first user only."""
    await api("POST", f"/v2/things/{TOKEN}", WRITE)
    await api("POST", "/_sandbox/clock", {"move_ms": 1000})
    await api("POST", "/_sandbox/faults/rest", {"status": 500})
    assert (await api("POST", "/_sandbox/reset")).body["cloud"] == "thethingsio"
    assert (await api("GET", "/_sandbox/things")).body == {"things": []}
    assert (await api("GET", "/_sandbox/stats")).body["messages"] == 0
    assert (await api("GET", "/_sandbox/clock")).body["shift_ms"] == 0
    assert (await api("GET", "/_sandbox/faults")).body["rest"] == []
    assert (await api("POST", "/_sandbox/token")).status == 200


async def test_mails_are_kept_instead_of_sent(api: Api) -> None:
    """None was granted anything yet."""
    assert (await api("GET", "/_sandbox/mails")).body == {"mails": []}
