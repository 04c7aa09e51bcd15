"""A satellite receiver that speaks NMEA 0183: GPS, Galileo, GLONASS, BeiDou.

Channels:
    location    {"lat": °, "lng": °, "alt": m above sea level, when known}
    speed       m/s over ground
    course      ° over ground, from true north; absent while standing
    satellites  used for the position
    hdop        horizontal dilution of precision; 1 is good, above 5 is poor

Without a fix every channel but `satellites` is ABSENT: no satellite answered. A position that the
receiver estimates (dead reckoning) or simulates is UNCERTAIN. Measurements are dated by the
satellites as soon as a sentence with a date has come.

Example:

    [device.gps]
    driver = "nmea"
    port = "/dev/serial/by-id/usb-u-blox_AG_GNSS_receiver-if00"

Tested: sentences with known positions; real pyserial over a pty with a receiver that speaks.

Source: NMEA 0183 V4.11 sentences GGA, RMC, ZDA.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING

from gatewayd.driver import Evidence
from gatewayd.errors import DeviceFault, Malformed
from gatewayd.fields import Seconds
from gatewayd.model import Channel, Measurement, Quality

if TYPE_CHECKING:
    from pynmeagps import NMEAMessage

    from gatewayd.ports import Ports
    from gatewayd.ports.serial import SerialPort

LINE = {"baudrate": 9600}
QUESTION = b""

KNOT_M_S = 1852 / 3600

DAY_MS = 86_400_000

DATE_MIN = date(2026, 1, 1)
"""Earlier dates come from receivers whose week counter rolled over, or before their first fix;
such a receiver's measurements stay undated, and the gateway dates them."""

REJECTS_MAX = 200
"""Unreadable lines in a row after which nobody speaks NMEA here; about 20 s of a receiver."""

UNCERTAIN_QUALITIES = (6, 7, 8)
"""GGA quality: estimated, entered by hand, simulated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Keys of the device's section.

    Attributes:
        baudrate: 9600 for most receivers, 4800 for old ones.
        silence: a receiver speaks every second; one that has said nothing for so long is lost.
    """

    port: str
    baudrate: int = 9600
    silence: Seconds = 10.0


def describe(config: Config) -> tuple[Channel, ...]:
    """Return the channels of a receiver."""
    return (
        Channel("location", "location", decimals=6),
        Channel("speed", "speed", "m/s", decimals=1, minimum=0, maximum=600),
        Channel("course", "direction", "deg", decimals=1, minimum=0, maximum=360),
        Channel("satellites", "count", decimals=0, minimum=0, maximum=200),
        Channel("hdop", "level", decimals=1, minimum=0, maximum=100),
    )


def parse(line: bytes) -> NMEAMessage | None:
    """Return one GGA, RMC or ZDA sentence, or None for another one.

    Raises:
        Malformed: no sentence, a wrong checksum, or none.
    """
    from pynmeagps import VALCKSUM, NMEAParseError, NMEAReader, NMEATypeError

    if not line.startswith(b"$"):
        raise Malformed("a line that is no NMEA sentence")
    if line[3:6] not in (b"GGA", b"RMC", b"ZDA"):
        return None
    try:
        message = NMEAReader.parse(line.rstrip(b"\r\n") + b"\r\n", validate=VALCKSUM)
    except (NMEAParseError, NMEATypeError) as error:
        raise Malformed(str(error)) from error
    if message is None:
        raise Malformed("an NMEA sentence without checksum")
    return message


