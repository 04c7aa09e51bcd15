"""`gatewayd set`: operates an output, by the same way as a cloud's command."""

from __future__ import annotations

import argparse
import json
import uuid
from typing import TYPE_CHECKING, Any, cast

from gatewayd.cli import DONE, FAILED
from gatewayd.fields import parse_duration, show_duration

if TYPE_CHECKING:
    from gatewayd.cli import Subparsers

HELP = "operate an output, by the same way as a cloud's command"

EPILOG = """\
example:
  gatewayd set pump/relay on --hold 30s
  gatewayd set lamp/relay on --blink 500ms --hold 10s
  gatewayd set valve/position 40
exit codes: 0 done, 1 refused or failed, 69 no daemon running
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add this verb to the command line."""
    parser = subparsers.add_parser("set", help=HELP, description=HELP, epilog=EPILOG)
    parser.add_argument("channel", metavar="DEVICE/CHANNEL")
    parser.add_argument("value", metavar="VALUE", help="on, off, a number or a text")
    parser.add_argument("--hold", metavar="TIME", type=_duration, help="then back to safe: 30s, 5m")
    parser.add_argument("--blink", metavar="TIME", type=_duration, help="on and off for this long")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Ask the daemon and tell what became of it."""
    from gatewayd.cli._daemon import daemon

    with daemon(args.config) as control:
        outcome = cast(
            dict[str, Any],
            control.ask(
                "set",
                channel=args.channel,
                value=_value(args.value),
                hold_s=args.hold,
                blink_s=args.blink,
                request_id=uuid.uuid4().hex,
            ),
        )
    print(
        json.dumps({"channel": args.channel, **outcome})
        if args.json
        else show_outcome(args.channel, outcome)
    )
    return DONE if outcome["status"] == "done" else FAILED


def show_outcome(channel: str, outcome: dict[str, Any]) -> str:
    """Return what became of a command as a line for a person."""
    from gatewayd.setpoint import show_value

    facts = []
    if outcome["value"] is not None:
        how = outcome.get("verified_by") or "read back"
        how = how if outcome["is_verified"] else "assumed"
        facts.append(f"it is {show_value(outcome['value'])} ({how})")
    if outcome["detail"]:
        facts.append(outcome["detail"])
    if outcome.get("repeat_age_s") is not None:
        facts.append(f"a repeat of {show_duration(outcome['repeat_age_s'])} before")
    facts += show_times(outcome)
    return f"{channel} {outcome['status']}: {'; '.join(facts)}"


def show_times(outcome: dict[str, Any]) -> list[str]:
    """Return how long after it was accepted a command was applied and verified."""
    accepted_ms = outcome.get("accepted_ms")
    if accepted_ms is None:
        return []
    return [
        f"{stage} after {max(0, moment_ms - accepted_ms)} ms"
        for stage in ("applied", "verified")
        if (moment_ms := outcome.get(f"{stage}_ms")) is not None
    ]


def _duration(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _value(text: str) -> object:
    """Return an object for `{"red": 255}`; everything else stays text, which the desk reads."""
    if not text.startswith("{"):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text
