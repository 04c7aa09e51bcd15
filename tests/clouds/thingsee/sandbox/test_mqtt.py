"""The device side: arrays up, commands down, the will, the customer's stream, and who may what."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import orjson
import pytest

from gatewayd.clouds.thingsee.rest_types import Selection
from gatewayd.clouds.thingsee.sandbox import Sandbox, SandboxSettings, open_sandbox
from tests.clouds.thingsee.rest.scene import Api
from tests.clouds.thingsee.sandbox.scene import (
    CONNECTED,
    DOWN,
    GROUP,
    GW,
    KEY,
    OTHER_GW,
    SENSOR,
    STREAM,
    UP,
    WORLD,
    T,
    customer,
    gateway,
    login,
    rules,
    said,
    until,
)
from tests.mqtt_peer import mqtt_peer


async def test_an_array_becomes_single_messages_on_the_stream(sandbox: Sandbox) -> None:
    """Three messages, three topics, each an object with its group."""
    three = [
        said(tsmId=id, **fields) for id, fields in ((12101, {"hall": 1}), (1110, {"batl": 74}))
    ]
    async with customer(sandbox) as listener, gateway(sandbox) as peer:
        await listener.subscribe(f"{STREAM}/#")
        await peer.publish(UP, orjson.dumps([CONNECTED, *three]))
        await listener.payloads(3)
        heard = {each.topic: orjson.loads(each.payload) for each in listener.messages}
    assert list(heard) == [
        f"{STREAM}/{GW}/1000",
        f"{STREAM}/{SENSOR}/12101",
        f"{STREAM}/{SENSOR}/1110",
    ]
    assert {each["deploymentGroupId"] for each in heard.values()} == {GROUP}
    assert heard[f"{STREAM}/{SENSOR}/1110"]["batl"] == 74
    assert all(not each.retain for each in listener.messages)


async def test_only_production_is_streamed(sandbox: Sandbox) -> None:
    """Other groups are not, unless somebody wants all; then under `pr/fi` where nothing is said."""
    lonely = "TSAR02TG122043408"
    async with customer(sandbox) as listener, gateway(sandbox) as peer:
        await listener.subscribe("cloudext/#")
        await peer.publish(UP, orjson.dumps([CONNECTED, said(tsmTuid=lonely)]))
        await listener.payloads(1)
        sandbox.provision({"publish_all": True})
        await peer.publish(UP, orjson.dumps([said(1, tsmTuid=lonely)]))
        await listener.payloads(2)
    assert [each.topic for each in listener.messages] == [
        f"{STREAM}/{GW}/1000",
        f"cloudext/json/pr/fi/unassigned/{lonely}/12100",
    ]


async def test_a_thing_is_known_from_its_first_message_on(sandbox: Sandbox, api: Api) -> None:
    """New, in no group, behind the gateway that relayed it."""
    stranger = "TSAR02TG122043408"
    assert (await api.get(f"/things/{stranger}")).status == 404
    async with gateway(sandbox) as peer:
        await peer.publish(UP, orjson.dumps([said(tsmTuid=stranger)]))
    assert (await api.get(f"/things/{stranger}")).data["gateway_tuid"] == GW
    assert (await api.get(f"/things/{stranger}/group")).data["group_id"] == "unassigned"
    [only] = (await api.get(f"/things/{stranger}/installations")).data
    assert only["installation_status"] == "new"


async def test_a_repeat_is_kept_once_and_streamed_twice(sandbox: Sandbox) -> None:
    """Same thing, id and time."""
    async with customer(sandbox) as listener, gateway(sandbox) as peer:
        await listener.subscribe(f"{STREAM}/{SENSOR}/#")
        for _ in range(2):
            await peer.publish(UP, orjson.dumps([said()]))
        await listener.payloads(2)
    assert len(sandbox.world.history.of(SENSOR, Selection())) == 1
    assert [each.is_repeat for each in sandbox.journal.arrivals] == [False, True]
    assert sandbox.journal.counts["repeats"] == 1
    assert "same-time" not in rules(sandbox)


async def test_a_command_reaches_the_gateway_and_its_answer_the_log(
    sandbox: Sandbox, api: Api
) -> None:
    """By REST down the link; the answer by the link up to the stream."""
    command = {"tsmId": 1500, "tsmEv": 30, "transactionId": 7, "reportInterval": 60}
    settings = {"measurementInterval": 300, "reportInterval": 60}
    async with customer(sandbox) as listener, gateway(sandbox) as peer:
        await listener.subscribe(f"{STREAM}/{SENSOR}/1500")
        await peer.subscribe(DOWN)
        assert (await api.post(f"/things/{SENSOR}/commands", [command])).status == 200
        [[told]] = [orjson.loads(each) for each in await peer.payloads(1)]
        assert told.items() >= {**command, "tsmDstTuid": SENSOR}.items()
        answer = said(tsmId=1500, tsmEv=31, transactionId=7, **settings)
        del answer["temp"]
        await peer.publish(UP, orjson.dumps([CONNECTED, answer]))
        [echo] = [orjson.loads(each) for each in await listener.payloads(1)]
    assert echo["tsmEv"] == 31
    assert echo["transactionId"] == 7
    [logged] = sandbox.world.things[SENSOR].commands
    assert (logged.reached, logged.answers) == (1, 1)
    assert not rules(sandbox)


async def test_a_command_for_a_gateway_that_is_away_is_lost(sandbox: Sandbox, api: Api) -> None:
    """Answered 200 all the same, and not kept: a setpoint of yesterday must not arrive today."""
    assert (
        await api.post(f"/things/{SENSOR}/commands", [{"tsmId": 1500, "tsmEv": 30}])
    ).status == 200
    await until(lambda: sandbox.journal.counts["undelivered"] == 1)
    async with gateway(sandbox) as peer:
        await peer.subscribe(DOWN)
        sandbox.orders.send(GW, [])
        assert [orjson.loads(each) for each in await peer.payloads(1)] == [[]]


async def test_the_will_of_a_killed_gateway_gets_its_time_here(sandbox: Sandbox, api: Api) -> None:
    """Disconnected, as the cloud saw it."""
    async with gateway(sandbox) as peer:
        await peer.publish(UP, orjson.dumps([CONNECTED]))
        assert sandbox.kill(GW) == 1
        await peer.gone()
    await sandbox.broker.wait_closed()
    [end] = (await api.get(f"/things/{GW}/messages?limit=1&eventid=18")).data
    assert end["tsmTs"] == pytest.approx(sandbox.world.now_s(), abs=2)
    assert not rules(sandbox)


async def test_a_gateway_that_says_goodbye_sends_no_will(sandbox: Sandbox) -> None:
    """A DISCONNECT is an end in order."""
    async with gateway(sandbox) as peer:
        await peer.publish(UP, orjson.dumps([CONNECTED]))
    await sandbox.broker.wait_closed()
    assert [each.message.event for each in sandbox.journal.arrivals] == [17]


@pytest.mark.parametrize("changes", [{"password": "x"}, {"password": None, "username": None}])
async def test_a_gateway_with_a_key_must_show_it(sandbox: Sandbox, changes: dict[str, Any]) -> None:
    """Refused at the door: not authorised."""
    async with gateway(sandbox, **changes) as peer:
        assert peer.connack not in (0, None) or peer.is_gone
    assert sandbox.journal.counts["logins_refused"] == 1


@pytest.mark.parametrize("topic", [UP, "thingsee/gw/x/up", "anything", DOWN])
async def test_nobody_speaks_for_somebody_else(sandbox: Sandbox, topic: str) -> None:
    """The connection is cut and the topic written down."""
    async with gateway(sandbox, client_id=OTHER_GW, username=None, password=None) as peer:
        peer.send(topic, b"[]")
        await peer.gone()
    assert rules(sandbox)[0] == "foreign-topic"


async def test_nobody_listens_to_somebody_elses_commands(sandbox: Sandbox) -> None:
    """Cut as well."""
    async with customer(sandbox) as peer:
        peer.client.subscribe(DOWN)
        await peer.gone()
    assert rules(sandbox) == ["foreign-topic"]


async def test_a_gateway_without_a_key_is_whoever_it_says(sandbox: Sandbox) -> None:
    """On the loopback, for training."""
    async with gateway(sandbox, client_id="any", username=None, password=None, will=None) as peer:
        await peer.subscribe(f"thingsee/gw/{OTHER_GW}/down")
        hello = {**CONNECTED, "tsmTuid": OTHER_GW}
        await peer.publish(f"thingsee/gw/{OTHER_GW}/up", orjson.dumps([hello]))
    assert sandbox.world.things[OTHER_GW].is_gateway
    assert rules(sandbox) == ["client-id", "will"]


async def test_a_gateway_may_speak_as_the_stream_does(sandbox: Sandbox) -> None:
    """Single objects on the customer's topics."""
    async with gateway(sandbox) as peer:
        await peer.publish(f"{STREAM}/{SENSOR}/12100", orjson.dumps(said()))
        await peer.publish(f"{STREAM}/{SENSOR}/12101", orjson.dumps(said(1)))
    assert len(sandbox.world.history.of(SENSOR, Selection())) == 2
    assert rules(sandbox) == ["topic"]


