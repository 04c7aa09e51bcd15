"""A Bluetooth LE adapter: one scanner shared by all who listen, and connections made one by one.

Strategy: everything goes through BlueZ, by bleak, and nothing there is trusted to end. A scan
stops silently after days, a call hangs when bluetoothd does, and only switching the radio off
and on helps against some of it: `ble_plan` has the ladder, `ble_calls` the deadlines. Nothing is
tried twice but the scan; connecting again is the business of whoever runs the device.

Characteristics: in a wish for a device or a format · out advertisements, or a connection ·
buffered 64 advertisements a listener · when full drops the oldest, counted · ordered · event
loop only · not durable.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, get_args

from gatewayd.errors import ConfigError, DeviceTimeout
from gatewayd.ports.ble_adapter import Adapter
from gatewayd.ports.ble_advertisement import Advertisement, Wish, proper_address
from gatewayd.ports.ble_link import BleLink
from gatewayd.ports.ble_plan import Mode, Patience
from gatewayd.ports.ble_scanner import Scanner

if TYPE_CHECKING:
    from bleak.backends.device import BLEDevice

CONNECT_S = 30.0
"""For waiting, being heard and connecting. A tag that advertises every 10 s is heard in 10 s."""

PATIENCE = Patience()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The keys of a `[port.NAME]` section with `type = "ble"`.

    Attributes:
        adapter: `hci0`, or its address, which stays when two dongles change places.
        mode: `auto` scans passively where that is possible, which costs the tags' batteries
            nothing and hears them without gaps; `active` asks every device for more.
    """

    adapter: str = "hci0"
    mode: Mode = "auto"


def settings_of(name: str, section: Mapping[str, object] | None) -> Settings:
    """Return the settings of `ble:N`, of `ble` for the first adapter, or of a section.

    Raises:
        ConfigError: it names no adapter.
    """
    if section is not None:
        adapter, mode = section.get("adapter", "hci0"), section.get("mode", "auto")
        if section.get("type") != "ble" or mode not in get_args(Mode):
            raise ConfigError(f'[port.{name}] is no Bluetooth adapter; expected type = "ble"')
        adapter = str(adapter)
    else:
        match = re.fullmatch(r"ble(?::(\d{1,2}))?", name)
        if match is None:
            raise ConfigError(f"{name!r} is no Bluetooth adapter; expected ble:0, or [port.{name}]")
        adapter, mode = f"hci{match[1] or 0}", "auto"
    if not re.fullmatch(r"hci\d{1,2}", adapter):
        try:
            adapter = proper_address(adapter)
        except ValueError as error:
            raise ConfigError(f"{error}, or hci0") from error
    return Settings(adapter=adapter, mode=mode)  # type: ignore[arg-type]  # Looked at above.


