"""A running gateway's progress: how each part is looked at, and what only a new process cures.

What keeps the gateway from its work is its ailment, for status and `/healthz`: a core that is
stuck, a ledger that does not balance, a card that cannot be written, an edge that stopped without
a word. The watchdog is starved by the first alone: a restart makes every output safe for a moment
and must be worth it.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import structlog

from gatewayd.health import Edge, Pulse
from gatewayd.model import ChannelId
from gatewayd.notify import Notifier
from gatewayd.progress import LOOK_S, DeviceProgress, DrainProgress, Sight, Stage, TakerProgress
from gatewayd.sampler import Pace
from gatewayd.watch import Note, Watch, WatchedDevice, WatchedUplink

if TYPE_CHECKING:
    from gatewayd.app import Gateway
    from gatewayd.config.settings import DeviceSettings

log = structlog.get_logger()


class Lookout:
    """Looks at one gateway, whose parts are all there when it is made."""

    def __init__(self, gateway: Gateway, note: Note) -> None:
        self._gateway = gateway
        self.pulse = Pulse()
        self.watch = Watch(note)
        self.stages = {name: Stage() for name in gateway.uplinks}
        """What each uplink's drain is at."""
        for name in gateway.samplers:
            device = gateway.settings.devices[name]
            progress = DeviceProgress(device.quiet_max)
            sight = partial(self._sight, device, gateway.devices[name])
            watched = WatchedDevice(gateway.devices[name], sight, progress)
            self.watch.add(f"device {name}", watched)
        for name, edge in gateway.uplinks.items():
            drain = DrainProgress(self.stages[name])
            self.watch.add(f"uplink {name}", WatchedUplink(edge, drain, partial(self._owed, name)))

    def find_deadlock(self) -> str | None:
        """Return what only a new process can cure, as a sentence, or None."""
        return self.pulse.find_ailment() or self.watch.find_immortal()

    def find_ailment(self) -> str | None:
        """Return what keeps this gateway from its work, as a sentence, or None.

        A cloud or a sensor that is known to be away is no ailment of the gateway: it goes on
        recording. One that stopped without a word is, until it moves again.
        """
        gateway = self._gateway
        fault = gateway.recorder.mismatch or gateway.outbox.card_fault
        return self.find_deadlock() or fault or self.watch.find_stop()

    async def watch_recorder(self) -> None:
        """Beat for the recorder, for as long as it takes what is on the bus."""
        gateway, progress, loop = self._gateway, TakerProgress(), asyncio.get_running_loop()
        self.committed()
        while True:
            taken = gateway.recorder.recorded + gateway.recorder.losses.outbox
            if progress.is_moving(gateway.bus.waiting, taken, loop.time()):
                self.pulse.beat("recorder")
            await asyncio.sleep(LOOK_S)

    def committed(self) -> None:
        """Beat for the log: everything that is owed is on the card."""
        self.pulse.beat("outbox", self._gateway.recorder.wear.interval_s())

    async def feed(self, notifier: Notifier) -> None:
        """Tell the service manager that there is progress, for as long as there is."""
        if not notifier.watchdog_s:
            return
        while True:
            deadlock = self.find_deadlock()
            if deadlock:
                notifier.tell(STATUS=deadlock)
                log.error("stuck", reason=deadlock)
            else:
                notifier.tell(WATCHDOG=1)
            await asyncio.sleep(notifier.watchdog_s / 3)

    def _sight(self, device: DeviceSettings, edge: Edge, now_s: float) -> Sight:
        sampler = self._gateway.samplers[device.name]
        is_asked = sampler.can_be_asked
        return Sight(
            now_s,
            edge.since_s,
            sampler.samples,
            (sampler.pace or Pace(device.every)).every_s if is_asked else None,
            device.timeout,
            is_switch=not is_asked and self._tells_switches(device),
        )

    def _tells_switches(self, device: DeviceSettings) -> bool:
        """Return whether all that a device ever told is on and off."""
        board = self._gateway.board
        panels = (board.panel(ChannelId(f"{device.name}/{each.id}")) for each in device.channels)
        goods = [panel.latest_good for panel in panels if panel and panel.latest_good]
        return all(isinstance(reading.value, bool) for reading in goods)

    def _owed(self, uplink: str) -> int:
        account = self._gateway.outbox.accounts.get(uplink)
        return account.pending if account else 0
