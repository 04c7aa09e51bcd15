"""`gatewayd sandbox`: the local clouds alone, on the loopback, for training and tests."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gatewayd.clouds
from gatewayd.cli import DONE, FAILED, WRONG_USAGE

if TYPE_CHECKING:
    from gatewayd.cli import Subparsers

HELP = "run the local clouds on the loopback, for training and tests"

OFFSET_MAX = 65_535 - 25_206
"""The highest of the usual ports must stay a port."""

EPILOG = """\
example:
  gatewayd sandbox --clouds thingplus --port-offset 100
  curl http://127.0.0.1:13100/_sandbox/

Every cloud has a control plane under /_sandbox/ on its REST port: GET it to see what there is.
Each says how to get in: made-up accounts, the same at every start. Ends on Ctrl-C and keeps
nothing: what was received, accounts, gateways and their keys are gone; register again then.
"""

END = "Ctrl-C ends it, and every account, gateway and key with it; register again after a restart."


def add_parser(subparsers: Subparsers) -> None:
    """Add this verb to the command line."""
    parser = subparsers.add_parser("sandbox", help=HELP, description=HELP, epilog=EPILOG)
    known = ", ".join(known_clouds())
    parser.add_argument("--clouds", metavar="A,B", help=f"which of: {known} (default: all)")
    parser.add_argument(
        "--port-offset", metavar="N", type=int, default=0, help="add N to every usual port"
    )
    parser.add_argument("--no-tls", action="store_true", help="plain listeners only")
    parser.add_argument(
        "--json", action="store_true", help="say where they listen as one JSON document"
    )
    parser.add_argument("--quiet", action="store_true", help="say nothing")
    parser.set_defaults(run=run)


def known_clouds() -> list[str]:
    """Return the clouds that have a sandbox: a module or package of that name in their folder."""
    root = Path(gatewayd.clouds.__file__).parent
    modules = {path.parent.name for path in root.glob("*/sandbox.py")}
    packages = {path.parent.parent.name for path in root.glob("*/sandbox/__init__.py")}
    return sorted(modules | packages)


def run(args: argparse.Namespace) -> int:
    """Serve until a signal ends it."""
    known = known_clouds()
    clouds = [name.strip() for name in args.clouds.split(",")] if args.clouds else known
    unknown = [name for name in clouds if name not in known]
    if unknown:
        print(f"gatewayd: no sandbox {unknown[0]!r}; there are {', '.join(known)}", file=sys.stderr)
        return WRONG_USAGE
    if not 0 <= args.port_offset <= OFFSET_MAX:
        print(f"gatewayd: --port-offset is 0 to {OFFSET_MAX}", file=sys.stderr)
        return WRONG_USAGE
    try:
        asyncio.run(_serve(clouds, args))
    except OSError as error:
        print(f"gatewayd: {error.strerror or error}; try --port-offset", file=sys.stderr)
        return FAILED
    return DONE


async def _serve(clouds: list[str], args: argparse.Namespace) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with AsyncExitStack() as stack:
        places: list[dict[str, Any]] = []
        for cloud in clouds:
            module = importlib.import_module(f"gatewayd.clouds.{cloud}.sandbox")
            settings = module.SandboxSettings(port_offset=args.port_offset, tls=not args.no_tls)
            sandbox = await stack.enter_async_context(module.open_sandbox(settings))
            place = sandbox.describe()
            hint = importlib.import_module(f"gatewayd.clouds.{cloud}.sandbox.hint").hint(place)
            places.append({**place, "hint": hint})
        if not args.quiet:
            print(json.dumps({"clouds": places}) if args.json else show_places(places), flush=True)
        await ended.wait()


def show_places(places: list[dict[str, Any]]) -> str:
    """Return where the clouds listen, for a person."""
    lines = []
    for place in places:
        lines.append(place["cloud"])
        facts = {name: value for name, value in place.items() if name not in ("cloud", "hint")}
        lines += [f"  {name:<10} {value}" for name, value in facts.items()]
        lines += [f"  > {line}" for line in place["hint"]]
    return "\n".join([*lines, END])
