"""`gatewayd replay`: a recording through today's decoder, without the device."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatewayd.cli import DONE, FAILED
from gatewayd.errors import ConfigError, GatewayError

if TYPE_CHECKING:
    from gatewayd.cli import Subparsers
    from gatewayd.config.settings import DeviceSettings
    from gatewayd.testing.recording import Recording, Said

HELP = "run a recording through today's decoder"

EPILOG = """\
example:
  gatewayd replay scale-20261120-093000.jsonl
  gatewayd replay tag.jsonl --config config.toml   with the keys that a recording never holds
exit codes: 0 the decoder says what it said when this was recorded, 1 it says something else
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add this verb to the command line."""
    parser = subparsers.add_parser("replay", help=HELP, description=HELP, epilog=EPILOG)
    parser.add_argument("file", metavar="FILE", type=Path)
    parser.add_argument("--differences", action="store_true", help="only what is not as it was")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Replay, print what the decoder says, and mark what it said otherwise then."""
    from gatewayd.testing.recording import differences, play, read_recording

    try:
        recording = read_recording(args.file)
    except OSError as error:
        raise GatewayError(f"{args.file} cannot be read: {error.strerror}") from error
    device = find_device(recording, args.config)
    now = play(device.driver, device.config, recording.frames)
    different = differences(recording.said, now) if recording.said else []
    if args.json:
        print(json.dumps(_document(recording, now, different)))
    else:
        if not args.differences:
            print("\n".join(show_said(each) for each in now) or "nothing")
        for old, new in different:
            print(f"was  {show_said(old)}\nnow  {show_said(new)}")
        print(_verdict(recording, now, different))
    return FAILED if different else DONE


def find_device(recording: Recording, config: Path) -> DeviceSettings:
    """Return the device that was recorded, as the recording says it, or, where it had secrets
    that no recording holds, as today's file does.

    Raises:
        ConfigError: the recording's section cannot be used.
    """
    from gatewayd.config import salvage

    head = recording.head
    own = salvage(config)[0] if config.exists() else None
    if head.withheld and own and head.device in own.devices:
        return own.devices[head.device]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "head.toml"
        file.write_text(head.toml, encoding="utf-8")
        settings, problems = salvage(file, {})
    mistakes = [problem for problem in problems if not problem.is_warning]
    if settings and head.device in settings.devices and not mistakes:
        return settings.devices[head.device]
    why = "; ".join(f"{each.found}, {each.expected}" for each in mistakes[:3])
    raise ConfigError(f"the section of {head.device} in this recording cannot be used: {why}")


def show_said(said: Said | None) -> str:
    """Return what a decoder said as a line for a person."""
    if said is None:
        return "nothing"
    if said.error:
        return f"{said.time_s:10.3f} s  {said.error[0]}: {said.error[1]}"
    values = ", ".join(_show(*each) for each in said.values)
    return f"{said.time_s:10.3f} s  {values}"


def _show(channel: str, value: Any, quality: str) -> str:
    shown = f"{value:.6g}" if isinstance(value, float) else str(value)
    return f"{channel} {shown}" if quality == "good" else f"{channel} {shown} ({quality})"


def _verdict(recording: Recording, now: list[Said], different: list[Any]) -> str:
    count = f"{len(recording.frames)} frames, {len(now)} samples"
    if not recording.said:
        return f"{count}; the recording does not say what they were then"
    if different:
        return f"{count}; {len(different)} are not as gatewayd {recording.head.version} said them"
    return f"{count}, all as gatewayd {recording.head.version} said them"


def _document(recording: Recording, now: list[Said], different: list[Any]) -> dict[str, Any]:
    from gatewayd.testing.recording import said_line

    return {
        "device": recording.head.device,
        "driver": recording.head.driver,
        "frames": len(recording.frames),
        "samples": [said_line(each) for each in now],
        "differences": [
            {"was": old and said_line(old), "now": new and said_line(new)} for old, new in different
        ],
    }
