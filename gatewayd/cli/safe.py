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
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatewayd.cli import BAD_CONFIG, DONE, FAILED
from gatewayd.errors import DeviceError, GatewayError, NoDaemon

if TYPE_CHECKING:
    from gatewayd.cli import Subparsers
    from gatewayd.cli._outputs import Plan
    from gatewayd.config.settings import DeviceSettings, Gateway
    from gatewayd.console.client import Control
    from gatewayd.ports import Ports

HELP = "drive every output to its safe value, with or without the daemon"

EPILOG = """\
example:
  gatewayd safe
  ExecStopPost=/opt/gatewayd/bin/gatewayd safe    in the service file: after any stop or crash

Without a daemon it drives the outputs of the configuration that the last one ran with
(config.last-good.toml in state_dir), then those of today's file, which has the last word. Where
today's file is gone, the copy is looked for in GATEWAYD_GATEWAY__STATE_DIR or /var/lib/gatewayd.
exit codes: 0 every output is safe, 1 some are not or nobody can say, 78 neither file can be read
"""

DAEMON_S = 10.0
"""For a running daemon to make everything safe; then its outputs are driven from here."""

TRIES = 3
"""For one device. A daemon that was killed leaves half a frame on a wire, which spoils the first
answer; `supervise` does not run here, and nobody comes after us."""

DEVICE_S = 6.0
"""For all tries with one device, thus for one round; there are two, and systemd gives 30 s."""

WRITE_S = 2.0
"""For one write with its read-back."""

UNREADABLE = (
    "cannot be read, and no copy of the last one that worked is found; see gatewayd check. "
    "GATEWAYD_GATEWAY__STATE_DIR may name the state_dir with the copy"
)


@dataclass(frozen=True, slots=True)
class Result:
    """One output, and whether it is safe now; the detail says what it is, or why not.

    `file` is the configuration that says what safe is; None where the daemon was asked.
    """

    output: str
    is_safe: bool
    detail: str
    file: str | None = None


def add_parser(subparsers: Subparsers) -> None:
    """Add this verb to the command line."""
    parser = subparsers.add_parser("safe", help=HELP, description=HELP, epilog=EPILOG)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Make everything safe and tell about each output."""
    from gatewayd.cli._outputs import read_plan

    plan = read_plan(args.config)
    try:
        results = ask_daemon(plan.gateways if plan else (None,))
    except NoDaemon:
        if plan is None:
            print(f"gatewayd: {args.config} {UNREADABLE}", file=sys.stderr)
            return BAD_CONFIG
        results = asyncio.run(make_safe(plan))
    if args.json:
        print(json.dumps({"outputs": [asdict(result) for result in results]}))
    else:
        for result in results:
            print(show_result(result, args.config))
    return DONE if all(result.is_safe for result in results) else FAILED


def show_result(result: Result, config: Path) -> str:
    """Return one line; it names the file where that is not the one that everybody thinks of."""
    verdict = "is safe" if result.is_safe else "IS NOT SAFE"
    source = "" if result.file in (None, str(config)) else f", from {result.file}"
    return f"{result.output} {verdict}: {result.detail}{source}"


def ask_daemon(gateways: Sequence[Gateway | None]) -> list[Result]:
    """Return what the running daemon did, the first of these gateways that has one.

    Raises:
        NoDaemon: none runs, or it hangs; then whoever asks is the only writer left.
    """
    from gatewayd.cli._daemon import connect

    for gateway in gateways:
        try:
            with connect(gateway) as control:
                told = _ask(control)
        except NoDaemon:
            continue
        return [_told(name, outcome) for name, outcome in told.items()]
    raise NoDaemon("no daemon is running")


def _ask(control: Control) -> dict[str, Any]:
    try:
        told: Any = control.ask("safe", DAEMON_S)
    except NoDaemon:
        print("gatewayd: the daemon hangs; its outputs are driven from here", file=sys.stderr)
        raise
    return dict(told)


def _told(output: str, outcome: dict[str, Any]) -> Result:
    from gatewayd.setpoint import show_value

    if outcome["status"] != "done":
        return Result(output, False, outcome["detail"])
    how = "read back" if outcome["is_verified"] else "assumed"
    return Result(output, True, f"{show_value(outcome['value'])} ({how})")


async def make_safe(plan: Plan) -> list[Result]:
    """Drive all outputs safe: round after round, in each all devices at the same time."""
    from gatewayd.ports import Ports

    results: list[Result] = []
    for each in plan.rounds:
        ports = Ports(each.wires)
        # Gathered, so that a bug in one driver stops none of the others.
        answers = await asyncio.gather(
            *(make_device_safe(job.device, ports) for job in each.jobs), return_exceptions=True
        )
        for job, answer in zip(each.jobs, answers, strict=True):
            results += [replace(one, file=str(job.file)) for one in _results(job.device, answer)]
    return results + [Result(one.name, False, one.reason, str(one.file)) for one in plan.lost]


def _results(device: DeviceSettings, answer: list[Result] | BaseException) -> Sequence[Result]:
    if isinstance(answer, BaseException):
        return [Result(device.name, False, f"{type(answer).__name__}: {answer}")]
    return answer


async def make_device_safe(device: DeviceSettings, ports: Ports) -> list[Result]:
    """Try until every output of one device is safe, at most `TRIES` times and `DEVICE_S`."""
    results: dict[str, Result] = {
        name: Result(f"{device.name}/{name}", False, "the device did not answer in time")
        for name in device.limits
    }
    try:
        async with asyncio.timeout(DEVICE_S):
            for _ in range(TRIES):
                await _try_once(device, ports, results)
                if all(result.is_safe for result in results.values()):
                    break
    except TimeoutError:
        pass  # What is safe by now is noted, the rest says why it is not.
    return list(results.values())


async def _try_once(device: DeviceSettings, ports: Ports, results: dict[str, Result]) -> None:
    try:
        async with device.driver.open(device.config, ports) as actuator:
            for name in [name for name in results if not results[name].is_safe]:
                results[name] = await _drive(device, actuator, name)
    except (GatewayError, OSError) as error:
        for name, result in results.items():
            if not result.is_safe:
                results[name] = Result(result.output, False, str(error))


async def _drive(device: DeviceSettings, actuator: Any, name: str) -> Result:
    from gatewayd.setpoint import agrees, legal_value, show_value

    output = f"{device.name}/{name}"
    channel = next(channel for channel in device.channels if channel.id == name)
    safe = legal_value(channel, device.limits[name].safe)
    try:
        async with asyncio.timeout(WRITE_S):
            await actuator.write(name, safe)
            seen = await actuator.read_back(name)
    except TimeoutError:
        return Result(output, False, f"no answer within {WRITE_S:g} s")
    except DeviceError as error:
        return Result(output, False, str(error))
    if seen is None:
        return Result(output, True, f"{show_value(safe)} (assumed)")
    is_safe = agrees(channel, safe, seen)
    return Result(output, is_safe, f"{show_value(seen)} (read back)")
