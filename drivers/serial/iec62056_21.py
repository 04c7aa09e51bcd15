"""Meters with an optical eye or current loop that speak IEC 62056-21 (once IEC 1107).

Channels:
    energy_in, energy_out  kWh
    power                  W; negative while energy is fed out
    or one for each `[device.NAME.values.CHANNEL]`, with the kind and unit written there

In mode C the meter is asked at 300 baud and then answers at the speed that it proposes; this also
reads meters of mode A and B. A whole list may take a minute: give the device a `timeout` and an
`every` that allow for it. In mode D the meter speaks by itself, and nothing tells a disturbed
digit, because it sends no checksum. What the meter's list lacks is ABSENT.

Example:

    [device.heat]
    driver = "iec62056_21"
    port = "/dev/serial/by-id/usb-Silicon_Labs_CP2104_USB_to_UART_Bridge_Controller_0001-if00-port0"
    every = "15m"
    timeout = "60s"

    [device.heat.values.energy]
    code = "6.8"
    kind = "energy"
    unit = "kWh"

Tested: a synthetic list made after the standard; real pyserial over a pty with a meter that changes
its speed.

Source: IEC 62056-21:2002, 5 (characters), 6.3 (messages), 6.4 (modes A to D).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from functools import reduce
from operator import xor
from typing import TYPE_CHECKING, Literal

from drivers.serial._frames import Format, FrameReader, frames
from drivers.serial._obis import USUAL, Entry, channels, is_meant, items, measured
from gatewayd.driver import Evidence
from gatewayd.errors import DeviceFault, Malformed
from gatewayd.fields import Seconds
from gatewayd.model import Channel, Measurement, Quality

if TYPE_CHECKING:
    from gatewayd.ports import Ports
    from gatewayd.ports.serial import SerialPort

LINE = {"baudrate": 300, "bytesize": 7, "parity": "even"}
QUESTION = b"/?!\r\n"

SPEEDS_C = {"0": 300, "1": 600, "2": 1200, "3": 2400, "4": 4800, "5": 9600, "6": 19200}
"""What the fifth character of the identification proposes, to be confirmed."""
SPEEDS_B = {"A": 600, "B": 1200, "C": 2400, "D": 4800, "E": 9600, "F": 19200}
"""The same in mode B: the meter changes without being told."""

LIST_MAX = 32_768
"""Bytes of a list; with all past months 10 000."""
BITS_A_BYTE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Keys of the device's section.

    Attributes:
        mode: "C" asks the meter, "D" listens to one that speaks by itself.
        values: what to report; without it, energy in and out, and power.
        address: the meter's own, where several share a line.
        baudrate: to begin with; 300 in mode C and 2400 in mode D, unless written otherwise.
        answer_timeout: the longest silence while the meter is asked.
        silence: in mode D, after how long without a list the meter is lost.
    """

    port: str
    mode: Literal["C", "D"] = "C"
    values: Mapping[str, Entry] = field(default_factory=lambda: USUAL)
    address: str = ""
    baudrate: int | None = None
    bytesize: Literal[7, 8] = 7
    parity: Literal["none", "even", "odd"] = "even"
    answer_timeout: Seconds = 3.0
    silence: Seconds = 60.0

    def __post_init__(self) -> None:
        """Find what cannot work before a device is touched."""
        if not self.values:
            raise ValueError("a meter needs at least one [….values.CHANNEL]")
        if not re.fullmatch(r"[0-9A-Za-z ]{0,32}", self.address):
            raise ValueError("address is up to 32 digits, letters and spaces")


def describe(config: Config) -> tuple[Channel, ...]:
    """Return one channel for each value."""
    return channels(config.values)


def _line_size(data: bytes) -> int | None:
    end = data.find(b"\n")
    return end + 1 if end >= 0 else None


def _check_identification(line: bytes) -> None:
    if not re.fullmatch(rb"/[A-Z]{2}[A-Za-z][0-9A-Z!-~][ -~]{0,16}\r\n", line):
        raise Malformed(f"no identification of a meter: {line!r}")


IDENTIFICATION = Format(b"/", _line_size, _check_identification, 32)
"""`/`, three letters of the maker (the last one small where the meter is quick), the speed, the
meter's own name, line end. An eye that hears itself gives the question back first: no match."""


def _block_size(data: bytes) -> int | None:
    end = data.find(b"\x03")
    return end + 2 if 0 <= end < len(data) - 1 else None


