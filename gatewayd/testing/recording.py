"""Recordings of one device: a text file of frames with times, and what the decoder made of them.

The first line says whose frames they are, with the TOML that the device had, without secrets; a
line each is a frame (`gatewayd.ports.frames`); `said` lines are what the decoder of that day made
of them, so that a customer's capture is a test: `gatewayd replay` tells what differs today.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gatewayd.driver import Listener, Sensor
from gatewayd.errors import DeviceError, DeviceFault, DeviceTimeout, Malformed
from gatewayd.ports.frames import Frame, plain, read_frame
from gatewayd.testing.clock import run_simulated
from gatewayd.testing.replay import RecordingEnds, Replay

if TYPE_CHECKING:
    from gatewayd.driver import Driver
    from gatewayd.model import Measurement

FORMAT = 1
LINE_BYTES_MAX = 1024 * 1024
"""A frame of the largest answer a port gives is a few kilobytes."""

LINES_MAX = 2_000_000
"""A day of a line that speaks twenty times a second."""

STANDSTILL_S = 86_400.0
"""Simulated: a decoder that waits a day for what the recording does not hold waits for ever."""


class Said(NamedTuple):
    """What a decoder made of the frames up to one moment.

    Attributes:
        time_s: since the recording began.
        values: (channel, value, quality's name) for each measurement.
        error: the name of the error and its sentence, where it made nothing of them.
    """

    time_s: float
    values: tuple[tuple[str, Any, str], ...] = ()
    error: tuple[str, str] | None = None


class Head(NamedTuple):
    """Whose frames they are.

    Attributes:
        version: of the gatewayd that recorded them.
        toml: the device's section and its wire's.
        withheld: keys that the section had and that are secrets.
    """

    device: str
    driver: str
    version: str
    toml: str
    withheld: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording, read; `said` is what was made of the frames when they were recorded."""

    head: Head
    frames: tuple[Frame, ...]
    said: tuple[Said, ...]


def read_recording(path: Path) -> Recording:
    """Return what a file holds. A last line that was cut off is passed over.

    Raises:
        Malformed: it is no recording.
        OSError: it cannot be read.
    """
    frames: list[Frame] = []
    said: list[Said] = []
    with path.open("rb") as file:
        lines = _lines(file)
        head = _head_of(next(lines, {}), path)
        for line in lines:
            if "said" in line:
                said.append(_said_of(line))
            else:
                frames.append(read_frame(line))
    return Recording(head, tuple(frames), tuple(said))


def head_line(head: Head) -> dict[str, Any]:
    """Return the first line of a file."""
    return {"recording": FORMAT, **head._asdict()}


def said_line(said: Said) -> dict[str, Any]:
    """Return what a decoder made of frames as a line of the file."""
    line: dict[str, Any] = {"t": round(said.time_s, 4), "said": [list(v) for v in said.values]}
    if said.error:
        line["error"] = list(said.error)
    return line


def play(driver: Driver, config: object, frames: Sequence[Frame]) -> list[Said]:
    """Return what today's driver makes of frames, in simulated time."""
    return run_simulated(_play(driver, config, frames))


async def _play(driver: Driver, config: object, frames: Sequence[Frame]) -> list[Said]:
    replay = Replay.of(frames)
    said: list[Said] = []
    while not replay.is_over:
        before = replay.said
        try:
            async with driver.open(config, replay.ports()) as opened:
                async for measured in _all_of(opened):
                    said.append(Said(replay.now_s, tuple(map(_plain, measured))))
        except RecordingEnds:
            break
        except DeviceError as error:
            said.append(Said(replay.now_s, (), (type(error).__name__, str(error))))
            if replay.said == before:
                break  # It asks what nobody asked then; asking again would not help.
    return said


async def _all_of(opened: object) -> Any:
    if isinstance(opened, Listener):
        async for measured in opened.measurements():
            yield measured
    elif isinstance(opened, Sensor):
        while True:
            try:
                async with asyncio.timeout(STANDSTILL_S):
                    measured = await opened.read()
            except TimeoutError as error:
                raise DeviceTimeout("the decoder waits for what the recording lacks") from error
            yield measured
    else:
        raise DeviceFault("outputs are not replayed: what they were told is in the file")


def differences(then: Iterable[Said], now: Iterable[Said]) -> list[tuple[Said | None, Said | None]]:
    """Return the pairs that are not the same; None where one has more to say than the other."""
    before, after = list(then), list(now)
    length = max(len(before), len(after))
    padded = (
        (before[i] if i < len(before) else None, after[i] if i < len(after) else None)
        for i in range(length)
    )
    return [(old, new) for old, new in padded if _told(old) != _told(new)]


def _told(said: Said | None) -> object:
    return said and (said.values, said.error and said.error[0])


def _plain(measurement: Measurement) -> tuple[str, Any, str]:
    value = measurement.value
    told = dict(value) if isinstance(value, dict) else plain(value)
    return measurement.channel, told, measurement.quality.name.lower()


def _head_of(line: dict[str, Any], path: Path) -> Head:
    if line.get("recording") != FORMAT:
        raise Malformed(f"{path} is no recording of gatewayd: its first line does not say so")
    try:
        device, driver, version, toml = (str(line[key]) for key in Head._fields[:4])
        return Head(device, driver, version, toml, tuple(map(str, line["withheld"])))
    except (KeyError, TypeError) as error:
        raise Malformed(f"the first line of {path} does not say whose frames it has") from error


def _said_of(line: dict[str, Any]) -> Said:
    try:
        values = tuple((str(c), v, str(q)) for c, v, q in line["said"])
        error = line.get("error")
        return Said(float(line["t"]), values, (str(error[0]), str(error[1])) if error else None)
    except (KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
        raise Malformed(f"no line of a recording: {str(line)[:100]}") from error


def _lines(file: Any) -> Iterator[dict[str, Any]]:
    for number in range(1, LINES_MAX + 1):
        line = file.readline(LINE_BYTES_MAX)
        if not line:
            return
        try:
            told = json.loads(line)
        except ValueError as error:
            if not line.endswith(b"\n"):
                return  # The machine stopped while this line was written.
            raise Malformed(f"line {number} is no JSON") from error
        if not isinstance(told, dict):
            raise Malformed(f"line {number} is no frame")
        yield told
    raise Malformed(f"more than {LINES_MAX} lines")
