"""The gateway's own board: a Raspberry Pi, or any machine with Linux.

Channels:
    cpu_temperature (Cel)
    cpu_frequency (MHz), of the first core, as it runs now
    load, processes running or waiting, averaged over one minute
    memory_used (%), what is not available to programs
    disk_used (%), of the file system that `disk` is on, as an ordinary user sees it
    uptime (s)
    undervoltage (switch), the supply is too weak at this moment
    undervoltage_seen (switch), it was since the last boot
    throttled (switch), slowed down for heat or supply at this moment
    received, sent (By/s), through the interface of the default route since the last read;
        UNCERTAIN where only the average since boot is known
    A channel whose source this machine does not have is OFF.

Example:

    [device.board]
    driver = "pi"
    disk = "/var/lib"
    every = "60s"

Tested: trees of sysfs and procfs files.

Source: Linux kernel, Documentation/filesystems/proc.rst and admin-guide/abi (thermal, hwmon,
cpufreq); Raspberry Pi documentation, vcgencmd get_throttled (bits 0–3 now, 16–19 since boot).
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from gatewayd.model import Channel, Measurement, Quality
from gatewayd.ports.worker import Worker

if TYPE_CHECKING:
    from gatewayd.ports import Ports

T = TypeVar("T")

READ_S = 5.0
"""All files together. They take a millisecond; a firmware or a network disk that hangs does not
hang the gateway."""

FILE_BYTES_MAX = 64 * 1024
"""/proc and /sys files in question are a few hundred bytes; /proc/net/dev of a host with many
containers is a few thousand."""

RATE_S_MIN = 0.5
"""/proc/uptime counts hundredths: over less than half a second a rate is off by percents."""

UNDERVOLTAGE, SLOWED, UNDERVOLTAGE_SEEN = 0x1, 0x2 | 0x4 | 0x8, 0x1_0000

CPU_ZONES = ("cpu-thermal", "cpu_thermal", "soc-thermal", "x86_pkg_temp")
CPU_CHIPS = ("cpu_thermal", "coretemp", "k10temp")
"""What the kernel calls the processor's sensor: on a Pi, on other ARM boards, on PCs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The keys of a `[device.NAME]` section with this driver.

    Attributes:
        disk: a path on the file system to watch.
        proc, sys: where the kernel shows itself; changed for tests and containers only.
    """

    disk: Path = Path("/")
    proc: Path = Path("/proc")
    sys: Path = Path("/sys")


CHANNELS = (
    Channel("cpu_temperature", "temperature", "Cel", 1, minimum=-40, maximum=150),
    Channel("cpu_frequency", "frequency", "MHz", 0, minimum=0),
    Channel("load", "load", "", 2, minimum=0),
    Channel("memory_used", "share", "%", 1, minimum=0, maximum=100),
    Channel("disk_used", "share", "%", 1, minimum=0, maximum=100),
    Channel("uptime", "duration", "s", 0, minimum=0),
    Channel("undervoltage", "switch"),
    Channel("undervoltage_seen", "switch"),
    Channel("throttled", "switch"),
    Channel("received", "rate", "By/s", 0, minimum=0),
    Channel("sent", "rate", "By/s", 0, minimum=0),
)


class Traffic(NamedTuple):
    """Bytes through one interface, at a time counted in seconds since boot."""

    interface: str
    at_s: float
    received: int
    sent: int


class Power(NamedTuple):
    """The firmware's flags, and which of them this machine can tell."""

    flags: int
    known: int


def describe(config: Config) -> tuple[Channel, ...]:
    """Return all channels; those without a source here are OFF."""
    return CHANNELS


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[Pi]:
    """Yield the board; it needs no proof of identity."""
    worker = Worker("host")
    try:
        yield Pi(config, worker)
    finally:
        await worker.close()


class Pi:
    """The board; blocking reads in its own thread, because firmware calls can take long."""

    def __init__(self, config: Config, worker: Worker) -> None:
        self._config = config
        self._worker = worker
        self._before: Traffic | None = None

    async def read(self) -> Sequence[Measurement]:
        """Return one measurement a channel. Raises DeviceTimeout where the kernel hangs."""
        return await self._worker.run(self._read, timeout_s=READ_S)

    def _read(self) -> list[Measurement]:
        proc, sys = self._config.proc, self._config.sys
        power, quality = _seen(lambda: find_power(sys))
        return [
            _one("cpu_temperature", lambda: find_cpu_temperature(sys)),
            _one("cpu_frequency", lambda: find_cpu_frequency(sys)),
            _one("load", lambda: float(_text(proc / "loadavg").split()[0])),
            _one("memory_used", lambda: parse_memory_used(_text(proc / "meminfo"))),
            _one("disk_used", lambda: _disk_used(self._config.disk)),
            _one("uptime", lambda: parse_uptime(_text(proc / "uptime"))),
            _flag("undervoltage", power, quality, UNDERVOLTAGE),
            _flag("undervoltage_seen", power, quality, UNDERVOLTAGE_SEEN),
            _flag("throttled", power, quality, SLOWED),
            *self._rates(),
        ]

    def _rates(self) -> tuple[Measurement, Measurement]:
        traffic, quality = _seen(lambda: find_traffic(self._config.proc))
        if traffic is None:
            return Measurement("received", None, quality), Measurement("sent", None, quality)
        before, self._before = self._before, traffic
        return rates(before, traffic)


