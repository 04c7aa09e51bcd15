"""Scales that speak MT-SICS (Mettler Toledo and many others), A&D's format, or Sartorius's SBI.

Channels:
    weight  in `unit`; UNCERTAIN while it moves, FAULT above and below the scale's range

The scale is asked at every reading, or speaks by itself with `speaks = true`.

Example:

    [device.hopper]
    driver = "scale"
    port = "/dev/serial/by-id/usb-Prolific_Technology_Inc._USB-Serial_Controller-if00-port0"
    language = "mt-sics"
    unit = "kg"

Tested: the manuals' worked answers; real pyserial over a pty with a scale.

Source: Mettler Toledo, MT-SICS reference manual, S and SI; A&D, RS-232C format 1 (header, data,
unit); Sartorius, SBI data output format with 16 and 22 characters.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gatewayd.driver import Evidence
from gatewayd.errors import DeviceFault, Malformed
from gatewayd.fields import Seconds
from gatewayd.model import Channel, Measurement, Quality

if TYPE_CHECKING:
    from gatewayd.ports import Ports
    from gatewayd.ports.serial import SerialPort

Language = Literal["mt-sics", "and", "sbi"]
Unit = Literal["mg", "g", "kg", "t"]

LINE = {"baudrate": 9600}
QUESTION = b"SI\r\n"
END = b"\n"

QUESTIONS: dict[Language, bytes] = {"mt-sics": QUESTION, "and": b"Q\r\n", "sbi": b"\x1bP\r\n"}
"""The value now, stable or not."""

GRAMS = {"mg": 1e-3, "g": 1.0, "kg": 1e3, "t": 1e6, "ct": 0.2, "lb": 453.59237, "oz": 28.349523125}

REJECTS_MAX = 50
"""Unreadable lines in a row after which nobody speaks this language here."""

_NUMBER = r"(?P<value>[+-]? *\d{1,12}(?:[.,]\d{1,9})?|[+-]? *[.,]\d{1,9})"
_SICS = re.compile(rf"S (?P<state>[SDI+-])(?: +{_NUMBER} +(?P<unit>[A-Za-z]{{1,5}}))?")
_AND = re.compile(rf"(?P<state>ST|US|OL)(?:,{_NUMBER} *(?P<unit>[A-Za-z]{{1,5}}))?")
_SBI = re.compile(rf"(?:[A-Z][\w +-]{{5}})?{_NUMBER} *(?P<unit>[A-Za-z]{{0,3}}) *")
_SBI_LIMITS = re.compile(r"(?:Stat\w* *|[A-Z][\w ]{5})? *(?P<word>High|Low|H|L|-{4,})[ \-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Keys of the device's section.

    Attributes:
        unit: to report in; what the scale shows is converted.
        speaks: the scale sends by itself, as set in its menu.
        silence: after how long without a word a scale that speaks is lost.
        baudrate, bytesize, parity: A&D scales leave the factory with 2400, 7 and "even".
    """

    port: str
    language: Language
    unit: Unit = "kg"
    speaks: bool = False
    answer_timeout: Seconds = 2.0
    silence: Seconds = 30.0
    baudrate: int = 9600
    bytesize: Literal[7, 8] = 8
    parity: Literal["none", "even", "odd"] = "none"


def describe(config: Config) -> tuple[Channel, ...]:
    """Return the one channel; 1000 t is more than any scale for waggons."""
    bound = 1e9 / GRAMS[config.unit]
    return (Channel("weight", "weight", config.unit, minimum=-bound, maximum=bound),)


