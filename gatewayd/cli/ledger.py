"""`gatewayd ledger`: what became of every reading, for each uplink."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from gatewayd.cli import DONE, FAILED

if TYPE_CHECKING:
    from gatewayd.cli import Subparsers
    from gatewayd.console.client import Control

HELP = "show for each uplink: accepted = delivered + pending + dropped, with reasons"

EPILOG = """\
A cloud may refuse a reading for ever: then it is dropped as `rejected`, and the last ones are kept
with the cloud's answer. When what it refused for is put right (a sensor that it did not know, a
value that it did not take), --retry has them sent again; they count as pending from then on.
`sent again` are readings to which the cloud's first answer never came: it may have them twice.
`lost` are readings that no log could take: the bus or the memory was full.

example:
  gatewayd ledger
  gatewayd ledger --json | jq .uplinks.thingplus.pending
  gatewayd ledger --rejected --uplink thingplus
  gatewayd ledger --retry thingplus
exit codes: 0 it balances, 1 it does not, 69 no daemon running
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add this verb to the command line."""
    parser = subparsers.add_parser("ledger", help=HELP, description=HELP, epilog=EPILOG)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--rejected", action="store_true", help="show what the clouds refused, and why"
    )
    what.add_argument(
        "--retry",
        metavar="UPLINK",
        nargs="?",
        const="",
        help="have what a cloud refused sent again; without a name, of all clouds",
    )
    parser.add_argument("--uplink", metavar="NAME", help="with --rejected: of this uplink alone")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Ask the daemon for its ledger, or for what was refused, and print it."""
    from gatewayd.cli._daemon import daemon
    from gatewayd.errors import WrongUsage

    if args.uplink is not None and not args.rejected:
        raise WrongUsage("--uplink belongs to --rejected")
    with daemon(args.config) as control:
        if args.retry is not None:
            counts = cast(dict[str, int], control.ask("retry", uplink=args.retry))
            print(json.dumps(counts) if args.json else show_retried(counts))
            return DONE
        if args.rejected:
            rows = list(rejected_rows(control, args.uplink))
            print(json.dumps(rows) if args.json else show_rejected(rows))
            return DONE
        ledger = control.ledger(tell_progress)
    print(json.dumps(ledger) if args.json else show_ledger(ledger))
    return DONE if ledger["is_balanced"] else FAILED


def tell_progress(counted: float | None) -> None:
    """Show a person how far a count is that takes a while; None = it is done."""
    if sys.stderr.isatty():
        told = "\n" if counted is None else f"\rcounting the log: {counted:4.0%}"
        print(told, end="", file=sys.stderr, flush=True)


def rejected_rows(control: Control, uplink: str | None) -> Iterator[dict[str, Any]]:
    """Yield what the cloud of an uplink refused, or of all, the oldest first."""
    for name in [uplink] if uplink else cast(list[str], control.ask("uplinks")):
        after = 0
        while page := cast(list[dict[str, Any]], control.ask("rejected", uplink=name, after=after)):
            yield from page
            after = page[-1]["seq"]


def show_ledger(ledger: dict[str, Any]) -> str:
    """Return the ledger as a table for a person."""
    from gatewayd.cli._table import table

    rows = []
    for name, line in ledger["uplinks"].items():
        dropped = line["dropped"]
        reasons = [f"{count} {reason}" for reason, count in dropped.items()]
        if line["repeated"]:
            reasons.append(f"({line['repeated']} sent again)")
        state = "balanced" if line["is_balanced"] else "DOES NOT BALANCE"
        figures = (line["accepted"], line["delivered"], line["pending"], sum(dropped.values()))
        rows.append((name, *figures, state, ", ".join(reasons)))
    head = ("uplink", "accepted", "delivered", "pending", "dropped", "", "reasons")
    lost = ", ".join(f"{count} {place}" for place, count in ledger["lost"].items() if count)
    shown = table(head, rows) if rows else "no uplinks"
    return f"{shown}\nLOST before the log: {lost}" if lost else shown


def show_rejected(rows: list[dict[str, Any]]) -> str:
    """Return refused readings as a table for a person."""
    from gatewayd.cli._table import table
    from gatewayd.setpoint import show_value

    shown = []
    for row in rows:
        when = datetime.fromtimestamp(row["time_ms"] / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
        value = row["quality"] if row["value"] is None else show_value(row["value"])
        shown.append((row["uplink"], row["channel"], value, when, row["reason"]))
    return (
        table(("uplink", "channel", "value", "time (UTC)", "the cloud said"), shown)
        if shown
        else "none"
    )


def show_retried(counts: dict[str, int]) -> str:
    """Return what goes out again, for a person."""
    return "\n".join(f"{name}: {count} readings go out again" for name, count in counts.items())
