"""Frames in a stream, for every format there is."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as some

from drivers.serial._frames import NOISE_BYTES_MAX, Format, FrameReader, frames
from drivers.serial.sds011 import FORMAT
from gatewayd.errors import DeviceAbsent, DeviceFault, DeviceTimeout
from gatewayd.ports import Ports
from gatewayd.testing.wires import FakeSerial, Gate
from tests.frames.serial.vectors import CHECKED, SDS011, STREAMS
from tests.peers.pty import plugged

GARBAGE = b"\x00\xffhello\x1b\x1b\x1b\xaa\x42\x4d\x02/"
"""With the beginnings of several headers."""


def read(format: Format, *chunks: bytes) -> tuple[list[bytes], int]:
    """Return the frames in a stream, and how many bytes of it were noise."""
    reader = FrameReader(format)
    return [frame for chunk in chunks for frame in reader.feed(chunk)], reader.noise


@pytest.mark.parametrize("name", STREAMS)
def test_a_frame_is_found_wherever_it_is_cut(name: str) -> None:
    """Two chunks, cut at every byte; and every byte a chunk of its own."""
    format, frame = STREAMS[name]
    for at in range(len(frame) + 1):
        assert read(format, frame[:at], frame[at:]) == ([frame], 0)
    assert read(format, *(bytes([byte]) for byte in frame * 2)) == ([frame, frame], 0)


@pytest.mark.parametrize("name", STREAMS)
def test_garbage_around_frames_is_skipped_and_counted(name: str) -> None:
    """Before, between and behind; what may become a frame yet is not counted."""
    format, frame = STREAMS[name]
    found, noise = read(format, GARBAGE + frame + GARBAGE + frame + b"\x00\x00")
    assert found == [frame, frame]
    assert noise == 2 * len(GARBAGE) + 2


@pytest.mark.parametrize("name", STREAMS)
def test_a_frame_that_lost_its_end_does_not_cost_the_next(name: str) -> None:
    """Pulled out and put back in the middle of it."""
    format, frame = STREAMS[name]
    assert read(format, frame[:-3] + frame * 2)[0][-1] == frame


@pytest.mark.parametrize("name", sorted(CHECKED))
def test_a_flipped_bit_is_no_frame(name: str) -> None:
    """Any bit of any byte; the frame behind it is found."""
    format, frame = STREAMS[name]
    for at in range(len(frame)):
        for bit in range(8) if len(frame) < 50 else (at % 8,):
            broken = bytearray(frame)
            broken[at] ^= 1 << bit
            found, _ = read(format, bytes(broken) + frame * 2)
            assert frame in found
            assert bytes(broken) not in found or broken.upper() == frame.upper()


@given(name=some.sampled_from(sorted(STREAMS)), data=some.data())
def test_chunks_do_not_matter(name: str, data: some.DataObject) -> None:
    """The same stream in any chunks gives the same frames and the same noise."""
    format, frame = STREAMS[name]
    parts = data.draw(
        some.lists(some.sampled_from([frame, frame[:-1], frame[1:], GARBAGE]), max_size=5)
    )
    stream = b"".join(parts)
    cuts = sorted(data.draw(some.lists(some.integers(0, len(stream)), max_size=8)))
    edges = [0, *cuts, len(stream)]
    chunks = [stream[a:b] for a, b in itertools.pairwise(edges)]
    assert read(format, *chunks) == read(format, stream)


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_of_headers_stays_small(name: str) -> None:
    """Whatever comes, less than a frame is kept."""
    format, _ = STREAMS[name]
    reader = FrameReader(format)
    for _ in range(100):
        reader.feed(format.header * 100)
        assert len(reader._rest) <= format.size_max


async def test_frames_come_from_a_line() -> None:
    """Real pyserial over a pty; silence then is told."""
    with plugged() as pty:
        async with Ports().serial(pty.path) as port:
            pty.write(GARBAGE + SDS011[:4])
            spoken = frames(port, FrameReader(FORMAT), 0.3)
            first = asyncio.ensure_future(anext(spoken))
            await asyncio.sleep(0)
            pty.write(SDS011[4:])
            assert await first == SDS011
            with pytest.raises(DeviceTimeout, match="silent"):
                await anext(spoken)


async def test_a_line_that_dies_is_absent() -> None:
    """In the middle of a frame."""
    with plugged() as pty:
        async with Ports().serial(pty.path) as port:
            pty.write(SDS011[:4])
            spoken = frames(port, FrameReader(FORMAT), 5.0)
            first = asyncio.ensure_future(anext(spoken))
            await asyncio.sleep(0)
            pty.unplug()
            with pytest.raises(DeviceAbsent):
                await first


async def test_noise_alone_is_a_fault() -> None:
    """A wrong baudrate is told, not waited out; a frame in time begins the count anew."""
    line = FakeSerial("line", Gate())
    line.say(b"x" * (NOISE_BYTES_MAX - 1) + SDS011)
    line.say(b"x" * NOISE_BYTES_MAX)
    spoken = frames(line, FrameReader(FORMAT), 5.0)  # type: ignore[arg-type]  # The same surface.
    assert await anext(spoken) == SDS011
    with pytest.raises(DeviceFault, match="baudrate"):
        await anext(spoken)
