r"""Any device that prints text: scales, weather stations, Arduinos, meters with a terminal.

Channels:
    one for each `[device.NAME.fields.CHANNEL]`, with the kind and unit written there

A field says where in the line its value stands: the named `group` of a regular expression, the
`key` of a JSON object (`a.b` for one inside another), or the `column` of a CSV line, the first
being 1. Without `poll` the device speaks by itself; with it, the device is asked.

Example:

    [device.scale]
    driver = "lines"
    port = "/dev/serial/by-id/usb-Prolific-if00-port0"
    format = "regex"
    pattern = '^S S +(?P<v>-?[\d.]+) g'
    poll = "SI\r\n"

    [device.scale.fields.weight]
    kind = "weight"
    unit = "g"
    group = "v"

Tested: texts of the kinds it reads; real pyserial over a pty.

Source: the device's own manual; MT-SICS reference manual and A&D RS-232C format for the scales.
"""

from __future__ import annotations

import math
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import orjson

from drivers.serial._checksums import Checksum, strip_checksum
from gatewayd.errors import DeviceFault, Malformed
from gatewayd.fields import Seconds
from gatewayd.model import Channel, Measurement, Quality, Value

if TYPE_CHECKING:
    from gatewayd.ports import Ports
    from gatewayd.ports.serial import SerialPort

TEXT_MAX = 256
"""Characters of a text value; more is no value but a story."""

REJECTS_MAX = 1000
"""Lines in a row without a value after which the device babbles. A scale that is not at rest, or
a board that prints what it does, says a few hundred between two values."""

WORDS = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}
"""What a switch may be called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One value in the line: `[device.NAME.fields.CHANNEL]`.

    Attributes:
        kind: the quantity; `text` takes the text as it stands, `switch` on and off, all others
            a number, with a decimal point or comma.
        group, key, column: where it stands; the one that fits the format.
    """

    kind: str
    unit: str = ""
    decimals: int | None = None
    minimum: float | None = None
    maximum: float | None = None
    group: str | None = None
    key: str | None = None
    column: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Keys of the device's section.

    Attributes:
        pattern: for `regex`; found anywhere in the line unless it begins with `^`.
        delimiter: for `csv`.
        checksum: `nmea-xor` is `$text*HH`; `sum8` ends in the sum of all characters before, HH.
        poll: what to send to get a line, line end included (`"SI\\r\\n"`).
        answer_timeout: for the answer to `poll`.
        silence: without `poll`, how long the device may say nothing before it counts as lost.
    """

    port: str
    format: Literal["regex", "json", "csv"]
    fields: Mapping[str, Field]
    pattern: str = ""
    delimiter: str = ","
    checksum: Checksum = "none"
    poll: str | None = None
    terminator: str = "\n"
    answer_timeout: Seconds = 2.0
    silence: Seconds | None = None
    encoding: Literal["ascii", "utf-8", "latin-1"] = "utf-8"
    baudrate: int = 9600
    bytesize: Literal[7, 8] = 8
    parity: Literal["none", "even", "odd"] = "none"

    def __post_init__(self) -> None:
        """Find what cannot work before a device is touched."""
        if not self.fields:
            raise ValueError("a device that prints lines needs at least one [….fields.CHANNEL]")
        if not self.terminator or len(self.delimiter) != 1:
            raise ValueError("terminator must not be empty, and delimiter is one character")
        groups = _compile(self.pattern).groupindex if self.format == "regex" else {}
        for name, each in self.fields.items():
            if self.format == "regex" and each.group not in groups:
                raise ValueError(f"field {name}: the pattern has no group (?P<{each.group}>…)")
            if self.format == "json" and not each.key:
                raise ValueError(f"field {name} needs its JSON key")
            if self.format == "csv" and (each.column is None or each.column < 1):
                raise ValueError(f"field {name} needs its column; the first is 1")


def _compile(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ValueError(f"pattern: {error}") from error


def describe(config: Config) -> tuple[Channel, ...]:
    """Return one channel for each field."""
    return tuple(
        Channel(
            name, each.kind, each.unit, each.decimals, minimum=each.minimum, maximum=each.maximum
        )
        for name, each in config.fields.items()
    )


class Decoder:
    """From one line to its measurements; pure, the pattern compiled once."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._pattern = _compile(config.pattern)

    def decode(self, line: bytes) -> Sequence[Measurement]:
        """Return the fields that the line has, at least one.

        Raises:
            Malformed: another line, a wrong checksum, or a value that is none.
        """
        config = self._config
        try:
            text = line.decode(config.encoding).strip("\r\n\0")
        except UnicodeDecodeError as error:
            raise Malformed(f"a line that is not {config.encoding}") from error
        text = strip_checksum(text, config.checksum, config.encoding)
        found = self._find(text)
        measurements = tuple(
            Measurement(name, _value(found[name], each.kind))
            for name, each in config.fields.items()
            if found.get(name) is not None
        )
        if not measurements:
            raise Malformed(f"a line without any of the fields: {text[:40]!r}")
        return measurements

    def _find(self, text: str) -> Mapping[str, object]:
        fields = self._config.fields.items()
        if self._config.format == "json":
            try:
                tree = orjson.loads(text)
            except orjson.JSONDecodeError as error:
                raise Malformed(f"a line that is not JSON: {text[:40]!r}") from error
            return {name: _descend(tree, each.key or "") for name, each in fields}
        if self._config.format == "csv":
            columns = [column.strip() for column in text.split(self._config.delimiter)]
            return {
                name: columns[each.column - 1] or None
                for name, each in fields
                if each.column is not None and each.column <= len(columns)
            }
        match = self._pattern.search(text)
        if match is None:
            raise Malformed(f"a line that the pattern does not know: {text[:40]!r}")
        return {name: match[each.group] for name, each in fields if each.group is not None}


