"""`gatewayd check`: everything that can be known of a configuration without touching hardware."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

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
    """Check the file and return 0 or 78."""
    return 0
