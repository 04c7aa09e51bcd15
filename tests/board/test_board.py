"""From real kernel interfaces through the whole daemon into the cloud, and back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.board.board import GATEWAYD, Board
from tests.board.guest import until as wait
from tests.board.radio import ADDRESS as TAG_ADDRESS
from tests.board.receiver import plugged
from tests.live.daemon import until

pytestmark = [pytest.mark.board, pytest.mark.asyncio(loop_scope="session")]

SEEN_S = 20.0
"""Sampled each second, sent at once; an emulated machine on a busy host takes its time."""

SAFE_S = 30.0
"""A Python starts in the guest within two seconds where the host is idle."""


async def test_the_service_runs_behind_its_fences(board: Board) -> None:
    """Its own user, no capability, no new privileges, and the cloud says that it is on."""
    pid = await board.unit("MainPID")
    status = await board.guest.sh(f"cat /proc/{pid}/status")
    facts = dict(line.split(":\t", 1) for line in status.splitlines())
    user = (await board.guest.sh("id -u gatewayd")).strip()
    assert facts["Uid"].split() == [user] * 4
    assert int(facts["CapEff"], 16) == 0
    assert facts["NoNewPrivs"] == "1"
    assert facts["Seccomp"] == "2"
    assert board.cloud.word() == "on"


async def test_a_sensors_change_is_seen_in_the_cloud(board: Board) -> None:
    """What the chips are made to measure is what the cloud gets, in that order."""
    cloud = board.cloud
    await until(lambda: cloud.values("climate/temperature"), "Bosch's worked example", SEEN_S)
    assert cloud.values("climate/temperature")[-1] == pytest.approx(25.08, abs=0.005)
    for celsius in (37.5, -12.0):
        await board.measure("cabinet", temperature_c=celsius)
        await board.measure("attic", temperature_c=celsius, humidity_percent=50 + celsius)
        await until(
            lambda: cloud.values("cabinet/temperature")[-1:] == [celsius],  # noqa: B023  # Awaited here.
            f"{celsius} °C in the cabinet",
            SEEN_S,
        )
        await until(
            lambda: cloud.values("attic/humidity")[-1:] == [pytest.approx(50 + celsius, abs=0.01)],  # noqa: B023  # As above.
            f"{50 + celsius} % in the attic",
            SEEN_S,
        )
        assert cloud.values("attic/temperature")[-1] == pytest.approx(celsius, abs=0.01)


async def test_a_chip_that_goes_and_returns_is_a_gap_with_a_reason(board: Board) -> None:
    """Nobody acknowledges at its address; its neighbours go on. Then it is back."""
    cloud, channel = board.cloud, "climate/temperature"
    await board.remove("climate")
    await until(lambda: cloud.word(channel) == "err", "the cloud knows of the gap", SEEN_S)
    climate = await board.device("climate")
    assert not climate["is_up"]
    assert "0x76" in climate["reason"]
    count = cloud.count("cabinet/temperature")
    await until(lambda: cloud.count("cabinet/temperature") > count, "a neighbour goes on", SEEN_S)
    await board.solder("climate")
    await until(lambda: cloud.word(channel) == "on", "the gap is over", 2 * SEEN_S)


async def test_a_chip_of_the_kernels_is_read_through_its_files(board: Board) -> None:
    """The stock lm75 driver has it; its hwmon files are what the daemon reads."""
    cloud, channel = board.cloud, "outside/temperature"
    for celsius in (-3.5, 8.0):
        await board.measure("outside", temperature_c=celsius)
        await until(lambda: cloud.values(channel)[-1:] == [celsius], f"{celsius} °C", SEEN_S)  # noqa: B023  # Awaited here.


async def test_an_adapter_that_is_pulled_and_put_back_is_used_again(board: Board) -> None:
    """Its bus, its chips and its lines are gone and come back; nothing is started again."""
    cloud, channel = board.cloud, "cabinet/temperature"
    await board.cloud.control("pump/relay", "on")
    assert await board.is_relay_driven()
    await board.order("plug", **{"in": False})
    await until(lambda: cloud.word(channel) == "err", "the cloud knows of the gap", SEEN_S)
    await board.order("plug", **{"in": True})
    await wait(board.is_bound, "the kernel has it again")
    await board.measure("cabinet", temperature_c=1.5)
    await until(lambda: cloud.values(channel)[-1] == 1.5, "the sensor is read again", 3 * SEEN_S)

    async def is_known() -> bool:
        (output,) = (await board.status())["outputs"]
        return output["value"] is not None

    await wait(is_known, "the relay is owned again", 2 * SEEN_S)
    assert not await board.is_relay_driven()
    assert (await board.unit("NRestarts")) == "0"


async def test_a_receiver_is_heard_again_after_it_was_unplugged(board: Board) -> None:
    """The gap has a reason, the other devices do not notice, and readings go on by themselves."""
    cloud, channel, receiver = board.cloud, "gps/satellites", board.receiver
    climate = cloud.count("climate/temperature")
    receiver.satellites = 5
    async with plugged(board.usb, receiver):
        await until(lambda: cloud.values(channel)[-1:] == [5], "the receiver is heard", 2 * SEEN_S)
    await until(lambda: cloud.word(channel) == "err", "the cloud knows of the gap", SEEN_S)
    gps = await board.device("gps")
    assert not gps["is_up"]
    assert "ttyUSB" in gps["reason"] or "usb-QEMU" in gps["reason"]
    receiver.satellites = 6
    async with plugged(board.usb, receiver):
        await until(lambda: cloud.values(channel)[-1] == 6, "it is heard again", 2 * SEEN_S)
    assert cloud.count("climate/temperature") > climate
    assert (await board.unit("NRestarts")) == "0"


async def test_a_tag_is_heard_until_it_is_silent_and_then_again(board: Board) -> None:
    """Through the stock bluetoothd: what it advertises, the gap when it stops, and its return."""
    cloud, tag, channel = board.cloud, board.tag, "tag/temperature"
    for celsius in (25.0, -7.25):
        await tag.measure(celsius, 50.55)
        await until(lambda: cloud.values(channel)[-1:] == [celsius], f"{celsius} °C", 2 * SEEN_S)  # noqa: B023  # Awaited here.
    assert cloud.values("tag/humidity")[-1] == pytest.approx(50.55)
    await tag.be_silent()
    await until(lambda: cloud.word(channel) == "err", "the cloud knows of the gap", SEEN_S)
    assert TAG_ADDRESS in (await board.device("tag"))["reason"]
    await tag.measure(3.0, 60.0)
    await until(lambda: cloud.values(channel)[-1] == 3.0, "it is heard again", 3 * SEEN_S)


async def test_a_radio_that_is_pulled_and_put_back_hears_again(board: Board) -> None:
    """The adapter is gone from under bluetoothd, then there is one again."""
    cloud, channel = board.cloud, "tag/temperature"
    await board.guest.sh("systemctl stop btattach")
    await until(lambda: cloud.word(channel) == "err", "the cloud knows of the gap", SEEN_S)
    await board.guest.sh("systemd-run --quiet --unit=btattach btattach -B /dev/hvc0 -P h4")
    await board.tag.measure(4.0, 60.0)
    await until(lambda: cloud.values(channel)[-1] == 4.0, "it is heard again", 4 * SEEN_S)


async def test_a_relay_is_switched_from_the_cloud(board: Board) -> None:
    """The answer says that it was read back, and the chip behind the kernel sees the level."""
    assert not await board.is_relay_driven()
    status, body = await board.cloud.control("pump/relay", "on")
    assert (status, body["data"]["result"]["value"]) == (200, 1)
    assert body["data"]["result"]["verified"]
    assert await board.is_relay_driven()
    status, body = await board.cloud.control("pump/relay", "off")
    assert (status, body["data"]["result"]["value"]) == (200, 0)
    assert not await board.is_relay_driven()


async def test_a_killed_daemon_leaves_the_relay_safe(board: Board) -> None:
    """The unit's ExecStopPost switches it off; not a daemon that starts again, there is none."""
    async with changed(board, "Restart=no"):
        await switch_on(board)
        await kill(board)
        assert not await board.is_relay_driven()


