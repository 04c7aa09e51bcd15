"""Which outputs `gatewayd safe` drives, from which of two files, and in which round.

Strategy: after a crash nothing has run with today's file yet. The hardware is as the last daemon
knew it, and only the configuration of that daemon says what may have been left on. So its outputs
are driven first, those too that today's file no longer has, has mistakes in, or whose wire it
gives to something else: the daemon had that output at work there, and an edit moves no cable. If
a cable was moved as well, a safe value reaches a device that was not meant, which proves its
identity where it can; the other way round a pump stays on. Today's outputs come second and have
the last word: they are what the owner wants and what the next daemon writes as its first act.

One hardware is driven once: where driver, its keys and wire are the same in both files, with
today's name and safe value, so that a valve does not move twice. What is different in any of them
might be the same hardware still (another polarity of the same line), hence the two rounds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gatewayd.driver import is_output
from gatewayd.printer import tell

if TYPE_CHECKING:
    from gatewayd.config import Problem
    from gatewayd.config.settings import DeviceSettings, Gateway, Settings

Wires = Mapping[str, Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Job:
    """One device to make safe, and the file that says so."""

    device: DeviceSettings
    file: Path


@dataclass(frozen=True, slots=True)
class Round:
    """Devices that are made safe at the same time, over the same wires."""

    jobs: tuple[Job, ...]
    wires: Wires


@dataclass(frozen=True, slots=True)
class Lost:
    """What cannot be made safe because no file says how, and why."""

    name: str
    reason: str
    file: Path


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is to be made safe.

    Attributes:
        gateways: whose daemon may be running, the likelier one first.
    """

    gateways: tuple[Gateway, ...]
    rounds: tuple[Round, ...]
    lost: tuple[Lost, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """One file, as far as it is understood."""

    file: Path
    settings: Settings

    def actuators(self) -> list[DeviceSettings]:
        """Return the sound devices with outputs."""
        return [
            device
            for device in self.settings.devices.values()
            if any(is_output(channel) for channel in device.channels)
        ]


def read_plan(config: Path) -> Plan | None:
    """Return what the file and the last daemon's copy of it say; None if neither can be read.

    What is wrong with a file as a whole is told on stderr.
    """
    from gatewayd.cli._lastgood import find_copy
    from gatewayd.config import salvage
    from gatewayd.config.parts import outputs_part

    settings, problems = salvage(config, part=outputs_part)
    today = Source(config, settings) if settings else None
    if today is None:
        _tell(problems)
    copy = find_copy(config, settings.gateway.state_dir if settings else None)
    if copy is None:
        return make_plan(today, None) if today else None
    settings, problems = salvage(copy, part=outputs_part)
    if settings is None:
        _tell(problems)
        lost = Lost("unknown", f"what the last daemon ran with: {problems[0].found}", copy)
        return make_plan(today, None, (lost,)) if today else None
    if today is None:
        tell(f"gatewayd: using the last configuration that worked, {copy}")
    return make_plan(today, Source(copy, settings))


def _tell(problems: list[Problem]) -> None:
    for problem in problems:
        tell(f"gatewayd: {problem}")


def make_plan(today: Source | None, last: Source | None, lost: tuple[Lost, ...] = ()) -> Plan:
    """Return the rounds, and the outputs that are sound in neither file."""
    sources = [source for source in (last, today) if source]
    twins = find_twins(last, today) if last and today else {}
    rounds = []
    if last:
        jobs = [twins.get(device.name, Job(device, last.file)) for device in last.actuators()]
        rounds.append(Round(tuple(jobs), last.settings.ports))
    if today:
        done = {job.device.name for job in twins.values()}
        jobs = [Job(each, today.file) for each in today.actuators() if each.name not in done]
        rounds.append(Round(tuple(jobs), today.settings.ports))
    known = {device.name for source in sources for device in source.actuators()}
    doubtful = {
        name: Lost(name, f"{reason}; see gatewayd check", source.file)
        for source in sources  # Today's reason is the one that the owner can see.
        for name, reason in source.settings.lost.items()
        if name not in known
    }
    gateways: list[Gateway] = []
    for source in sources:
        if all(_sockets(source.settings.gateway) != _sockets(each) for each in gateways):
            gateways.append(source.settings.gateway)
    return Plan(tuple(gateways), tuple(rounds), (*doubtful.values(), *lost))


def find_twins(last: Source, today: Source) -> dict[str, Job]:
    """Return today's devices that are the same hardware as one of the last, by the last's name.

    A device may have been renamed; one that kept its name is preferred.
    """
    twins: dict[str, Job] = {}
    left = today.actuators()
    for is_renamed in (False, True):
        for old in last.actuators():
            if old.name in twins:
                continue
            for new in left:
                if (is_renamed or new.name == old.name) and _is_same(last, old, today, new):
                    twins[old.name] = Job(new, today.file)
                    left.remove(new)
                    break
    return twins


def _is_same(last: Source, old: DeviceSettings, today: Source, new: DeviceSettings) -> bool:
    from gatewayd.config.wires import port_of

    port = port_of(old) or ""
    return (
        old.driver.kind == new.driver.kind
        and old.config == new.config
        and last.settings.ports.get(port) == today.settings.ports.get(port)
    )


def _sockets(gateway: Gateway) -> tuple[Path, Path | None]:
    return gateway.state_dir, gateway.runtime_dir
