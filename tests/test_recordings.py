"""Recordings of devices, run through today's decoders: what they said then, they say now.

A customer's capture becomes a test by laying its file into `tests/frames/recordings`. Those that
are there so far were made of chip models and peers in this repository, not of hardware.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from gatewayd.cli.replay import find_device
from gatewayd.testing.recording import differences, play, read_recording

FILES = sorted((Path(__file__).parent / "frames" / "recordings").glob("*.jsonl"))


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_a_recording_still_means_what_it_meant(file: Path, tmp_path: Path) -> None:
    """Every sample of it."""
    recording = read_recording(file)
    device = find_device(recording, tmp_path / "none.toml")
    assert recording.said, "a recording without its meaning proves nothing"
    assert differences(recording.said, play(device.driver, device.config, recording.frames)) == []
