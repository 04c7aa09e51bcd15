"""`gatewayd report`: a commissioning report for the customer's file."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from gatewayd.cli import DONE
from gatewayd.errors import GatewayError
from gatewayd.fields import show_duration

if TYPE_CHECKING:
    from gatewayd.cli import Subparsers
    from gatewayd.config import Settings
    from gatewayd.output import Limits

HELP = "write a commissioning report for the customer's file: one page to print"

EPILOG = """\
example:
  gatewayd report
  gatewayd report --output boiler-room.html

One HTML file: devices with their channels, last values and ages, outputs with limits and safe
values, clouds with the ledger, clock, versions, card, and what `gatewayd check` warns of. Ask for
it when everything is up: it shows what is down too.
exit codes: 0 done, 69 no daemon running
"""

DURATIONS = ("hold_max", "orphan", "min_on", "min_off", "dead_time", "start_delay")


def add_parser(subparsers: Subparsers) -> None:
    """Add this verb to the command line."""
    parser = subparsers.add_parser("report", help=HELP, description=HELP, epilog=EPILOG)
    parser.add_argument(
        "--output", metavar="FILE", type=Path, help="default: gatewayd-report-ID.html"
    )
    parser.add_argument("--json", action="store_true", help="what it says as one document instead")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Ask the daemon and write the report."""
    from gatewayd.cli._daemon import daemon
    from gatewayd.cli.bundle import versions
    from gatewayd.config import salvage
    from gatewayd.reporting import Told, report_of

    settings, problems = salvage(args.config)
    with daemon(args.config) as control:
        status = cast("dict[str, Any]", control.ask("status"))
        told = Told(
            status=status,
            ledger=control.ledger(),
            readings=cast("list[dict[str, Any]]", control.ask("read")),
            channels=cast("list[dict[str, Any]]", control.ask("channels")),
            limits=_limits(settings, [output["channel"] for output in status["outputs"]]),
            versions=versions(),
            problems=[str(problem) for problem in problems],
            made_ms=status["clock"]["time_ms"],
            settings=_wires(settings),
        )
    if args.json:
        print(json.dumps(asdict(told)))
        return DONE
    path = args.output or Path(f"gatewayd-report-{status['gateway']['id']}.html")
    try:
        path.write_text(report_of(told), encoding="utf-8")
    except OSError as error:
        raise GatewayError(f"{path} cannot be written: {error.strerror}") from error
    print(path)
    return DONE


def show_limits(limits: Limits) -> list[tuple[str, str]]:
    """Return what the owner has said about one output, without what is as usual."""
    rows = []
    for each in fields(limits):
        value = getattr(limits, each.name)
        if each.name == "safe" or value in (None, 0.0, ()):
            continue
        if each.name in DURATIONS:
            shown = show_duration(value)
        elif isinstance(value, tuple):
            shown = ", ".join(map(str, value))
        else:
            shown = str(getattr(value, "channel", value))
        rows.append((each.name, shown))
    return rows


def _limits(settings: Settings | None, outputs: list[str]) -> dict[str, list[tuple[str, str]]]:
    """Return the limits of every output; those that are not in the file any more say so."""
    found: dict[str, list[tuple[str, str]]] = {
        name: [("not in the configuration any more", "")] for name in outputs
    }
    for device in settings.devices.values() if settings else ():
        for channel, limits in device.limits.items():
            if f"{device.name}/{channel}" in found:
                found[f"{device.name}/{channel}"] = show_limits(limits)
    return found


def _wires(settings: Settings | None) -> dict[str, str]:
    """Return each device's driver and wire."""
    from gatewayd.config.wires import port_of

    devices = settings.devices.values() if settings else ()
    ports = {device.name: port_of(device) for device in devices}
    return {
        device.name: f"{device.driver.kind} at {ports[device.name]}"
        if ports[device.name]
        else device.driver.kind
        for device in devices
    }
