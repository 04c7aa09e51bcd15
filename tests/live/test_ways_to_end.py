"""Every way that the process can end, and every kind of output: safe within the stated time.

One house has an output of each kind: a pin (a stand-in for libgpiod whose pins live in a file), a
serial board on a pty, a Modbus board on a pty, a simulated board, port expanders on I²C, USB
relays and a PWM output (over a stand-in for the kernel, whose chips, boards and attributes live in
files too, so that they stay as a killed process leaves them). Every way begins with all of
them where they are not safe, seen at the contacts themselves. The kernel's out-of-memory killer
is SIGKILL; a reboot is SIGTERM from the service manager.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import shutil
import signal
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from gatewayd.console.client import socket_paths
from tests.live import trouble_driver
from tests.live.daemon import Daemon, House, until
from tests.peers import stand_in, stood_in
from tests.peers.lcus import LcusBoard
from tests.peers.modbus import Line, Slave, rtu_line
from tests.peers.pty import plugged

pytestmark = pytest.mark.alone

SLAVE, PIN = 4, 17
SAFE: dict[str, bool | float] = {
    "valve/relay": False,
    "lamps/relay1": False,
    "lamps/relay2": False,
    "fans/relay1": False,
    "fans/relay2": False,
    "pump/relay": False,
    "pump/vent": True,
    "heating/pump": False,
    "heating/valve": False,
    "doors/left": False,
    "doors/siren": True,
    "desk/relay1": False,
    "desk/relay2": False,
    "horn/relay": False,
    "fan/level": 0.0,
}
FULL = 60.0
"""What the fan runs at, percent."""

UNSAFE: dict[str, bool | float] = {
    name: not value if isinstance(value, bool) else FULL for name, value in SAFE.items()
}

PWM_BLOCK = "3f20c000.pwm"

STOP_S = 10.0
"""The program's own way out, after SIGTERM."""

SAFE_S = 2.0
"""`gatewayd safe`, from its first instruction to its exit code."""

WATCHDOG_S = 3.0


@dataclass
class Yard:
    """A house with an output of every kind, looked at from the outside."""

    house: House
    line: Line
    lamps: LcusBoard
    chip: Path
    boards: Path
    pwm: Path

    def contacts(self) -> Mapping[str, bool | float]:
        """Return what every contact really does."""
        pump = json.loads((self.house.folder / "pump.json").read_text())
        fans = self.line.coils(SLAVE)
        level = json.loads(Path(f"{self.chip}.pins").read_text())[str(PIN)]
        there = stood_in.contacts(self.boards)
        return {
            "valve/relay": not level,  # It is switched on when the pin is pulled low.
            "lamps/relay1": self.lamps.relays[0],
            "lamps/relay2": self.lamps.relays[1],
            "fans/relay1": fans[0],
            "fans/relay2": fans[1],
            "pump/relay": pump["relay"],
            "pump/vent": pump["vent"],
            "heating/pump": not there["pcf8574"][0],  # These pull the pin low, too.
            "heating/valve": not there["pcf8574"][7],
            "doors/left": there["mcp23017"][0],
            "doors/siren": there["mcp23017"][8],
            "desk/relay1": there["usbrelay"][0],
            "desk/relay2": there["usbrelay"][1],
            "horn/relay": there["hidrelay"][0],
            "fan/level": stood_in.level_of(self.pwm),
        }

    async def run_safe(self) -> None:
        """Run what systemd runs then, and prove that it keeps its time and tells the truth."""
        began_s = time.monotonic()
        done = await self.house.verb("safe", "--json")
        took_s = time.monotonic() - began_s
        assert (done.code, done.err) == (0, "")
        assert {row["output"]: row["is_safe"] for row in done.json["outputs"]} == dict.fromkeys(
            [*SAFE, "trouble/crash", "trouble/block"], True
        )
        assert took_s < SAFE_S


