"""`gatewayd scan`: what is attached, what it probably is and why, and the TOML for it."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatewayd.cli import DONE, FAILED
from gatewayd.errors import DeviceError, GatewayError
from gatewayd.fields import parse_duration

if TYPE_CHECKING:
    from gatewayd.cli import Subparsers
    from gatewayd.config.settings import Settings
    from gatewayd.scan import Found, View

HELP = "find what is attached, and print the TOML that uses it"

WIRES = ("i2c", "onewire", "gpio", "hid", "serial", "ble")
"""In the order in which they are looked at: the quick ones first."""

EPILOG = """\
example:
  gatewayd scan                     every wire
  gatewayd scan i2c --write         and add what is new to the configuration, comments kept
  gatewayd scan serial --slaves 32  Modbus devices with higher numbers too
Nothing on a device is changed by being looked at. What the configuration has already is named and
left alone; a serial port that the running daemon uses is passed over.
exit codes: 0 something was found, 1 nothing was
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add this verb to the command line."""
    parser = subparsers.add_parser("scan", help=HELP, description=HELP, epilog=EPILOG)
    parser.add_argument("wire", metavar="WIRE", nargs="?", choices=WIRES, help=", ".join(WIRES))
    parser.add_argument("--write", action="store_true", help="add it to the configuration file")
    parser.add_argument(
        "--listen",
        metavar="TIME",
        type=_duration,
        default=12.0,
        help="to what speaks unasked (12s)",
    )
    parser.add_argument(
        "--slaves", metavar="N", type=int, default=10, help="highest Modbus number asked (10)"
    )
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Look at the wires, print what is there, add it to the file if asked."""
    settings = _settings(args.config)
    wires = (args.wire,) if args.wire else WIRES
    view = view_of(settings, args)
    found: list[Found] = []
    with suppress(KeyboardInterrupt):  # What was found until then is printed.
        asyncio.run(_look(wires, view, found))
    view.tell("")
    from gatewayd.scan.toml import append, sections_of

    taken = settings.devices if settings else ()
    sections = sections_of(found, taken)
    added = {name: text for name, (each, text) in sections.items() if not each.is_output}
    backup = append(args.config, added.values()) if args.write and added else None
    if args.json:
        print(json.dumps([_document(each, sections) for each in found]))
    else:
        print(_show(found, sections))
        if backup:
            print(f"added {', '.join(added)} to {args.config}; the former file is {backup}")
        if args.write and len(added) < len(sections):
            print("outputs are not added: their owner must say what is safe")
    return DONE if found else FAILED


def view_of(settings: Settings | None, args: argparse.Namespace) -> View:
    """Return what is looked at: this machine, with the wires that the configuration names."""
    from gatewayd.ports import Ports
    from gatewayd.scan import View
    from gatewayd.scan.used import used_places

    return View(
        Ports(settings.ports if settings else {}),
        used_places(settings) if settings else {},
        _tell if sys.stderr.isatty() else lambda line: None,
        patience_s=args.listen,
        slaves=args.slaves,
    )


async def _look(wires: Sequence[str], view: View, found: list[Found]) -> None:
    for wire in wires:
        finder: Any = importlib.import_module(f"gatewayd.scan.{wire}")
        try:
            async for each in finder.find(view):
                found.append(each)
        except (DeviceError, GatewayError) as error:
            from gatewayd.scan import Found

            found.append(Found(wire, wire, remark=str(error)))


def _settings(config: Path) -> Settings | None:
    """Return what can be understood of the configuration; a scan needs none."""
    from gatewayd.config import salvage

    return salvage(config)[0] if config.exists() else None


def _show(found: list[Found], sections: dict[str, tuple[Found, str]]) -> str:
    from gatewayd.cli._table import table

    if not found:
        return "nothing was found"
    rows = [(each.wire, each.place, _what(each), _why(each)) for each in found]
    told = table(("wire", "place", "what", "why"), rows)
    return "\n".join([told, *("\n" + text.rstrip("\n") for _, text in sections.values())])


def _what(found: Found) -> str:
    if not found.guesses:
        return "?" if not found.remark else "–"
    sure = "" if found.guesses[0].evidence.is_proof else "?"
    return " or ".join(guess.driver for guess in found.guesses) + sure


def _why(found: Found) -> str:
    words = [guess.evidence.words for guess in found.guesses]
    return "; ".join([*words, *([found.remark] if found.remark else [])]) or "nobody knows it"


def _document(found: Found, sections: dict[str, tuple[Found, str]]) -> dict[str, Any]:
    names = {id(each): (name, text) for name, (each, text) in sections.items()}
    name, text = names.get(id(found), (None, None))
    return {
        "wire": found.wire,
        "place": found.place,
        "guesses": [
            {
                "driver": guess.driver,
                "why": guess.evidence.words,
                "is_proof": guess.evidence.is_proof,
            }
            for guess in found.guesses
        ],
        "remark": found.remark,
        "device": name,
        "toml": text,
    }


def _tell(line: str) -> None:
    print(f"\r\x1b[K{line[:78]}", end="" if line else "\r", file=sys.stderr, flush=True)


def _duration(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
