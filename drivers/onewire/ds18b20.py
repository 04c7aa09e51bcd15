"""DS18B20 temperature sensors on a 1-Wire bus, through the kernel's w1_therm.

Channels:
    temperature (Cel); with `sensors` one for each, by the names given there

All sensors of a bus convert at once, in 0.75 s, and are then read one by one: put those of a bus
into one device, `sensors = { flow = "28-…", return = "28-…" }`. That needs the right to write
`therm_bulk_read`, which a udev rule gives; without it every sensor takes 0.75 s on its own, and
`timeout` has to allow for it.

Example:

    [device.tank]
    driver = "ds18b20"
    port = "sysfs:w1"            # the files of /sys, in a thread of its own
    sensor = "28-01191b5c2dff"   # ls /sys/bus/w1/devices
    timeout = "15s"

Identity: the family code 28 and the number that the maker burnt into it.

Tested: the data sheet's temperature table and CRC; trees of files as w1_therm shows them.

Source: Maxim DS18B20 data sheet; Linux kernel, Documentation/w1/slaves/w1_therm.rst.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from drivers.onewire._scratchpad import (
    decode_scratchpad,
    is_suspicious,
    parse_scratchpad,
    parse_temperature,
)
from gatewayd.errors import DeviceAbsent, DeviceError, DeviceFault, DeviceTimeout
from gatewayd.model import Channel, Measurement

if TYPE_CHECKING:
    from gatewayd.ports import Ports
    from gatewayd.ports.files import FilesPort

FAMILY = 0x28
DEVICES = "bus/w1/devices"

CONVERT_S = 2.0
"""A conversion takes 0.75 s at 12 bits, and another program's may be before ours."""

POLL_S = 0.05

CHECK_RESULT, POLL_COMPLETION = 1, 2
"""Bits of `features`: refuse power-up values; look whether a conversion is over (never on
parasite power, which must not be interrupted)."""

SENSORS_MAX = 64
"""More than a bus drives; without bulk conversion they would take most of a minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The keys of a `[device.NAME]` section with this driver.

    Attributes:
        sensor: the id of one, `28-` and twelve hexadecimal digits.
        sensors: the ids of several, by the names of their channels.
    """

    port: str
    sensor: str | None = None
    sensors: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what is no sensor of this family."""
        if (self.sensor is None) == (not self.sensors):
            raise ValueError('either sensor = "28-…" or sensors = { name = "28-…" }')
        if len(self.sensors) > SENSORS_MAX:
            raise ValueError(f"at most {SENSORS_MAX} sensors")
        for each in self.wanted.values():
            if re.fullmatch(r"28-[0-9a-f]{12}", each) is None:
                raise ValueError(
                    f"{each!r} is no DS18B20; expected 28- and twelve of 0-9 a-f, as in {DEVICES}"
                )

    @property
    def wanted(self) -> Mapping[str, str]:
        """The sensors' ids by their channels."""
        return self.sensors or {"temperature": self.sensor or ""}


def describe(config: Config) -> tuple[Channel, ...]:
    """Return one temperature a sensor."""
    return tuple(
        Channel(name, "temperature", "Cel", 2, minimum=-55, maximum=125) for name in config.wanted
    )


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[Bus]:
    """Find at least one of the sensors and yield them all.

    Raises:
        DeviceAbsent: none of them is on any bus.
    """
    async with ports.files(config.port) as files:
        seen = {path.rpartition("/")[2] for path in await files.find(f"{DEVICES}/28-*")}
        if not seen & set(config.wanted.values()):
            raise DeviceAbsent(
                f"no 1-Wire bus has {', '.join(config.wanted.values())}; "
                f"there are {', '.join(sorted(seen)) or 'none of this family'}"
            )
        yield Bus(config, files)


class Bus:
    """The sensors of one device, on one bus or several."""

    def __init__(self, config: Config, files: FilesPort) -> None:
        self._sensors = config.wanted
        self._files = files
        self._prepared: set[str] = set()

    async def read(self) -> Sequence[Measurement]:
        """Convert once for all and return every temperature, or why that sensor has none.

        Raises:
            DeviceTimeout: the bus hangs.
            DeviceError: no sensor has a temperature.
        """
        places: dict[str, str] = {}
        errors: dict[str, DeviceError] = {}
        for name, sensor in self._sensors.items():
            try:
                places[name] = await self._find(sensor)
            except DeviceAbsent as error:
                errors[name] = error
                self._prepared.discard(sensor)
        for master in sorted({_master(place) for place in places.values()}):
            await self._convert(master)
        values: dict[str, float] = {}
        for name, place in places.items():
            try:
                values[name] = await self._temperature(place)
            except DeviceTimeout:
                raise
            except DeviceError as error:
                errors[name] = error
                self._prepared.discard(self._sensors[name])
        if not values:
            raise next(iter(errors.values()))
        return [
            Measurement(name, values[name])
            if name in values
            else Measurement(name, None, errors[name].quality)
            for name in self._sensors
        ]

    async def _find(self, sensor: str) -> str:
        """Return the sensor's real folder; one that is new or back is told to check itself."""
        place = await self._files.resolve(f"{DEVICES}/{sensor}")
        if sensor not in self._prepared:
            # Without the right to write it the values are checked here alone, see _temperature.
            if await self._files.may_write(f"{place}/features"):
                is_parasite = await self._files.read(f"{place}/ext_power") == "0"
                wanted = CHECK_RESULT if is_parasite else CHECK_RESULT | POLL_COMPLETION
                await self._files.write(f"{place}/features", str(wanted))
            self._prepared.add(sensor)
        return place

    async def _convert(self, master: str) -> None:
        """Let all sensors of a bus convert, where that may be asked for."""
        bulk = f"{master}/therm_bulk_read"
        if await self._files.may_write(bulk):
            # The kernel compares eight bytes, the new line among them, and ignores all else.
            await self._files.write(bulk, "trigger\n")
            await self._wait_converted(master)

    async def _wait_converted(self, master: str) -> None:
        """Wait while a bulk conversion is under way. The file only tells what the kernel knows:
        looking disturbs no sensor, also none on parasite power. Raises DeviceTimeout.
        """
        bulk = f"{master}/therm_bulk_read"
        for _ in range(round(CONVERT_S / POLL_S)):
            if not await self._files.find(bulk) or await self._files.read(bulk) != "-1":
                return
            await asyncio.sleep(POLL_S)
        raise DeviceTimeout(f"{master} is still converting after {CONVERT_S:g} s")

    async def _temperature(self, place: str) -> float:
        text = await self._files.read(f"{place}/temperature")
        if not text:  # Somebody else's conversion, or one that failed.
            await self._wait_converted(_master(place))
            text = await self._files.read(f"{place}/temperature")
        if not text:
            raise DeviceFault(f"{place} gives no temperature: a bad contact or too little power")
        celsius = parse_temperature(text)
        if not is_suspicious(celsius):
            return celsius
        # The kernel does not check what follows a bulk conversion, so look at all nine bytes of
        # another one: a tank may well be at 85 °C.
        return decode_scratchpad(parse_scratchpad(await self._files.read(f"{place}/w1_slave")))


def _master(place: str) -> str:
    return place.rpartition("/")[0]
