"""`gatewayd drill`: what gatewayd claims, proved on this machine."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatewayd.cli import DONE, FAILED, INTERRUPTED, WRONG_USAGE

if TYPE_CHECKING:
    from gatewayd.cli import Subparsers
    from gatewayd.drill.course import Result
    from gatewayd.drill.exercises import Plan

HELP = "prove on this machine that nothing is lost and outputs are safe, whatever fails"

EPILOG = """\
example:
  gatewayd drill
  gatewayd drill --only kill --only disk
  gatewayd drill --list

The real daemon on a device that counts, a simulated relay and two local clouds, in a scratch
folder: your configuration, state and hardware are not touched, and your gateway may go on running.
All exercises take two minutes on a Pi 4. Ends clean on Ctrl-C.

exit codes: 0 all passed, 1 something was lost, counted twice, out of order or not safe
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add this verb to the command line."""
    parser = subparsers.add_parser("drill", help=HELP, description=HELP, epilog=EPILOG)
    parser.add_argument("--list", action="store_true", help="name the exercises and end")
    parser.add_argument(
        "--only", metavar="NAME", action="append", default=[], help="this one; may be repeated"
    )
    parser.add_argument(
        "--scratch", metavar="DIR", type=Path, help="where its folder is made, as on the SD card"
    )
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Make the exercises and return 0 if all were passed."""
    from gatewayd.drill.exercises import PLANS
    from gatewayd.logs import configure_logs

    known = {plan.name: plan for plan in PLANS}
    unknown = [name for name in args.only if name not in known]
    if unknown:
        names = ", ".join(known)
        print(f"gatewayd: no exercise {unknown[0]!r}; there are {names}", file=sys.stderr)
        return WRONG_USAGE
    plans = [known[name] for name in args.only] or list(PLANS)
    if args.list:
        print(_json_of_plans(plans) if args.json else _list(plans))
        return DONE
    configure_logs("error")
    try:
        results = asyncio.run(_drill(plans, args.scratch, is_told=not args.json))
    except KeyboardInterrupt:
        print("gatewayd: the drill was interrupted; nothing of it is left", file=sys.stderr)
        return INTERRUPTED
    is_passed = all(result.is_passed for result in results)
    if args.json:
        shown = [asdict(result) | {"is_passed": result.is_passed} for result in results]
        print(json.dumps({"is_passed": is_passed, "exercises": shown}))
    else:
        print("\n".join(show_results(results)))
    return DONE if is_passed else FAILED


async def _drill(plans: Sequence[Plan], scratch: Path | None, *, is_told: bool) -> list[Result]:
    from gatewayd.drill.course import exercise

    results = []
    for number, plan in enumerate(plans, 1):
        if is_told:
            print(f"[{number}/{len(plans)}] {plan.name}: {plan.says} …", flush=True)
        result = await exercise(plan, scratch)
        results.append(result)
        if is_told:
            print("\n".join(show_result(result)), flush=True)
    return results


def show_result(result: Result) -> list[str]:
    """Return what came of one exercise: its ledger before and after, and what was found."""
    if result.skipped:
        return [f"      skipped: {result.skipped}"]
    lines = [
        f"      ledger {when:<6} {name:<12} accepted {line['accepted']} = delivered "
        f"{line['delivered']} + pending {line['pending']} + dropped {sum(line['dropped'].values())}"
        for when, ledger in (("before", result.before), ("after", result.after))
        for name, line in ledger.items()
    ]
    lines += [f"      FOUND: {finding}" for finding in result.findings]
    return [*lines, f"      {'passed' if result.is_passed else 'FAILED'} in {result.took_s:g} s"]


def show_results(results: Sequence[Result]) -> list[str]:
    """Return the table of all, and a sentence."""
    from gatewayd.cli._table import table

    keys = ("said", "arrived", "lost", "repeats", "reordered", "safe_s")
    rows = [
        (result.name, _word(result), *(result.facts.get(key, "") for key in keys))
        for result in results
    ]
    head = (
        "exercise",
        "result",
        "said",
        "arrived",
        "lost",
        "sent again",
        "out of order",
        "safe after s",
    )
    failed = [result.name for result in results if not result.is_passed]
    skipped = [result.name for result in results if result.skipped]
    words = f"FAILED: {', '.join(failed)}" if failed else "Nothing lost, nothing unsafe."
    if skipped:
        words += f" Not made here: {', '.join(skipped)}."
    return ["", table(head, rows), "", words]


def _word(result: Result) -> str:
    if result.skipped:
        return "skipped"
    return "passed" if result.is_passed else "FAILED"


def _list(plans: Sequence[Plan]) -> str:
    return "\n".join(f"{plan.name:<9} {plan.says}" for plan in plans)


def _json_of_plans(plans: Sequence[Plan]) -> str:
    shown: list[dict[str, Any]] = [{"name": plan.name, "says": plan.says} for plan in plans]
    return json.dumps({"exercises": shown})
