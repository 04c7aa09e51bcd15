"""Outputs are safe after anything: stop, kill, a cloud that left, a limit that is over.

Every test first sees all contacts where they are not safe, so that it would notice.
"""

from __future__ import annotations

import asyncio
import random
import signal
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.live.cloud import Cloud
from tests.live.daemon import GATEWAY, House, until
from tests.live.plant import SAFE, UNSAFE, UPLINK, Plant, planted, switch_all
from tests.mosquitto import Mosquitto, running

BOARDS = ("pump", "fans", UPLINK)
SEED = 20261120
STARTS = 8
START_S = 0.8
"""A start takes half a second, and its first second is the most eventful."""

LIMIT_S = 1.0
LATE_S = 5.0
"""A busy machine may be so late; what matters is that it comes, and not too early."""


@pytest.fixture
async def plant(house: House, cloud: Cloud) -> AsyncIterator[Plant]:
    async with planted(house, cloud) as plant:
        yield plant


async def test_sigterm_leaves_everything_safe(plant: Plant, cloud: Cloud) -> None:
    """Exit code 0, contacts safe, and the cloud was told."""
    async with plant.house.daemon() as daemon:
        await daemon.wait_up(*BOARDS)
        await switch_all(cloud)
        assert plant.contacts() == UNSAFE
        assert await daemon.stop() == 0
        assert plant.contacts() == SAFE
        assert "STOPPING=1" in daemon.told()
    await until(lambda: cloud.sandbox.world.gateways[GATEWAY].connection == "off", "it was told")
    assert cloud.sandbox.journal.counts["violations"] == 0


async def test_sigterm_at_any_moment_of_a_start_ends_it(plant: Plant) -> None:
    """Before it can hear the signal it dies of it, as any program; from then on it exits with 0."""
    dice = random.Random(SEED)
    for _ in range(STARTS):
        async with plant.house.daemon(is_awaited=False) as daemon:
            await asyncio.sleep(dice.uniform(0.0, START_S))
            code = await daemon.stop()
            assert code in {0, -signal.SIGTERM}, plant.house.log.read_text()
            is_running = "READY=1" in daemon.told()
        assert code == 0 or not is_running
    assert "Traceback" not in plant.house.log.read_text()
    assert (await plant.house.verb("safe")).code == 0
    assert plant.contacts() == SAFE


async def test_safe_after_a_kill_does_what_the_dead_daemon_cannot(
    plant: Plant, cloud: Cloud
) -> None:
    """SIGKILL moves nothing; `gatewayd safe`, which systemd runs then, moves everything."""
    async with plant.house.daemon() as daemon:
        await daemon.wait_up(*BOARDS)
        await switch_all(cloud)
        daemon.kill()
    assert plant.contacts() == UNSAFE
    safe = await plant.house.verb("safe", "--json")
    assert safe.code == 0, safe
    assert {row["output"]: row["is_safe"] for row in safe.json["outputs"]} == dict.fromkeys(
        SAFE, True
    )
    assert plant.contacts() == SAFE


async def test_a_start_after_a_kill_is_safe_first(plant: Plant, cloud: Cloud) -> None:
    """Nothing is replayed: the next daemon begins with safe outputs."""
    async with plant.house.daemon() as daemon:
        await daemon.wait_up(*BOARDS)
        await switch_all(cloud)
        daemon.kill()
    async with plant.house.daemon() as daemon:
        await plant.wait_safe()
        await daemon.wait_up(*BOARDS)
        assert plant.contacts() == SAFE


async def test_outputs_of_a_cloud_that_left_fall_back(plant: Plant, cloud: Cloud) -> None:
    """`orphan` after the loss and not before; what somebody here has set stays."""
    plant.limit(orphan=f"{LIMIT_S:g}s")
    async with plant.house.daemon() as daemon:
        await daemon.wait_up(*BOARDS)
        await switch_all(cloud)
        local = await plant.house.verb("set", "fans/relay2", "on")
        assert local.code == 0
        await asyncio.sleep(1.2 * LIMIT_S)  # The limit itself: nothing falls while it is there.
        assert plant.contacts() == UNSAFE
        lost_s = time.monotonic()
        await cloud.sandbox.refuse_connections()
        kept = SAFE | {"fans/relay2": True}
        await until(lambda: plant.contacts() == kept, "orphans fell back", LIMIT_S + LATE_S)
        assert time.monotonic() - lost_s > 0.9 * LIMIT_S
        status = await daemon.ask("status")
        reasons = {each["channel"]: each["reason"] for each in status["outputs"]}
        assert reasons["pump/relay"] == "fell back to safe: the uplink that asked is gone"


