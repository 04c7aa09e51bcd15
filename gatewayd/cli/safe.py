"""`gatewayd safe`: drives every output to its safe value and nothing else.

Strategy: what systemd runs after any stop, crash or kill must work when little else does: it
needs no daemon and no network, drives what the last daemon ran with as well as what can be
understood of today's file (`_outputs` says why both; a missing cloud key is no reason to leave a
pump on), and lets no broken device stop another. Where the daemon does run, it is asked to do it:
an output has one writer.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatewayd.cli import BAD_CONFIG, DONE, FAILED
from gatewayd.cli._driving import Result
from gatewayd.console.client import Silent
from gatewayd.errors import GatewayError, NoDaemon
from gatewayd.fields import parse_duration
from gatewayd.printer import tell

if TYPE_CHECKING:
    from gatewayd.cli import Subparsers
    from gatewayd.cli._outputs import Plan
    from gatewayd.config.settings import Gateway
    from gatewayd.console.client import Control

HELP = "drive every output to its safe value, with or without the daemon"

EPILOG = """\
example:
  gatewayd safe
  ExecStopPost=/opt/gatewayd/bin/gatewayd safe    in the service file: after any stop or crash

Without a daemon it drives the outputs of the configuration that the last one ran with
(config.last-good.toml in state_dir), then those of today's file, which has the last word. Where
today's file is gone, the copy is looked for in GATEWAYD_GATEWAY__STATE_DIR or /var/lib/gatewayd.
Whatever answers is safe within 2 s; what does not is tried on for --patience.
exit codes: 0 every output is safe, 1 some are not or nobody can say, 78 neither file can be read
"""

SOON_S = 1.6
"""By then everything that answers is safe; with the start of this program it is 2 s."""

HELLO_S = 0.4
"""For a running daemon to say that it hears: milliseconds, some hundred on a busy Pi Zero."""

DAEMON_S = 1.2
"""For it to make everything safe. One that still says hello then is at work and gets longer; one
that does not hangs, and its outputs are driven from here."""

BUSY_S = 10.0

ASK_AGAIN_S = 0.1

PATIENCE_S = 20.0
"""For whoever did not answer at once. systemd gives 30 s."""

RESTARTED_S = 5.0

AUDIT_S = 0.2
"""For writing down what was done; a file takes a millisecond. The 2 s are for the outputs."""

SAFE = "safe"
"""The origin of these commands in the record, as where a daemon carries them out."""

UNREADABLE = (
    "cannot be read, and no copy of the last one that worked is found; see gatewayd check. "
    "GATEWAYD_GATEWAY__STATE_DIR may name the state_dir with the copy"
)


def add_parser(subparsers: Subparsers) -> None:
    """Add this verb to the command line."""
    parser = subparsers.add_parser("safe", help=HELP, description=HELP, epilog=EPILOG)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument(
        "--patience",
        metavar="TIME",
        type=_duration,
        help="how long to try what does not answer (20s; 5s where systemd restarts the daemon)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Make everything safe and tell about each output."""
    began_s = time.monotonic()
    gc.disable()  # So short a life makes no garbage worth looking for; it is a tenth of the time.
    from gatewayd.cli._outputs import read_plan

    plan = read_plan(args.config)
    try:
        results = ask_patiently(plan.gateways if plan else (None,))
    except NoDaemon as error:
        if isinstance(error, Silent):
            hint = f"; what it holds is free after: kill -9 {error.pid}" if error.pid else ""
            tell(f"gatewayd: {error}; its outputs are driven from here{hint}")
        if plan is None:
            tell(f"gatewayd: {args.config} {UNREADABLE}")
            return BAD_CONFIG
        patience = patience_s(os.environ) if args.patience is None else args.patience
        soon_s = max(SOON_S / 2, SOON_S - (time.monotonic() - began_s))
        results = asyncio.run(make_safe(plan, soon_s, patience))
        asyncio.run(write_down(plan, results))
    # A wire that hangs holds its thread, and the interpreter would wait for it.
    with suppress(OSError):  # Full, or nobody reads it: the exit code says it all the same.
        _print(results, args)
    os._exit(DONE if all(result.is_safe for result in results) else FAILED)


def _print(results: Sequence[Result], args: argparse.Namespace) -> None:
    if args.json:
        print(json.dumps({"outputs": [asdict(result) for result in results]}))
    else:
        for result in results:
            print(show_result(result, args.config))
    sys.stdout.flush()


