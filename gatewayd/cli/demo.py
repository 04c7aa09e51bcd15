"""`gatewayd demo`: the whole gateway with no hardware, no account and no network."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import socket
import sys
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gatewayd.app import Gateway
    from gatewayd.cli import Subparsers
    from gatewayd.clouds.demonstration import DemoCloud, Switched

HELP = "show a living gateway: simulated devices, local clouds, nothing to install or register"

EXAMPLE = """\
example:
  gatewayd demo --seconds 60

Ends on Ctrl-C or after N seconds, prints the ledger, and exits 0 only if it balances with
nothing dropped and a cloud's command moved the simulated pump.
"""

DEVICES = """\
[gateway]
id = "b827eb000001"
name = "Demonstration"
state_dir = "{scratch}"

[console]
listen = "{console}"

[device.boiler]
driver = "sim"
every = "1s"
step = "10s"
[device.boiler.signals.temperature]
kind = "temperature"
unit = "Cel"
mean = 61.5
amplitude = 4.0
period = "10m"
noise = 0.05
[device.boiler.signals.pressure]
kind = "pressure"
unit = "Pa"
mean = 152000.0
noise = 80.0
[device.boiler.signals.humidity]
kind = "humidity"
unit = "%"
mean = 40.0
amplitude = 8.0
period = "30m"

[device.hall]
driver = "sim"
every = "2s"
[device.hall.signals.door]
shape = "event"
kind = "door"
period = "30s"
chance = 0.4

[device.board]
driver = "pi"
every = "2s"

[device.pump]
driver = "sim_relay"
safe = "off"
hold_max = "10m"
orphan = "5m"
state_file = "{scratch}/pump.state"
"""

CONSOLE = "127.0.0.1:8090"

TELL_S = 4.0
"""Between two lines of progress: a person sees that it lives and can still read what to try."""

ARRIVE_S = 10.0
"""For the first reading to arrive in a cloud, and for the last ones at the end."""

LOOK_S = 0.02
"""How often the demonstration looks whether something has happened."""


def add_parser(subparsers: Subparsers) -> None:
    """Add the verb."""
    parser = subparsers.add_parser("demo", help=HELP, description=HELP, epilog=EXAMPLE)
    parser.add_argument("--seconds", type=float, metavar="N", help="end after N seconds")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Show it; Ctrl-C is an end like any other."""
    from gatewayd.logs import configure_logs

    configure_logs("warning")
    with tempfile.TemporaryDirectory(prefix="gatewayd-demo-") as scratch:
        return asyncio.run(_demonstrate(Path(scratch), args.seconds))


async def _demonstrate(scratch: Path, seconds: float | None) -> int:
    from gatewayd.app import crew
    from gatewayd.cli.run import Signals, open_daemon
    from gatewayd.config import load
    from gatewayd.model import ChannelId
    from gatewayd.notify import Notifier

    signals, output = Signals(), ChannelId("pump/relay")
    console = free_address(CONSOLE)
    file, devices = scratch / "demo.toml", DEVICES.format(scratch=scratch, console=console)
    file.write_text(devices, encoding="utf-8")
    settings = load(file)
    channels = {
        ChannelId(f"{device.name}/{channel.id}"): channel
        for device in settings.devices.values()
        for channel in device.channels
    }
    async with AsyncExitStack() as stack:
        clouds: list[DemoCloud] = []
        for kind in demo_clouds():
            module = importlib.import_module(f"gatewayd.clouds.{kind}.demo")
            opening = module.open_demo(settings.gateway.id, channels, output, scratch)
            clouds.append(await stack.enter_async_context(opening))
        file.write_text("\n\n".join([devices, *(each.section for each in clouds)]))
        gateway = await stack.enter_async_context(
            open_daemon(load(file), Notifier({}), signals.restart)
        )
        await _until(lambda: is_heard(console))
        _say(f"Look at it and switch the pump: http://{console}/")
        _greet(clouds, len(channels), scratch)
        switches: list[Switched] = []
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), crew(_tell(gateway, clouds)):
                await _try_commands(gateway, clouds, switches)
                await signals.stop.wait()
        is_moved = len(switches) == 2 * len(clouds) and all(each.is_done for each in switches)
        return await _settle(gateway, is_moved=is_moved)


