"""`gatewayd status`: how the running daemon is."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from gatewayd.cli import DONE
from gatewayd.cli._table import table
from gatewayd.fields import show_duration, show_size
from gatewayd.ladder import Rung
from gatewayd.setpoint import show_value

if TYPE_CHECKING:
    from gatewayd.cli import Subparsers

RESETS = [str(rung) for rung in Rung if rung is not Rung.REOPEN]
"""Remedies that are worth telling; opening again is everyday."""

YEARS_MAX = 100

HELP = "show devices, uplinks, backlog, outputs, clock and health of the running daemon"

EPILOG = """\
example:
  gatewayd status
  gatewayd status --json | jq '.outputs[] | select(.is_safe | not)'
exit codes: 0 a daemon answered, 69 no daemon running
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add this verb to the command line."""
    parser = subparsers.add_parser("status", help=HELP, description=HELP, epilog=EPILOG)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Ask the daemon and print what it says."""
    from gatewayd.cli._daemon import daemon

    with daemon(args.config) as control:
        status = cast(dict[str, Any], control.ask("status"))
    print(json.dumps(status) if args.json else "\n".join(show_status(status)))
    return DONE


def show_status(status: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of a status for a person."""
    gateway, clock, health = status["gateway"], status["clock"], status["health"]
    up = show_duration(gateway["uptime_s"])
    yield f"{gateway['name']} ({gateway['id']}), gatewayd {gateway['version']}, up {up}"
    time = datetime.fromtimestamp(clock["time_ms"] / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    yield f"health  {'ok' if health['is_ok'] else health['reason']}"
    yield f"clock   {time}{'' if clock['is_synchronised'] else ', NOT SET YET'}"
    if status["outbox"]["card_fault"]:
        yield f"outbox  {status['outbox']['card_fault']}"
    if card := status["outbox"].get("card"):
        yield f"card    {show_card(card)}"
    devices = [(each["name"], each["driver"], _state(each)) for each in status["devices"]]
    yield from _section(("device", "driver", "state"), devices)
    uplinks = [
        (each["name"], each["kind"], each["pending"], _state(each)) for each in status["uplinks"]
    ]
    yield from _section(("uplink", "kind", "pending", "state"), uplinks)
    ports = [(each["name"], *_port(each)) for each in status.get("ports", ())]
    yield from _section(("port", "scans", "why"), ports)
    yield from _section(("output", "is", "safe", "why"), map(_output, status["outputs"]))


def show_card(card: dict[str, Any]) -> str:
    """Return what is written to the card, and how long it will bear that."""
    name = card["device"] or "no card"
    own, device = card["own_bytes_a_day"], card["device_bytes_a_day"]
    if own is None:
        text = f"{name}, {show_size(card['written_bytes'])} written by gatewayd"
    else:
        text = f"{name}, written a day {show_size(own)} by gatewayd"
        text += f", {show_size(device)} by all" if device is not None else ""
    if card["budget_bytes_a_day"] is not None:
        text += f", budget {show_size(card['budget_bytes_a_day'])}"
        text += f", commits every {show_duration(card['interval_s'])}"
    if card["years_left"] is not None:
        text += f"; a new card of {show_size(card['size_bytes'])} lasts {show_years(card)}"
    return text


def show_years(card: dict[str, Any]) -> str:
    """Return how long a card lasts at this rate; nobody believes more than a century."""
    years = card["years_left"]
    return "over 100 years" if years > YEARS_MAX else f"{years:.3g} years"


def _section(head: tuple[str, ...], rows: Any) -> Iterator[str]:
    rows = list(rows)
    if rows:
        yield ""
        yield table(head, rows)


def _state(edge: dict[str, Any]) -> str:
    if edge.get("stopped"):
        return f"STOPPED: {edge['stopped']}"
    if edge["is_up"]:
        return f"up ({edge['helped']} helped)" if edge.get("helped") in RESETS else "up"
    retry = f"; next try in {show_duration(edge['retry_s'])}" if edge["retry_s"] else ""
    remedy = f" ({edge['rung']})" if retry and edge.get("rung") in RESETS else ""
    return f"down: {edge['reason']}{retry}{remedy}"


def _port(port: dict[str, Any]) -> tuple[str, str]:
    """Return how an adapter listens, and why so; a deaf one is said to be."""
    why = str(port.get("reason", ""))
    return str(port.get("scan") or "not"), why if port.get("is_hearing", True) else f"DEAF? {why}"


def _output(output: dict[str, Any]) -> tuple[str, str, str, str]:
    value = show_value(output["value"])
    if output["value"] is not None and not output["is_verified"]:
        value += " (assumed)"
    elif output.get("verified_by") not in {"", "read back", None}:
        value += f" ({output['verified_by']})"
    if output["blink_s"]:
        value = f"blinking every {show_duration(output['blink_s'])}"
    why = output["reason"]
    if output["left_s"] is not None:
        why += f"; goes {show_value(output['safe'])} in {show_duration(output['left_s'])}"
    return output["channel"], value, "yes" if output["is_safe"] else "NO", why