@pytest.mark.parametrize("payload", [b"", b"[", b"1", b'"x"', b'[{"tsmId":"x"}]', b"\xff\xfe"])
async def test_what_is_no_message_is_written_down(sandbox: Sandbox, payload: bytes) -> None:
    """Acknowledged, counted, and no reason to fall over."""
    async with gateway(sandbox) as peer:
        await peer.publish(UP, payload)
        await peer.publish(UP, orjson.dumps([said()]))
    assert sandbox.journal.counts["malformed"] == 1
    assert "malformed" in rules(sandbox)
    assert len(sandbox.world.history) == 1


async def test_one_bad_message_takes_no_other_with_it(sandbox: Sandbox) -> None:
    """The good ones of its array are kept."""
    async with gateway(sandbox) as peer:
        await peer.publish(UP, orjson.dumps([CONNECTED, {"tsmId": -1}, said()]))
    assert [each.verdict for each in sandbox.journal.messages] == ["2 accepted, 1 refused"]


async def test_the_link_and_the_stream_work_with_tls(tmp_path: Path) -> None:
    """With the sandbox's own authority."""
    async with open_sandbox(SandboxSettings(ports=0, state_dir=tmp_path)) as sandbox:
        sandbox.provision(WORLD)
        assert sandbox.ca_file is not None, sandbox.tls_reason
        assert ssl.create_default_context(cafile=sandbox.ca_file)
        port = sandbox.mqtt_tls_port
        assert port is not None
        async with mqtt_peer(port, login(ca_file=sandbox.ca_file)) as peer:
            await peer.publish(UP, orjson.dumps([CONNECTED, said()]))
        assert sandbox.journal.counts["points_accepted"] == 2
        async with mqtt_peer(sandbox.mqtt_port, login()) as peer:
            await peer.publish(UP, orjson.dumps([said(1)]))
        assert sandbox.journal.counts["points_accepted"] == 3


