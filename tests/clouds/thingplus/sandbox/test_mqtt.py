"""The device side: who gets in, what each message does, and what is held against whom."""

from __future__ import annotations

import gzip

import orjson
import pytest

from gatewayd.clouds.thingplus.sandbox import Sandbox
from gatewayd.sandbox.kept import Kept
from tests.clouds.thingplus.sandbox.device import BASE, online
from tests.clouds.thingplus.sandbox.scene import DI, FOREIGN_GW, GW, KEY, RELAY, TEMP, gateway
from tests.mqtt_peer import WAIT_S

T = 1_700_000_000_000


def points(sandbox: Sandbox, sensor: str = TEMP) -> list[list[object]]:
    times_ms, values = sandbox.world.sensors[sensor].series.page(0, 1000)
    return [list(pair) for pair in zip(times_ms, values, strict=True)]


def rules(sandbox: Sandbox) -> list[str]:
    return [each.rule for each in sandbox.journal.violations]


async def gone(sandbox: Sandbox) -> None:
    """Wait until the broker has taken leave of everybody."""
    await sandbox.broker.wait_closed()


@pytest.mark.parametrize(
    "changes", [{"password": "wrong"}, {"username": "nobody"}, {"username": None, "password": None}]
)
async def test_a_wrong_key_is_refused(sandbox: Sandbox, changes: dict[str, str | None]) -> None:
    """CONNACK 5, counted."""
    async with gateway(sandbox, **changes) as peer:
        assert peer.connack != 0
    assert sandbox.journal.counts["logins_refused"] == 1


async def test_a_conforming_gateway_has_nothing_held_against_it(sandbox: Sandbox) -> None:
    """Login, status, values: no violation, no note, every sensor seen."""
    async with online(sandbox) as device:
        words = f"on,90,{TEMP},on,90,{DI},on,90,{RELAY},off,-1"
        await device.peer.publish(f"{BASE}/status", words)
        flat = {TEMP: [T, 26.5], DI: [T, 1]}
        await device.peer.publish(BASE, orjson.dumps(flat))
        await device.was_asked(1)
    assert rules(sandbox) == []
    assert points(sandbox) == [[T, 26.5]]
    assert points(sandbox, DI) == [[T, 1]]


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"client_id": "other"}, "client-id"),
        ({"is_clean": False}, "clean-session"),
        ({"keep_alive_s": 60}, "keep-alive"),
        ({"will": None}, "will"),
        ({"will": (f"{BASE}/mqtt/status", b"off", 1, True)}, "will"),
        ({"will": (f"{BASE}/mqtt/status", b"err", 1, False)}, "will"),
    ],
)
async def test_a_login_of_another_kind_is_a_violation(
    sandbox: Sandbox, changes: dict[str, object], rule: str
) -> None:
    """It is let in, and written down."""
    async with gateway(sandbox, **changes) as peer:
        assert peer.connack == 0
    assert rules(sandbox) == [rule]


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        (f"{BASE}/s/{TEMP}", f"{T},26.5,{T + 1000},27.5"),
        (f"{BASE}/s/{TEMP}", f"[{T},26.5,{T + 1000},27.5]"),
        (BASE, f'{{"{TEMP}":[{T},26.5,{T + 1000},"27.5"]}}'),
        (BASE, gzip.compress(f'{{"{TEMP}":[{T},26.5,{T + 1000},27.5]}}'.encode(), mtime=0)),
    ],
)
async def test_values_come_in_every_form(
    sandbox: Sandbox, topic: str, payload: str | bytes
) -> None:
    """Plain, array, several sensors, gzip; numbers in texts are numbers."""
    async with gateway(sandbox) as peer:
        await peer.publish(topic, payload)
    assert points(sandbox) == [[T, 26.5], [T + 1000, 27.5]]
    assert sandbox.journal.counts["points_accepted"] == 2


async def test_every_point_is_accepted_or_dropped_with_its_reason(sandbox: Sandbox) -> None:
    """Again, late, unknown: the message is taken all the same, the journal tells which."""
    async with gateway(sandbox) as peer:
        await peer.publish(BASE, orjson.dumps({TEMP: [T, 1, T + 1, 2]}))
        flat = {TEMP: [T, 1, T - 1, 9, T + 2, 3], "ghost": [T, 1]}
        await peer.publish(BASE, orjson.dumps(flat))
    assert dict(sandbox.journal.dropped) == {
        "duplicate": 1,
        "not after the last": 1,
        "unknown sensor": 1,
    }
    second = sandbox.journal.messages[-1]
    assert (second.accepted, second.dropped) == (1, 3)
    assert [drop.value for drop in sandbox.journal.drops] == [1, 9, 1]
    assert {drop.message for drop in sandbox.journal.drops} == {second.number}
    assert points(sandbox)[-1] == [T + 2, 3]


