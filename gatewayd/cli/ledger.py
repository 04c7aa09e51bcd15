"""`gatewayd ledger`: what became of every reading, for each uplink."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any, cast

from gatewayd.cli import DONE, FAILED

if TYPE_CHECKING:
    from gatewayd.cli import Subparsers

HELP = "show for each uplink: accepted = delivered + pending + dropped, with reasons"

EPILOG = """\
example:
  gatewayd ledger
  gatewayd ledger --json | jq .uplinks.thingplus.pending
exit codes: 0 it balances, 1 it does not, 69 no daemon running
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add this verb to the command line."""
    parser = subparsers.add_parser("ledger", help=HELP, description=HELP, epilog=EPILOG)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Ask the daemon for its ledger and print it."""
    from gatewayd.cli._daemon import daemon

    with daemon(args.config) as control:
        ledger = cast(dict[str, Any], control.ask("ledger"))
    print(json.dumps(ledger) if args.json else show_ledger(ledger))
    return DONE if ledger["is_balanced"] else FAILED


def show_ledger(ledger: dict[str, Any]) -> str:
    """Return the ledger as a table for a person."""
    from gatewayd.cli._table import table

    rows = []
    for name, line in ledger["uplinks"].items():
        dropped = line["dropped"]
        reasons = ", ".join(f"{count} {reason}" for reason, count in dropped.items())
        state = "balanced" if line["is_balanced"] else "DOES NOT BALANCE"
        figures = (line["accepted"], line["delivered"], line["pending"], sum(dropped.values()))
        rows.append((name, *figures, state, reasons))
    head = ("uplink", "accepted", "delivered", "pending", "dropped", "", "reasons")
    return table(head, rows) if rows else "no uplinks"
