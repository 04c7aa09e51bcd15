"""`gatewayd cloud CLOUD …`: a cloud's management API, one file `clouds/<cloud>/verbs.py` each."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import sys
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

import gatewayd.clouds

if TYPE_CHECKING:
    from gatewayd.cli import Subparsers

HELP = "a cloud's management API: log in, register this gateway, read back, operate"

EPILOG = """\
example:
  gatewayd cloud thingplus login
  gatewayd cloud thingplus provision
  gatewayd cloud thingplus show --json
"""


def clouds() -> list[str]:
    """Return the clouds that have verbs."""
    roots = gatewayd.clouds.__path__
    return sorted(file.parent.name for root in roots for file in Path(root).glob("*/verbs.py"))


def add_parser(subparsers: Subparsers) -> None:
    """Add this verb, with every cloud below it, to the command line."""
    parser = subparsers.add_parser("cloud", help=HELP, description=HELP, epilog=EPILOG)
    below = parser.add_subparsers(
        dest="cloud", metavar="CLOUD", required=True, title="clouds", parser_class=type(parser)
    )
    for cloud in clouds():
        importlib.import_module(f"gatewayd.clouds.{cloud}.verbs").add_parser(below)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Let the cloud's verb speak and return its exit code."""
    spoken = asyncio.run(args.speak(args))
    if args.json:
        print(as_json(spoken.document))
    else:
        for line in spoken.lines:
            print(line)
    for complaint in spoken.complaints:
        print(f"gatewayd: {complaint}", file=sys.stderr)
    return int(spoken.code)


def as_json(document: object) -> str:
    """Return a document as JSON; dataclasses become objects."""
    plain = (
        asdict(document) if is_dataclass(document) and not isinstance(document, type) else document
    )
    return orjson.dumps(plain, default=str, option=orjson.OPT_INDENT_2).decode()
