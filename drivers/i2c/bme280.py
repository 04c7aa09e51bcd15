"""Bosch BME280 and BMP280: air temperature and pressure; the BME280 humidity too.

Channels:
    temperature (Cel), −40 … 85
    pressure (Pa), 30 000 … 110 000; not reduced to sea level
    humidity (%), 0 … 100; BME280 only

Example:

    [device.boiler]
    driver = "bme280"
    port = "i2c:1"
    address = 0x76          # 0x77 where SDO is wired to VDDIO
    chip = "bme280"         # or "bmp280"
    every = "10s"

Identity: register 0xD0 says 0x60 (BME280) or 0x58 (BMP280).
Tested: Bosch's worked example; real smbus2 over a fake kernel.

Source: Bosch BME280 data sheet BST-BME280-DS002 §4.2.3 (compensation), §5.4 (registers), §8.1
(floating point), §9.1 (conversion time); BMP280 data sheet BST-BMP280-DS001 §3.12 (worked example).
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gatewayd.driver import Evidence
from gatewayd.errors import DeviceError, DeviceFault, DeviceTimeout
from gatewayd.model import Channel, Measurement

if TYPE_CHECKING:
    from gatewayd.ports import Ports
    from gatewayd.ports.i2c import I2cPort

ADDRESSES = (0x76, 0x77)

CALIBRATION, CALIBRATION_HUMIDITY, ID = 0x88, 0xE1, 0xD0
CTRL_HUM, STATUS, CTRL_MEAS = 0xF2, 0xF3, 0xF4

CHIPS = {0x60: "bme280", 0x58: "bmp280"}
MEASURING = 0x08
FORCED = 0b01
SKIPPED, SKIPPED_HUMIDITY = 0x80000, 0x8000


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The keys of a `[device.NAME]` section with this driver.

    Attributes:
        port: the bus, `i2c:1`.
        chip: which one is soldered; the BMP280 has no humidity.
        oversampling: conversions averaged per value. More is quieter, slower (9 ms for 1, 113 ms
            for 16) and warms the chip.
    """

    port: str
    address: Literal[0x76, 0x77] = 0x76
    chip: Literal["bme280", "bmp280"] = "bme280"
    oversampling: Literal[1, 2, 4, 8, 16] = 1


@dataclass(frozen=True, slots=True)
class Trim:
    """Factory constants of one chip: `t` T1–T3, `p` P1–P9, `h` H1–H6 (BME280 only)."""

    t: tuple[int, ...]
    p: tuple[int, ...]
    h: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Climate:
    """What one burst says."""

    temperature_c: float
    pressure_pa: float
    humidity_percent: float | None


def decode_trim(low: bytes, high: bytes = b"") -> Trim:
    """Return the factory constants.

    Args:
        low: 26 bytes, registers 0x88–0xA1, little-endian: T1 unsigned, T2–T3 signed, P1 unsigned,
            P2–P9 signed, one unused byte, H1.
        high: 7 bytes, registers 0xE1–0xE7: H2 signed, H3, then H4 and H5, signed, 12 bits each,
            sharing 0xE5, then H6 signed. Empty for a BMP280.

    Raises:
        DeviceFault: no factory would write these; the chip is dead or another.
    """
    words = struct.unpack_from("<HhhH8h", low)
    if words[0] in {0, 0xFFFF} or words[3] in {0, 0xFFFF}:
        raise DeviceFault(f"calibration T1 {words[0]}, P1 {words[3]} is no factory's")
    humidity: tuple[int, ...] = ()
    if high:
        h2, h3, e4, e5, e6, h6 = struct.unpack("<hBbBbb", high)
        humidity = (low[25], h2, h3, e4 << 4 | e5 & 0x0F, e6 << 4 | e5 >> 4, h6)
    return Trim(words[:3], words[3:], humidity)


def decode_burst(raw: bytes, trim: Trim) -> Climate:
    """Return temperature (°C), pressure (Pa) and humidity (%RH) from one burst read.

    Args:
        raw: registers 0xF7–0xFE, big-endian, one instant: pressure and temperature, 20 bits
            left-justified in 3 bytes each, humidity 16 bits. A BMP280 has the first 6 only.
        trim: factory constants, read once when the device is opened.

    Raises:
        DeviceFault: the converter reports "skipped" (0x80000), as after a power failure, or all
            bytes are zero: a line held low.
    """
    if not any(raw):
        raise DeviceFault("the chip answers nothing but zeros")
    adc_p = int.from_bytes(raw[0:3], "big") >> 4
    adc_t = int.from_bytes(raw[3:6], "big") >> 4
    if SKIPPED in {adc_p, adc_t}:
        raise DeviceFault("the chip skipped the conversion; it may have lost power")
    fine = _fine_temperature(adc_t, trim.t)
    humidity = None
    if trim.h:
        adc_h = int.from_bytes(raw[6:8], "big")
        if adc_h == SKIPPED_HUMIDITY:
            raise DeviceFault("the chip skipped the humidity conversion; it may have lost power")
        humidity = _humidity(adc_h, fine, trim.h)
    return Climate(fine / 5120.0, _pressure(adc_p, fine, trim.p), humidity)


def conversion_s(oversampling: int, *, with_humidity: bool) -> float:
    """Return the longest that one forced conversion takes, in seconds (data sheet §9.1)."""
    milliseconds = 1.25 + 2.3 * oversampling + (2.3 * oversampling + 0.575)
    if with_humidity:
        milliseconds += 2.3 * oversampling + 0.575
    return milliseconds / 1000