def _check_block(block: bytes) -> None:
    if reduce(xor, block[1:]):  # All bytes after STX, ETX too, and their sum: nothing is left.
        raise Malformed("a list with a wrong check character")


BLOCK = Format(b"\x02", _block_size, _check_block, LIST_MAX)
"""`STX` list `!` line end `ETX` check character."""


def _push_size(data: bytes) -> int | None:
    end = data.find(b"\n!")
    line_end = data.find(b"\n", end + 2) if end >= 0 else -1
    return line_end + 1 if line_end >= 0 else None


def _check_push(block: bytes) -> None:
    _check_identification(block[: block.find(b"\n") + 1])


PUSH = Format(b"/", _push_size, _check_push, LIST_MAX)
"""Mode D: identification, empty line, list, `!`, line end."""


def decode(text: str, values: Mapping[str, Entry]) -> Sequence[Measurement]:
    """Return one measurement for each wanted value of a list.

    Raises:
        Malformed: not one of them is in it.
    """
    found = list(items(text))
    heard = tuple(
        next(
            (
                measured(each.values[0], name, entry)
                for each in found
                if is_meant(entry, each.medium, each.code)
            ),
            Measurement(name, None, Quality.ABSENT),
        )
        for name, entry in values.items()
    )
    if all(each.quality is Quality.ABSENT for each in heard):
        codes = " ".join(each.code for each in found[:20])
        raise Malformed(f"a list without any of the values; it has {codes or 'nothing'}")
    return heard


def recognise(heard: bytes) -> Evidence | None:
    """Know a meter by its identification."""
    found = FrameReader(IDENTIFICATION).feed(heard)
    if not found:
        return None
    return Evidence(f"a meter says {found[0].decode('ascii').strip()}", is_proof=True)


@dataclass(slots=True)
class Asked:
    """A meter of mode C (or A, B)."""

    _port: SerialPort
    _config: Config

    async def read(self) -> Sequence[Measurement]:
        """Wake the meter, agree on a speed, and take its list.

        Raises:
            DeviceTimeout: silence.
            DeviceFault: an answer that is none, or a list without the wanted values.
            DeviceAbsent: the line is gone.
        """
        slow = self._config.baudrate or 300
        await self._port.change_baudrate(slow)
        await self._port.write(f"/?{self._config.address}!\r\n".encode())
        speed_code = chr((await self._hear(IDENTIFICATION))[4])
        if speed_code in SPEEDS_C:
            confirmation = f"\x060{speed_code}0\r\n".encode()
            await self._port.write(confirmation)
            # An adapter may say that it has sent what it has only taken.
            await asyncio.sleep(len(confirmation) * BITS_A_BYTE / slow)
        await self._port.change_baudrate((SPEEDS_C | SPEEDS_B).get(speed_code, slow))
        block = await self._hear(BLOCK)
        try:
            return decode(block[1:-2].decode("ascii", "replace"), self._config.values)
        except Malformed as error:
            raise DeviceFault(f"{self._port.name} sent {error}") from error

    async def _hear(self, format: Format) -> bytes:
        spoken = frames(self._port, FrameReader(format), self._config.answer_timeout)
        async with aclosing(spoken):
            return await anext(spoken)


@dataclass(slots=True)
class Pushing:
    """A meter of mode D.

    Attributes:
        rejects: lists skipped because none of the values was in them.
    """

    _port: SerialPort
    _config: Config
    reader: FrameReader = field(default_factory=lambda: FrameReader(PUSH))
    rejects: int = 0

    async def measurements(self) -> AsyncIterator[Sequence[Measurement]]:
        """Yield what each list says; one without any of the values is all ABSENT.

        Raises:
            DeviceTimeout: silence.
            DeviceFault: bytes come, but no lists.
            DeviceAbsent: the line is gone.
        """
        async with aclosing(frames(self._port, self.reader, self._config.silence)) as spoken:
            async for block in spoken:
                try:
                    yield decode(block.decode("ascii", "replace"), self._config.values)
                except Malformed:
                    self.rejects += 1
                    yield tuple(
                        Measurement(name, None, Quality.ABSENT) for name in self._config.values
                    )


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[Asked | Pushing]:
    """Open the line. A meter is not asked twice in a row, so it proves itself with its first list;
    some need a minute of rest between two."""
    async with ports.serial(
        config.port,
        baudrate=config.baudrate or (300 if config.mode == "C" else 2400),
        bytesize=config.bytesize,
        parity=config.parity,
    ) as port:
        yield Asked(port, config) if config.mode == "C" else Pushing(port, config)