@dataclass(slots=True)
class Log:
    """What is known of place and time from the sentences so far; pure.

    Attributes:
        has_gga: a receiver that sends GGA says its place there, with the height.
        last_ms: UTC milliseconds of the last sentence with a date, or None.
    """

    has_gga: bool = False
    last_ms: int | None = None

    def hear(self, line: bytes) -> Sequence[Measurement]:
        """Return what one line says, possibly nothing.

        Raises:
        Malformed: the line is unreadable, and is to be skipped.
        """
        message = parse(line)
        kind = line[3:6]
        if message is None:
            return ()
        if kind == b"GGA":
            self.has_gga = True
            return self._hear_gga(message)
        if kind == b"RMC":
            return self._hear_rmc(message)
        self._learn_date(_date_of_zda(message), _field(message, "time"))
        return ()

    def _hear_gga(self, message: NMEAMessage) -> Sequence[Measurement]:
        fix = _number(message, "quality") or 0
        count = _number(message, "numSV")
        satellites = Measurement("satellites", *_value(None if count is None else int(count)))
        if not fix:
            return (*_absent("location", "hdop"), satellites)
        quality = Quality.UNCERTAIN if fix in UNCERTAIN_QUALITIES else Quality.GOOD
        time_ms = self._date(_field(message, "time"))
        return (
            Measurement("location", _place(message), quality, time_ms),
            Measurement("hdop", *_value(_number(message, "HDOP"), quality), time_ms),
            satellites._replace(time_ms=time_ms),
        )

    def _hear_rmc(self, message: NMEAMessage) -> Sequence[Measurement]:
        places = () if self.has_gga else ("location",)
        if _field(message, "status") != "A":
            return _absent(*places, "speed", "course")
        # A mode "estimated" or worse may stand behind status A; GGA knows it, RMC from NMEA 2.3 on.
        mode = _field(message, "posMode")
        quality = Quality.UNCERTAIN if mode in {"E", "M", "S"} else Quality.GOOD
        time_ms = self._learn_date(_field(message, "date"), _field(message, "time"))
        knots = _number(message, "spd")
        speed = None if knots is None else round(knots * KNOT_M_S, 3)
        return (
            *(Measurement(each, _place(message), quality, time_ms) for each in places),
            Measurement("speed", *_value(speed, quality), time_ms),
            Measurement("course", *_value(_number(message, "cog"), quality), time_ms),
        )

    def _learn_date(self, day: object, moment: object) -> int | None:
        """Return the instant of a sentence that says its date, and remember it."""
        if isinstance(day, date) and isinstance(moment, time) and day >= DATE_MIN:
            instant = datetime.combine(day, moment, UTC)
            self.last_ms = round(instant.timestamp() * 1000)
            return self.last_ms
        return None

    def _date(self, moment: object) -> int | None:
        """Return the instant of a sentence that says its time of day alone.

        It is the one closest to the last dated sentence, so that a sentence from just after
        midnight falls on the new day before any sentence has told of it.
        """
        if self.last_ms is None or not isinstance(moment, time):
            return None
        of_day_ms = ((moment.hour * 60 + moment.minute) * 60 + moment.second) * 1000
        of_day_ms += moment.microsecond // 1000
        days = round((self.last_ms - of_day_ms) / DAY_MS)
        return days * DAY_MS + of_day_ms


def _field(message: NMEAMessage, name: str) -> object:
    return getattr(message, name, None)


def _number(message: NMEAMessage, name: str) -> float | None:
    """Return a field, or None where the receiver left it empty."""
    value = _field(message, name)
    return value if isinstance(value, int | float) and math.isfinite(value) else None


def _value(value: float | None, quality: Quality = Quality.GOOD) -> tuple[float | None, Quality]:
    """Return a value and its quality; an empty field is ABSENT."""
    return (None, Quality.ABSENT) if value is None else (value, quality)


def _absent(*channels: str) -> Sequence[Measurement]:
    return tuple(Measurement(each, None, Quality.ABSENT) for each in channels)


def _place(message: NMEAMessage) -> dict[str, float]:
    lat, lng, alt = (_number(message, name) for name in ("lat", "lon", "alt"))
    if lat is None or lng is None or abs(lat) > 90 or abs(lng) > 180:
        raise Malformed("a fix without a place on Earth")
    place = {"lat": round(lat, 7), "lng": round(lng, 7)}
    return place if alt is None else {**place, "alt": alt}


def _date_of_zda(message: NMEAMessage) -> date | None:
    parts = [_number(message, name) for name in ("year", "month", "day")]
    try:
        return date(*(int(part) for part in parts if part is not None))
    except (ValueError, TypeError, OverflowError):
        return None


def recognise(heard: bytes) -> Evidence | None:
    """Know a receiver by a sentence with a right checksum."""
    for line in heard.splitlines():
        try:
            message = parse(line)
        except Malformed:
            continue
        if message is not None:
            return Evidence(f"says {line[:6].decode()} of NMEA 0183", is_proof=True)
    return None


@dataclass(slots=True)
class Receiver:
    """A receiver on its line."""

    _port: SerialPort
    _silence_s: float
    _log: Log = field(default_factory=Log)
    rejects: int = 0
    """Unreadable lines since the device was opened."""

    async def measurements(self) -> AsyncIterator[Sequence[Measurement]]:
        """Yield what each sentence says.

        Raises:
            DeviceTimeout: silence.
            DeviceFault: bytes come, but no NMEA.
            DeviceAbsent: the line is gone.
        """
        in_a_row = 0
        async with aclosing(self._port.lines(silence_s=self._silence_s)) as lines:
            async for line in lines:
                try:
                    heard = self._log.hear(line)
                except Malformed as error:
                    self.rejects += 1
                    in_a_row += 1
                    if in_a_row >= REJECTS_MAX:
                        raise DeviceFault(
                            f"{in_a_row} lines in a row at {self._port.name} are no NMEA: {error}"
                        ) from error
                    continue
                in_a_row = 0
                if heard:
                    yield heard


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[Receiver]:
    """Listen to a receiver. It cannot be asked, so its silence is found out while listening."""
    async with ports.serial(config.port, baudrate=config.baudrate) as port:
        yield Receiver(port, config.silence)