@asynccontextmanager
async def made(house: House) -> AsyncIterator[Yard]:
    trouble_driver.install(house.folder)
    stands = str(Path(next(iter(stand_in.__path__))))
    house.environ["PYTHONPATH"] = os.pathsep.join([stands, str(house.folder), house.python_path()])
    chip = house.folder / "gpiochip0"
    chip.touch()
    boards = house.folder / "boards"
    boards.mkdir()
    house.program = (stood_in.__name__, str(boards))
    pwm = stood_in.lay_pwm(house.folder / "sys", PWM_BLOCK)
    lamps = LcusBoard(2)
    async with rtu_line({SLAVE: Slave()}) as line:
        with plugged(lamps) as cable:
            common = {"safe": "off", "hold_max": "1h"}
            house.sections["port"] = {
                "chip": {"type": "gpio", "chip": str(chip)},
                "tree": {"type": "files", "root": str(house.folder / "sys")},
            }
            i2c = {"driver": "expander_relay", "port": "i2c:1", **common}
            hid = {"driver": "hid_relay", **common}
            house.devices |= {
                "valve": {
                    "driver": "gpio_relay",
                    "port": "chip",
                    "line": PIN,
                    "active": "low",
                    **common,
                },
                "lamps": {"driver": "serial_relay", "port": cable.path, "relays": 2, **common},
                "fans": {
                    "driver": "modbus_relay",
                    "port": line.port,
                    "slave": SLAVE,
                    "relays": 2,
                    **common,
                },
                "pump": {
                    "driver": "sim_relay",
                    "relays": ["relay", "vent"],
                    "state_file": str(house.folder / "pump.json"),
                    "channel": {"vent": {"safe": "on"}},
                    **common,
                },
                "heating": {
                    **i2c,
                    "chip": "pcf8574",
                    "address": stood_in.PCF8574,
                    "relays": {"pump": 0, "valve": 7},
                    "active": "low",
                },
                "doors": {
                    **i2c,
                    "chip": "mcp23017",
                    "address": stood_in.MCP23017,
                    "relays": {"left": 0, "siren": 8},
                    "active": "high",
                    "channel": {"siren": {"safe": "on"}},
                },
                "desk": {**hid, "port": stood_in.USB_RELAY, "relays": stood_in.RELAYS},
                "horn": {**hid, "port": stood_in.HID_RELAY, "model": "hidrelay"},
                "fan": {
                    **{"driver": "pwm", "port": "tree", "chip": PWM_BLOCK, "output": 0},
                    **{"frequency": 25_000, "safe": 0, "hold_max": "1h"},
                },
                "trouble": {"driver": "trouble", **common},
            }
            yield Yard(house, line, lamps, chip, boards, pwm)


async def switch_all(daemon: Daemon, yard: Yard) -> None:
    """Put every contact where it is not safe."""
    await daemon.wait_up(*yard.house.devices)
    for name, value in UNSAFE.items():
        outcome = await daemon.ask("set", channel=name, value=value)
        assert outcome["status"] == "done", outcome
        assert outcome["accepted_ms"] <= outcome["applied_ms"]
    assert yard.contacts() == UNSAFE


async def _ended(daemon: Daemon) -> int:
    await until(lambda: daemon.process.poll() is not None, "the process has ended", STOP_S)
    assert daemon.process.returncode is not None
    return daemon.process.returncode


async def _makes_trouble(daemon: Daemon, yard: Yard, channel: str) -> None:
    """Switch on what is trouble, and do not wait for an answer that may never come."""
    asked = json.dumps({"do": "set", "channel": channel, "value": True})
    with socket.socket(socket.AF_UNIX) as client:
        paths = socket_paths(yard.house.state, yard.house.runtime)
        client.connect(str(next(path for path in paths if path.exists())))
        client.sendall(asked.encode() + b"\n")
        await asyncio.sleep(0.2)  # It reads that, and no event tells when.


def killed_by(number: signal.Signals) -> Callable[[Daemon, Yard], Awaitable[None]]:
    """Return a way: a signal that the program cannot or does not answer."""

    async def way(daemon: Daemon, yard: Yard) -> None:
        # A core file of every such death would fill the machine that tests.
        resource.prlimit(daemon.process.pid, resource.RLIMIT_CORE, (0, 0))
        daemon.send(number)
        assert await _ended(daemon) == -number
        assert yard.contacts() == UNSAFE, "nobody was left to do anything"
        await yard.run_safe()

    return way