async def test_without_its_fence_the_relay_would_stay_on(board: Board) -> None:
    """The line keeps its level when its owner dies; `gatewayd safe` by hand switches it off."""
    async with changed(board, "Restart=no\nExecStopPost="):
        await switch_on(board)
        await kill(board)
        assert await board.is_relay_driven()
        await board.guest.sh(f"{GATEWAYD} safe")
        assert not await board.is_relay_driven()


async def test_a_daemon_that_hangs_is_killed_and_started_again(board: Board) -> None:
    """Systemd's watchdog misses the signs of progress; the relay is safe, readings go on."""
    async with changed(board, "WatchdogSec=8"):
        await switch_on(board)
        pid = await board.unit("MainPID")
        await board.guest.sh(f"kill -STOP {pid}")

        async def is_another() -> bool:
            is_active = await board.unit("ActiveState") == "active"
            return is_active and await board.unit("MainPID") != pid

        await wait(is_another, "another daemon runs", 3 * SAFE_S)
        assert "watchdog" in await board.guest.sh("journalctl -u gatewayd --no-pager")
        assert not await board.is_relay_driven()
        await board.measure("cabinet", temperature_c=2.5)
        await until(lambda: board.cloud.values("cabinet/temperature")[-1] == 2.5, "it reads")


@asynccontextmanager
async def changed(board: Board, lines: str) -> AsyncIterator[None]:
    """Run the service with other lines in its unit, then as it is again."""
    place = "/run/systemd/system/gatewayd.service.d"
    await board.guest.put(f"{place}/test.conf", f"[Service]\n{lines}\n".encode())
    await board.guest.sh("systemctl daemon-reload && systemctl restart gatewayd")
    try:
        yield
    finally:
        await board.guest.sh(f"rm -r {place} && systemctl daemon-reload")
        await board.guest.sh("systemctl restart gatewayd")


async def switch_on(board: Board) -> None:
    """Have the app switch the relay on, as soon as the gateway is there for it."""

    async def is_there() -> bool:
        status = await board.status()
        return status["uplinks"][0]["is_up"] and status["outputs"][0]["value"] is not None

    await wait(is_there, "the gateway is connected", SAFE_S)
    status, body = await board.cloud.control("pump/relay", "on")
    assert status == 200, body
    assert await board.is_relay_driven()


async def kill(board: Board) -> None:
    """Kill the daemon and wait until the service manager is done with it."""
    await board.guest.sh("systemctl kill -s KILL --kill-who=main gatewayd")

    async def is_over() -> bool:
        return await board.unit("ActiveState") == "failed"

    await wait(is_over, "the service has ended", SAFE_S)
    assert await board.unit("Result") == "signal"
