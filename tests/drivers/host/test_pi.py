"""The board's own health, read from trees of files as kernels show them."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.host import pi
from drivers.host.pi import CHANNELS, Config, Power, Traffic, open_driver, rates
from gatewayd.errors import DeviceTimeout
from gatewayd.model import Measurement, Quality
from gatewayd.testing.ports import FakePorts

# Written by hand in the formats of proc(5) and sysfs; not captured on a board.
ROUTE = (
    "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
    "wlan0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000\t0\t0\t0\n"
    "eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
    "eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n"
)
NET_DEV = """\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop
    lo:  111111    1000    0    0    0     0          0         0   111111    1000    0    0
  eth0: 5000000    4000    0    0    0     0          0         0  2000000    3000    0    0
 wlan0:       1       1    0    0    0     0          0         0        1       1    0    0
"""
PROC = {
    "loadavg": "0.52 0.58 0.59 1/389 12345\n",
    "meminfo": "MemTotal:        2000000 kB\nMemFree: 1 kB\nMemAvailable:    1500000 kB\n",
    "uptime": "1000.00 3500.00\n",
    "net/route": ROUTE,
    "net/dev": NET_DEV,
}
SYS = {
    "class/thermal/thermal_zone0/type": "cpu-thermal\n",
    "class/thermal/thermal_zone0/temp": "48312\n",
    "devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "1500000\n",
    "devices/platform/soc/soc:firmware/get_throttled": "50005\n",
}


class Tree:
    """A /proc and a /sys in a folder."""

    def __init__(self, root: Path) -> None:
        self.config = Config(disk=root, proc=root / "proc", sys=root / "sys")

    def fill(self, proc: dict[str, str], sys: dict[str, str]) -> None:
        """Write files, over what is there."""
        for root, files in ((self.config.proc, proc), (self.config.sys, sys)):
            for name, text in files.items():
                path = root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)

    def remove(self, root: str, name: str) -> None:
        """Take a file away."""
        (self.config.disk / root / name).unlink()


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


@pytest.fixture
def board(tree: Tree) -> Tree:
    tree.fill(PROC, SYS)
    return tree


async def read(config: Config) -> dict[str, Measurement]:
    async with open_driver(config, FakePorts()) as sensor:
        return {each.channel: each for each in await sensor.read()}


async def test_a_pi_tells_everything(board: Tree) -> None:
    """Every channel once, in its unit."""
    measured = await read(board.config)
    assert list(measured) == [channel.id for channel in CHANNELS]
    values = {name: each.value for name, each in measured.items()}
    disk_used = values.pop("disk_used")
    assert isinstance(disk_used, float)
    assert 0 <= disk_used <= 100
    assert values == {
        "cpu_temperature": 48.312,
        "cpu_frequency": 1500.0,
        "load": 0.52,
        "memory_used": 25.0,
        "uptime": 1000.0,
        "undervoltage": True,
        "undervoltage_seen": True,
        "throttled": True,
        "received": 5000.0,
        "sent": 2000.0,
    }


async def test_a_bare_machine_has_its_channels_off(tree: Tree) -> None:
    """A source that is not there is no fault, and never a zero."""
    measured = await read(tree.config)
    assert list(measured) == [channel.id for channel in CHANNELS]
    del measured["disk_used"]  # The tree is on a real disk.
    assert {(each.value, each.quality) for each in measured.values()} == {(None, Quality.OFF)}


async def test_a_file_of_nonsense_is_a_fault_of_its_channel_alone(board: Tree) -> None:
    """The other channels keep their values."""
    nonsense = dict.fromkeys(PROC, "?") | {"net/route": "Iface\neth0"}
    board.fill(nonsense, {name: "?" for name in SYS if "type" not in name})
    measured = await read(board.config)
    assert measured.pop("disk_used").quality is Quality.GOOD
    assert {each.quality for each in measured.values()} == {Quality.FAULT}


async def test_a_sensor_that_fails_to_answer_is_absent(board: Tree) -> None:
    """An I/O error is not "there is none"."""
    board.remove("sys", "class/thermal/thermal_zone0/temp")
    (board.config.sys / "class/thermal/thermal_zone0/temp").mkdir()  # Reading gives EISDIR.
    assert (await read(board.config))["cpu_temperature"] == Measurement(
        "cpu_temperature", None, Quality.ABSENT
    )


async def test_other_boards_have_their_processor_in_hwmon(tree: Tree) -> None:
    """Of several sensors the processor's own is taken, by name."""
    tree.fill(
        {},
        {
            "class/thermal/thermal_zone0/type": "acpitz",
            "class/thermal/thermal_zone0/temp": "20000",
            "class/hwmon/hwmon0/name": "nvme",
            "class/hwmon/hwmon0/temp1_input": "30000",
            "class/hwmon/hwmon1/name": "coretemp",
            "class/hwmon/hwmon1/temp1_input": "55000",
        },
    )
    assert (await read(tree.config))["cpu_temperature"].value == 55.0


