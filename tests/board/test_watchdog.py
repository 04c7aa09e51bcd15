"""The machine itself hangs: only hardware can help."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.board.guest import Machine, booted
from tests.board.parts import Parts

pytestmark = [pytest.mark.board, pytest.mark.asyncio(loop_scope="session")]

TIMEOUT_S = 10
LATE_S = 50.0


async def test_a_crashed_kernel_is_reset_by_the_watchdog(parts: Parts, folder: Path) -> None:
    """Systemd feeds the i6300esb until nobody feeds it any more."""
    machine = Machine(
        image=parts.image,
        folder=folder,
        devices=["i6300esb"],
        kernel_words="panic=0",
        words=["-action", "watchdog=pause"],
    )
    async with booted(machine) as guest:
        text = f"[Manager]\nRuntimeWatchdogSec={TIMEOUT_S}\n"
        await guest.put("/etc/systemd/system.conf.d/watchdog.conf", text.encode())
        await guest.sh("modprobe i6300esb && systemctl daemon-reexec")
        device = await guest.sh("systemctl show --value -p WatchdogDevice")
        assert device.strip() == "/dev/watchdog0"
        await guest.sh("systemd-run --on-active=1 sh -c 'echo c > /proc/sysrq-trigger'")
        await guest.qmp.wait_event("WATCHDOG", LATE_S)
