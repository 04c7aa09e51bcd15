"""Electricity meters that speak SML through their optical eye: most modern meters in Germany.

Channels:
    energy_in, energy_out  kWh
    power                  W; negative while energy is fed out
    or one for each `[device.NAME.values.CHANNEL]`, with the kind and unit written there

What the meter does not say is ABSENT: many tell power and decimals only after their PIN.

Example:

    [device.meter]
    driver = "sml"
    port = "/dev/serial/by-id/usb-Silicon_Labs_CP2104_USB_to_UART_Bridge_Controller_0001-if00-port0"

    [device.meter.values.energy_in]
    code = "1-0:1.8.0"
    kind = "energy"
    unit = "kWh"

Identity: `server`, the meter's number in hexadecimal, where it is set.

Tested: a frame captured from an Iskra meter, with its own checksum; real pyserial over a pty.

Source: BSI TR-03109-1, annex IV; SML specification 1.04, transport protocol version 1.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from drivers.serial._frames import FrameReader, frames
from drivers.serial._obis import USUAL, Entry, channels, convert, is_meant
from drivers.serial._sml import FORMAT, Message, Value, messages
from gatewayd.driver import Evidence
from gatewayd.errors import DeviceFault, Malformed
from gatewayd.fields import Seconds
from gatewayd.model import Channel, Measurement, Quality

if TYPE_CHECKING:
    from gatewayd.ports import Ports
    from gatewayd.ports.serial import SerialPort

LINE = {"baudrate": 9600}
QUESTION = b""

REJECTS_MAX = 10
"""Frames in a row that are right and cannot be understood; they will not get better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Keys of the device's section.

    Attributes:
        values: what to report; without it, energy in and out, and power.
        server: the meter's own number in hexadecimal, where no other may be taken for it.
        silence: a meter speaks every one to four seconds.
    """

    port: str
    values: Mapping[str, Entry] = field(default_factory=lambda: USUAL)
    server: str | None = None
    silence: Seconds = 30.0
    baudrate: int = 9600

    def __post_init__(self) -> None:
        """Find what cannot work before a device is touched."""
        if not self.values:
            raise ValueError("a meter needs at least one [….values.CHANNEL]")


def describe(config: Config) -> tuple[Channel, ...]:
    """Return one channel for each value."""
    return channels(config.values)


def decode(message: Message, values: Mapping[str, Entry]) -> Sequence[Measurement]:
    """Return one measurement for each wanted value."""
    return tuple(
        next(
            (
                _measured(each, name, entry)
                for each in message.values
                if is_meant(entry, each.medium, each.code)
            ),
            Measurement(name, None, Quality.ABSENT),
        )
        for name, entry in values.items()
    )


def _measured(value: Value, name: str, entry: Entry) -> Measurement:
    if isinstance(value.value, bytes):
        if entry.kind != "text":
            return Measurement(name, None, Quality.FAULT)
        text = value.value.decode("ascii", "replace")
        return Measurement(name, text if text.isprintable() else value.value.hex().upper())
    try:
        return Measurement(name, convert(value.value, value.unit or entry.unit, entry.unit))
    except Malformed:
        return Measurement(name, None, Quality.FAULT)


def recognise(heard: bytes) -> Evidence | None:
    """Know a meter by a frame with a right checksum."""
    found = FrameReader(FORMAT).feed(heard)
    return Evidence(f"an SML frame of {len(found[0])} bytes", is_proof=True) if found else None


@dataclass(slots=True)
class Meter:
    """A meter's eye.

    Attributes:
        rejects: frames with a right checksum and no list that could be read.
    """

    _port: SerialPort
    _config: Config
    reader: FrameReader = field(default_factory=lambda: FrameReader(FORMAT))
    rejects: int = 0

    async def measurements(self) -> AsyncIterator[Sequence[Measurement]]:
        """Yield what each list of readings says.

        Raises:
            DeviceTimeout: silence.
            DeviceFault: bytes come, but no frames, or those of another meter.
            DeviceAbsent: the line is gone.
        """
        in_a_row = 0
        async with aclosing(frames(self._port, self.reader, self._config.silence)) as spoken:
            async for frame in spoken:
                try:
                    heard = tuple(messages(frame))
                except Malformed as error:
                    self.rejects += 1
                    in_a_row += 1
                    if in_a_row >= REJECTS_MAX:
                        raise DeviceFault(
                            f"{self._port.name} speaks another SML: {error}"
                        ) from error
                    continue
                in_a_row = 0
                for message in heard:
                    self._prove(message.server)
                    yield decode(message, self._config.values)

    def _prove(self, server: bytes) -> None:
        wanted = self._config.server
        if wanted is not None and wanted.replace("-", "").upper() != server.hex().upper():
            raise DeviceFault(f"{self._port.name} is meter {server.hex().upper()}, not {wanted}")


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[Meter]:
    """Listen to a meter; it speaks unasked, so its silence is found out while listening."""
    async with ports.serial(config.port, baudrate=config.baudrate) as port:
        yield Meter(port, config)
