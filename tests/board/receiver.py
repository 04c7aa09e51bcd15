"""A satellite receiver on a USB serial adapter, which can be pulled out and put back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

BEAT_S = 0.5


class Receiver:
    """What it says twice a second: one GGA sentence with so many satellites."""

    def __init__(self) -> None:
        self.satellites = 4

    def sentence(self) -> bytes:
        """Return the sentence, with its checksum (NMEA 0183)."""
        body = f"GPGGA,120000.00,4807.038,N,01131.000,E,1,{self.satellites:02},0.9,545.4,M,46.9,M,,"
        checksum = 0
        for character in body.encode():
            checksum ^= character
        return f"${body}*{checksum:02X}\r\n".encode()


@asynccontextmanager
async def plugged(path: Path, receiver: Receiver) -> AsyncIterator[None]:
    """Plug it in: QEMU's `usb-serial` is there while its socket `path` is connected."""
    _, writer = await asyncio.open_unix_connection(path)

    async def speak() -> None:
        while True:
            writer.write(receiver.sentence())
            await writer.drain()
            await asyncio.sleep(BEAT_S)

    speaking = asyncio.create_task(speak())
    try:
        yield
    finally:
        speaking.cancel()
        await asyncio.wait([speaking])
        writer.close()
