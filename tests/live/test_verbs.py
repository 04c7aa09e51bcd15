"""The verbs against the running daemon, and a cloud that does not know the key."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator

import pytest

from tests.live.cloud import API_KEY, Cloud
from tests.live.daemon import GATEWAY, House, until
from tests.live.plant import HALL_C, SAFE, UPLINK, Plant, planted

WRONG_KEY = "made-up-and-wrong="
SECOND = "b827eb000002"
VERBS = (
    ("status",),
    ("ledger",),
    ("set", "pump/relay", "on"),
)


@pytest.fixture
async def plant(house: House, cloud: Cloud) -> AsyncIterator[Plant]:
    async with planted(house, cloud) as plant:
        cloud.sandbox.provision({"gateways": [{"id": SECOND, "api_key": "second"}]})
        yield plant


async def test_verbs_without_a_daemon_say_so(plant: Plant) -> None:
    """Exit code 69 and a sentence, nothing on stdout; `read` and `safe` need none."""
    plant.house.write()
    for arguments in VERBS:
        finished = await plant.house.verb(*arguments, "--json")
        assert (finished.code, finished.out) == (69, "")
        assert finished.err.startswith("gatewayd: no daemon is running")
    read = await plant.house.verb("read", "hall/temperature", "--json")
    assert (read.code, read.json[0]["value"]) == (0, HALL_C)
    safe = await plant.house.verb("safe")
    assert safe.code == 0
    assert plant.contacts() == SAFE


async def test_status_tells_all_there_is(plant: Plant) -> None:
    """Devices, uplinks, outputs, clock and health, as one document on stdout."""
    async with plant.house.daemon() as daemon:
        await daemon.wait_up("pump", "fans", "hall", UPLINK)
        finished = await plant.house.verb("status", "--json")
        assert (finished.code, finished.err) == (0, "")
        status = finished.json
        assert status["gateway"]["id"] == GATEWAY
        assert status["health"] == {"is_ok": True, "reason": None}
        assert {each["name"]: each["is_up"] for each in status["devices"]} == dict.fromkeys(
            ("pump", "fans", "hall"), True
        )
        assert [each["name"] for each in status["uplinks"]] == [UPLINK]
        outputs = {each["channel"]: each for each in status["outputs"]}
        assert {name: each["value"] for name, each in outputs.items()} == SAFE
        assert all(each["is_safe"] and each["is_verified"] for each in outputs.values())
        person = await plant.house.verb("status")
        assert person.code == 0
        assert "health  ok" in person.out
        assert "pump/vent" in person.out


async def test_set_goes_the_way_of_a_clouds_command(plant: Plant) -> None:
    """Value read back, hold, refusals with exit code 1 and a sentence; nothing else on stdout."""
    async with plant.house.daemon() as daemon:
        await daemon.wait_up("pump", "fans")
        done = await plant.house.verb("set", "fans/relay1", "on", "--hold", "600ms", "--json")
        assert (done.code, done.json["status"], done.json["value"]) == (0, "done", True)
        assert done.json["is_verified"]
        assert plant.contacts()["fans/relay1"]
        await plant.wait_safe()
        for channel, value in (
            ("fans/relay9", "on"),
            ("hall/temperature", "on"),
            ("pump/relay", "2"),
        ):
            refused = await plant.house.verb("set", channel, value, "--json")
            assert (refused.code, refused.json["status"]) == (1, "refused")
            assert channel in refused.json["detail"]
        usage = await plant.house.verb("set", "fans/relay1", "on", "--hold", "soon")
        assert usage.code == 2
        assert plant.contacts() == SAFE


async def test_read_is_fresh_and_ledger_balances(plant: Plant, cloud: Cloud) -> None:
    """A value of this second; and what the cloud has is what the ledger says it delivered."""
    async with plant.house.daemon() as daemon:
        await daemon.wait_up("hall", UPLINK)
        read = await plant.house.verb("read", "hall", "--json")
        (row,) = read.json
        assert (read.code, row["channel"], row["value"]) == (0, "hall/temperature", HALL_C)
        assert row["age_s"] < 2.0
        unknown = await plant.house.verb("read", "attic")
        assert (unknown.code, unknown.out) == (1, "")
        assert "attic" in unknown.err
        await daemon.wait_line(UPLINK, lambda line: line["delivered"] >= 10)
        ledger = await plant.house.verb("ledger", "--json")
        line = ledger.json["uplinks"][UPLINK]
        assert (ledger.code, ledger.json["is_balanced"]) == (0, True)
        assert line["accepted"] == line["delivered"] + line["pending"]
        assert cloud.values("hall/temperature") == [HALL_C] * len(cloud.points("hall/temperature"))
        assert cloud.total() >= line["delivered"] - len(SAFE)
        assert UPLINK in (await plant.house.verb("ledger")).out


async def test_a_second_daemon_is_sent_away(plant: Plant) -> None:
    """The first keeps its outputs and its socket; the second says why and is not restarted (78)."""
    async with plant.house.daemon() as daemon:
        await daemon.wait_up("pump", "fans")
        assert (await plant.house.verb("set", "pump/relay", "on")).code == 0
        second = await plant.house.verb("run")
        assert second.code == 78
        assert "another gatewayd runs" in second.err
        assert plant.contacts() == SAFE | {"pump/relay": True}
        assert (await plant.house.verb("status")).code == 0


async def test_a_wrong_key_is_told_once_and_stops_nothing_else(plant: Plant, cloud: Cloud) -> None:
    """CONNACK 5: a sentence in status, one `access denied` in the log, the key in neither."""
    plant.house.add_thingplus("wrong", cloud.port, WRONG_KEY, gateway_id=SECOND)
    async with plant.house.daemon() as daemon:
        await daemon.wait_up("pump", "fans", "hall", UPLINK)
        await until(lambda: plant.house.logged("access denied"), "the denial is logged")
        uplink = await daemon.edge("uplinks", "wrong")
        assert not uplink["is_up"]
        assert "refused by the broker" in uplink["reason"]
        assert uplink["retry_s"] >= 900
        person = await plant.house.verb("status")
        assert "refused by the broker" in person.out
        await daemon.wait_line(UPLINK, lambda line: line["delivered"] >= 20)
        assert (await daemon.ask("ledger"))["uplinks"]["wrong"]["pending"] > 0
        status, _ = await cloud.control("pump/relay", "on")
        assert status == 200
    denials = plant.house.logged("access denied")
    assert [event["task"] for event in denials] == ["uplink wrong"]
    assert WRONG_KEY not in plant.house.log.read_text() + json.dumps(uplink) + person.out
    assert API_KEY not in plant.house.log.read_text()
    assert cloud.sandbox.journal.counts["logins_refused"] == 1


async def test_a_key_put_right_is_used_after_sighup(plant: Plant, cloud: Cloud) -> None:
    """And what waited meanwhile is delivered."""
    plant.house.uplinks[UPLINK]["api_key"] = WRONG_KEY
    async with plant.house.daemon() as daemon:
        await until(lambda: plant.house.logged("access denied"), "the denial is logged")
        waiting = await daemon.wait_line(UPLINK, lambda line: line["pending"] >= 20)
        assert waiting["delivered"] == 0
        plant.house.uplinks[UPLINK]["api_key"] = API_KEY
        plant.house.write()
        daemon.send(signal.SIGHUP)
        await daemon.wait_ready(2)
        line = await daemon.wait_line(UPLINK, lambda line: line["delivered"] >= waiting["pending"])
        assert line["dropped"] == {}


async def test_check_finds_nothing_wrong_with_what_runs(plant: Plant) -> None:
    """And everything wrong with what does not; exit code 78, as `run` has it."""
    plant.house.write()
    good = await plant.house.verb("check")
    assert good.code == 0, good
    plant.house.devices["pump"].pop("safe")
    plant.house.write()
    bad, run = await asyncio.gather(plant.house.verb("check"), plant.house.verb("run"))
    assert (bad.code, run.code) == (78, 78)
    assert "safe" in bad.out + bad.err