def free_address(wanted: str) -> str:
    """Return an address of the loopback, or if its port is taken the same with a free one."""
    host, _, port = wanted.rpartition(":")
    for candidate in (int(port), 0):
        with socket.socket() as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                taken.bind((host, candidate))
            except OSError:
                continue
            return f"{host}:{taken.getsockname()[1]}"
    return wanted


def is_heard(address: str) -> bool:
    """Return whether somebody listens on an address of the loopback."""
    host, _, port = address.rpartition(":")
    with socket.socket() as asking:
        return asking.connect_ex((host, int(port))) == 0


def demo_clouds() -> list[str]:
    """Return the clouds that take part: those with a `demo.py`."""
    import gatewayd.clouds

    root = Path(gatewayd.clouds.__file__).parent
    return sorted(path.parent.name for path in root.glob("*/demo.py"))


def _greet(clouds: list[DemoCloud], channels: int, scratch: Path) -> None:
    kinds = ", ".join(each.kind for each in clouds)
    _say(f"gatewayd runs with 4 simulated devices, {channels} channels, on its way to {kinds}.")
    for cloud in clouds:
        _say(f"  {cloud.kind}: app side {cloud.address}, control plane {cloud.address}/_sandbox/")
    program = sys.argv[0] if Path(sys.argv[0]).name == "gatewayd" else "python -m gatewayd"
    _say(f"  look inside from another terminal: {program} --config {scratch}/demo.toml status")


async def _try_commands(
    gateway: Gateway, clouds: list[DemoCloud], switches: list[Switched]
) -> None:
    """Switch the pump through every cloud, and show how to do it again."""
    [output] = gateway.keepers.values()
    for cloud in clouds:
        await _until(lambda cloud=cloud: cloud.received() > 0)  # type: ignore[misc]  # bound now
        _say(f"{cloud.kind}: the first readings have arrived")
        for on in (True, False):
            switched = await cloud.switch(on=on)
            [state] = output.states()
            is_done = switched.is_done and state.value is on and state.is_verified
            switches.append(replace(switched, is_done=is_done))
            _say(
                f"{cloud.kind}: its app switched the pump {'on' if on else 'off'}: "
                f"{switched.answer} after {switched.took_s * 1000:.1f} ms; the relay reads back "
                f"{'on' if state.value else 'off'}"
            )
        _say(f"Do it yourself; the pump goes on for 3 s:\n  {cloud.curl}")


async def _tell(gateway: Gateway, clouds: list[DemoCloud]) -> None:
    while True:
        await asyncio.sleep(TELL_S)
        arrived = ", ".join(f"{each.kind} {each.received()}" for each in clouds)
        shown = [
            f"{channel} {panel.latest_good.value:.1f}"
            for channel, panel in gateway.board
            if channel.startswith("boiler/")
            and panel.latest_good
            and isinstance(panel.latest_good.value, float)
        ]
        _say(f"recorded {gateway.recorder.recorded} · arrived: {arrived} · {' · '.join(shown)}")


async def _settle(gateway: Gateway, *, is_moved: bool) -> int:
    """Wait for what is under way, print the ledger, and return the exit code."""
    with suppress(TimeoutError):
        await _until(lambda: not any(a.pending for a in gateway.outbox.accounts.values()))
    is_good = is_moved
    for name, line in (await gateway.outbox.balance()).items():
        dropped = sum(line.dropped.values())
        is_good &= line.is_balanced and not dropped and line.delivered > 0
        _say(
            f"ledger {name}: accepted {line.accepted} = delivered {line.delivered} + pending "
            f"{line.pending} + dropped {dropped} ({'balanced' if line.is_balanced else 'WRONG'})"
        )
    return 0 if is_good else 1


async def _until(is_so: Callable[[], bool]) -> None:
    """Look until it is so, for `ARRIVE_S` at most; a demonstration may look."""
    async with asyncio.timeout(ARRIVE_S):
        while not is_so():  # noqa: ASYNC110  # what is looked at has no event to wait for
            await asyncio.sleep(LOOK_S)


def _say(line: str) -> None:
    print(line, file=sys.stdout, flush=True)