def _duration(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def show_result(result: Result, config: Path) -> str:
    """Return one line; it names the file where that is not the one that everybody thinks of."""
    verdict = "is safe" if result.is_safe else "IS NOT SAFE"
    source = "" if result.file in (None, str(config)) else f", from {result.file}"
    return f"{result.output} {verdict}: {result.detail}{source}"


def ask_patiently(gateways: Sequence[Gateway | None]) -> list[Result]:
    """Ask again where a daemon lives and has no ear just now: too many others are asking.

    Raises:
        NoDaemon: as `ask_daemon`.
        GatewayError: it has none for `DAEMON_S`, or this user may not ask.
    """
    until_s = time.monotonic() + DAEMON_S
    while True:
        try:
            return ask_daemon(gateways)
        except NoDaemon:
            raise
        except GatewayError:
            if time.monotonic() >= until_s:
                raise
            time.sleep(ASK_AGAIN_S)


def ask_daemon(gateways: Sequence[Gateway | None]) -> list[Result]:
    """Return what the running daemon did, the first of these gateways that has one.

    Raises:
        NoDaemon: none runs, or it hangs (`Silent`); then whoever asks is the only writer left.
    """
    from gatewayd.cli._daemon import connect

    hanging: Silent | None = None
    for gateway in gateways:
        try:
            with connect(gateway, HELLO_S) as control:
                told: Any = _ask(control)
        except Silent as error:
            hanging = error
        except NoDaemon:
            continue
        else:
            return [_told(name, outcome) for name, outcome in told.items()]
    raise hanging or NoDaemon("no daemon is running")


def _ask(control: Control) -> object:
    """Have it done; who needs longer is asked beside it whether it still hears."""
    try:
        return control.ask("safe", DAEMON_S)
    except Silent:
        with control.again(HELLO_S) as beside:
            beside.ask("hello", HELLO_S)
            return beside.ask("safe", BUSY_S)


def _told(output: str, outcome: dict[str, Any]) -> Result:
    from gatewayd.setpoint import show_value

    if outcome["status"] != "done":
        return Result(output, False, outcome["detail"])
    how = outcome.get("verified_by") or "read back"
    how = how if outcome["is_verified"] else "assumed"
    return Result(output, True, f"{show_value(outcome['value'])} ({how})")


async def make_safe(
    plan: Plan, soon_s: float = SOON_S, patience_s: float = PATIENCE_S
) -> list[Result]:
    """Drive all outputs safe, and say on stderr which need longer than the others."""
    from gatewayd.cli._driving import drive

    def tell_late(late: list[Result]) -> None:
        for result in late:
            tell(f"gatewayd: {result.output} is not safe yet: {result.detail}")
        tell(f"gatewayd: trying for another {patience_s:g} s")

    return await drive(plan, soon_s, patience_s, tell_late)


async def write_down(plan: Plan, results: Sequence[Result]) -> None:
    """Put what was done into the record of commands. It is done already: a card that is full,
    read-only or hangs is told, and that is all.
    """
    from gatewayd.audit import append
    from gatewayd.clock import SystemClock

    if not results:
        return
    time_ms = SystemClock().now_ms()
    safe = {
        f"{job.device.name}/{name}": limits.safe
        for each in plan.rounds
        for job in each.jobs
        for name, limits in job.device.limits.items()
    }
    rows = [
        {
            "time_ms": time_ms,
            "origin": SAFE,
            "channel": result.output,
            "value": safe.get(result.output),
            "outcome": "done" if result.is_safe else "failed",
            "detail": result.detail,
        }
        for result in results
    ]
    folder = plan.gateways[-1].state_dir  # Today's, where `gatewayd audit` looks.
    fault = await append(folder, rows, AUDIT_S)
    if fault:
        tell(f"gatewayd: not written down: {fault}")


def patience_s(environ: Mapping[str, str]) -> float:
    """Return how long whoever does not answer is tried: shorter where a daemon comes after us.

    systemd tells a program of ExecStopPost how the service ended, and waits for it before the
    restart; the next daemon's first act is to make everything safe.
    """
    result, status = environ.get("SERVICE_RESULT", "success"), environ.get("EXIT_STATUS")
    is_restarted = result != "success" and status != str(BAD_CONFIG)
    return RESTARTED_S if is_restarted else PATIENCE_S
