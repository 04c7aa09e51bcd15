"""From real kernel interfaces through the whole daemon into the cloud, and back."""

from __future__ import annotations

import pytest

from tests.board.board import Board
from tests.board.guest import until as wait
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
    """The line keeps its level without its owner; ExecStopPost puts it where it is safe."""
    await board.cloud.control("pump/relay", "on")
    assert await board.is_relay_driven()
    # Not restarted, so that it is not the next daemon that makes it safe.
    await board.guest.put(
        "/run/systemd/system/gatewayd.service.d/stay-down.conf", b"[Service]\nRestart=no\n"
    )
    await board.guest.sh("systemctl daemon-reload; systemctl kill -s KILL --kill-who=main gatewayd")

    async def is_over() -> bool:
        return await board.unit("ActiveState") == "failed"

    await wait(is_over, "the service has ended", SAFE_S)
    assert not await board.is_relay_driven()
    assert "status=9/KILL" in await board.guest.sh("journalctl -u gatewayd --no-pager")
    await board.guest.sh("rm -r /run/systemd/system/gatewayd.service.d; systemctl daemon-reload")
    await board.guest.sh("systemctl start gatewayd")


async def test_a_daemon_that_hangs_is_killed_and_started_again(board: Board) -> None:
    """Systemd's watchdog misses the signs of progress; outputs are safe, readings go on."""
    await board.guest.put(
        "/run/systemd/system/gatewayd.service.d/hasty.conf", b"[Service]\nWatchdogSec=8\n"
    )
    await board.guest.sh("systemctl daemon-reload; systemctl restart gatewayd")
    await until(lambda: board.cloud.word("pump/relay") == "off", "the cloud has it", SEEN_S)
    await board.cloud.control("pump/relay", "on")
    assert await board.is_relay_driven()
    pid = await board.unit("MainPID")
    await board.guest.sh(f"kill -STOP {pid}")

    async def is_another() -> bool:
        return await board.unit("MainPID") not in {"0", pid} and (
            await board.unit("ActiveState") == "active"
        )

    await wait(is_another, "another daemon runs", 3 * SAFE_S)
    assert not await board.is_relay_driven()
    count = board.cloud.count("climate/temperature")
    await until(lambda: board.cloud.count("climate/temperature") > count, "readings", SEEN_S)
