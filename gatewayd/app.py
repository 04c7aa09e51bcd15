"""The composition root: from checked settings to a running gateway.

Strategy: nesting is the shutdown order. The outbox is closed last; in it lives the recorder, in
that the keepers of the outputs, in those the edges (samplers, uplinks, the control socket). The
files are opened when the keepers are at work already: a store that has to be mended takes
seconds, and no output waits for it. Leaving a level cancels its tasks and waits for them, so the
clouds are told first, then the outputs go safe, then what they said about it is recorded, then
everything owed is brought to the card. A core task that dies ends the process the same way.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog

from gatewayd import __version__
from gatewayd.audit import Audit
from gatewayd.board import Board
from gatewayd.bus import Bus
from gatewayd.clock import Clock
from gatewayd.config.settings import DeviceSettings, Settings, UplinkSettings
from gatewayd.config.wires import port_of
from gatewayd.cycles import Cycles
from gatewayd.desk import Desk
from gatewayd.driver import is_output
from gatewayd.errors import DeviceTimeout, LinkLost, OutboxError
from gatewayd.health import Edge
from gatewayd.keeper import Keeper
from gatewayd.lookout import Lookout
from gatewayd.model import Channel, ChannelId, Quality, Reading
from gatewayd.outbox import Bounds, Outbox, closing, find_tmpfs, new_outbox
from gatewayd.ports import Ports
from gatewayd.ports.tap import Tap
from gatewayd.recorder import Recorder
from gatewayd.recovery import Recovery
from gatewayd.sampler import Pace, Sampler, quality_of
from gatewayd.step import ClockStep
from gatewayd.supervise import Backoff, supervise
from gatewayd.totals import Totals
from gatewayd.tuning import is_unthinned
from gatewayd.uplink import Premises, live
from gatewayd.wear import Wear, find_device

log = structlog.get_logger()

KEEPER_CAP_S = 10.0
"""Longest wait before an actuator that failed is opened again: its outputs are not known to be
safe until then."""

OPEN_S = 30.0
"""For opening a sensor: waking, proving its identity, loading its calibration. BLE devices take
10 s to be found and 10 s to connect."""

LINK_S = 180.0
"""For opening a link, with its name server, handshakes and logins; each has its own deadline, and
this is for those that fail."""

WORRYING = frozenset(
    {"output uncertain", "outputs not safe", "bluetooth deaf", "audit", "cycles", "silent stop"}
)
"""What a keeper says when nobody knows what an output does, a wire that needs reviving, and an
edge that stopped without a word."""

Manage = Mapping[str, Callable[[], Awaitable[None]]]


@dataclass(slots=True)
class Gateway:
    """Every part of one running gateway, and how each is.

    `manage` is what can be done to the machine, by name; `settings` tells what a cloud may.
    """

    settings: Settings
    clock: Clock
    ports: Ports
    outbox: Outbox
    manage: Manage
    totals: Totals = field(default_factory=Totals)
    audit: Audit = field(default_factory=Audit)
    cycles: Cycles | None = None
    bus: Bus = field(default_factory=Bus)
    board: Board = field(default_factory=Board)
    channels: dict[ChannelId, Channel] = field(default_factory=dict)
    samplers: dict[str, Sampler] = field(default_factory=dict)
    keepers: dict[str, Keeper] = field(default_factory=dict)
    devices: dict[str, Edge] = field(default_factory=dict)
    recoveries: dict[str, Recovery] = field(default_factory=dict)
    taps: dict[str, Tap] = field(default_factory=dict)
    uplinks: dict[str, Edge] = field(default_factory=dict)
    lookout: Lookout = field(init=False)
    recorder: Recorder = field(init=False)
    desk: Desk = field(init=False)
    started_s: float = 0.0
    _has_log: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.started_s = asyncio.get_running_loop().time()
        for device in self.settings.devices.values():
            self._add(device)
        self.uplinks = {name: Edge(name) for name in self.settings.uplinks}
        self.lookout = Lookout(self, note)
        self.recorder = Recorder(
            self.bus,
            self.board,
            self.outbox,
            self.settings.outbox.commit_interval,
            self.lookout.committed,
        )
        self.recorder.step = ClockStep(self.clock)
        kept = self.settings.outbox
        self.recorder.wear = Wear(
            find_device(self.settings.gateway.state_dir),
            kept.endurance,
            kept.commit_interval,
            kept.commit_interval_max,
        )
        self.desk = Desk(self.keepers.values(), self.channels, self.clock, log.info, self.audit.add)

    def _add(self, device: DeviceSettings) -> None:
        for channel in device.channels:
            name = ChannelId(f"{device.name}/{channel.id}")
            self.channels[name] = channel
        edge = self.devices[device.name] = Edge(device.name)
        self.recoveries[device.name] = Recovery(
            device.name,
            port_of(device),
            self.ports,
            partial(self._is_wire_well, device),
            edge.ladder,
        )
        self.taps[device.name] = Tap()
        outputs = [channel for channel in device.channels if is_output(channel)]
        if outputs:
            self.keepers[device.name] = Keeper(
                device.name,
                outputs,
                device.limits,
                partial(self._publish_output, device.name),
                self.clock,
                device.timeout,
                note,
                self.board.latest,
                self.cycles,
            )
        else:
            sampler = Sampler(device.name, device.channels, device.tunings, self.bus, self.clock)
            sampler.pace = Pace(device.every)
            sampler.board, sampler.totals = self.board, self.totals
            self.samplers[device.name] = sampler

    async def open_log(self) -> None:
        """Open the log, tell it which uplinks there are and what each wants, and begin to record.

        Raises:
            OutboxError: no log can be kept.
        """
        await self.outbox.open()
        await self.outbox.subscribe(
            {
                name: uplink.cloud.subscription(uplink.config, self.channels)
                for name, uplink in self.settings.uplinks.items()
            },
            frozenset(name for name, each in self.channels.items() if is_unthinned(each)),
        )
        self.bus.keep(await self.outbox.open_journal())
        self._has_log.set()

    # The supervised tasks

    async def record(self) -> None:
        """Record, from when the log is open. Until then what the outputs say waits on the bus."""
        await self._has_log.wait()
        await self.recorder.run()

    def keeper_tasks(self) -> list[Coroutine[Any, Any, None]]:
        """One task for each actuator."""
        return [
            supervise(
                f"output {name}",
                partial(self._keep, self.settings.devices[name], keeper),
                Backoff(cap_s=KEEPER_CAP_S),
                partial(self._device_ended, name),
                is_core=True,
                pause=self.recoveries[name].pause,
            )
            for name, keeper in self.keepers.items()
        ]

    async def wait_outputs(self, at_most_s: float) -> None:
        """Wait until every output is safe or has failed to be, or so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(at_most_s):
                for name in self.keepers:
                    await self.devices[name].settled.wait()

    def edge_tasks(self) -> list[Coroutine[Any, Any, None]]:
        """One task for each sensor and each cloud."""
        sensors = [
            supervise(
                f"device {name}",
                partial(self._sample, self.settings.devices[name], sampler),
                on_end=partial(self._sampler_ended, name),
                pause=self.recoveries[name].pause,
            )
            for name, sampler in self.samplers.items()
        ]
        clouds = [
            supervise(
                f"uplink {name}",
                partial(self._link, uplink),
                Backoff(floor_s=getattr(uplink.config, "reconnect_min", 0.0)),
                partial(self._link_ended, name),
            )
            for name, uplink in self.settings.uplinks.items()
        ]
        windows = [
            supervise(f"windows {name}", sampler.tend)
            for name, sampler in self.samplers.items()
            if sampler.has_windows
        ]
        return sensors + clouds + windows

    async def _keep(self, device: DeviceSettings, keeper: Keeper) -> None:
        has_proofs = any(limits.verify for limits in device.limits.values())
        with self.board.watched(keeper.look) if has_proofs else nullcontext():
            await keeper.run(partial(self._open, device), self.devices[device.name].went_up)

    async def _sample(self, device: DeviceSettings, sampler: Sampler) -> None:
        @asynccontextmanager
        async def opened() -> AsyncIterator[Any]:
            async with AsyncExitStack() as stack:
                try:
                    async with asyncio.timeout(OPEN_S):
                        sensor = await stack.enter_async_context(self._open(device))
                except TimeoutError as error:
                    raise DeviceTimeout(f"did not open within {OPEN_S:g} s") from error
                self.devices[device.name].went_up()
                yield sensor

        async with self.lookout.watch.session(f"device {device.name}"):
            await sampler.run(opened, device.every, device.timeout)

    @asynccontextmanager
    async def _open(self, device: DeviceSettings) -> AsyncIterator[Any]:
        tap = self.taps[device.name]
        opening = partial(device.driver.open, device.config, tap.ports(self.ports))
        async with AsyncExitStack() as stack:
            with tap.opened():
                recovery = self.recoveries[device.name]
                opened = await stack.enter_async_context(recovery.opened(opening))
            yield opened

    def _is_wire_well(self, device: DeviceSettings) -> bool:
        """Return whether another device works on the same wire."""
        port = port_of(device)
        return port is not None and any(
            port_of(other) == port and self.devices[other.name].is_up
            for other in self.settings.devices.values()
            if other is not device
        )

    def _publish_output(self, name: str, readings: Sequence[Reading]) -> None:
        self.bus.publish(readings, is_urgent=True)
        if any(reading.quality is Quality.GOOD for reading in readings):
            self.recoveries[name].answered()

    def _device_ended(self, name: str, error: Exception | None, retry_s: float) -> None:
        self.devices[name].ended(error, retry_s)
        self.lookout.watch.failed(f"device {name}", error)
        self.recoveries[name].failed(error)

    def _sampler_ended(self, name: str, error: Exception | None, retry_s: float) -> None:
        self._device_ended(name, error, retry_s)
        self.samplers[name].publish_reason(quality_of(error))

    async def _link(self, uplink: UplinkSettings) -> None:
        name, opening = uplink.name, uplink.cloud.open_link
        async with self.lookout.watch.session(f"uplink {name}"), AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(LINK_S):
                    premises = self.premises(name)
                    link = await stack.enter_async_context(opening(uplink.config, premises))
            except TimeoutError as error:
                raise LinkLost(f"did not open within {LINK_S:g} s") from error
            self.uplinks[name].went_up()
            log.info("link up", uplink=name)
            await live(link, self.outbox, self.desk, name, self.lookout.stages[name])

    def _link_ended(self, name: str, error: Exception | None, retry_s: float) -> None:
        self.uplinks[name].ended(error, retry_s)
        self.lookout.watch.failed(f"uplink {name}", error)

    def premises(self, uplink: str) -> Premises:
        """Return what a link may know of this gateway."""
        gateway = self.settings.gateway
        folder = gateway.state_dir / "uplinks" / uplink
        # A card that cannot be written keeps no cloud from its readings; one that hangs would hold
        # up everything here, even where there is nothing to make.
        with suppress(OSError):
            if not folder.is_dir():
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Premises(
            uplink,
            gateway.id,
            gateway.name,
            __version__,
            self.channels,
            self.board,
            self.clock,
            folder,
            {
                name: self.audit.heard(name, uplink, self.clock, act)
                for name, act in self.manage.items()
                if name in gateway.allow
            },
            self.settings.routes,
            {name: sampler.pace for name, sampler in self.samplers.items() if sampler.pace},
        )