async def test_a_cloud_that_comes_back_in_time_finds_everything_on(
    plant: Plant, cloud: Cloud
) -> None:
    """A connection that is renewed within `orphan` is no loss."""
    plant.limit(orphan="1m")
    async with plant.house.daemon() as daemon:
        await daemon.wait_up(*BOARDS)
        await switch_all(cloud)
        ends = (await daemon.edge("uplinks", UPLINK))["ends"]
        cloud.sandbox.kill()
        await daemon.wait_reconnected(UPLINK, ends)
        assert plant.contacts() == UNSAFE


async def test_hold_max_ends_what_nobody_ends(plant: Plant, cloud: Cloud) -> None:
    """Not before, and however often the cloud repeats itself."""
    plant.limit(hold_max=f"{LIMIT_S:g}s")
    async with plant.house.daemon() as daemon:
        await daemon.wait_up(*BOARDS)
        asked_s = time.monotonic()
        await cloud.control("pump/relay", "on")
        await cloud.control("fans/relay1", "on")
        assert plant.contacts() == SAFE | {"pump/relay": True, "fans/relay1": True}
        await cloud.control("pump/relay", "on")
        await plant.wait_safe(LIMIT_S + LATE_S)
        assert time.monotonic() - asked_s > 0.9 * LIMIT_S


async def test_a_commands_own_duration_ends_it(plant: Plant, cloud: Cloud) -> None:
    """Thing+'s `duration`, in milliseconds; the answer does not wait for its end."""
    async with plant.house.daemon() as daemon:
        await daemon.wait_up(*BOARDS)
        asked_s = time.monotonic()
        status, body = await cloud.control("fans/relay1", "on", {"duration": 600})
        assert (status, body["data"]["result"]["value"]) == (200, 1)
        assert plant.contacts()["fans/relay1"]
        await plant.wait_safe(LATE_S)
        assert time.monotonic() - asked_s > 0.5


async def test_a_board_that_falls_silent_is_unknown_and_then_safe(
    plant: Plant, cloud: Cloud
) -> None:
    """The command fails, nobody claims a state, and the safe write is repeated until it works."""
    plant.house.devices["fans"]["answer_timeout"] = "200ms"
    async with plant.house.daemon() as daemon:
        await daemon.wait_up(*BOARDS)
        await cloud.control("fans/relay1", "on")
        plant.line.fault = lambda frame: b""
        status, body = await cloud.control("fans/relay2", "on")
        assert (status, body["errors"][0]["code"]) == (600, "PROCESS_COMMAND_RESULT")
        assert (await plant.house.verb("read", "fans/relay1", "--json")).json[0]["value"] is None
        plant.line.fault = None
        await plant.wait_safe()


async def test_a_bad_file_changes_nothing_on_sighup(plant: Plant, cloud: Cloud) -> None:
    """It is reported, with its place; outputs, devices and the backlog's owner stay."""
    async with plant.house.daemon() as daemon:
        await daemon.wait_up(*BOARDS)
        await switch_all(cloud)
        good = plant.house.config.read_text()
        plant.house.config.write_text(good.replace('driver = "sim_relay"', 'driver = "sim_rely"'))
        daemon.send(signal.SIGHUP)
        said = "configuration has mistakes and is not used"
        await until(lambda: plant.house.logged(said), "the bad file is reported")
        problems = [event["problem"] for event in plant.house.logged("configuration")]
        assert any("sim_rely" in problem and "sim_relay" in problem for problem in problems)
        assert plant.contacts() == UNSAFE
        assert (await daemon.edge("uplinks", UPLINK))["is_up"]
        status, _ = await cloud.control("pump/relay", "off")
        assert status == 200


