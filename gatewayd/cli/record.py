"""`gatewayd record`: what a device and its wire say to each other, with times, into a file."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from gatewayd.cli import DONE, FAILED
from gatewayd.errors import ConfigError, DeviceError, GatewayError, NoDaemon
from gatewayd.fields import parse_duration

if TYPE_CHECKING:
    from gatewayd.cli import Subparsers
    from gatewayd.config.settings import DeviceSettings, Settings
    from gatewayd.console.client import Control
    from gatewayd.ports.frames import Frame
    from gatewayd.ports.tap import Tap

HELP = "write the raw frames of a device, with their times, into a file"

EPILOG = """\
example:
  gatewayd record meter --seconds 60s
  gatewayd record scale --output scale.jsonl      until Ctrl-C
  gatewayd replay scale.jsonl                     what today's decoder makes of it

A running daemon is asked and goes on as ever; where none runs, the device is opened here. The
file is text: frames in hexadecimal, the device's section without secrets, and what the decoder
made of it.
exit codes: 0 written, 1 nothing was heard
"""

POLL_S = 0.5
"""How often the daemon is asked for what it heard."""


def add_parser(subparsers: Subparsers) -> None:
    """Add this verb to the command line."""
    parser = subparsers.add_parser("record", help=HELP, description=HELP, epilog=EPILOG)
    parser.add_argument("device", metavar="DEVICE")
    parser.add_argument(
        "--seconds", metavar="TIME", type=_duration, help="without it: until Ctrl-C"
    )
    parser.add_argument("--output", metavar="FILE", type=Path, help="default: DEVICE-TIME.jsonl")
    parser.add_argument("--json", action="store_true", help="tell the result as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Record until the time is over or the person has enough, then tell what was heard."""
    from gatewayd.config import ConfigInvalid, salvage

    settings, problems = salvage(args.config)
    if settings is None:
        raise ConfigInvalid(problems)
    device = settings.devices.get(args.device)
    if device is None:
        raise ConfigError(f"no device is called {args.device!r}, or its section has mistakes")
    file = args.output or Path(time.strftime(f"{device.name}-%Y%m%d-%H%M%S.jsonl"))
    with _writer(file, settings, device) as write:
        frames = _record(args.config, settings, device, args.seconds or float("inf"), write)
    said = _add_meaning(file, device, frames) if frames else 0
    result = {"file": str(file), "frames": len(frames), "samples": said}
    sentence = f"{file}: {len(frames)} frames, {said} samples"
    print(json.dumps(result) if args.json else sentence)
    return DONE if frames else FAILED


Write = Callable[[list["Frame"]], None]


def _record(
    config: Path, settings: Settings, device: DeviceSettings, seconds: float, write: Write
) -> list[Frame]:
    from gatewayd.cli._daemon import daemon

    frames: list[Frame] = []

    def take(heard: list[Frame]) -> None:
        write(heard)
        frames.extend(heard)

    try:
        with daemon(config) as control:
            _from_daemon(control, device.name, seconds, take)
    except NoDaemon:
        try:
            asyncio.run(_from_hardware(settings, device, seconds, take))
        except DeviceError as error:
            print(f"gatewayd: {device.name}: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        pass  # The person has heard enough; what was heard is in the file.
    print(file=sys.stderr)
    return frames


def _from_daemon(control: Control, device: str, seconds: float, take: Write) -> None:
    from gatewayd.ports.frames import read_frame

    began_s, count, begins = 0.0, 0, True
    while True:
        told = cast("dict[str, Any]", control.ask("record", device=device, begin=begins))
        began_s = told["now_s"] if begins else began_s
        lines = [*told["opening"], *told["frames"]]
        heard = [_since(read_frame(line), began_s) for line in lines]
        take(heard)
        count += len(heard)
        _progress(told["now_s"] - began_s, count, told["dropped"])
        if told["now_s"] - began_s >= seconds:
            return
        begins = False
        time.sleep(min(POLL_S, seconds))


async def _from_hardware(
    settings: Settings, device: DeviceSettings, seconds: float, take: Write
) -> None:
    from gatewayd.driver import is_output
    from gatewayd.ports import Ports
    from gatewayd.ports.tap import Tap

    if any(is_output(channel) for channel in device.channels):
        # Opening an output moves it, and nobody would be here to look after it.
        raise GatewayError(f"{device.name} is an output: start the daemon, then record it")
    tap, loop = Tap(), asyncio.get_running_loop()
    tap.listen()
    began_s, count = loop.time(), 0
    try:
        async with asyncio.timeout(seconds if seconds < float("inf") else None):
            async for _ in _ask_for_ever(tap, Ports(settings.ports), device):
                heard = [_since(frame, began_s) for frame in tap.fetch()]
                take(heard)
                count += len(heard)
                _progress(loop.time() - began_s, count, tap.dropped)
    except TimeoutError:
        pass
    finally:
        take([_since(frame, began_s) for frame in tap.fetch()])


async def _ask_for_ever(tap: Tap, ports: Any, device: DeviceSettings) -> AsyncIterator[None]:
    from gatewayd.driver import Listener, Sensor

    async with device.driver.open(device.config, tap.ports(ports)) as opened:
        yield
        if isinstance(opened, Listener):
            async for _ in opened.measurements():
                yield
        while isinstance(opened, Sensor):
            try:
                async with asyncio.timeout(device.timeout):
                    await opened.read()
            except TimeoutError:
                pass  # Silence is in the record as what it is: a time without frames.
            yield
            await asyncio.sleep(device.every)


@contextmanager
def _writer(file: Path, settings: Settings, device: DeviceSettings) -> Iterator[Write]:
    """Write the head, then frames as they come: nothing is lost should the machine stop."""
    from gatewayd import __version__
    from gatewayd.config.excerpt import excerpt
    from gatewayd.ports.frames import write_frame
    from gatewayd.testing.recording import Head, head_line

    toml, withheld = excerpt(settings, device)
    head = Head(device.name, device.driver.kind, __version__, toml, tuple(withheld))
    try:
        with file.open("x", encoding="utf-8") as out:
            _put(out, head_line(head))

            def write(frames: list[Frame]) -> None:
                for frame in frames:
                    _put(out, write_frame(frame))

            yield write
    except FileExistsError as error:
        raise GatewayError(f"{file} exists already; say another --output") from error
    except OSError as error:
        raise GatewayError(f"{file} cannot be written: {error.strerror}") from error


def _add_meaning(file: Path, device: DeviceSettings, frames: list[Frame]) -> int:
    """Append what the decoder makes of the frames, and return how many samples that is."""
    from gatewayd.testing.recording import play, said_line

    said = play(device.driver, device.config, frames)
    with file.open("a", encoding="utf-8") as out:
        for each in said:
            _put(out, said_line(each))
    return len(said)


def _put(out: IO[str], line: dict[str, Any]) -> None:
    out.write(json.dumps(line, ensure_ascii=False) + "\n")
    out.flush()


def _since(frame: Frame, began_s: float) -> Frame:
    return frame._replace(time_s=frame.time_s - began_s)


def _progress(seconds: float, frames: int, dropped: int) -> None:
    lost = f", {dropped} lost" if dropped else ""
    print(f"\r{seconds:.0f} s, {frames} frames{lost} (Ctrl-C ends it) ", end="", file=sys.stderr)


def _duration(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
