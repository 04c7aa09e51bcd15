"""The unit that ships, under a real systemd: its fences, and what holds when the daemon does not.

Each test of the second kind starts the service anew, with one line of the unit changed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.board.board import GATEWAYD, START_S, Board
from tests.board.guest import until as wait

pytestmark = [pytest.mark.board, pytest.mark.asyncio(loop_scope="session")]

END_S = 120.0
"""For `gatewayd safe` after the end; two seconds on an idle host."""

WATCHDOG_S = 15
"""Less than the unit's, which is generous to small machines. It is fed each third of it."""


async def test_the_service_runs_behind_its_fences(board: Board) -> None:
    """Its own user, no capability, no new privileges, a filter of system calls; and `status`."""
    pid = await board.unit("MainPID")
    text = await board.guest.sh(f"cat /proc/{pid}/status")
    facts = dict(line.split(":\t", 1) for line in text.splitlines())
    user = (await board.guest.sh("id -u gatewayd")).strip()
    assert facts["Uid"].split() == [user] * 4
    assert int(facts["CapEff"], 16) == 0
    assert facts["NoNewPrivs"] == "1"
    assert facts["Seccomp"] == "2"
    assert "health  ok" in await board.guest.sh(f"{GATEWAYD} status")


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
    """Systemd's watchdog misses the signs of progress; the relay is safe, and the cloud has it."""
    async with changed(board, f"WatchdogSec={WATCHDOG_S}"):
        await switch_on(board)
        pid = await board.unit("MainPID")
        await board.guest.sh(f"kill -STOP {pid}")

        async def is_another() -> bool:
            return await board.running_pid() not in (None, "0", pid)

        await wait(is_another, "another daemon runs", WATCHDOG_S + END_S + START_S)
        await board.guest.sh("journalctl -u gatewayd --no-pager | grep -q 'Watchdog timeout'")
        assert not await board.is_relay_driven()
        await switch_on(board)


@asynccontextmanager
async def changed(board: Board, lines: str) -> AsyncIterator[None]:
    """Start the service with other lines in its unit; leave it as it ends."""
    place = "/run/systemd/system/gatewayd.service.d"
    await board.guest.put(f"{place}/test.conf", f"[Service]\n{lines}\n".encode())
    await board.guest.sh(
        "systemctl daemon-reload && systemctl restart gatewayd", deadline_s=START_S
    )
    yield
    await board.guest.sh(f"rm -r {place} && systemctl daemon-reload")


async def switch_on(board: Board) -> None:
    """Have the app switch the relay on, as soon as the gateway is there for it."""

    async def is_on() -> bool:
        status, _ = await board.cloud.control("pump/relay", "on")
        return status == 200

    await wait(is_on, "the cloud has switched it on", START_S)
    assert await board.is_relay_driven()


async def kill(board: Board) -> None:
    """Kill the daemon and wait until the service manager is done with it."""
    await board.guest.sh("systemctl kill -s KILL --kill-who=main gatewayd")

    async def is_over() -> bool:
        return await board.unit("ActiveState") == "failed"

    await wait(is_over, "the service has ended", END_S)
    assert await board.unit("Result") == "signal"