def describe(config: Config) -> tuple[Channel, ...]:
    """Return the channels of the configured chip."""
    channels = (
        Channel("temperature", "temperature", "Cel", 2, minimum=-40, maximum=85),
        Channel("pressure", "pressure", "Pa", 0, minimum=30_000, maximum=110_000),
    )
    if config.chip == "bmp280":
        return channels
    return (*channels, Channel("humidity", "humidity", "%", 1, minimum=0, maximum=100))


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[Bme280]:
    """Prove the chip's identity, read its constants, yield the sensor."""
    async with ports.i2c(config.port) as bus:
        found = (await bus.transfer(config.address, bytes([ID]), 1))[0]
        if CHIPS.get(found) != config.chip:
            raise DeviceFault(
                f"{config.chip} at {config.port}/0x{config.address:02x} says id {found:02x}"
                + (f": it is a {CHIPS[found]}, say so (chip)" if found in CHIPS else "")
            )
        low = await bus.transfer(config.address, bytes([CALIBRATION]), 26)
        high = b""
        if config.chip == "bme280":
            high = await bus.transfer(config.address, bytes([CALIBRATION_HUMIDITY]), 7)
        yield Bme280(config, bus, decode_trim(low, high))


async def recognise(bus: I2cPort, address: int) -> Evidence | None:
    """Read the id of a BME280."""
    return await recognise_chip(bus, address, "bme280")


async def recognise_chip(bus: I2cPort, address: int, chip: str) -> Evidence | None:
    """Read the id; an MS5611 at these addresses knows no such command.

    A TCA9548A takes the register's number for its channels and repeats it: its former channels
    are put back at once.
    Source: TI TCA9548A data sheet SCPS207 §8.6.2 (control register).
    """
    try:
        before = await bus.read(address, 1)
        found = (await bus.transfer(address, bytes([ID]), 1))[0]
        if found == ID:
            await bus.write(address, before)
    except DeviceError:
        return None
    if CHIPS.get(found) != chip:
        return None
    return Evidence(f"id register 0xD0 says 0x{found:02X}", is_proof=True)


class Bme280:
    """One chip. It sleeps between reads: no self-heating, and nothing to set up again after a
    power failure, because every read says anew what it wants.
    """

    def __init__(self, config: Config, bus: I2cPort, trim: Trim) -> None:
        self._config = config
        self._bus = bus
        self._trim = trim

    async def read(self) -> Sequence[Measurement]:
        """Convert once and return what the configured chip measures.

        Raises:
            DeviceTimeout: the conversion takes longer than the data sheet allows.
            DeviceFault: the chip skipped the conversion.
            DeviceError: the bus says so.
        """
        address, oversampling = self._config.address, self._config.oversampling
        code = oversampling.bit_length()  # 1, 2, 4, 8, 16 are coded 1 … 5.
        if self._trim.h:
            # 0xF2 takes effect with the next write to 0xF4 (data sheet §5.4.3).
            await self._bus.write(address, bytes([CTRL_HUM, code]))
        await self._bus.write(address, bytes([CTRL_MEAS, code << 5 | code << 2 | FORCED]))
        await asyncio.sleep(conversion_s(oversampling, with_humidity=bool(self._trim.h)))
        # Status first: the burst 0xF3–0xFE shows in one instant whether its values are new.
        raw = await self._bus.transfer(address, bytes([STATUS]), 12 if self._trim.h else 10)
        if raw[0] & MEASURING:
            raise DeviceTimeout(f"{self._config.port}/0x{address:02x} is still measuring")
        climate = decode_burst(raw[4:], self._trim)
        measured = [
            Measurement("temperature", climate.temperature_c),
            Measurement("pressure", climate.pressure_pa),
        ]
        if climate.humidity_percent is not None:
            measured.append(Measurement("humidity", climate.humidity_percent))
        return measured


def _fine_temperature(adc: int, t: tuple[int, ...]) -> float:
    """Return the data sheet's `t_fine`: 5120 a degree."""
    first = (adc / 16384 - t[0] / 1024) * t[1]
    second = (adc / 131072 - t[0] / 8192) ** 2 * t[2]
    return first + second


def _pressure(adc: int, fine: float, p: tuple[int, ...]) -> float:
    p1, p2, p3, p4, p5, p6, p7, p8, p9 = p
    half = fine / 2 - 64000
    square = half * half * p6 / 32768 + half * p5 * 2
    offset = square / 4 + p4 * 65536
    scale = (p3 * half * half / 524288 + p2 * half) / 524288
    scale = (1 + scale / 32768) * p1
    if scale == 0:
        raise DeviceFault("the calibration makes the pressure infinite")
    pressure = (1048576 - adc - offset / 4096) * 6250 / scale
    return pressure + (p9 * pressure * pressure / 2147483648 + pressure * p8 / 32768 + p7) / 16


def _humidity(adc: int, fine: float, h: tuple[int, ...]) -> float:
    h1, h2, h3, h4, h5, h6 = h
    warm = fine - 76800
    slope = 1 + h6 / 67108864 * warm * (1 + h3 / 67108864 * warm)
    value = (adc - (h4 * 64 + h5 / 16384 * warm)) * (h2 / 65536 * slope)
    return min(100.0, max(0.0, value * (1 - h1 * value / 524288)))
