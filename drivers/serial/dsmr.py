"""Smart meters with a P1 port.

DSMR 2 to 5 (Netherlands), eMUCS (Belgium), and their kin in Luxembourg and Sweden; not those that
encrypt. The port's line is inverted: it needs a P1 cable.

Channels:
    energy_in_1, energy_in_2, energy_out_1, energy_out_2  kWh, low and high tariff
    energy_in, energy_out                                 kWh, in their stead with `tariffs = 1`
    tariff                                                1 low, 2 high; not with `tariffs = 1`
    power_in, power_out                                   W
    voltage_l1, current_l1, power_in_l1, power_out_l1 …   V, A, W; of one phase or of three
    equipment                                             the meter's number, said when it changes
    gas, water, heat, gas_equipment …                     m³, GJ; the meters named in `meters`

What the telegram lacks is ABSENT. Gas, water and heat are dated by the meter, which hears of them
every five minutes or every hour, and reported when they are new. With `equipment` set the
telegrams of any other meter are a fault.

Example:

    [device.meter]
    driver = "dsmr"
    port = "/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_AC2F17KR-if00-port0"
    phases = 3
    meters = ["gas"]

Identity: `equipment`, where it is set.

Tested: a telegram captured from a Kaifa meter, with its own checksum; real pyserial over a pty.

Source: Netbeheer Nederland, Dutch Smart Meter Requirements, P1 companion standard 5.0.2, 5.2 and
6.12; Fluvius, eMUCS P1 1.7.1.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Literal

from drivers.serial._checksums import crc16
from drivers.serial._frames import Format, FrameReader, frames
from drivers.serial._obis import ENERGY_MAX, Entry, Item, channels, items, measured
from gatewayd.driver import Evidence
from gatewayd.errors import DeviceFault, Malformed
from gatewayd.fields import Seconds
from gatewayd.model import Channel, Measurement, Quality

if TYPE_CHECKING:
    from gatewayd.ports import Ports
    from gatewayd.ports.serial import SerialPort

LINE = {"baudrate": 115200}
QUESTION = b""

SIZE_MAX = 8192
"""Bytes of a telegram: about 1000, with the longest text message of the standard 3000."""

Meter = Literal["gas", "water", "heat"]
TYPES: dict[str, Meter] = {"003": "gas", "004": "heat", "006": "water", "007": "water"}
"""Kinds of M-Bus devices. Source: EN 13757-3, device types."""
READINGS = ("24.2.1", "24.2.3", "24.3.0")
"""The value itself: everywhere, Belgian gas, DSMR 2 and 3."""

OFFSETS = {"W": timezone(timedelta(hours=1)), "S": timezone(timedelta(hours=2))}
"""Winter and summer time, as the last letter of a time says. All these countries have both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Keys of the device's section.

    Attributes:
        phases: of the connection, 1 or 3.
        tariffs: 2 in the Netherlands and Belgium, 1 where the meter has one register alone.
        meters: what else is connected to the meter.
        equipment: the meter's own number, where no other may be taken for it.
        silence: a meter speaks every second, an old one every ten.
        baudrate, bytesize, parity: DSMR 2 and 3 need 9600, 7 and "even".
    """

    port: str
    phases: Literal[1, 3] = 1
    tariffs: Literal[1, 2] = 2
    meters: tuple[Meter, ...] = ()
    equipment: str | None = None
    silence: Seconds = 35.0
    baudrate: int = 115200
    bytesize: Literal[7, 8] = 8
    parity: Literal["none", "even", "odd"] = "none"


def _energy(code: str) -> Entry:
    return Entry(
        code=f"1-0:{code}", kind="energy", unit="kWh", decimals=3, minimum=0, maximum=ENERGY_MAX
    )


def _power(code: str) -> Entry:
    return Entry(code=f"1-0:{code}", kind="power", unit="W", decimals=0, minimum=0, maximum=1e6)


def entries(config: Config) -> dict[str, Entry]:
    """Return the values of the electricity meter, by channel."""
    if config.tariffs == 1:
        found = {"energy_in": _energy("1.8.0"), "energy_out": _energy("2.8.0")}
    else:
        found = {
            f"energy_{way}_{tariff}": _energy(f"{code}.8.{tariff}")
            for way, code in (("in", 1), ("out", 2))
            for tariff in (1, 2)
        }
        found["tariff"] = Entry(code="0-0:96.14.0", kind="level", decimals=0, minimum=0, maximum=9)
    found |= {"power_in": _power("1.7.0"), "power_out": _power("2.7.0")}
    for phase in range(config.phases):
        name, tens = f"l{phase + 1}", 20 * phase
        found |= {
            f"voltage_{name}": Entry(
                code=f"1-0:{32 + tens}.7.0", kind="voltage", unit="V", minimum=0, maximum=500
            ),
            f"current_{name}": Entry(
                code=f"1-0:{31 + tens}.7.0", kind="current", unit="A", minimum=0, maximum=1000
            ),
            f"power_in_{name}": _power(f"{21 + tens}.7.0"),
            f"power_out_{name}": _power(f"{22 + tens}.7.0"),
        }
    return found


def describe(config: Config) -> tuple[Channel, ...]:
    """Return the channels of the meter and of those behind it."""
    others: list[Channel] = []
    for name in config.meters:
        unit = "GJ" if name == "heat" else "m3"
        others.append(Channel(name, "volume" if unit == "m3" else "energy", unit, 3, minimum=0))
        others.append(Channel(f"{name}_equipment", "text"))
    return (*channels(entries(config)), Channel("equipment", "text"), *others)


def size(data: bytes) -> int | None:
    """Return the size of the telegram: `/` … a line that begins with `!`, and that line's end."""
    end = data.find(b"\n!")
    line_end = data.find(b"\n", end + 2) if end >= 0 else -1
    return line_end + 1 if line_end >= 0 else None


