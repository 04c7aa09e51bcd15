"""Any SDI-12 sensor: soil moisture, water level, weather, through a serial adapter.

Channels:
    one for each `[device.NAME.values.CHANNEL]`, with the kind and unit written there

The adapter turns the one data wire into a serial line (1200 baud, 7 bits, even parity) and passes
the break on that wakes the sensors; whether it also gives back what it sends does not matter. The
sensors of one wire are told apart by their address: a value of another sensor than the section's
says whose it is. A sensor that fails costs the others nothing but its time.

Example:

    [device.soil]
    driver = "sdi12"
    port = "/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0"
    address = "0"
    timeout = "20s"               # longer than the sensor takes to measure

    [device.soil.values.moisture]
    index = 1                     # the first value that the sensor sends
    kind = "moisture"
    unit = "%"

    [device.soil.values.deep]
    address = "1"                 # another sensor on the same wire
    index = 1
    kind = "moisture"
    unit = "%"

Identity: `identity`, where it is set: what the answer to `aI!` must contain.

Tested: the specification's worked checksum; real pyserial over a pty with a sensor that echoes.

Source: SDI-12 specification V1.4, 4.4 (commands), 4.4.12 (CRC), 7 (timing).
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drivers.serial._checksums import crc16
from gatewayd.errors import (
    DeviceAbsent,
    DeviceError,
    DeviceFault,
    DeviceTimeout,
    Malformed,
)
from gatewayd.fields import Seconds
from gatewayd.model import Channel, Measurement, Quality

if TYPE_CHECKING:
    from gatewayd.ports import Ports
    from gatewayd.ports.serial import SerialPort

LINE = {"baudrate": 1200, "bytesize": 7, "parity": "even"}

BREAK_S = 0.02
"""The line is held at break so long and rests so long; 12 ms and 8.33 ms are the least."""
END = b"\r\n"
VALUES_MAX = 20
"""aM! gives 9 at the most, aC! 20."""
PAGES_MAX = 10
"""aD0! to aD9!"""

_VALUE = re.compile(r"[+-](?:\d{1,7}(?:\.\d{0,7})?|\.\d{1,7})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One value of the sensor: `[device.NAME.values.CHANNEL]`.

    Attributes:
        index: its place in what the sensor sends, the first being 1.
        address: of its sensor, where that is not the section's.
    """

    index: int
    kind: str
    address: str | None = None
    unit: str = ""
    decimals: int | None = None
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Keys of the device's section.

    Attributes:
        address: one digit or letter, of the sensor whose values do not name another.
        command: what makes the sensor measure: `M`, or `M1` to `M9` for its other groups.
        checksum: ask for values with a checksum; sensors before version 1.3 have none.
        identity: what the identification of the sensor at `address` must contain, such as its
            serial number.
        answer_timeout: for the first character of an answer and all that follow.
    """

    port: str
    values: Mapping[str, Value]
    address: str = "0"
    command: str = "M"
    checksum: bool = True
    identity: str | None = None
    answer_timeout: Seconds = 1.0

    def __post_init__(self) -> None:
        """Find what cannot work before a device is touched."""
        if not re.fullmatch(r"M[1-9]?", self.command):
            raise ValueError('command is "M", or "M1" to "M9"')
        if not self.values:
            raise ValueError("an SDI-12 sensor needs at least one [….values.CHANNEL]")
        for address in (self.address, *self.addresses):
            if not re.fullmatch(r"[0-9A-Za-z]", address):
                raise ValueError("address is one digit or letter")
        for name, each in self.values.items():
            if not 1 <= each.index <= VALUES_MAX:
                raise ValueError(f"value {name}: index is 1 to {VALUES_MAX}")

    @property
    def addresses(self) -> tuple[str, ...]:
        """The sensors that have a value, each once."""
        return tuple(dict.fromkeys(each.address or self.address for each in self.values.values()))

    @property
    def start(self) -> str:
        """The command with its checksum letter: `MC1`."""
        return f"M{'C' if self.checksum else ''}{self.command[1:]}"


def describe(config: Config) -> tuple[Channel, ...]:
    """Return one channel for each value."""
    return tuple(
        Channel(
            name, each.kind, each.unit, each.decimals, minimum=each.minimum, maximum=each.maximum
        )
        for name, each in config.values.items()
    )


def encode_crc(text: bytes) -> bytes:
    """Return the three characters that stand for a CRC-16: 6 bits each, the highest first."""
    crc = crc16(text)
    return bytes([0x40 | crc >> 12, 0x40 | crc >> 6 & 0x3F, 0x40 | crc & 0x3F])


def decode_start(answer: str) -> tuple[float, int]:
    """Return seconds until the values are there, and how many, from `atttn`.

    Raises:
        Malformed: another answer.
    """
    match = re.fullmatch(r".(\d{3})(\d{1,2})", answer)
    if match is None:
        raise Malformed(f"{answer[:40]!r}, not seconds and a count")
    return float(match[1]), int(match[2])


def decode_values(answer: str, *, has_crc: bool) -> list[float]:
    """Return the numbers of `a+1.5-2…`, behind which stand three characters of checksum.

    Raises:
        Malformed: a wrong checksum, or something between the numbers.
    """
    if has_crc:
        body, check = answer[:-3].encode("ascii", "replace"), answer[-3:].encode("ascii", "replace")
        if encode_crc(body) != check:
            raise Malformed(f"{answer[:80]!r} with a wrong checksum")
        answer = answer[:-3]
    texts = _VALUE.findall(answer[1:])
    if "".join(texts) != answer[1:]:
        raise Malformed(f"{answer[:80]!r}, not numbers with their signs")
    return [float(each) for each in texts]


@dataclass(slots=True)
class Wire:
    """The sensors on one wire."""

    _port: SerialPort
    _config: Config

    async def read(self) -> Sequence[Measurement]:
        """Let each sensor measure; the values of one that fails have the reason.

        Raises:
            DeviceTimeout: silence of all.
            DeviceFault: a wrong checksum, another address, or another answer from all.
            DeviceAbsent: the line is gone.
        """
        config = self._config
        values: dict[str, list[float]] = {}
        errors: dict[str, DeviceError] = {}
        for address in config.addresses:
            try:
                values[address] = await self._measure(address)
            except DeviceAbsent:
                raise
            except DeviceError as error:
                errors[address] = error
        if errors and not values:
            raise next(iter(errors.values()))
        heard: list[Measurement] = []
        for name, each in config.values.items():
            address = each.address or config.address
            if address in errors:
                heard.append(Measurement(name, None, errors[address].quality))
            else:
                heard.append(_measured(name, each.index, values[address]))
        return tuple(heard)

    async def prove(self) -> None:
        """Ask who the sensors are; one that answers is enough. Raises as `read`."""
        config = self._config
        errors: list[DeviceError] = []
        for address in config.addresses:
            try:
                said = await self._ask(address, "I")
            except DeviceAbsent:
                raise
            except DeviceError as error:
                errors.append(error)
                continue
            wanted = config.identity if address == config.address else None
            if wanted is not None and wanted not in said:
                raise DeviceFault(
                    f"sensor {address} at {self._port.name} is {said[1:]!r}, not {wanted!r}"
                )
        if len(errors) == len(config.addresses):
            raise errors[0]

    async def _measure(self, address: str) -> list[float]:
        """Return what one sensor measures, after waiting until it calls or its time is over."""
        try:
            wait_s, count = decode_start(await self._ask(address, self._config.start))
            if wait_s:
                # One that does not call has had its time by then.
                with suppress(DeviceTimeout):
                    await self._port.exchange(b"", until=END, timeout_s=wait_s)
            return await self._fetch(address, min(count, VALUES_MAX))
        except Malformed as error:
            raise DeviceFault(f"sensor {address} at {self._port.name} answered {error}") from error

    async def _fetch(self, address: str, count: int) -> list[float]:
        values: list[float] = []
        for page in range(PAGES_MAX):
            if len(values) >= count:
                break
            answer = await self._ask(address, f"D{page}")
            found = decode_values(answer, has_crc=self._config.checksum)
            if not found:
                break
            values += found
        return values

    async def _ask(self, address: str, command: str) -> str:
        """Return the answer to one command, without echo and line end.

        Raises:
            DeviceFault: another sensor answers.
        """
        question = f"{address}{command}!".encode()
        answer = await self._port.exchange(
            question, until=END, timeout_s=self._config.answer_timeout, break_s=BREAK_S
        )
        # An adapter may give back the break, as a zero, and the question.
        answer = answer.lstrip(b"\0").removeprefix(question).lstrip(b"\0")
        text = answer.decode("ascii", "replace")
        if not text.startswith(address):
            raise DeviceFault(
                f"{self._port.name} answered {text[:40]!r}, which is not address {address}"
            )
        return text


def _measured(name: str, index: int, values: Sequence[float]) -> Measurement:
    if index > len(values):
        return Measurement(name, None, Quality.ABSENT)
    return Measurement(name, values[index - 1])


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[Wire]:
    """Open the line; a sensor proves that it is there by telling who it is.

    Raises as `Wire.read`.
    """
    async with ports.serial(config.port, **LINE) as port:
        wire = Wire(port, config)
        await wire.prove()
        yield wire