@pytest.mark.parametrize(
    ("text", "now", "seen", "slowed"),
    [
        ("0", False, False, False),
        ("50000", False, True, False),
        ("50005", True, True, True),
        ("2", False, False, True),
        ("8", False, False, True),
        ("0x1", True, False, False),
    ],
)
def test_the_firmwares_flags(tree: Tree, text: str, now: bool, seen: bool, slowed: bool) -> None:
    """Bits as documented for vcgencmd get_throttled."""
    tree.fill({}, {"devices/platform/soc/soc:firmware/get_throttled": text})
    flags, _ = pi.find_power(tree.config.sys)
    assert bool(flags & pi.UNDERVOLTAGE) is now
    assert bool(flags & pi.UNDERVOLTAGE_SEEN) is seen
    assert bool(flags & pi.SLOWED) is slowed


async def test_a_mainline_kernel_knows_undervoltage_alone(tree: Tree) -> None:
    """rpi_volt has one alarm; what it cannot tell is OFF, not False."""
    tree.fill(
        {}, {"class/hwmon/hwmon1/name": "rpi_volt", "class/hwmon/hwmon1/in0_lcrit_alarm": "1"}
    )
    assert pi.find_power(tree.config.sys) == Power(1, pi.UNDERVOLTAGE)
    measured = await read(tree.config)
    assert measured["undervoltage"] == Measurement("undervoltage", True)
    assert measured["throttled"] == Measurement("throttled", None, Quality.OFF)


async def test_traffic_is_a_rate_between_two_reads(board: Tree) -> None:
    """Through the interface of the best default route; time is the kernel's own."""
    async with open_driver(board.config, FakePorts()) as sensor:
        first = {each.channel: each for each in await sensor.read()}
        board.fill(
            {
                "net/dev": NET_DEV.replace("5000000", "5006000").replace("2000000", "2001500"),
                "uptime": "1010.00 1.0",
            },
            {},
        )
        second = {each.channel: each for each in await sensor.read()}
    assert first["received"] == Measurement("received", 5000.0, Quality.UNCERTAIN)
    assert second["received"] == Measurement("received", 600.0)
    assert second["sent"] == Measurement("sent", 150.0)


@pytest.mark.parametrize(
    "before",
    [
        None,
        Traffic("wlan0", 990.0, 0, 0),
        Traffic("eth0", 999.9, 0, 0),
        Traffic("eth0", 990.0, 6000, 0),
        Traffic("eth0", 990.0, 0, 2000),
    ],
)
def test_without_a_sound_earlier_look_the_rate_is_uncertain(before: Traffic | None) -> None:
    """First read, another interface, a moment ago, counters that started again."""
    received, sent = rates(before, Traffic("eth0", 1000.0, 5000, 1000))
    assert received == Measurement("received", 5.0, Quality.UNCERTAIN)
    assert sent == Measurement("sent", 1.0, Quality.UNCERTAIN)


async def test_without_a_default_route_traffic_is_off(board: Tree) -> None:
    """A gateway whose clouds are out of reach has nothing to count."""
    board.fill({"net/route": ROUTE.splitlines()[0] + "\n"}, {})
    assert (await read(board.config))["sent"].quality is Quality.OFF


@given(st.text(max_size=300))
def test_no_text_of_the_kernels_breaks_the_parsers(text: str) -> None:
    """A number, or one of the errors that become a quality."""
    for parse in (
        pi.parse_memory_used,
        pi.parse_uptime,
        pi.parse_default_interface,
        lambda dev: pi.parse_counters(dev, "eth0"),
    ):
        try:
            parse(text)
        except (ValueError, IndexError, FileNotFoundError):
            continue


async def test_a_kernel_that_hangs_is_a_timeout(
    board: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipe that nobody writes stands for firmware that does not answer."""
    monkeypatch.setattr(pi, "READ_S", 0.05)
    board.remove("proc", "loadavg")
    pipe = board.config.proc / "loadavg"
    os.mkfifo(pipe)
    async with open_driver(board.config, FakePorts()) as sensor:
        with pytest.raises(DeviceTimeout):
            await sensor.read()
        # The writer lets the thread go, and the next read is good again.
        descriptor = os.open(pipe, os.O_RDWR)
        board.remove("proc", "loadavg")
        board.fill({"loadavg": PROC["loadavg"]}, {})
        os.write(descriptor, b"0.1 0.1 0.1 1/1 1\n")
        os.close(descriptor)
        monkeypatch.setattr(pi, "READ_S", 5.0)
        async with asyncio.timeout(5):
            assert len(await sensor.read()) == len(CHANNELS)


async def test_the_machine_that_runs_this_test_can_be_read() -> None:
    """The real /proc and /sys: load, memory and uptime exist on every Linux."""
    measured = await read(Config())
    assert {measured[name].quality for name in ("load", "memory_used", "uptime")} == {Quality.GOOD}