@dataclass(slots=True)
class BlePort:
    """One open adapter."""

    name: str
    _adapter: Adapter
    _scanner: Scanner
    _scanning: asyncio.Task[None]
    _connecting: asyncio.Lock = field(default_factory=asyncio.Lock)
    dropped: int = 0
    """Advertisements lost because their listeners were slow."""

    @property
    def is_broken(self) -> bool:
        """True once the adapter or bluetoothd is gone, or nothing revives it."""
        return self._scanner.error is not None

    @property
    def heard(self) -> int:
        """Advertisements of all devices since the adapter was opened."""
        return self._scanner.heard

    @property
    def is_hearing(self) -> bool:
        """False while the adapter is suspected of being deaf: silence then proves nothing."""
        return self._scanner.error is None and not self._scanner.rung

    async def advertisements(
        self, wish: Wish, *, silence_s: float | None = None
    ) -> AsyncGenerator[Advertisement, None]:
        """Yield what is heard, as it is heard.

        Raises:
            DeviceTimeout: nothing was heard for `silence_s`.
            DeviceAbsent: the adapter is gone.
        """
        async with self._scanner.listening(wish) as ear:
            try:
                while True:
                    yield await ear.wait_next(silence_s)
            finally:
                self.dropped += ear.dropped

    @asynccontextmanager
    async def connect(
        self, address: str, *, timeout_s: float = CONNECT_S, is_lasting: bool = False
    ) -> AsyncIterator[BleLink]:
        """Be connected to a device for as long as the block lasts; it is hung up in any case.

        Args:
            timeout_s: for waiting for the others, hearing the device and connecting, together.
            is_lasting: others may connect meanwhile; else they wait until this has ended.

        Raises:
            DeviceTimeout: it was not heard, or did not answer.
            DeviceAbsent: it is gone, or the adapter is.
        """
        async with AsyncExitStack() as turn:
            link = await self._open_link(turn, proper_address(address), timeout_s)
            try:
                if is_lasting:
                    await turn.aclose()
                yield link
            finally:
                await link.close()

    @property
    def state(self) -> Mapping[str, object]:
        """What the adapter does now, for the status."""
        plan = self._scanner.plan
        return {
            "scan": plan.mode if plan else None,
            "reason": plan.reason if plan else "",
            "heard": self.heard,
            "dropped": self.dropped,
            "is_hearing": self.is_hearing,
        }

    async def reset(self) -> str:
        """Switch the radio off and on. Raises DeviceError."""
        await self._adapter.power_cycle(self._scanner.facts.path)
        return f"switched {self._scanner.facts.id} off and on"

    async def close(self) -> None:
        """Stop scanning and leave the bus. Never raises; may be called again."""
        self._scanner.lose("closed")
        self._scanning.cancel()
        await asyncio.wait((self._scanning,))
        self._adapter.close()

    async def _open_link(self, turn: AsyncExitStack, address: str, timeout_s: float) -> BleLink:
        """Wait for the turn, find the device, and connect while nobody scans."""
        end_s = asyncio.get_running_loop().time() + timeout_s
        try:
            async with asyncio.timeout_at(end_s):
                await turn.enter_async_context(self._connecting)
        except TimeoutError as error:
            raise DeviceTimeout(f"{self.name} was busy with others for {timeout_s:g} s") from error
        device = await self._find(address, end_s)
        async with self._scanner.paused():
            left_s = max(0.0, end_s - asyncio.get_running_loop().time())
            return await BleLink.open(device, left_s, self._scanner)

    async def _find(self, address: str, end_s: float) -> BLEDevice:
        from bleak.backends.device import BLEDevice

        facts = await self._adapter.ask_facts()
        if address in facts.connected:
            # Left over from a life that was killed. It is connected and does not advertise.
            return BLEDevice(address, None, {"path": facts.connected[address]})
        wish = Wish(address, needs_active=True)
        async with self._scanner.listening(wish) as ear:
            await ear.wait_next(max(0.0, end_s - asyncio.get_running_loop().time()))
            device = self._scanner.device(address)
        assert device is not None, "what was heard is known"
        return device


async def open_ble(
    name: str,
    section: Mapping[str, object] | None = None,
    note: Callable[..., None] = lambda *_, **__: None,
    patience: Patience = PATIENCE,
) -> BlePort:
    """Open an adapter, and switch it on where it is off.

    Args:
        note: told what changes: how it scans, what was wrong with it, what helped.

    Raises:
        ConfigError: no adapter is named, or the packages are not installed.
        DeviceAbsent: no adapter, no bluetoothd, no right to it.
        DeviceTimeout: bluetoothd hangs.
    """
    settings = settings_of(name, section)
    adapter = await Adapter.reach(name, settings.adapter, patience)
    try:
        facts = await adapter.ask_facts()
        if not facts.is_powered:
            await adapter.switch(facts.path, is_on=True)
    except BaseException:
        adapter.close()
        raise
    scanner = Scanner(name, adapter, facts, settings.mode, patience, note)
    adapter.watch(facts.path, scanner.lose)
    scanning = asyncio.ensure_future(scanner.run())
    scanning.add_done_callback(scanner.ended_as)
    return BlePort(name, adapter, scanner, scanning)