async def test_a_redelivered_message_stores_nothing_twice(sandbox: Sandbox) -> None:
    """A lost acknowledgement, the same message again: stored once, counted as duplicates."""
    body = orjson.dumps({TEMP: [T, 1, T + 1, 2]})
    async with gateway(sandbox) as peer:
        sandbox.broker.faults.lose_ack = 1
        peer.send(BASE, body)
        await peer.publish(BASE, body)
    assert points(sandbox) == [[T, 1], [T + 1, 2]]
    assert dict(sandbox.journal.dropped) == {"duplicate": 2}


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        (f"{BASE}/status", "on"),
        (f"{BASE}/status", "maybe,90"),
        (f"{BASE}/s/{TEMP}/status", "on,soon"),
        (f"{BASE}/mqtt/status", "hello"),
        (f"{BASE}/nonsense", "x"),
        (f"{BASE}/req", "{}"),
        (BASE, "[1,2]"),
        (BASE, "{"),
        (BASE, b"\x1f\x8bnonsense"),
        (f"{BASE}/res", '{"id":"a2","error":"code":-32000,"message":"x"}'),
    ],
)
async def test_what_cannot_be_read_is_acknowledged_and_held_against_it(
    sandbox: Sandbox, topic: str, payload: str | bytes
) -> None:
    """Malformed, kept in the journal, and the connection lives."""
    async with gateway(sandbox) as peer:
        await peer.publish(topic, payload)
        await peer.publish(f"{BASE}/status", "on,90")
    assert rules(sandbox) == ["malformed"]
    assert sandbox.journal.counts["malformed"] == 1
    assert sandbox.journal.messages[0].verdict.startswith("malformed")


async def test_another_gateways_topic_closes_the_connection(sandbox: Sandbox) -> None:
    """Publishing and subscribing; `…0001x` is not under `…0001`."""
    for topic in (f"v/a/g/{FOREIGN_GW}", f"{BASE}x", "elsewhere"):
        async with gateway(sandbox) as peer:
            peer.send(topic, "x")
            await peer.gone()
    for topic in ("#", f"v/a/g/{FOREIGN_GW}/req", f"{BASE}/res"):
        async with gateway(sandbox) as peer:
            peer.client.subscribe(topic)
            await peer.gone()
    assert rules(sandbox) == ["foreign-topic"] * 6


async def test_its_own_two_topics_are_granted(sandbox: Sandbox) -> None:
    """Requests and the log filter, at QoS 1 at the most."""
    async with gateway(sandbox) as peer:
        assert await peer.subscribe(f"{BASE}/req", 2) == [1]
        assert await peer.subscribe(f"{BASE}/log/filter", 0) == [0]


async def test_qos_0_is_taken_and_noted(sandbox: Sandbox) -> None:
    """Some vendor clients send it; the documents say 1."""
    async with gateway(sandbox) as peer:
        await peer.publish(f"{BASE}/s/{TEMP}", f"{T},1", 0)
        await peer.publish(f"{BASE}/status", "on,90")
    assert rules(sandbox) == ["qos"]
    assert points(sandbox) == [[T, 1]]


async def test_the_time_is_told_once_the_gateway_listens_and_is_on(sandbox: Sandbox) -> None:
    """Not before both; with the cloud's time and the skew of the test."""
    sandbox.clock.shift_ms = 3_600_000
    sandbox.device_side.time_sync.skew_ms = 5000
    async with gateway(sandbox) as peer:
        await peer.subscribe(f"{BASE}/req")
        await peer.publish(f"{BASE}/status", "on,90")
        assert peer.messages == []
        await peer.publish(f"{BASE}/mqtt/status", "on", retain=True)
        request = orjson.loads((await peer.payloads(1))[0])
        told = request["params"]["time"] - sandbox.clock.now_ms()
        assert request["method"] == "timeSync"
        assert 5000 - 1000 * WAIT_S < told <= 5000
        await peer.publish(f"{BASE}/mqtt/status", "on", retain=True)
        await peer.publish(f"{BASE}/res", orjson.dumps({"id": request["id"], "result": ""}))
    assert len(peer.messages) == 1
    assert sandbox.journal.messages[-1].verdict == "answer"


