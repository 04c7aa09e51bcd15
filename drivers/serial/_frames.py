"""Frames in a stream of bytes: header, length, checksum; pure.

Strategy: what may be a frame begins with its header. How long it is, its format says as soon as
enough of it is there; whether it is right, its checksum. A frame that is wrong costs its first
byte alone: the search goes on right behind it, so that a good frame inside the garbage is found.
All decisions look at the bytes from the front of the buffer, never at where a chunk ended; the
same stream gives the same frames however it is cut.

Characteristics: in chunks of bytes · out whole frames · buffered less than one frame · when full
drops a byte and searches on · ordered · one owner · not durable.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gatewayd.errors import DeviceFault, Malformed

if TYPE_CHECKING:
    from gatewayd.ports.serial import SerialPort

NOISE_BYTES_MAX = 16_384
"""Bytes in a row without a frame after which nobody speaks this protocol here: 17 s of a wrong
baudrate at 9600 baud, eight of the longest telegrams."""


@dataclass(frozen=True, slots=True)
class Format:
    """How the frames of one protocol are told.

    Attributes:
        header: what every frame begins with.
        size: from the bytes that are there, which begin with the header, to the frame's whole
            size, or None while it cannot be known. Raises Malformed for what is no frame.
        check: raises Malformed for a whole frame that is wrong.
        size_max: bytes of the longest frame; a longer one is noise.
    """

    header: bytes
    size: Callable[[bytes], int | None]
    check: Callable[[bytes], None]
    size_max: int


@dataclass(slots=True)
class FrameReader:
    """Finds the frames of one protocol in what a device says.

    Attributes:
        noise: bytes skipped since the start.
        noise_in_a_row: how many of them since the last good frame.
    """

    format: Format
    noise: int = 0
    noise_in_a_row: int = 0
    _rest: bytes = field(default=b"", repr=False)

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the frames that this chunk completes."""
        self._rest += chunk
        frames: list[bytes] = []
        while (size := self._next_size()) is not None:
            frames.append(self._rest[:size])
            self._rest = self._rest[size:]
            self.noise_in_a_row = 0
        return frames

    def _next_size(self) -> int | None:
        """Return the size of the good frame at the front, after skipping what is none before it,
        or None when more bytes are needed."""
        start = 0
        while True:
            start = _find_header(self._rest, self.format.header, start)
            candidate = self._rest[start : start + self.format.size_max]
            if len(candidate) < len(self.format.header):
                size = None
                break
            try:
                size = _size_of(candidate, self.format)
            except Malformed:
                start += 1
                continue
            break
        self.noise += start
        self.noise_in_a_row += start
        self._rest = self._rest[start:]
        return size


def _find_header(data: bytes, header: bytes, start: int) -> int:
    """Return where the next header begins, or where it may with the bytes to come."""
    found = data.find(header, start)
    if found >= 0:
        return found
    first = max(start, len(data) - len(header) + 1)
    return next((at for at in range(first, len(data)) if header.startswith(data[at:])), len(data))


def _size_of(candidate: bytes, format: Format) -> int | None:
    """Return the size of the good frame that the bytes begin with, or None while it is not whole.

    Raises:
        Malformed: they begin with no frame.
    """
    size = format.size(candidate)
    if size is None:
        if len(candidate) >= format.size_max:
            raise Malformed(f"no end within {format.size_max} bytes")
        return None
    if not len(format.header) <= size <= format.size_max:
        raise Malformed(f"a frame of {size} bytes")
    if len(candidate) < size:
        return None
    format.check(candidate[:size])
    return size


async def frames(
    port: SerialPort, reader: FrameReader, silence_s: float
) -> AsyncGenerator[bytes, None]:
    """Yield the frames that a device speaks.

    Raises:
        DeviceTimeout: silence.
        DeviceFault: bytes come, but no frames.
        DeviceAbsent: the line is gone.
    """
    async with aclosing(port.chunks(silence_s=silence_s)) as chunks:
        async for chunk in chunks:
            for frame in reader.feed(chunk):
                yield frame
            if reader.noise_in_a_row >= NOISE_BYTES_MAX:
                raise DeviceFault(
                    f"{reader.noise_in_a_row} bytes in a row at {port.name} are no frame of this "
                    "device; is the baudrate right?"
                )
