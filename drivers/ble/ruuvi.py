"""A RuuviTag or Ruuvi Air: climate, movement, air quality; data formats 3, 5, 6 and E1.

Channels:
    temperature (Cel), humidity (%), pressure (Pa)
    acceleration_x, acceleration_y, acceleration_z (m[g]), movements, voltage (V), tx_power (dBm);
    the tags
    pm1, pm2_5, pm4, pm10 (ug/m3), co2 ([ppm]), voc, nox (index), illuminance (lx); the Air
    rssi (dBm)

Example:

    [device.sauna]
    driver = "ruuvi"
    port = "ble:0"
    address = "CB:B8:33:4C:88:4F"
    model = "tag"           # or "pro_3in1", "pro_2in1", "air"

Tested: Ruuvi's own vectors of the formats 3, 5, 6 and E1; real bleak over a D-Bus BlueZ.

Source: docs.ruuvi.com, Bluetooth advertisements, data formats 3, 5, 6 and E1.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from drivers.ble._listening import (
    RSSI,
    SILENT_AFTER_S,
    Beacon,
    Heard,
    check_source,
    listening,
)
from drivers.ble._ruuvi import COMPANY, decode
from gatewayd.driver import Evidence
from gatewayd.errors import Malformed
from gatewayd.fields import Seconds
from gatewayd.model import Channel
from gatewayd.ports.ble_advertisement import Advertisement, Wish, proper_address

if TYPE_CHECKING:
    from gatewayd.ports import Ports

EXTENDED_S = 300.0
"""Where E1 is heard, format 6 says the same with less; for so long after the last E1."""

TEMPERATURE = Channel("temperature", "temperature", "Cel", 2, minimum=-128, maximum=128)
HUMIDITY = Channel("humidity", "humidity", "%", 2, minimum=0, maximum=100)
PRESSURE = Channel("pressure", "pressure", "Pa", 0, minimum=50_000, maximum=115_534)
MOTION = (
    *(
        Channel(f"acceleration_{axis}", "acceleration", "m[g]", 0, minimum=-32767, maximum=32767)
        for axis in "xyz"
    ),
    Channel("movements", "count", decimals=0, minimum=0, is_counter=True, wraps_at=255),
    Channel("voltage", "voltage", "V", 3, minimum=0, maximum=4),
    Channel("tx_power", "signal", "dBm", 0, minimum=-40, maximum=20),
)
AIR = (
    *(Channel(name, "dust", "ug/m3", 1, minimum=0, maximum=1000) for name in ("pm1", "pm2_5")),
    *(Channel(name, "dust", "ug/m3", 1, minimum=0, maximum=1000) for name in ("pm4", "pm10")),
    Channel("co2", "co2", "[ppm]", 0, minimum=0, maximum=40_000),
    Channel("voc", "level", decimals=0, minimum=0, maximum=500),
    Channel("nox", "level", decimals=0, minimum=0, maximum=500),
    Channel("illuminance", "illuminance", "lx", 0, minimum=0, maximum=144_284),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Keys of the device's section.

    Attributes:
        model: `pro_2in1` has neither humidity nor pressure, `pro_3in1` no pressure.
        silent_after: a tag speaks every 1.3 to 9 s.
    """

    port: str
    address: str
    model: Literal["tag", "pro_3in1", "pro_2in1", "air"] = "tag"
    silent_after: Seconds = SILENT_AFTER_S

    def __post_init__(self) -> None:
        """Find what cannot work before a tag is listened for."""
        check_source(self.address, self.silent_after)


def describe(config: Config) -> tuple[Channel, ...]:
    """Return the channels of the model."""
    match config.model:
        case "air":
            return (TEMPERATURE, HUMIDITY, PRESSURE, *AIR, RSSI)
        case "pro_2in1":
            return (TEMPERATURE, *MOTION, RSSI)
        case "pro_3in1":
            return (TEMPERATURE, HUMIDITY, *MOTION, RSSI)
        case _:
            return (TEMPERATURE, HUMIDITY, PRESSURE, *MOTION, RSSI)


@dataclass(slots=True)
class Decoder:
    """From advertisements to values; knows whether the fuller format is heard too."""

    _extended_s: float = float("-inf")

    def decode(self, advertisement: Advertisement) -> Heard | None:
        """Return what a packet says, or None where there is none. Raises Malformed."""
        data = advertisement.manufacturer_data.get(COMPANY)
        if data is None:
            return None
        frame = decode(data)
        if frame.is_extended:
            self._extended_s = advertisement.heard_s
        elif data[0] == 0x06 and advertisement.heard_s - self._extended_s < EXTENDED_S:
            return None
        return Heard(frame.values, data, frame.sequence)


def recognise(advertisement: Advertisement) -> Evidence | None:
    """Return why this is a Ruuvi, and which; nothing is asked of it."""
    data = advertisement.manufacturer_data.get(COMPANY)
    if data is None:
        return None
    try:
        values = decode(data).values
    except Malformed:
        return None
    if "co2" in values:
        model = "air"
    elif values["humidity"] is None:
        model = "pro_2in1"
    else:
        model = "pro_3in1" if values["pressure"] is None else "tag"
    keys = {"address": advertisement.address, "model": model}
    return Evidence(f"Ruuvi data format {data[0]:X}", is_proof=True, keys=keys)


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[Beacon]:
    """Listen to a tag. It cannot be asked, so its silence is found out while listening."""
    wish = Wish(proper_address(config.address), companies=frozenset({COMPANY}))
    async with listening(config, ports, wish, describe(config), Decoder().decode) as beacon:
        yield beacon
