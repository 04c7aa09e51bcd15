"""`gatewayd check`: everything that can be known of a configuration without touching hardware."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from gatewayd.cli import BAD_CONFIG, DONE
from gatewayd.config import inspect

if TYPE_CHECKING:
    from gatewayd.cli import Subparsers

HELP = "find every mistake in the configuration, with line, column and the nearest right word"


def add_parser(subparsers: Subparsers) -> None:
    """Add this verb to the command line."""
    parser = subparsers.add_parser(
        "check",
        help=HELP,
        description=HELP,
        epilog="example:\n  gatewayd check --config /etc/gatewayd/config.toml --json",
    )
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print every problem and a summary; return 78 if the gateway would not start, else 0."""
    _, problems = inspect(args.config)
    warnings = sum(problem.is_warning for problem in problems)
    errors = len(problems) - warnings
    if args.json:
        document = {
            "file": str(args.config),
            "errors": errors,
            "warnings": warnings,
            "problems": [asdict(problem) for problem in problems],
        }
        print(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        for problem in problems:
            print(problem)
        print(f"{args.config}: {_count(errors, 'error')}, {_count(warnings, 'warning')}")
    return BAD_CONFIG if errors else DONE


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