async def test_the_time_is_not_told_when_switched_off(sandbox: Sandbox) -> None:
    """Then a request of another kind is the first."""
    sandbox.device_side.time_sync.is_on = False
    async with online(sandbox) as device:
        await sandbox.request(GW, "swInfo")
        assert [each["method"] for each in device.asked] == ["swInfo"]


async def test_an_answer_of_the_wrong_shape_is_a_violation(sandbox: Sandbox) -> None:
    """A number as result, an error without a message, both halves at once."""
    async with gateway(sandbox) as peer:
        for body in (
            {"id": "x", "result": 5},
            {"id": "x", "error": {"code": 1}},
            {"id": "x", "result": "", "error": {"code": 1, "message": "m"}},
        ):
            await peer.publish(f"{BASE}/res", orjson.dumps(body))
    assert rules(sandbox) == ["response"] * 3


async def test_a_status_of_err_is_a_note_and_an_unknown_sensor_a_violation(
    sandbox: Sandbox,
) -> None:
    """The tester rejects err, the protocol allows it."""
    async with gateway(sandbox) as peer:
        await peer.publish(f"{BASE}/status", f"err:E1,-1,{TEMP},err,-1,ghost,on,90")
        await peer.publish(f"{BASE}/s/ghost/status", "on,90")
    found = [(each.rule, each.is_note) for each in sandbox.journal.violations]
    assert found.count(("status-word", True)) == 2
    assert found.count(("unknown-sensor", False)) == 2
    status = sandbox.world.gateways[GW].status
    assert status is not None
    assert (status.word, status.detail, status.expires_ms) == ("err", "E1", None)


async def test_both_dialects_of_the_duration_end_a_status(sandbox: Sandbox) -> None:
    """Seconds from now, or an instant; then it counts as err."""
    end_ms = sandbox.clock.now_ms() + 90_000
    async with gateway(sandbox) as peer:
        await peer.publish(f"{BASE}/status", f"on,90,{TEMP},on,{end_ms},{DI},on,-1")
        for name, later in ((TEMP, "err"), (DI, "on")):
            status = sandbox.world.sensors[name].status
            assert status is not None
            assert status.state(end_ms - 1, "err") == "on"
            assert status.state(end_ms + 1000, "err") == later


async def test_a_lost_connection_turns_everything_off(sandbox: Sandbox) -> None:
    """The will is stored retained, the gateway and its sensors are off; `on` overwrites it."""
    async with online(sandbox) as device:
        await device.peer.publish(f"{BASE}/status", f"on,90,{TEMP},on,90")
        assert sandbox.kill(GW) == 1
        await device.peer.gone()
        await gone(sandbox)
    owner = sandbox.world.gateways[GW]
    assert owner.connection == "err"
    for holder in (owner, owner.sensors[TEMP]):
        assert holder.status is not None
        assert holder.status.word == "off"
    assert sandbox.broker.retained[f"{BASE}/mqtt/status"].payload == b"err"
    async with online(sandbox):
        assert owner.connection == "on"
        assert sandbox.broker.retained[f"{BASE}/mqtt/status"].payload == b"on"


async def test_a_gateway_that_comes_gives_a_status_to_what_has_none(sandbox: Sandbox) -> None:
    """Off for those, the others keep theirs."""
    async with gateway(sandbox) as peer:
        await peer.publish(f"{BASE}/s/{TEMP}/status", "on,90")
        await peer.publish(f"{BASE}/mqtt/status", "on", retain=True)
    for name, word in ((TEMP, "on"), (DI, "off")):
        status = sandbox.world.sensors[name].status
        assert status is not None
        assert status.word == word


async def test_a_removed_gateway_is_heard_and_not_stored(sandbox: Sandbox) -> None:
    """Its connection outlives its record."""
    async with gateway(sandbox) as peer:
        sandbox.world.remove_gateway(sandbox.world.gateways[GW])
        await peer.publish(f"{BASE}/s/{TEMP}", f"{T},1")
    assert sandbox.journal.messages[-1].verdict == "the gateway was removed"


async def test_the_journal_is_bounded_by_bytes(sandbox: Sandbox) -> None:
    """The oldest messages go, the counts stay."""
    sandbox.journal.messages = Kept(100, 1000)
    async with gateway(sandbox) as peer:
        for number in range(20):
            await peer.publish(f"{BASE}/log", b"x" * 100 + b"%d" % number)
    assert len(sandbox.journal.messages) < 10
    assert sandbox.journal.counts["messages"] == 20
    assert sandbox.journal.counts["forgotten"] == 20 - len(sandbox.journal.messages)


def test_the_key_of_the_scene_has_the_vendors_shape() -> None:
    """28 letters of base64url."""
    assert len(KEY) == 28
