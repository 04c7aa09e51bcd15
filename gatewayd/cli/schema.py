"""`gatewayd schema`: the JSON Schema of the configuration, so that an editor can help."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from gatewayd.cli import DONE

if TYPE_CHECKING:
    from gatewayd.cli import Subparsers

HELP = "print the JSON Schema of the configuration, for editors"

EPILOG = """\
example:
  gatewayd schema > gatewayd.schema.json
  and as the first line of config.toml:
  #:schema ./gatewayd.schema.json
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add this verb to the command line."""
    parser = subparsers.add_parser("schema", help=HELP, description=HELP, epilog=EPILOG)
    parser.add_argument("--json", action="store_true", help="accepted; it is JSON anyway")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the schema of what is installed here."""
    from gatewayd.config.schema import schema

    print(json.dumps(schema(), indent=2))
    return DONE
