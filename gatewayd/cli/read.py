"""`gatewayd read`: fresh values, from the running daemon or straight from the hardware."""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from gatewayd.cli import DONE, FAILED
from gatewayd.errors import ConfigError, DeviceError, NoDaemon
from gatewayd.fields import parse_duration, show_duration

if TYPE_CHECKING:
    from gatewayd.cli import Subparsers
    from gatewayd.config.settings import DeviceSettings, Settings
    from gatewayd.console.surface import Json
    from gatewayd.model import Channel, Measurement, Value
    from gatewayd.ports import Ports

HELP = "read fresh values, from the running daemon or straight from the hardware"

EPILOG = """\
example:
  gatewayd read boiler/temperature
  gatewayd read boiler --watch --every 5s
exit codes: 0 every channel has a value, 1 some have none
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add this verb to the command line."""
    parser = subparsers.add_parser("read", help=HELP, description=HELP, epilog=EPILOG)
    parser.add_argument("channel", metavar="DEVICE[/CHANNEL]", nargs="?", default="")
    parser.add_argument(
        "--watch", action="store_true", help="repeat until Ctrl-C; * marks what moved since"
    )
    parser.add_argument("--every", metavar="TIME", type=_duration, default=2.0, help="with --watch")
    parser.add_argument("--json", action="store_true", help="one JSON document a reading round")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read and print, once or again and again."""
    before: list[Json] | None = None
    while True:
        rows = read_rows(args.config, args.channel)
        print(json.dumps(rows) if args.json else show_rows(rows, before), flush=True)
        if not args.watch:
            return DONE if all(row["value"] is not None for row in rows) else FAILED
        before = rows
        time.sleep(args.every)


def read_rows(config: Path, wanted: str) -> list[Json]:
    """Return fresh readings from the daemon, or from the hardware where none runs.

    Raises:
        GatewayError: nothing has that name, or the configuration cannot be read.
    """
    from gatewayd.cli._daemon import daemon
    from gatewayd.config import ConfigInvalid

    try:
        with daemon(config) as control:
            return cast("list[Json]", control.ask("read", channel=wanted, fresh=True))
    except NoDaemon as absent:
        try:
            return asyncio.run(read_hardware(config, wanted))
        except ConfigInvalid as error:
            raise ConfigError(str(absent)) from error  # It says both.


async def read_hardware(config: Path, wanted: str) -> list[Json]:
    """Return one reading of every channel that `wanted` means, each device opened once.

    Raises:
        ConfigError: nothing has that name, or the configuration cannot be read.
    """
    from gatewayd.config import ConfigInvalid, salvage
    from gatewayd.ports import Ports

    settings, problems = salvage(config)
    if settings is None:
        raise ConfigInvalid(problems)
    devices = find_devices(settings, wanted)
    ports = Ports(settings.ports)
    answers = await asyncio.gather(*(read_device(device, ports) for device in devices))
    rows = [row for rows in answers for row in rows]
    return [row for row in rows if "/" not in wanted or row["channel"] == wanted]


def find_devices(settings: Settings, wanted: str) -> list[DeviceSettings]:
    """Return the devices that a name means, all for the empty one. Raises ConfigError."""
    device, _, local = wanted.partition("/")
    if not wanted:
        return list(settings.devices.values())
    found = settings.devices.get(device)
    if found is None:
        raise ConfigError(f"no device is called {device!r}, or its section has mistakes")
    if local and local not in (channel.id for channel in found.channels):
        names = ", ".join(channel.id for channel in found.channels)
        raise ConfigError(f"{device} has no channel {local!r}; it has {names}")
    return [found]


async def read_device(device: DeviceSettings, ports: Ports) -> list[Json]:
    """Return one row for every channel of a device; those without a value say why."""
    from gatewayd.clock import SystemClock
    from gatewayd.console.surface import show_reading
    from gatewayd.model import ChannelId, Measurement, Quality, Reading
    from gatewayd.shaping import tuned
    from gatewayd.tuning import PLAIN, derived_names

    reason = ""
    try:
        async with (
            asyncio.timeout(device.timeout * 2),
            device.driver.open(device.config, ports) as opened,
        ):
            measured = {each.channel: each for each in await ask_once(opened, device.channels)}
    except TimeoutError:
        measured, reason, quality = (
            {},
            f"no answer within {device.timeout * 2:g} s",
            Quality.TIMEOUT,
        )
    except DeviceError as error:
        measured, reason, quality = {}, str(error), error.quality
    else:
        quality = Quality.ABSENT
    now_ms = SystemClock().now_ms()
    rows = []
    made = derived_names(device.channels, device.tunings)  # The daemon makes these, with time.
    for channel in device.channels:
        if channel.id in made:
            continue
        seen = measured.get(channel.id, Measurement(channel.id, None, quality))
        tuning = device.tunings.get(channel.id, PLAIN)
        value, its_quality = tuned(seen, channel, tuning, measured)
        name = ChannelId(f"{device.name}/{channel.id}")
        reading = Reading(name, now_ms, value, its_quality)
        rows.append({**show_reading(reading, channel, now_ms), "detail": reason})
    return rows


async def ask_once(opened: Any, channels: tuple[Channel, ...]) -> list[Measurement]:
    """Return what a device says once, whichever kind it is. Raises DeviceError."""
    from gatewayd.driver import Listener, Sensor
    from gatewayd.model import Measurement, Quality

    if isinstance(opened, Sensor):
        return list(await opened.read())
    if isinstance(opened, Listener):
        async for said in opened.measurements():
            return list(said)
        return []
    found: list[Measurement] = []
    for channel in channels:
        value: Value | None = await opened.read_back(channel.id)
        quality = Quality.GOOD if value is not None else Quality.ABSENT
        found.append(Measurement(channel.id, value, quality))
    return found


def show_rows(rows: list[Json], before: list[Json] | None = None) -> str:
    """Return readings as a table for a person; what moved since the round before has a mark.

    It moved if it shows: digits that a sensor's noise changes and nobody sees are no movement.
    """
    from gatewayd.cli._table import table

    if not rows:
        return "no channels"
    cells = [(row["channel"], show_cell(row), row["unit"], _remark(row)) for row in rows]
    if before is None:
        return table(("channel", "value", "unit", ""), cells)
    shown = {row["channel"]: show_cell(row) for row in before}
    marks = ["*" if shown.get(name, cell) != cell else "" for name, cell, _, _ in cells]
    marked = [(mark, *row) for mark, row in zip(marks, cells, strict=True)]
    return "\n" + table(("", "channel", "value", "unit", ""), marked)


def show_cell(row: Json) -> str:
    """Return a value with as many decimals as it is worth."""
    from gatewayd.setpoint import show_value

    value, decimals = row["value"], row["decimals"]
    if isinstance(value, float) and isinstance(decimals, int):
        return f"{value:.{decimals}f}"
    return "–" if value is None else show_value(cast("Value", value))


def _remark(row: Json) -> str:
    remarks = [] if row["quality"] == "good" else [str(row["quality"])]
    age_s = cast(float, row["age_s"])
    if age_s >= 1:
        remarks.append(f"{show_duration(age_s)} old")
    if row.get("detail"):
        remarks.append(str(row["detail"]))
    return ", ".join(remarks)


def _duration(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
