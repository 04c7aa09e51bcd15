"""`gatewayd audit`: every command that was given, by whom, and what became of it."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from gatewayd.cli import DONE
from gatewayd.fields import parse_duration

if TYPE_CHECKING:
    from gatewayd.cli import Subparsers

HELP = "show every command: who asked, for what, what became of it and when"

EPILOG = """\
example:
  gatewayd audit --since 1h
  gatewayd audit --since 2026-11-20T06:00 --json | jq '.commands[] | select(.outcome != "done")'

It is kept in audit.jsonl in state_dir, the last 15,000 commands or more, and is read from there:
no daemon is needed. Times are UTC.
exit codes: 0 done, 1 it cannot be read
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add this verb to the command line."""
    parser = subparsers.add_parser("audit", help=HELP, description=HELP, epilog=EPILOG)
    since = "so long ago (1h, 7d), or a date and time in UTC"
    parser.add_argument("--since", metavar="TIME", type=_since_ms, help=since)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read the record and print it."""
    from gatewayd.audit import read_audit
    from gatewayd.config import salvage
    from gatewayd.config.settings import Gateway
    from gatewayd.errors import GatewayError

    settings, _ = salvage(args.config)
    folder = (settings.gateway if settings else Gateway()).state_dir
    try:
        rows = list(read_audit(folder, args.since))
    except OSError as error:
        raise GatewayError(f"{error.filename} cannot be read: {error.strerror}") from error
    print(json.dumps({"commands": rows}) if args.json else show_rows(rows))
    return DONE


def show_rows(rows: list[dict[str, Any]]) -> str:
    """Return the commands as a table for a person."""
    from gatewayd.cli._table import table

    head = ("time (UTC)", "origin", "what", "value", "outcome", "took")
    return table(head, [_cells(row) for row in rows]) if rows else "no commands"


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    from gatewayd.setpoint import show_value

    time = datetime.fromtimestamp(row.get("time_ms", 0) / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    facts = [str(row.get("outcome"))]
    if "verified_by" in row:
        facts.append(row["verified_by"])
    if "repeat_age_s" in row:
        facts.append(f"a repeat of {row['repeat_age_s']:g} s before, carried out once")
    if "detail" in row:
        facts.append(row["detail"])
    what = row.get("channel") or " ".join(filter(None, (row.get("act"), row.get("uplink"))))
    value = show_value(row["value"]) if row.get("value") is not None else ""
    took = f"{row['took_ms']:g} ms" if "took_ms" in row else ""
    return time, str(row.get("origin")), str(what), value, "; ".join(facts), took


def _since_ms(text: str) -> int:
    from gatewayd.clock import SystemClock

    try:
        return SystemClock().now_ms() - round(parse_duration(text) * 1000)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        reason = f"{text!r} is neither a duration such as 1h nor a date such as 2026-11-20T06:00"
        raise argparse.ArgumentTypeError(reason) from None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