def decode(line: bytes, language: Language, unit: Unit) -> Measurement:
    """Return what one line says.

    MT-SICS `S S     100.00 g`: stable, `S D` moving, `S I` not now, `S +` and `S -` out of range.
    A&D `ST,+00123.45  g`: stable, `US` moving, `OL` out of range, `QT` pieces.
    SBI `+   123.56 g  `: stable; without unit, moving; `High`, `Low` out of range.

    Raises:
        Malformed: another line.
    """
    text = line.decode("ascii", "replace").strip("\r\n\0")
    if language == "sbi":
        return _decode_sbi(text, unit)
    pattern = _SICS if language == "mt-sics" else _AND
    match = pattern.fullmatch("OL" if text.startswith("OL,") else text.strip())
    if match is None:
        raise Malformed(f"a line that is no weight: {text[:40]!r}")
    if match["state"] in ("I", "+", "-", "OL"):
        return Measurement("weight", None, Quality.FAULT)
    if match["value"] is None:
        raise Malformed(f"a line without a weight: {text[:40]!r}")
    is_moving = match["state"] in ("D", "US")
    return _measured(match["value"], match["unit"], unit, is_moving=is_moving)


def _decode_sbi(text: str, unit: Unit) -> Measurement:
    if _SBI_LIMITS.fullmatch(text):
        return Measurement("weight", None, Quality.FAULT)
    match = _SBI.fullmatch(re.sub(r"[\[\]]", "", text))  # Digits that are not verified.
    if match is None:
        raise Malformed(f"a line that is no weight: {text[:40]!r}")
    said = match["unit"]
    return _measured(match["value"], said or unit, unit, is_moving=not said)


def _measured(value: str, said: str, unit: Unit, *, is_moving: bool) -> Measurement:
    if said not in GRAMS:
        raise Malformed(f"a weight in {said}")
    number = float(value.replace(" ", "").replace(",", "."))
    weight = number if said == unit else float(f"{number * GRAMS[said] / GRAMS[unit]:.12g}")
    return Measurement("weight", weight, Quality.UNCERTAIN if is_moving else Quality.GOOD)


def recognise(heard: bytes) -> Evidence | None:
    """Know a scale by its answer to SI, or by a line of A&D's that it speaks by itself."""
    languages: tuple[Language, ...] = ("mt-sics", "and")
    for line in heard.split(END)[:20]:
        for language in languages:
            try:
                decode(line, language, "kg")
            except Malformed:
                continue
            words = f"a scale says {line.strip().decode('ascii', 'replace')!r}"
            return Evidence(words, is_proof=True, keys={"language": language})
    return None


@dataclass(slots=True)
class Asked:
    """A scale that is asked."""

    _port: SerialPort
    _config: Config

    async def read(self) -> Sequence[Measurement]:
        """Ask for the weight of now.

        Raises:
            DeviceTimeout: silence.
            DeviceFault: an answer in another language.
            DeviceAbsent: the line is gone.
        """
        config = self._config
        answer = await self._port.exchange(
            QUESTIONS[config.language], until=END, timeout_s=config.answer_timeout
        )
        try:
            return (decode(answer, config.language, config.unit),)
        except Malformed as error:
            raise DeviceFault(f"{self._port.name} answered {error}") from error


@dataclass(slots=True)
class Speaking:
    """A scale that speaks by itself.

    Attributes:
        rejects: lines skipped since the device was opened.
    """

    _port: SerialPort
    _config: Config
    rejects: int = 0

    async def measurements(self) -> AsyncIterator[Sequence[Measurement]]:
        """Yield what each line says.

        Raises:
            DeviceTimeout: silence.
            DeviceFault: lines come, but no weights.
            DeviceAbsent: the line is gone.
        """
        config, in_a_row = self._config, 0
        async with aclosing(self._port.lines(END, silence_s=config.silence)) as lines:
            async for line in lines:
                try:
                    heard = decode(line, config.language, config.unit)
                except Malformed as error:
                    self.rejects += 1
                    in_a_row += 1
                    if in_a_row >= REJECTS_MAX:
                        raise DeviceFault(
                            f"{self._port.name} speaks no weights: {error}"
                        ) from error
                    continue
                in_a_row = 0
                yield (heard,)


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[Asked | Speaking]:
    """Open the line; a scale that is asked proves itself with one answer. Raises as its `read`."""
    async with ports.serial(
        config.port, baudrate=config.baudrate, bytesize=config.bytesize, parity=config.parity
    ) as port:
        if config.speaks:
            yield Speaking(port, config)
            return
        scale = Asked(port, config)
        await scale.read()
        yield scale
