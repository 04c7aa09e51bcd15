"""The control plane: one document makes a world, everything can be looked at, broken, put right."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from gatewayd.clouds.thingsee.sandbox import Sandbox
from gatewayd.clouds.thingsee.sandbox.control import VERBS
from tests.clouds.thingsee.rest.scene import Api
from tests.clouds.thingsee.sandbox.scene import (
    CONNECTED,
    DOWN,
    GROUP,
    GW,
    KEY,
    SENSOR,
    STREAM,
    UP,
    T,
    customer,
    gateway,
    said,
)

PIR = "TSPR04E2O90201558"


async def ok(control: Api, method: str, path: str, body: object = None) -> Any:
    """Return the answer to a request that must succeed."""
    reply = await control.call(method, path, body)
    assert reply.status == 200, reply
    return reply.body


async def test_one_document_makes_clients_things_and_tokens(control: Api, api: Api) -> None:
    """And the token opens the door at once."""
    made = await ok(
        control,
        "POST",
        "/provision",
        {
            "clients": [{"client_id": "app", "client_secret": "word"}],
            "groups": [{"group_id": "prfi00lab"}],
            "things": [{"tuid": PIR, "group": "prfi00lab", "status": "installed", "battery": 50}],
        },
    )
    [client] = made["clients"]
    assert made["things"] == [{"tuid": PIR, "group": "prfi00lab", "status": "installed", "key": ""}]
    reply = await api.bearing(client["token"]).get(f"/things/{PIR}")
    assert reply.data["battery_level"] == 50


@pytest.mark.parametrize(
    ("document", "status"),
    [
        ({"things": [{}]}, 400),
        ({"things": [{"tuid": "small letters"}]}, 400),
        ({"things": [{"tuid": PIR, "status": "broken"}]}, 400),
        ({"things": [{"tuid": PIR, "location": {"lat": "x"}}]}, 400),
        ({"unknown": []}, 400),
        ({"clients": [{"client_id": "sandbox", "client_secret": "x"}]}, 409),
        ({"groups": [{"group_id": "a b"}]}, 400),
    ],
)
async def test_a_bad_document_is_refused(control: Api, document: object, status: int) -> None:
    """With a sentence."""
    reply = await control.post("/provision", document)
    assert reply.status == status
    assert reply.body["error"]


async def test_there_is_a_list_of_what_can_be_done(control: Api, sandbox: Sandbox) -> None:
    """For whoever opens the address; and a page at the root."""
    body = await ok(control, "GET", "/")
    assert body["cloud"] == "thingsee"
    assert len(body["verbs"]) == len(VERBS)
    assert all(verb["does"] for verb in body["verbs"])
    async with control.session.get(sandbox.rest_url) as response:
        page = await response.text()
    assert SENSOR in page
    assert KEY not in page


async def test_everything_received_can_be_seen_in_order(control: Api, sandbox: Sandbox) -> None:
    """Publishes raw, messages one by one with their repeats, counts."""
    async with gateway(sandbox) as peer:
        for number in (0, 1, 1):
            await peer.publish(UP, orjson.dumps([CONNECTED, said(number)]))
    messages = (await ok(control, "GET", f"/messages?gateway={GW}"))["messages"]
    assert [each["number"] for each in messages] == [1, 2, 3]
    assert orjson.loads(messages[1]["payload"])[1]["tsmTs"] == T + 1
    assert [each["repeats"] for each in messages] == [0, 1, 2]
    arrivals = (await ok(control, "GET", f"/arrivals?tuid={SENSOR}&id=12100"))["arrivals"]
    assert [(each["message"]["tsmTs"] - T, each["is_repeat"]) for each in arrivals] == [
        (0, False),
        (1, False),
        (1, True),
    ]
    assert len((await ok(control, "GET", "/messages?after=2&limit=5"))["messages"]) == 1
    stats = await ok(control, "GET", "/stats")
    assert (stats["messages"], stats["points_accepted"], stats["repeats"]) == (3, 3, 3)


async def test_what_is_wrong_can_be_seen(control: Api, sandbox: Sandbox) -> None:
    """Violations, notes, and things not heard of."""
    async with gateway(sandbox) as peer:
        await peer.publish(UP, orjson.dumps([CONNECTED, said(airp=1013)]))
    body = await ok(control, "GET", "/violations")
    assert [each["rule"] for each in body["violations"]] == ["unit"]
    assert body["notes"] == []
    assert body["unseen"] == []
    assert (await ok(control, "GET", "/violations?gateway=x"))["violations"] == []


async def test_a_thing_and_its_commands_can_be_seen(control: Api, api: Api) -> None:
    """With the answers; 404 for nobody."""
    await api.post(f"/things/{SENSOR}/commands", [{"tsmId": 1500, "tsmEv": 30}])
    body = await ok(control, "GET", f"/things/{SENSOR}")
    assert (body["group"], body["way"]) == (GROUP, GW)
    [logged] = body["commands"]
    assert (logged["command"]["tsmId"], logged["answers"]) == (1500, 0)
    assert (await control.get("/things/X")).status == 404


async def test_a_stranger_can_be_made_to_speak(control: Api, sandbox: Sandbox) -> None:
    """To try a route without a sensor."""
    moved = said(tsmId=2100, tsmTuid=PIR, state=1)
    async with customer(sandbox) as listener:
        await listener.subscribe("cloudext/#")
        await ok(control, "POST", "/provision", {"publish_all": True})
        body = await ok(control, "POST", "/uplink", {"gateway": GW, "messages": [moved]})
        assert body["accepted"] == 1
        [heard] = await listener.payloads(1)
    assert orjson.loads(heard)["state"] == 1
    assert (await control.post("/uplink", {"messages": [{}]})).status == 400


async def test_anything_can_be_sent_down(control: Api, sandbox: Sandbox) -> None:
    """Allowed by the API or not; and any text on any topic."""
    async with gateway(sandbox) as peer:
        await peer.subscribe(DOWN)
        reset = {"tsmId": 1404, "tsmEv": 23, "tsmDstTuid": GW}
        body = await ok(control, "POST", "/downlink", {"gateway": GW, "messages": [reset]})
        assert body == {"reached": 1}
        await ok(control, "POST", "/publish", {"topic": DOWN, "payload": "nonsense"})
        first, second = await peer.payloads(2)
    assert orjson.loads(first) == [reset]
    assert second == b"nonsense"


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"lose": 1}, [2, 3]),
        ({"duplicate": 1}, [1, 1, 2, 3]),
        ({"reorder": 1}, [2, 1, 3]),
    ],
)
async def test_commands_get_lost_doubled_and_out_of_order(
    control: Api, api: Api, sandbox: Sandbox, fault: dict[str, int], expected: list[int]
) -> None:
    """So often as is said, then no more."""
    async with gateway(sandbox) as peer:
        await peer.subscribe(DOWN)
        await ok(control, "POST", "/faults/downlink", fault)
        for number in (1, 2, 3):
            command = {"tsmId": 1500, "tsmEv": 30, "transactionId": number}
            assert (await api.post(f"/things/{SENSOR}/commands", [command])).status == 200
        payloads = await peer.payloads(len(expected))
    assert [orjson.loads(each)[0]["transactionId"] for each in payloads] == expected


async def test_the_stream_gets_lost_doubled_and_out_of_order(
    control: Api, sandbox: Sandbox
) -> None:
    """All at once, too."""
    async with customer(sandbox) as listener, gateway(sandbox) as peer:
        await listener.subscribe(f"{STREAM}/{SENSOR}/#")
        await ok(control, "POST", "/faults/stream", {"lose": 1, "duplicate": 1})
        await peer.publish(UP, orjson.dumps([said(number) for number in range(3)]))
        payloads = await listener.payloads(3)
    assert [orjson.loads(each)["tsmTs"] - T for each in payloads] == [1, 1, 2]


async def test_tokens_are_made_and_revoked(control: Api, api: Api) -> None:
    """From here to there."""
    token = (await ok(control, "POST", "/token"))["token"]
    bearer = api.bearing(token)
    assert (await bearer.get("/groups")).status == 200
    assert (await ok(control, "POST", "/revoke", {"client_id": "nobody"})) == {"revoked": 0}
    assert (await ok(control, "POST", "/revoke"))["revoked"] >= 1
    assert (await bearer.get("/groups")).status == 401
    assert (await control.post("/token", {"client_id": "nobody"})).status == 404


async def test_the_clock_moves(control: Api, api: Api, sandbox: Sandbox) -> None:
    """And tokens end with it."""
    await ok(control, "POST", "/clock", {"move_ms": 901_000})
    assert (await api.get("/groups")).status == 401
    assert (await ok(control, "GET", "/clock"))["shift_ms"] == 901_000


async def test_the_broker_can_be_broken(control: Api, sandbox: Sandbox) -> None:
    """Refused, then put right; killed by name."""
    async with gateway(sandbox) as peer:
        assert await ok(control, "POST", "/kill", {"gateway": "nobody"}) == {"killed": 0}
        assert await ok(control, "POST", "/kill", {"gateway": GW}) == {"killed": 1}
        await peer.gone()
    body = await ok(control, "POST", "/faults/mqtt", {"refuse": True})
    assert body["mqtt"]["refuse"] is True
    with pytest.raises(ConnectionRefusedError):
        async with gateway(sandbox):
            pass
    assert (await ok(control, "DELETE", "/faults"))["mqtt"]["refuse"] is False
    async with gateway(sandbox) as peer:
        assert peer.connack == 0


async def test_a_reset_begins_anew(control: Api, sandbox: Sandbox) -> None:
    """Only the first client is left."""
    async with gateway(sandbox) as peer:
        await peer.publish(UP, orjson.dumps([CONNECTED]))
    await ok(control, "POST", "/faults/downlink", {"lose": -1, "delay_s": 1})
    await ok(control, "POST", "/reset")
    assert not sandbox.world.things
    assert list(sandbox.world.clients) == ["sandbox"]
    assert not sandbox.world.settings.is_lenient
    assert len(sandbox.world.history) == 0
    assert (await ok(control, "GET", "/stats"))["messages"] == 0
    assert (await ok(control, "GET", "/faults"))["downlink"]["lose"] == 0
