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
from gatewayd.clouds.verbs import Spoken

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
    places = [
        file.relative_to(root).parts[0]
        for root in gatewayd.clouds.__path__
        for form in ("*/verbs.py", "*/verbs/__init__.py")
        for file in Path(root).glob(form)
    ]
    return sorted(places)


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
    return say(asyncio.run(args.speak(args)), as_document=args.json)


def say(spoken: Spoken, *, as_document: bool) -> int:
    """Print what a verb has to say and return its exit code."""
    if as_document:
        print(as_json(spoken.document))
    else:
        for line in spoken.lines:
            print(line)
    for complaint in spoken.complaints:
        print(f"gatewayd: {complaint}", file=sys.stderr)
    return spoken.code


def as_json(document: object) -> str:
    """Return a document as JSON; dataclasses become objects."""
    plain = (
        asdict(document) if is_dataclass(document) and not isinstance(document, type) else document
    )
    return orjson.dumps(plain, default=str, option=orjson.OPT_INDENT_2).decode()
