"""A recording played again: the decoder makes of it what it made of the device."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from drivers.i2c import bme280
from gatewayd.driver import load_driver
from gatewayd.errors import Malformed
from gatewayd.ports.frames import Frame, write_frame
from gatewayd.ports.tap import Tap
from gatewayd.testing.clock import run_simulated
from gatewayd.testing.i2c import bme280_chip
from gatewayd.testing.ports import FakePorts
from gatewayd.testing.recording import (
    Head,
    Said,
    differences,
    head_line,
    play,
    read_recording,
    said_line,
)

CONFIG = bme280.Config(port="i2c:1")
HEAD = Head("boiler", "bme280", "1.0", '[device.boiler]\ndriver = "bme280"\nport = "i2c:1"\n')


def recorded(reads: int = 2) -> list[Frame]:
    """Return the frames of a chip that is opened and read."""

    async def record() -> list[Frame]:
        tap, ports = Tap(), FakePorts()
        ports.attach_i2c("i2c:1").chips[0x76] = bme280_chip()
        tap.listen()
        async with bme280.open_driver(CONFIG, tap.ports(ports)) as sensor:
            for _ in range(reads):
                await sensor.read()
        return tap.fetch()

    return run_simulated(record())


def file_of(folder: Path, frames: list[Frame], said: list[Said]) -> Path:
    lines = [head_line(HEAD), *map(write_frame, frames), *map(said_line, said)]
    file = folder / "boiler.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


def test_a_recording_says_what_the_device_said() -> None:
    """Bosch's worked example, out of frames alone."""
    first, second = play(load_driver("bme280"), CONFIG, recorded())
    assert first.values == second.values
    named = {channel: value for channel, value, _ in first.values}
    assert named["temperature"] == pytest.approx(25.08, abs=0.01)
    assert named["pressure"] == pytest.approx(100653.27, abs=0.1)


def test_a_file_holds_all_of_it(tmp_path: Path) -> None:
    """Written and read, the frames and what was made of them are the same."""
    frames = recorded()
    said = play(load_driver("bme280"), CONFIG, frames)
    recording = read_recording(file_of(tmp_path, frames, said))
    assert recording.head == HEAD
    again = play(load_driver("bme280"), CONFIG, recording.frames)
    assert differences(recording.said, again) == []


def test_another_decoder_is_noticed() -> None:
    """A changed byte stands for a changed formula."""
    frames = recorded(1)
    burst = bytearray.fromhex(frames[-1].told["hex"])
    burst[-5] ^= 0x10
    changed = [*frames[:-1], frames[-1]._replace(told={"hex": burst.hex()})]
    driver = load_driver("bme280")
    ((old, new),) = differences(play(driver, CONFIG, frames), play(driver, CONFIG, changed))
    assert old is not None and new is not None and old.values != new.values


def test_a_question_that_nobody_asked_then_is_told() -> None:
    """Today's decoder wants another register: the recording cannot know."""
    other = dataclasses.replace(CONFIG, oversampling=16)
    *_, last = play(load_driver("bme280"), other, recorded())
    assert last.error is not None
    assert last.error[0] == "DeviceAbsent" and "holds no" in last.error[1]


def test_a_fault_is_played_as_a_fault() -> None:
    """The chip went away between two reads, and came back."""
    frames = recorded(1)
    gone = frames[-1]._replace(told=None, error=("DeviceAbsent", "0x76 does not answer"))
    said = play(load_driver("bme280"), CONFIG, [*frames[:-1], gone, *frames])
    assert [each.error and each.error[0] for each in said] == ["DeviceAbsent", None]


def test_a_line_that_was_cut_off_costs_itself_alone(tmp_path: Path) -> None:
    """The machine stopped while it was written."""
    file = file_of(tmp_path, recorded(), [])
    file.write_bytes(file.read_bytes()[:-20])
    assert len(read_recording(file).frames) == len(recorded()) - 1


@pytest.mark.parametrize(
    "text", ["", "nonsense\n", '{"recording": 2}\n', '{"recording": 1}\n', "[1]\n"]
)
def test_what_is_no_recording_is_refused(tmp_path: Path, text: str) -> None:
    """In a sentence."""
    file = tmp_path / "x"
    file.write_text(text)
    with pytest.raises(Malformed):
        read_recording(file)
