"""Restart, reboot and poweroff, against a logind of our own on a private D-Bus."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from dbus_fast.aio import MessageBus
from dbus_fast.service import ServiceInterface, dbus_method

from gatewayd.errors import GatewayError
from gatewayd.machine import LOGIND, ask_logind, management

pytestmark = pytest.mark.skipif(not shutil.which("dbus-daemon"), reason="no dbus-daemon here")


class Logind(ServiceInterface):
    """Remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(LOGIND[2])
        self.asked: list[tuple[str, bool]] = []

    @dbus_method()
    def Reboot(self, interactive: "b") -> None:  # type: ignore[name-defined] # noqa: F821, N802  # D-Bus types and names
        self.asked.append(("Reboot", interactive))


@asynccontextmanager
async def logind(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Logind]:
    daemon = await asyncio.create_subprocess_exec(
        "dbus-daemon",
        "--session",
        "--nofork",
        "--print-address",
        stdout=asyncio.subprocess.PIPE,
    )
    assert daemon.stdout
    try:
        address = (await asyncio.wait_for(daemon.stdout.readline(), 10)).decode().strip()
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
        bus, service = await MessageBus(bus_address=address).connect(), Logind()
        bus.export(LOGIND[1], service)
        await bus.request_name(LOGIND[0])
        yield service
        bus.disconnect()
    finally:
        daemon.terminate()
        await daemon.wait()


async def test_a_reboot_is_logind_s_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked once, without a dialogue."""
    async with logind(monkeypatch) as service:
        await management(lambda: None)["reboot"]()
        assert service.asked == [("Reboot", False)]


async def test_a_refusal_is_a_sentence_and_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What logind does not do, here because this one cannot, is told and lived through."""
    async with logind(monkeypatch) as service:
        with pytest.raises(GatewayError, match="refuses PowerOff"):
            await ask_logind("PowerOff")
        await management(lambda: None)["poweroff"]()
        assert service.asked == []


async def test_without_a_bus_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without systemd is told apart from one that refuses."""
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/socket")
    with pytest.raises(GatewayError, match="cannot be asked"):
        await ask_logind("Reboot")


async def test_a_restart_begins_anew_in_this_process() -> None:
    """No service manager is needed for it."""
    asked: list[str] = []
    await management(lambda: asked.append("restart"))["restart"]()
    assert asked == ["restart"]
