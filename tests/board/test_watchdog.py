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
    """Systemd feeds the i6300esb (as with RuntimeWatchdogSec=) until there is no systemd."""
    machine = Machine(
        image=parts.image,
        folder=folder,
        devices=["i6300esb"],
        kernel_words="panic=0",
        words=["-action", "watchdog=pause"],
    )
    async with booted(machine) as guest:
        await guest.sh("modprobe i6300esb")
        await guest.sh(
            "busctl set-property org.freedesktop.systemd1 /org/freedesktop/systemd1 "
            f"org.freedesktop.systemd1.Manager RuntimeWatchdogUSec t {TIMEOUT_S * 1_000_000}"
        )
        device = await guest.sh("systemctl show --value -p WatchdogDevice")
        assert device.strip() == "/dev/watchdog0"
        await guest.sh("systemd-run --on-active=1 sh -c 'echo c > /proc/sysrq-trigger'")
        await guest.qmp.wait_event("WATCHDOG", LATE_S)