def stopped_by(number: signal.Signals) -> Callable[[Daemon, Yard], Awaitable[None]]:
    """Return a way: a signal that the program answers itself."""

    async def way(daemon: Daemon, yard: Yard) -> None:
        assert await daemon.stop(number) == 0

    return way


async def a_bug_in_a_core_task(daemon: Daemon, yard: Yard) -> None:
    """It ends by itself, loudly, and leaves nothing on."""
    await _makes_trouble(daemon, yard, "trouble/crash")
    assert await _ended(daemon) == 1


async def a_blocked_loop(daemon: Daemon, yard: Yard) -> None:
    """Nothing feeds the watchdog any more; systemd sends SIGABRT and runs `safe`."""
    fed = daemon.told().count("WATCHDOG=1")
    assert fed, "it was fed while it lived"
    await _makes_trouble(daemon, yard, "trouble/block")
    fed = daemon.told().count("WATCHDOG=1")
    await asyncio.sleep(WATCHDOG_S)  # The time itself.
    assert daemon.told().count("WATCHDOG=1") == fed
    await killed_by(signal.SIGABRT)(daemon, yard)


async def a_reload(daemon: Daemon, yard: Yard) -> None:
    """The file is read again: safe first, and nothing is replayed."""
    daemon.send(signal.SIGHUP)
    await daemon.wait_ready(2)
    await daemon.wait_up(*yard.house.devices)


WAYS: dict[str, Callable[[Daemon, Yard], Awaitable[None]]] = {
    "SIGTERM": stopped_by(signal.SIGTERM),
    "SIGINT": stopped_by(signal.SIGINT),
    "SIGKILL": killed_by(signal.SIGKILL),
    "SIGSEGV": killed_by(signal.SIGSEGV),
    "SIGABRT": killed_by(signal.SIGABRT),
    "a bug in a core task": a_bug_in_a_core_task,
    "a blocked loop": a_blocked_loop,
    "a reload": a_reload,
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
async def test_every_output_is_safe_after(
    house: House, way: Callable[[Daemon, Yard], Awaitable[None]]
) -> None:
    """However it ended: every contact of every kind is where its owner said."""
    house.environ["WATCHDOG_USEC"] = str(round(WATCHDOG_S * 1e6))
    async with made(house) as yard, house.daemon() as daemon:
        await switch_all(daemon, yard)
        await way(daemon, yard)
        await until(lambda: yard.contacts() == SAFE, "every contact is safe", STOP_S)


@pytest.mark.skipif(os.geteuid() != 0, reason="a full card is a small tmpfs, mounted by root")
async def test_a_full_disk_changes_nothing_of_it(house: House) -> None:
    """Commands work, and on SIGTERM every contact is safe."""
    mount = f'mount -t tmpfs -o size=1m none {house.state} && exec "$@"'
    house.state.mkdir()
    house.wrapper = (shutil.which("unshare") or "", "-m", "sh", "-c", mount, "sh")
    async with made(house) as yard, house.daemon() as daemon:
        await daemon.wait_up(*house.devices)
        fill(daemon.root / str(house.state).lstrip("/") / "hog")
        await switch_all(daemon, yard)
        assert await daemon.stop() == 0
        assert yard.contacts() == SAFE


def fill(hog: Path) -> None:
    """Write until there is no room."""
    with hog.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return


async def test_a_frozen_daemon_keeps_what_it_holds_and_that_is_said(house: House) -> None:
    """SIGSTOP: pins and lines are in its hands. What is free goes safe in time, the rest is named
    with the remedy, the exit code is 1; and after the remedy everything is safe.
    """
    async with made(house) as yard, house.daemon() as daemon:
        await switch_all(daemon, yard)
        daemon.send(signal.SIGSTOP)
        frozen = await house.verb("safe", "--json", "--patience", "300ms")
        assert frozen.code == 1
        assert f"kill -9 {daemon.process.pid}" in frozen.err
        rows = {row["output"]: row["is_safe"] for row in frozen.json["outputs"]}
        assert (rows["pump/relay"], rows["pump/vent"], rows["valve/relay"]) == (True, True, False)
        real = yard.contacts()
        assert all(real[name] == SAFE[name] for name in SAFE if rows[name]), "it told the truth"
        daemon.kill()
        await yard.run_safe()
        assert yard.contacts() == SAFE
