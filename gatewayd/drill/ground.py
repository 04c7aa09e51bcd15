"""Where an exercise takes place: scratch folder, device, relay, clouds, and the daemon."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import tomlkit

from gatewayd.config import load
from gatewayd.drill.clouds import Clouds, DrillCloud, open_clouds
from gatewayd.drill.counter import HOST, Counter, counting
from gatewayd.drill.daemon import LOOK_S, Daemon, DrillError
from gatewayd.drill.verdict import tally
from gatewayd.model import ChannelId

GATEWAY = "b827eb000001"
COUNT = "counter/count"
ORPHAN_S = 2.0
SAFE_S = 2.0
"""`gatewayd safe` finishes within this, whatever the daemon did."""

DRAIN_S = 60.0
"""For a backlog of an exercise to arrive; seconds on a PC."""

MEMORY = Path("/dev/shm")  # noqa: S108  # A tmpfs on purpose; what is made there is private.

PROGRAM = (sys.executable, "-m", "gatewayd")

Ledger = dict[str, dict[str, Any]]


@dataclass
class Ground:
    """One exercise's world, and what it was found to have done wrong."""

    folder: Path
    runtime: Path
    counter: Counter
    daemon: Daemon
    clouds: Clouds = ()  # type: ignore[assignment]  # Opened with the channels that it names.
    findings: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def relay(self) -> Path:
        """The file in which the simulated relay lives."""
        return self.folder / "pump.json"

    @property
    def config(self) -> Path:
        """The configuration of the drill's own."""
        return self.folder / "drill.toml"

    @property
    def state(self) -> Path:
        """The daemon's state folder."""
        return self.folder / "state"

    def expect(self, is_so: object, otherwise: str) -> None:
        """Note a finding where something is not as it must be."""
        if not is_so:
            self.findings.append(otherwise)

    def is_pump_on(self) -> bool:
        """What the relay itself does, whoever runs."""
        try:
            return bool(json.loads(self.relay.read_text())["relay"])
        except FileNotFoundError:
            return False

    async def switch_pump(self) -> None:
        """Have the first cloud's app put the pump where it is not safe."""
        switched = await self.clouds[0].switch(on=True)
        if not switched.is_done or not self.is_pump_on():
            raise DrillError(f"the pump did not go on: {switched.answer}")

    async def wait_safe(self, within_s: float, after: str) -> None:
        """Note how long the pump takes to be safe, and a finding where that is too long."""
        took_s = await self.maybe_wait(lambda: not self.is_pump_on(), within_s)
        if took_s is None:
            self.findings.append(f"the pump was still on {within_s:g} s after {after}")
        else:
            self.facts["safe_s"] = round(max(took_s, self.facts.get("safe_s", 0.0)), 2)

    async def maybe_wait(self, is_so: Callable[[], object], within_s: float) -> float | None:
        """Wait for something to become true; return after how long, or None if it did not."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        while not is_so():
            if loop.time() - began_s > within_s:
                return None
            await asyncio.sleep(LOOK_S)
        return loop.time() - began_s

    async def wait_news(self, within_s: float = 30.0) -> None:
        """Wait until every cloud has a number that was said after now. Raises DrillError."""
        wanted = self.counter.number
        for cloud in self.clouds:
            is_there = partial(_has_beyond, cloud, wanted)
            if await self.maybe_wait(is_there, within_s) is None:
                raise DrillError(f"nothing new arrives at {cloud.name} within {within_s:g} s")

    async def ledger(self) -> Ledger:
        """Return every uplink's line."""
        found: Ledger = (await self.daemon.ask("ledger"))["uplinks"]
        return found

    async def settle(self) -> Ledger:
        """Let the device fall silent and everything arrive; return the ledger then."""
        self.counter.is_speaking = False
        loop = asyncio.get_running_loop()
        end_s, calm = loop.time() + DRAIN_S, 0
        while True:
            ledger = await self.ledger()
            is_owed = any(line["pending"] for line in ledger.values())
            calm = 0 if is_owed or self._is_more_to_come() else calm + 1
            if calm >= CALM_LOOKS or loop.time() > end_s:
                return ledger
            await asyncio.sleep(CALM_S)

    def _is_more_to_come(self) -> bool:
        """Return whether what was said on a standing connection has not arrived everywhere."""
        session = self.counter.sessions[-1]
        return session.ended_s is None and any(
            cloud.newest() < session.last for cloud in self.clouds
        )

    def judge(self, ledger: Ledger, *, may_drop: bool = False) -> None:
        """Compare what was said with what arrived and with what the ledger says."""
        repeats = 0
        tallies = []
        for cloud in self.clouds:
            found = tally(self.counter.sessions, cloud.rows())
            tallies.append(found)
            self.findings += [f"{cloud.name}: {fault}" for fault in found.faults()]
            repeats += cloud.repeats()
            self.expect(not cloud.disorder(), f"{cloud.name} refused {cloud.disorder()} as too old")
            line = ledger[cloud.name]
            self.expect(line["is_balanced"], f"{cloud.name}: the ledger does not balance")
            self.expect(not line["pending"], f"{cloud.name}: {line['pending']} did not leave")
            dropped = sum(line["dropped"].values())
            self.expect(may_drop or not dropped, f"{cloud.name}: {dropped} dropped")
            self.expect(
                line["delivered"] >= found.arrived,
                f"{cloud.name} has {found.arrived} numbers, the ledger {line['delivered']}",
            )
        self.facts |= {
            "said": self.counter.number,
            "arrived": min(each.arrived for each in tallies),
            "lost": sum(len(each.lost) for each in tallies),
            "repeats": repeats,
            "reordered": sum(len(each.swapped) for each in tallies),
            "tail_s": round(max(each.tail_s for each in tallies), 2),
        }