def note(event: str, **facts: object) -> None:
    """Log what a keeper or a wire did; louder where somebody may have to look after it."""
    (log.warning if event in WORRYING else log.info)(event, **facts)


def note_totals(what: str) -> None:
    """Log what is wrong with the files in which totals are kept."""
    log.error("totals", what=what)


@asynccontextmanager
async def crew(*members: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Let tasks live while the block does; one that fails takes the block with it."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(member) for member in members]
        try:
            yield
        finally:
            for task in tasks:
                # One that is on its way out already (another member failed) is left to it.
                if not task.cancelling():
                    task.cancel()


@asynccontextmanager
async def open_gateway(
    settings: Settings, clock: Clock, ports: Ports | None = None, manage: Manage | None = None
) -> AsyncIterator[Gateway]:
    """Run a gateway for as long as the block lasts.

    Raises:
        ConfigError: the settings contradict each other (interlocks).
        OutboxError: no log can be kept in `state_dir`.
        ExceptionGroup: a core task died; the outputs are safe.
    """
    state_dir = settings.gateway.state_dir
    hot_dir = find_tmpfs(state_dir, settings.gateway.runtime_dir)
    bounds = Bounds(settings.outbox.size_max, settings.outbox.age_max)
    holds_back = settings.clock.unsynchronised == "wait"
    outbox = new_outbox(state_dir, hot_dir, clock, bounds, holds_back=holds_back)
    wires = ports or Ports(settings.ports, note)
    totals = Totals(hot_dir, state_dir, settings.totals.save, note_totals)
    audit, cycles = Audit(state_dir, note), Cycles(clock, hot_dir, state_dir, note)
    gateway = Gateway(settings, clock, wires, outbox, manage or {}, totals, audit, cycles)
    fault: OutboxError | None = None
    async with (
        closing(outbox),
        crew(gateway.record(), totals.run(), audit.run(), cycles.run()),
        crew(*gateway.keeper_tasks()),
    ):
        try:
            await gateway.open_log()
        except OutboxError as error:
            fault = error  # Raised where it is no group of one.
        else:
            async with (
                crew(
                    gateway.lookout.watch.run(),
                    gateway.lookout.watch_recorder(),
                    gateway.recorder.wear.run(),
                ),
                crew(*gateway.edge_tasks()),
            ):
                yield gateway
    if fault is not None:
        raise fault
