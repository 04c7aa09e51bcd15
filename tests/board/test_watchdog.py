"""The machine itself hangs: only hardware can help."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.board.guest import Machine, booted
from tests.board.image import Image

pytestmark = [pytest.mark.board, pytest.mark.asyncio(loop_scope="session")]

TIMEOUT_S = 10
LATE_S = 50.0


async def test_a_crashed_kernel_is_reset_by_the_watchdog(
    parts: tuple[Image, Path], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Systemd feeds the i6300esb until nobody feeds it any more."""
    image, _ = parts
    machine = Machine(
        image=image,
        folder=tmp_path_factory.mktemp("dog"),
        devices=["i6300esb"],
        kernel_words="panic=0",
        words=["-action", "watchdog=pause"],
    )
    async with booted(machine) as guest:
        text = f"[Manager]\nRuntimeWatchdogSec={TIMEOUT_S}\n"
        await guest.put("/etc/systemd/system.conf.d/watchdog.conf", text.encode())
        await guest.sh("modprobe i6300esb && systemctl daemon-reexec")
        assert await guest.sh("wdctl -n -O TIMEOUT 2>/dev/null || true")
        await guest.sh("systemd-run --on-active=1 sh -c 'echo c > /proc/sysrq-trigger'")
        await guest.qmp.wait_event("WATCHDOG", LATE_S)
