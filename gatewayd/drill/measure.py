"""This machine's own figures: the real daemon under a steady load, commands, and a flood."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit

from gatewayd.clouds.demonstration import DemoCloud
from gatewayd.clouds.thingplus import demo as thingplus
from gatewayd.config import load
from gatewayd.drill.clouds import PUMP
from gatewayd.drill.daemon import Daemon, DrillError
from gatewayd.drill.ground import GATEWAY, MEMORY, PROGRAM
from gatewayd.model import ChannelId

STEADY_CHANNELS, STEADY_S = 100, 5.0
"""A hundred readings a second: a large house."""

FLOOD_DEVICES, FLOOD_CHANNELS, FLOOD_S = 6, 1000, 4.0
"""As much in one go as the log takes in one go, so that nobody waits for company."""

COMMANDS = 50

ARRIVE_S = 30.0
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
LOOK_S = 0.02


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured.

    Attributes:
        start_s: from the command to the first answer.
        memory_mib: resident, with one cloud and a hundred channels.
        cpu_percent: of one core, at a hundred readings a second.
        bytes_a_reading: written to storage at that rate, all delivered; None where the folder is
            in memory and nothing is written.
        flood_per_s: readings that were made durable a second, at the most.
        flood_memory_mib: resident at the end of that.
        socket_p50_ms, socket_p99_ms: a command by the control socket, with its reading back.
        cloud_p50_ms, cloud_p99_ms: the same by a cloud's own app call.
    """

    start_s: float
    memory_mib: float
    cpu_percent: float
    bytes_a_reading: float | None
    flood_per_s: int
    flood_memory_mib: float
    socket_p50_ms: float
    socket_p99_ms: float
    cloud_p50_ms: float
    cloud_p99_ms: float


async def measure(scratch: Path | None, *, is_stored: bool) -> Figures:
    """Measure, in about twenty seconds.

    Args:
        scratch: where the daemon keeps its state; None = where temporary files are.
        is_stored: whether that is on storage.

    Raises:
        DrillError: the daemon does not start, or nothing arrives.
    """
    steady = {"load": {"driver": "sim", "channels": STEADY_CHANNELS, "every": "1s"}}
    async with _running(scratch, steady) as (daemon, demo, start_s):
        await _arrived(demo)
        before, cpu_s, written = demo.received(), _cpu_s(daemon.pid), _written_bytes(daemon.pid)
        await asyncio.sleep(STEADY_S)
        readings = demo.received() - before
        cpu_percent = 100 * (_cpu_s(daemon.pid) - cpu_s) / STEADY_S
        written = _written_bytes(daemon.pid) - written
        memory_mib = resident_mib(daemon.pid)
        by_socket = sorted([await _by_socket(daemon, number) for number in range(COMMANDS)])
        by_cloud = sorted([await _by_cloud(demo, number) for number in range(COMMANDS)])
    flood = {
        f"load{number}": {"driver": "sim", "channels": FLOOD_CHANNELS, "every": "1ms"}
        for number in range(FLOOD_DEVICES)
    }
    async with _running(scratch, flood) as (daemon, demo, _):
        await _arrived(demo)
        recorded = await _recorded(daemon)
        began_s = asyncio.get_running_loop().time()
        await asyncio.sleep(FLOOD_S)
        recorded = await _recorded(daemon) - recorded
        took_s = asyncio.get_running_loop().time() - began_s
        flood_memory_mib = resident_mib(daemon.pid)
    return Figures(
        start_s=round(start_s, 2),
        memory_mib=round(memory_mib, 1),
        cpu_percent=round(cpu_percent, 1),
        bytes_a_reading=round(written / max(1, readings), 1) if is_stored else None,
        flood_per_s=round(recorded / took_s),
        flood_memory_mib=round(flood_memory_mib, 1),
        socket_p50_ms=quantile_ms(by_socket, 0.5),
        socket_p99_ms=quantile_ms(by_socket, 0.99),
        cloud_p50_ms=quantile_ms(by_cloud, 0.5),
        cloud_p99_ms=quantile_ms(by_cloud, 0.99),
    )


def quantile_ms(sorted_s: list[float], share: float) -> float:
    """Return the duration that a share of sorted durations (s) does not exceed, in ms."""
    return round(1000 * sorted_s[min(len(sorted_s) - 1, int(share * len(sorted_s)))], 2)


def resident_mib(pid: int) -> float:
    """Return a process's resident memory."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(text.partition("VmRSS:")[2].split()[0]) / 1024


@asynccontextmanager
async def _running(
    scratch: Path | None, devices: dict[str, Any]
) -> AsyncIterator[tuple[Daemon, DemoCloud, float]]:
    """Run a daemon with simulated devices, a relay and one cloud; tell how long it took."""
    async with AsyncExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="gatewayd-bench-", dir=scratch))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        runtime = Path(tempfile.mkdtemp(prefix="gatewayd-bench-", dir=_memory(folder)))
        stack.callback(shutil.rmtree, runtime, ignore_errors=True)
        document: dict[str, Any] = {
            "gateway": {
                "id": GATEWAY,
                "state_dir": f"{folder}/state",
                "runtime_dir": str(runtime),
            },
            "device": {
                **devices,
                "pump": {"driver": "sim_relay", "safe": "off", "hold_max": "1h"},
            },
        }
        config = folder / "bench.toml"
        config.write_text(tomlkit.dumps(document), encoding="utf-8")
        channels = {
            ChannelId(f"{device.name}/{channel.id}"): channel
            for device in load(config, {}).devices.values()
            for channel in device.channels
        }
        opening = thingplus.open_demo(GATEWAY, channels, PUMP, folder, ports=0)
        demo = await stack.enter_async_context(opening)
        section = demo.section.replace('series_interval = "1s"', 'series_interval = "0s"')
        config.write_text(tomlkit.dumps(document) + "\n" + section, encoding="utf-8")
        daemon = Daemon(config, runtime, PROGRAM)
        stack.push_async_callback(daemon.kill)
        start_s = await daemon.start()
        yield daemon, demo, start_s
        await daemon.stop()


def _memory(folder: Path) -> Path:
    return MEMORY if MEMORY.is_dir() else folder


async def _arrived(demo: DemoCloud) -> None:
    try:
        async with asyncio.timeout(ARRIVE_S):
            while not demo.received():  # noqa: ASYNC110  # Another process is looked at.
                await asyncio.sleep(LOOK_S)
    except TimeoutError as error:
        raise DrillError(f"nothing arrives within {ARRIVE_S:g} s") from error


async def _recorded(daemon: Daemon) -> int:
    return int((await daemon.ask("status"))["outbox"]["recorded"])


async def _by_socket(daemon: Daemon, number: int) -> float:
    """Switch the relay at the control socket; return how long that took (s)."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    request = {"value": number % 2 == 0, "request_id": f"bench-{number}"}
    outcome = await daemon.ask("set", channel=PUMP, **request)
    if outcome["status"] != "done":
        raise DrillError(f"the relay did not switch: {outcome['detail']}")
    return loop.time() - began_s


async def _by_cloud(demo: DemoCloud, number: int) -> float:
    """Switch the relay by the cloud's own app call; return how long that took (s)."""
    switched = await demo.switch(on=number % 2 == 0)
    if not switched.is_done:
        raise DrillError(f"the cloud's app could not switch the relay: {switched.answer}")
    return switched.took_s


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def _written_bytes(pid: int) -> int:
    """Return what a process has had written to storage; what is in memory is not counted."""
    text = Path(f"/proc/{pid}/io").read_text(encoding="utf-8")
    return int(text.partition("\nwrite_bytes:")[2].split()[0])