def check(telegram: bytes) -> None:
    """Raise Malformed for a telegram with a wrong checksum, or without one that it must have.

    Source: P1 companion standard 5.0.2, 5.2: CRC-16 of all from `/` to `!`, four hex digits. Who
    tells a version (4 and up) has it.
    """
    covered, _, said = telegram.rpartition(b"!")
    wanted = b"%04X" % crc16(covered + b"!")
    if said.strip().upper() != wanted and (said.strip() or b"1-3:0.2.8(" in covered):
        raise Malformed(f"a telegram with the checksum {said.strip()!r}, not {wanted!r}")


FORMAT = Format(b"/", size, check, SIZE_MAX)


def equipment_of(text: str) -> str:
    """Return an equipment id; the telegram has the characters of most of them in hexadecimal."""
    with suppress(ValueError, UnicodeDecodeError):
        plain = bytes.fromhex(text).decode("ascii")
        if plain.isalnum():
            return plain
    return text[:96]


def instant_of(text: str) -> int | None:
    """Return the UTC milliseconds of `YYMMDDhhmmss` with `W` or `S`, or None without them."""
    zone = OFFSETS.get(text[12:])
    if zone is None:
        return None
    try:
        local = datetime.strptime(text[:12], "%y%m%d%H%M%S").replace(tzinfo=zone)
    except ValueError:
        return None
    return round(local.timestamp() * 1000)


@dataclass(slots=True)
class Log:
    """From telegrams to measurements; remembers what was said, to say only what is new of it."""

    config: Config
    _entries: dict[str, Entry] = field(init=False)
    _said: dict[str, tuple[object, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._entries = entries(self.config)

    def hear(self, telegram: bytes) -> Sequence[Measurement]:
        """Return what a whole telegram says.

        Raises:
            DeviceFault: it is another meter's.
        """
        found = list(items(telegram.decode("ascii", "replace")))
        values = {(each.medium, each.code): each.values[0] for each in found}
        own = values.get(("0-0", "96.1.1")) or values.get(("0-0", "96.1.4"))
        equipment = equipment_of(own) if own else ""
        wanted = self.config.equipment
        if wanted is not None and wanted not in (equipment, own):
            raise DeviceFault(f"the telegrams are of meter {equipment or 'unknown'}, not {wanted}")
        heard: list[Measurement] = []
        for name, entry in self._entries.items():
            medium, _, code = entry.code.partition(":")
            text = values.get((medium, code))
            heard.append(
                Measurement(name, None, Quality.ABSENT)
                if text is None
                else measured(text, name, entry)
            )
        if equipment:
            heard += self._news(Measurement("equipment", equipment))
        return (*heard, *self._hear_others(found, values))

    def _hear_others(
        self, found: Sequence[Item], values: dict[tuple[str, str], str]
    ) -> list[Measurement]:
        heard: list[Measurement] = []
        for medium, code, texts in found:
            name = TYPES.get(values.get((medium, "24.1.0"), ""))
            if code not in READINGS or name not in self.config.meters or name is None:
                continue
            text = texts[-1]
            if code == "24.3.0" and len(texts) > 2:
                text = f"{text}*{texts[-2]}"
            entry = Entry(code=code, kind="", unit="GJ" if name == "heat" else "m3")
            reading = measured(text, name, entry)._replace(time_ms=instant_of(texts[0]))
            heard += self._news(reading) if reading.time_ms is not None else [reading]
            if own := values.get((medium, "96.1.0")) or values.get((medium, "96.1.1")):
                heard += self._news(Measurement(f"{name}_equipment", equipment_of(own)))
        return heard

    def _news(self, measurement: Measurement) -> list[Measurement]:
        if self._said.get(measurement.channel) == tuple(measurement):
            return []
        self._said[measurement.channel] = tuple(measurement)
        return [measurement]


def recognise(heard: bytes) -> Evidence | None:
    """Know a P1 port by a telegram with a right checksum."""
    found = FrameReader(FORMAT).feed(heard)
    if not found:
        return None
    name = found[0][1:40].split(b"\r")[0].decode("ascii", "replace")
    return Evidence(f"a P1 telegram of {name}", is_proof=True)


@dataclass(slots=True)
class P1:
    """A P1 port."""

    _port: SerialPort
    _silence_s: float
    _log: Log
    reader: FrameReader = field(default_factory=lambda: FrameReader(FORMAT))

    async def measurements(self) -> AsyncIterator[Sequence[Measurement]]:
        """Yield what each telegram says.

        Raises:
            DeviceTimeout: silence.
            DeviceFault: bytes come, but no telegrams, or those of another meter.
            DeviceAbsent: the line is gone.
        """
        async with aclosing(frames(self._port, self.reader, self._silence_s)) as spoken:
            async for telegram in spoken:
                yield self._log.hear(telegram)


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[P1]:
    """Listen to a meter; it speaks unasked, so its silence is found out while listening."""
    async with ports.serial(
        config.port, baudrate=config.baudrate, bytesize=config.bytesize, parity=config.parity
    ) as port:
        yield P1(port, config.silence, Log(config))