async def test_messages_may_be_posted_instead(sandbox: Sandbox, raw: Api) -> None:
    """The same arrays by HTTP, with the gateway's key."""
    own = raw.bearing(KEY)
    reply = await own.post(f"/thingsee/gw/{GW}/up", [CONNECTED, said()])
    assert (reply.status, reply.data) == (200, {"accepted": 2, "repeats": 0, "refused": 0})
    reply = await own.post(f"/thingsee/gw/{GW}/up", [said(), {"tsmId": -1}])
    assert reply.data == {"accepted": 0, "repeats": 1, "refused": 1}
    [first, _] = sandbox.journal.messages
    assert (first.way, first.gateway, first.accepted) == ("http", GW, 2)


@pytest.mark.parametrize(
    ("gw", "key", "body", "status"),
    [(GW, "x", [], 401), (GW, KEY, b"[", 400), (GW, KEY, b"1", 400), ("x", "", [], 404)],
)
async def test_a_bad_post_is_refused(
    raw: Api, gw: str, key: str, body: object, status: int
) -> None:
    """A wrong key, no JSON, no messages, no gateway."""
    reply = await raw.bearing(key).post(f"/thingsee/gw/{gw}/up", body)
    assert (reply.status, reply.body["statusCode"]) == (status, status)


async def test_history_is_in_order_of_time(sandbox: Sandbox) -> None:
    """Whenever a message comes, its own time counts."""
    async with gateway(sandbox) as peer:
        for number in (2, 0, 1):
            await peer.publish(UP, orjson.dumps([said(number)]))
    times = [each.time_s for each in sandbox.world.history.of(SENSOR, Selection())]
    assert times == [T + 2, T + 1, T]