def rates(before: Traffic | None, now: Traffic) -> tuple[Measurement, Measurement]:
    """Return received and sent, bytes a second, from two looks at the counters.

    Without an earlier look at the same interface, or with one just now, or when the counters
    started again, the average since boot is all that is known: UNCERTAIN.
    """
    quality = Quality.GOOD
    if (
        before is None
        or before.interface != now.interface
        or now.at_s - before.at_s < RATE_S_MIN
        or now.received < before.received
        or now.sent < before.sent
    ):
        before, quality = Traffic(now.interface, 0.0, 0, 0), Quality.UNCERTAIN
    past_s = max(now.at_s - before.at_s, RATE_S_MIN)
    return (
        Measurement("received", (now.received - before.received) / past_s, quality),
        Measurement("sent", (now.sent - before.sent) / past_s, quality),
    )


def parse_memory_used(meminfo: str) -> float:
    """Return the share of memory in use (%). Raises ValueError."""
    kib = {
        name: int(rest.split()[0])
        for name, _, rest in (line.partition(":") for line in meminfo.splitlines())
        if name in {"MemTotal", "MemAvailable"}
    }
    if len(kib) < 2 or kib["MemTotal"] <= 0:
        raise ValueError("meminfo says no MemTotal and MemAvailable")
    return 100 * (1 - kib["MemAvailable"] / kib["MemTotal"])


def parse_uptime(uptime: str) -> float:
    """Return seconds since boot. Raises ValueError."""
    return float(uptime.split(maxsplit=1)[0])


def parse_default_interface(route: str) -> str:
    """Return the interface of the IPv4 default route with the lowest metric.

    Raises:
        FileNotFoundError: there is no default route.
    """
    fields = [line.split() for line in route.splitlines()[1:]]
    routes = [(int(row[6]), row[0]) for row in fields if row[1] == row[7] == "00000000"]
    if not routes:
        raise FileNotFoundError("no default route")
    return min(routes)[1]


def parse_counters(dev: str, interface: str) -> tuple[int, int]:
    """Return bytes received and sent of one interface. Raises ValueError."""
    for line in dev.splitlines():
        name, colon, rest = line.partition(":")
        if colon and name.strip() == interface:
            columns = rest.split()
            return int(columns[0]), int(columns[8])
    raise ValueError(f"net/dev does not list {interface}")


def find_traffic(proc: Path) -> Traffic:
    """Return the counters of the interface that leads to the clouds. Raises OSError, ValueError."""
    interface = parse_default_interface(_text(proc / "net" / "route"))
    received, sent = parse_counters(_text(proc / "net" / "dev"), interface)
    return Traffic(interface, parse_uptime(_text(proc / "uptime")), received, sent)


def find_cpu_temperature(sys: Path) -> float:
    """Return the processor's temperature (°C). Raises OSError, ValueError."""
    for zone in sorted(sys.glob("class/thermal/thermal_zone*")):
        if _text(zone / "type").strip() in CPU_ZONES:
            return int(_text(zone / "temp")) / 1000
    for chip in sorted(sys.glob("class/hwmon/hwmon*")):
        if _text(chip / "name").strip() in CPU_CHIPS:
            return int(_text(chip / "temp1_input")) / 1000
    raise FileNotFoundError("no sensor of the processor")


def find_cpu_frequency(sys: Path) -> float:
    """Return the first core's clock (MHz). Raises OSError, ValueError."""
    khz = int(_text(sys / "devices/system/cpu/cpu0/cpufreq/scaling_cur_freq"))
    return khz / 1000


def find_power(sys: Path) -> Power:
    """Return what the firmware says of the supply.

    Raises:
        OSError: no Raspberry Pi.
        ValueError: a file holds nonsense.
    """
    firmware = sys / "devices/platform/soc/soc:firmware/get_throttled"
    if firmware.exists():
        return Power(int(_text(firmware), 16), UNDERVOLTAGE | UNDERVOLTAGE_SEEN | SLOWED)
    for chip in sorted(sys.glob("class/hwmon/hwmon*")):
        if _text(chip / "name").strip() == "rpi_volt":
            return Power(int(_text(chip / "in0_lcrit_alarm")), UNDERVOLTAGE)
    raise FileNotFoundError("no Raspberry Pi firmware")


def _text(path: Path) -> str:
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.read(FILE_BYTES_MAX)


def _disk_used(path: Path) -> float:
    """Return the used share (%) of what an ordinary user may use, as df counts."""
    disk = os.statvfs(path)
    used = disk.f_blocks - disk.f_bfree
    if used + disk.f_bavail <= 0:
        raise FileNotFoundError(f"{path} is on no disk")
    return 100 * used / (used + disk.f_bavail)


def _seen(look: Callable[[], T]) -> tuple[T | None, Quality]:
    """Return what a look gives, or None and the reason."""
    try:
        return look(), Quality.GOOD
    except (FileNotFoundError, NotADirectoryError):
        return None, Quality.OFF
    except OSError:
        return None, Quality.ABSENT
    except (ValueError, IndexError):
        return None, Quality.FAULT


def _one(channel: str, look: Callable[[], float]) -> Measurement:
    value, quality = _seen(look)
    return Measurement(channel, value, quality)


def _flag(channel: str, power: Power | None, quality: Quality, mask: int) -> Measurement:
    if power is None:
        return Measurement(channel, None, quality)
    if not power.known & mask:
        return Measurement(channel, None, Quality.OFF)
    return Measurement(channel, bool(power.flags & mask))
