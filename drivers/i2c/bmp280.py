"""Bosch BMP280: air temperature and pressure.

Channels:
    temperature (Cel), −40 … 85
    pressure (Pa), 30 000 … 110 000; not reduced to sea level

Example:

    [device.barometer]
    driver = "bmp280"
    port = "i2c:1"
    address = 0x76          # 0x77 where SDO is wired to VDDIO
    every = "1m"

The same as the driver `bme280` with `chip = "bmp280"`, under the name that is printed on the board.

Identity: register 0xD0 says 0x58.
Tested: the data sheet's worked example; real smbus2 over a fake kernel.
Source: Bosch BMP280 data sheet BST-BMP280-DS001 §3.12 (worked example), §4.3 (registers).
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from drivers.i2c import bme280
from gatewayd.driver import Evidence
from gatewayd.model import Channel

if TYPE_CHECKING:
    from gatewayd.ports import Ports
    from gatewayd.ports.i2c import I2cPort

ADDRESSES = bme280.ADDRESSES


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The keys of a `[device.NAME]` section with this driver; as those of `bme280`."""

    port: str
    address: Literal[0x76, 0x77] = 0x76
    oversampling: Literal[1, 2, 4, 8, 16] = 1


def describe(config: Config) -> tuple[Channel, ...]:
    """Return the chip's channels."""
    return bme280.describe(_shared(config))


def open_driver(config: Config, ports: Ports) -> AbstractAsyncContextManager[bme280.Bme280]:
    """Prove the chip's identity, read its constants, yield the sensor."""
    return bme280.open_driver(_shared(config), ports)


async def recognise(bus: I2cPort, address: int) -> Evidence | None:
    """Read the id of a BMP280."""
    return await bme280.recognise_chip(bus, address, "bmp280")


def _shared(config: Config) -> bme280.Config:
    return bme280.Config(
        port=config.port, address=config.address, chip="bmp280", oversampling=config.oversampling
    )
