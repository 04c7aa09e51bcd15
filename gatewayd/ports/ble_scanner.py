"""The one scanner of an adapter: starts, pauses and revives it, and tells each listener its own.

Whoever listens is asked first: what nobody wants is dropped before anything is made of it, for
a railway station is full of phones. The scan runs while somebody listens and nobody connects.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gatewayd.errors import DeviceAbsent, DeviceError
from gatewayd.ports.ble_advertisement import Advertisement, Memory, Wish
from gatewayd.ports.ble_calls import Hung, within
from gatewayd.ports.ble_ear import Ear
from gatewayd.ports.ble_plan import HELPED, Mode, Patience, Plan, Rung, make_plan

if TYPE_CHECKING:
    from bleak import BleakScanner
    from bleak.backends.device import BLEDevice
    from bleak.backends.scanner import AdvertisementData

    from gatewayd.ports.ble_adapter import Adapter, Facts

NO_RSSI = -127
"""What bleak says where BlueZ has no signal strength: then nothing was received just now."""

NO_MONITOR = "BlueZ has no advertisement monitor here (5.56 or newer, with experimental features)"

Note = Callable[..., None]


@dataclass(slots=True)
class Scanner:
    """One adapter's scanner."""

    name: str
    _adapter: Adapter
    facts: Facts
    _mode: Mode
    patience: Patience
    _note: Note
    heard: int = 0
    """Advertisements of all devices since the port was opened."""
    error: DeviceError | None = None
    """Why the adapter was given up."""
    plan: Plan | None = None
    """How it listens now."""
    rung: Rung = Rung.SOUND
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the adapter was given up."""
    _ears: set[Ear] = field(default_factory=set)
    _devices: dict[str, BLEDevice] = field(default_factory=dict)
    _memory: Memory = field(default_factory=Memory)
    _pauses: int = 0
    _why_not: str = ""
    _trouble: str = ""
    _silent_s: float = 0.0
    _heard_s: float = 0.0
    _poked: asyncio.Event = field(default_factory=asyncio.Event)
    _quiet: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._why_not = "" if self.facts.has_monitor else NO_MONITOR
        self._silent_s = self.patience.silent
        self._quiet.set()

    # Who listens

    @asynccontextmanager
    async def listening(self, wish: Wish) -> AsyncIterator[Ear]:
        """Listen for as long as the block lasts.

        Raises:
            DeviceError: the adapter was given up.
        """
        if self.error is not None:
            raise type(self.error)(str(self.error)) from self.error
        ear = Ear(wish)
        self._ears.add(ear)
        self._poked.set()
        try:
            yield ear
        finally:
            self._ears.discard(ear)
            if wish.address not in {each.wish.address for each in self._ears}:
                self._devices.pop(wish.address or "", None)
            self._poked.set()

    def device(self, address: str) -> BLEDevice | None:
        """Return bleak's own name for a device that a listener has just heard."""
        return self._devices.get(address)

    @asynccontextmanager
    async def paused(self) -> AsyncIterator[None]:
        """Let the radio do something else for as long as the block lasts."""
        self._pauses += 1
        self._poked.set()
        try:
            await self._quiet.wait()  # Ends: starting and stopping have their deadlines.
            yield
        finally:
            self._pauses -= 1
            self._poked.set()

    def lose(self, reason: str) -> None:
        """Give the adapter up: it is gone, or bluetoothd is."""
        self._give_up(DeviceAbsent(f"{self.name}: {reason}"))

    def suspect(self, reason: str) -> None:
        """Have the radio switched off and on: something that BlueZ should do came to no end."""
        self._trouble = reason
        self.rung = max(self.rung, Rung.RESTARTED)
        self._poked.set()

    def ended_as(self, scanning: asyncio.Task[None]) -> None:
        """Look how the scan ended: a bug in it must not look like a quiet place."""
        if not scanning.cancelled() and (error := scanning.exception()):
            self.lose(f"the scan ended with {error!r}")

    # The scan

    async def run(self) -> None:
        """Scan while somebody listens, for ever or until the adapter is given up."""
        try:
            while self.error is None:
                await self._wait_wanted()
                self._quiet.clear()
                try:
                    trouble = "" if self._trouble else await self._scan_once()
                    trouble, self._trouble = self._trouble or trouble, ""
                    if trouble:
                        await self._climb(trouble)
                finally:
                    self._quiet.set()
        except DeviceError as error:
            self._give_up(error)

    async def _wait_wanted(self) -> None:
        is_settled = False
        while not (is_settled and self._is_wanted()):
            while not self._is_wanted():
                self._poked.clear()
                await self._poked.wait()
            await asyncio.sleep(self.patience.settle)
            is_settled = True

    def _is_wanted(self) -> bool:
        return bool(self._trouble) or (bool(self._ears) and not self._pauses)

    async def _scan_once(self) -> str:
        """Scan until something changes; return what was wrong, empty for nothing."""
        from bleak import BleakScanner
        from bleak.args.bluez import BlueZScannerArgs
        from bleak.exc import BleakError

        plan = self._plan()
        arguments: BlueZScannerArgs = {"adapter": self.facts.id}
        if plan.mode == "passive":
            arguments["or_patterns"] = list(plan.patterns)  # type: ignore[arg-type]  # A number is a type too.
        scanner = BleakScanner(self._hear, scanning_mode=plan.mode, bluez=arguments)
        self._heard_s = asyncio.get_running_loop().time()
        try:
            await within(self.patience.call, scanner.start())
        except (Hung, EOFError, OSError) as error:
            return f"the scan does not start: {error}"
        except BleakError as error:
            if plan.mode == "passive" and self._mode == "auto":
                self._why_not = f"BlueZ refuses: {error}"
                return ""
            return f"the scan does not start: {error}"
        self._tell(plan)
        trouble = ""
        try:
            trouble = await self._wait_change(plan)
        finally:
            trouble = await self._stop(scanner) or trouble
        return trouble

    async def _wait_change(self, plan: Plan) -> str:
        """Wait until another scan is wanted, or none, or nobody was heard for too long."""
        loop = asyncio.get_running_loop()
        while self._ears and not self._pauses and not self._trouble and self.error is None:
            if not plan.covers(self._plan()):
                return ""
            silent_s = self._silent_s if plan.mode == "passive" else self.patience.silent
            due_s = self._heard_s + silent_s
            if due_s <= loop.time():
                return f"nobody was heard for {silent_s:g} s"
            self._poked.clear()
            try:
                async with asyncio.timeout_at(due_s):
                    await self._poked.wait()
            except TimeoutError:
                pass  # Somebody may have been heard meanwhile.
        return ""

    async def _stop(self, scanner: BleakScanner) -> str:
        """Stop the scan; return what was wrong, empty for nothing that matters."""
        from bleak.exc import BleakDBusError, BleakError

        try:
            await within(self.patience.stop, scanner.stop())
        except BleakDBusError as error:
            if error.dbus_error.endswith(".InProgress"):
                self.rung = max(self.rung, Rung.RESTARTED)
                return f"the scan does not stop: {error}"
        except (BleakError, EOFError, OSError):
            pass  # Switched off, or bluetoothd is another: there is no scan to stop.
        except Hung as error:
            self.rung = max(self.rung, Rung.RESTARTED)
            return f"the scan does not stop: {error}"
        return ""

    async def _climb(self, trouble: str) -> None:
        """Do what the next rung of the ladder says.

        Raises:
            DeviceError: nothing helped.
        """
        if self.plan is not None and self.plan.mode == "passive":
            self._silent_s = min(2 * self._silent_s, self.patience.silent_max)
        self.rung = Rung(min(self.rung + 1, Rung.GIVEN_UP))
        self._note("bluetooth deaf", port=self.name, reason=trouble, step=self.rung.name.lower())
        if self.rung is Rung.POWER_CYCLED:
            await self._adapter.power_cycle(self.facts.path)
        elif self.rung is Rung.GIVEN_UP:
            raise DeviceAbsent(
                f"{self.name}: {trouble}; neither a new scan nor switching it off and on helped"
            )

    def _plan(self) -> Plan:
        wishes = [ear.wish for ear in self._ears]
        return make_plan(self._mode, wishes, self._why_not, self.rung)

    def _tell(self, plan: Plan) -> None:
        if self.plan is None or self.plan.mode != plan.mode:
            self._note("bluetooth scans", port=self.name, mode=plan.mode, reason=plan.reason)
        self.plan = plan

    def _give_up(self, error: DeviceError) -> None:
        self.error = self.error or error
        self.ended.set()
        for ear in self._ears:
            ear.fail(self.error)
        self._poked.set()

    # What is heard

    def _hear(self, device: BLEDevice, data: AdvertisementData) -> None:
        """Take one call of bleak's and hand it to those who want it."""
        if data.rssi == NO_RSSI:
            return
        self.heard += 1
        self._heard_s = now_s = asyncio.get_running_loop().time()
        if self.rung is not Rung.SOUND:
            self._note("bluetooth hears again", port=self.name, helped=HELPED[self.rung])
            self.rung = Rung.SOUND
            self._poked.set()
        address = device.address
        ears = [
            ear
            for ear in self._ears
            if ear.wish.is_met(address, data.manufacturer_data, data.service_data)
        ]
        if not ears:
            return
        companies, services = self._memory.news(address, data.manufacturer_data, data.service_data)
        advertisement = Advertisement(
            address,
            data.local_name,
            data.rssi,
            companies,
            services,
            tuple(data.service_uuids),
            now_s,
        )
        for ear in ears:
            if ear.wish.address is not None:
                self._devices[address] = device
            ear.hear(advertisement)