CALM_S, CALM_LOOKS = 0.2, 3
"""So often in a row nothing must be pending: what was on the wire may still come in."""


def _has_beyond(cloud: DrillCloud, number: int) -> bool:
    return cloud.newest() > number


@asynccontextmanager
async def open_ground(
    scratch: Path | None = None, program: Sequence[str] = PROGRAM, wrapper: Sequence[str] = ()
) -> AsyncIterator[Ground]:
    """Prepare everything; the daemon is not yet started, and killed at the end if it still runs."""
    async with AsyncExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="gatewayd-drill-", dir=scratch))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        memory = MEMORY if os.access(MEMORY, os.W_OK) else folder
        runtime = Path(tempfile.mkdtemp(prefix="gatewayd-drill-", dir=memory))
        stack.callback(shutil.rmtree, runtime, ignore_errors=True)
        counter = await stack.enter_async_context(counting())
        before = [part.replace("{folder}", str(folder)) for part in wrapper]
        daemon = Daemon(folder / "drill.toml", runtime, program, before)
        ground = Ground(folder, runtime, counter, daemon)
        ground.state.mkdir(mode=0o750)
        _write(ground, {})
        channels = {
            ChannelId(f"{device.name}/{channel.id}"): channel
            for device in load(ground.config, {}).devices.values()
            for channel in device.channels
        }
        opening = open_clouds(GATEWAY, channels, COUNT, folder)
        ground.clouds = await stack.enter_async_context(opening)
        _write(ground, {cloud.name: cloud.section for cloud in ground.clouds})
        stack.push_async_callback(daemon.kill)
        yield ground


def _write(ground: Ground, uplinks: dict[str, Any]) -> None:
    document = {
        "gateway": {
            "id": GATEWAY,
            "name": "Drill",
            "state_dir": str(ground.state),
            "runtime_dir": str(ground.runtime),
        },
        "outbox": {"commit_interval": "500ms"},
        "device": {
            "counter": {
                "driver": "lines",
                "port": f"socket://{HOST}:{ground.counter.port}",
                "format": "csv",
                "fields": {"count": {"kind": "count", "column": 1}},
            },
            "pump": {
                "driver": "sim_relay",
                "safe": "off",
                "hold_max": "1h",
                "orphan": f"{ORPHAN_S:g}s",
                "state_file": str(ground.relay),
            },
        },
        "uplink": uplinks,
    }
    ground.config.write_text(tomlkit.dumps(document), encoding="utf-8")
