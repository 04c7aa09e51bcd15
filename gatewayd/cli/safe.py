"""`gatewayd safe`: drives every output to its safe value and nothing else.

Strategy: what systemd runs after any stop, crash or kill must work when little else does: it
needs no daemon and no network, takes from the configuration what can be understood (a missing
cloud key is no reason to leave a pump on), and lets no broken device delay another. Where the
daemon does run, it is asked to do it: an output has one writer.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatewayd.cli import BAD_CONFIG, DONE, FAILED
from gatewayd.errors import DeviceError, GatewayError, NoDaemon

if TYPE_CHECKING:
    from gatewayd.cli import Subparsers
    from gatewayd.config.settings import DeviceSettings, Settings
    from gatewayd.ports import Ports

HELP = "drive every output to its safe value, with or without the daemon"

EPILOG = """\
example:
  gatewayd safe
  ExecStopPost=/usr/bin/gatewayd safe       in the service file: after any stop, crash or kill
exit codes: 0 every output is safe, 1 some are not, 78 the configuration cannot be read
"""

DAEMON_S = 10.0
"""For a running daemon to make everything safe; then its outputs are driven from here."""

TRIES = 3
"""For one device. A daemon that was killed leaves half a frame on a wire, which spoils the first
answer; `supervise` does not run here, and nobody comes after us."""

DEVICE_S = 6.0
"""For all tries with one device; systemd gives the whole verb 10 s or more."""

WRITE_S = 2.0
"""For one write with its read-back."""


@dataclass(frozen=True, slots=True)
class Result:
    """One output, and whether it is safe now; the detail says what it is, or why not."""

    output: str
    is_safe: bool
    detail: str


def add_parser(subparsers: Subparsers) -> None:
    """Add this verb to the command line."""
    parser = subparsers.add_parser("safe", help=HELP, description=HELP, epilog=EPILOG)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Make everything safe and tell about each output."""
    settings, lost = read_outputs(args.config)
    try:
        results = ask_daemon(settings)
    except NoDaemon:
        if settings is None:
            print(f"gatewayd: {args.config} cannot be read; see gatewayd check", file=sys.stderr)
            return BAD_CONFIG
        results = asyncio.run(make_safe(settings)) + lost
    if args.json:
        print(json.dumps({"outputs": [asdict(result) for result in results]}))
    else:
        for result in results:
            print(
                f"{result.output} {'is safe' if result.is_safe else 'IS NOT SAFE'}: {result.detail}"
            )
    return DONE if all(result.is_safe for result in results) else FAILED


def read_outputs(config: Path) -> tuple[Settings | None, list[Result]]:
    """Return what is understood of the configuration, and the outputs that are not.

    A file that does not even parse is replaced by the copy of the last one that worked.
    """
    from gatewayd.config import salvage

    settings, problems = salvage(config)
    if settings is None:
        from gatewayd.cli._lastgood import find_copy

        for problem in problems:
            print(f"gatewayd: {problem}", file=sys.stderr)
        copy = find_copy(config)
        if copy is None:
            return None, []
        print(f"gatewayd: using the last configuration that worked, {copy}", file=sys.stderr)
        config = copy
        settings, _ = salvage(config)
    return settings, find_lost(config, settings) if settings else []


def find_lost(config: Path, settings: Settings) -> list[Result]:
    """Return a result for each device that has outputs and mistakes that hide what is meant."""
    import tomllib

    document = tomllib.loads(config.read_text(encoding="utf-8-sig"))
    return [
        Result(name, False, "its section has mistakes; see gatewayd check")
        for name, section in document.get("device", {}).items()
        if name not in settings.devices and _names_safe(section)
    ]


def _names_safe(section: object) -> bool:
    if not isinstance(section, dict):
        return False
    return "safe" in section or any(_names_safe(each) for each in section.values())


def ask_daemon(settings: Settings | None) -> list[Result]:
    """Return what the running daemon did.

    Raises:
        NoDaemon: none runs, or it hangs; then whoever asks is the only writer left.
    """
    from gatewayd.cli._daemon import connect

    with connect(settings.gateway if settings else None) as control:
        try:
            told: Any = control.ask("safe", DAEMON_S)
        except NoDaemon:
            print("gatewayd: the daemon hangs; its outputs are driven from here", file=sys.stderr)
            raise
    return [_told(name, outcome) for name, outcome in told.items()]


def _told(output: str, outcome: dict[str, Any]) -> Result:
    from gatewayd.setpoint import show_value

    if outcome["status"] != "done":
        return Result(output, False, outcome["detail"])
    how = "read back" if outcome["is_verified"] else "assumed"
    return Result(output, True, f"{show_value(outcome['value'])} ({how})")


async def make_safe(settings: Settings) -> list[Result]:
    """Drive all outputs safe, all devices at the same time, each wire in its own order."""
    from gatewayd.driver import is_output
    from gatewayd.ports import Ports

    ports = Ports(settings.ports)
    actuators = [
        device
        for device in settings.devices.values()
        if any(is_output(channel) for channel in device.channels)
    ]
    # Gathered, so that a bug in one driver stops none of the others.
    answers = await asyncio.gather(
        *(make_device_safe(device, ports) for device in actuators), return_exceptions=True
    )
    return [
        result
        for device, answer in zip(actuators, answers, strict=True)
        for result in _results(device, answer)
    ]


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