def _descend(tree: object, key: str) -> object:
    for part in key.split("."):
        tree = tree.get(part) if isinstance(tree, dict) else None
    return tree


def _value(found: object, kind: str) -> Value:
    """Return what stands in the line as a value of its kind.

    Raises:
        Malformed: it is no such value.
    """
    text = str(found).strip()
    if kind == "text":
        if len(text) > TEXT_MAX:
            raise Malformed(f"a text of {len(text)} characters")
        return text
    if kind == "switch":
        if text.lower() in WORDS:
            return WORDS[text.lower()]
        raise Malformed(f"{text[:40]!r} is neither on nor off")
    try:
        number = float(text.replace(" ", "").replace(",", "."))
    except ValueError as error:
        raise Malformed(f"{text[:40]!r} is no number") from error
    if not math.isfinite(number) or isinstance(found, bool):
        raise Malformed(f"{text[:40]!r} is no number")
    return number


@dataclass(slots=True)
class Speaker:
    """A device that speaks by itself."""

    _port: SerialPort
    _config: Config
    _decoder: Decoder
    rejects: int = field(default=0)
    """Lines skipped since the device was opened."""

    async def measurements(self) -> AsyncIterator[Sequence[Measurement]]:
        """Yield what each line says; other lines are skipped and counted.

        Raises:
            DeviceTimeout: silence, where `silence` is set.
            DeviceFault: bytes without any line end, or lines without any value.
            DeviceAbsent: the line is gone.
        """
        in_a_row = 0
        terminator = self._config.terminator.encode(self._config.encoding)
        stream = self._port.lines(terminator, silence_s=self._config.silence)
        async with aclosing(stream) as lines:
            async for line in lines:
                try:
                    heard = self._decoder.decode(line)
                except Malformed as error:
                    self.rejects += 1
                    in_a_row += 1
                    if in_a_row >= REJECTS_MAX:
                        raise DeviceFault(
                            f"{in_a_row} lines in a row at {self._port.name}, the last {error}"
                        ) from error
                    continue
                in_a_row = 0
                yield heard


@dataclass(slots=True)
class Answerer:
    """A device that is asked with `poll`."""

    _port: SerialPort
    _config: Config
    _decoder: Decoder

    async def read(self) -> Sequence[Measurement]:
        """Ask for one line; a field that it lacks is a FAULT.

        Raises:
            DeviceTimeout: silence.
            DeviceFault: an answer in another form.
            DeviceAbsent: the line is gone.
        """
        encoding = self._config.encoding
        answer = await self._port.exchange(
            (self._config.poll or "").encode(encoding),
            until=self._config.terminator.encode(encoding),
            timeout_s=self._config.answer_timeout,
        )
        try:
            heard = {each.channel: each for each in self._decoder.decode(answer)}
        except Malformed as error:
            raise DeviceFault(f"{self._port.name} answered {error}") from error
        return tuple(
            heard.get(name, Measurement(name, None, Quality.FAULT)) for name in self._config.fields
        )


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[Speaker | Answerer]:
    """Open the line; a device that can be asked proves itself with one answer.

    Raises as `Answerer.read`.
    """
    async with ports.serial(
        config.port, baudrate=config.baudrate, bytesize=config.bytesize, parity=config.parity
    ) as port:
        if config.poll is None:
            yield Speaker(port, config, Decoder(config))
            return
        answerer = Answerer(port, config, Decoder(config))
        await answerer.read()
        yield answerer