async def test_a_state_folder_that_cannot_be_made_changes_nothing_on_sighup(
    plant: Plant, cloud: Cloud
) -> None:
    """The file is sound, the place is not: told like any other mistake."""
    async with plant.house.daemon() as daemon:
        await daemon.wait_up(*BOARDS)
        await switch_all(cloud)
        good = plant.house.config.read_text()
        nowhere = f"{plant.house.config}/state"
        plant.house.config.write_text(good.replace(str(plant.house.state), nowhere))
        daemon.send(signal.SIGHUP)
        said = "configuration has mistakes and is not used"
        await until(lambda: plant.house.logged(said), "the bad file is reported")
        problems = [event["problem"] for event in plant.house.logged("configuration")]
        assert any(nowhere in problem for problem in problems)
        assert plant.contacts() == UNSAFE
        assert (await daemon.edge("uplinks", UPLINK))["is_up"]


async def test_a_good_file_is_used_on_sighup(plant: Plant, cloud: Cloud) -> None:
    """Outputs go safe for a moment, then the new device is there; the process is the same."""
    async with plant.house.daemon() as daemon:
        await daemon.wait_up(*BOARDS)
        await switch_all(cloud)
        plant.house.devices["lamp"] = {"driver": "sim_relay", "safe": "off", "hold_max": "1h"}
        plant.house.write()
        daemon.send(signal.SIGHUP)
        await daemon.wait_ready(2)
        await daemon.wait_up("lamp", *BOARDS)
        assert plant.contacts() == SAFE
        assert (await plant.house.verb("set", "lamp/relay", "on")).code == 0
        status, _ = await cloud.control("pump/relay", "on")
        assert status == 200


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
async def test_it_stops_in_time_while_the_clouds_hang(
    plant: Plant, cloud: Cloud, tmp_path: Path, stop: signal.Signals
) -> None:
    """One cloud takes nothing any more, the other is frozen; exit 0 and safe within 10 s."""
    with running(Mosquitto(tmp_path)) as broker:
        plant.house.devices["busy"] = {"driver": "sim", "channels": 20, "every": "100ms"}
        plant.house.add_thingplus("frozen", broker.port)
        async with plant.house.daemon() as daemon:
            await daemon.wait_up(*BOARDS, "frozen")
            await switch_all(cloud)
            cloud.sandbox.broker.hang(is_hung=True)
            broker.freeze()
            before = await daemon.ask("ledger")
            await daemon.wait_line(
                "frozen",
                lambda line: line["pending"] > before["uplinks"]["frozen"]["pending"] + 100,
            )
            assert await daemon.stop(stop) == 0
            assert plant.contacts() == SAFE
        cloud.sandbox.broker.hang(is_hung=False)


async def test_it_stops_in_time_while_a_connection_is_not_answered(plant: Plant) -> None:
    """The network swallows what is sent to it, in the middle of connecting."""
    with deaf_port() as port:
        plant.house.add_thingplus("deaf", port)
        async with plant.house.daemon() as daemon:
            await daemon.wait_up(*BOARDS)
            assert (await plant.house.verb("set", "pump/relay", "on")).code == 0
            assert not (await daemon.edge("uplinks", "deaf"))["is_up"]
            assert await daemon.stop() == 0
        assert plant.contacts() == SAFE


@contextmanager
def deaf_port() -> Iterator[int]:
    """Yield a port whose queue is full: the kernel drops every further attempt to connect."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


async def test_it_stops_in_time_when_nothing_answers_any_more(plant: Plant, cloud: Cloud) -> None:
    """A dead board and a hung cloud at once: all is tried, and what is not known safe is told."""
    async with plant.house.daemon() as daemon:
        await daemon.wait_up(*BOARDS)
        await switch_all(cloud)
        cloud.sandbox.broker.hang(is_hung=True)
        plant.line.fault = lambda frame: b""
        assert await daemon.stop() == 0
        assert plant.contacts() == SAFE, "the dead board hears, it only does not answer"
        assert [event["level"] for event in plant.house.logged("outputs not safe")] == ["warning"]
    cloud.sandbox.broker.hang(is_hung=False)
