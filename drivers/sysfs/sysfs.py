"""Any sensor or converter that the kernel drives itself (hwmon, IIO), read through its files.

Channels:
    those of the chip, for known ones without being told: temperature (Cel), humidity (%),
    pressure (Pa), voltage0 … (V), current (A), power (W), illuminance (lx), co2 ([ppm]),
    pm25 (ug/m3), resistance (Ohm), distance (m); or those in `channels`

Example:

    [device.boiler]
    driver = "sysfs"
    port = "sysfs:i2c-1"      # the files of /sys; devices with the same label share a thread
    chip = "bme280"           # config.txt: dtoverlay=i2c-sensor,bme280
    parent = "1-0076"         # bus and address as the kernel writes them; spi0.0

    [device.boiler.channels]  # all of the chip's where this is left out
    temperature = "in_temp"
    humidity = "in_humidityrelative"

Identity: the name that the kernel gives the chip, and the bus and address that it hangs on. The
number behind hwmon or iio:device changes with every boot and is never looked at.

Tested: trees of files with raw, offset and scale sets; real EIO, hanging files; LM75 on Linux 6.1.

Source: Linux kernel, Documentation/hwmon/sysfs-interface.rst (m°C, m%, mV, mA, µW) and
ABI/testing/sysfs-bus-iio (m°C, m%, kPa, mV, mA, lx, µg/m³, % of concentration, m).
"""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from drivers.sysfs._chips import CHIPS, chip_of
from drivers.sysfs._quantities import (
    Recipe,
    channel_of,
    convert,
    local_name,
    parse_number,
    quantity_of,
    recipe_for,
)
from gatewayd.errors import DeviceAbsent, DeviceError, DeviceFault, DeviceTimeout
from gatewayd.model import Channel, Measurement

if TYPE_CHECKING:
    from gatewayd.ports import Ports
    from gatewayd.ports.files import FilesPort

CLASSES = ("class/hwmon/hwmon*/name", "bus/iio/devices/iio:device*/name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The keys of a `[device.NAME]` section with this driver.

    Attributes:
        chip: the kernel's name of it: `cat /sys/class/hwmon/*/name /sys/bus/iio/devices/*/name`.
        parent: what it hangs on, `1-0076` or `spi0.0`; needed where two chips have one name.
        channels: our names, and the kernel's (`temp1`, `in_voltage0`); empty is all of a chip
            that is known.
        vref: what a converter such as the mcp3008 measures against (V), where that is not what
            the kernel was told.
        shunt: the resistor of an ina219 or ina226 (Ω), where the kernel was not told; it
            believes in 0.01 Ω, most boards have 0.1 Ω.
    """

    port: str
    chip: str
    parent: str = ""
    channels: Mapping[str, str] = field(default_factory=dict)
    vref: float | None = None
    shunt: float | None = None

    def __post_init__(self) -> None:
        """Find what cannot work before a device is touched."""
        if not self.channels and self.chip not in CHIPS:
            raise ValueError(
                f"{self.chip} is not known by name; list its channels, such as "
                '{ temperature = "temp1" }'
            )
        for name in self.channels.values():
            quantity_of(name)
        if self.vref is not None and not (chip_of(self.chip).bits and 0 < self.vref <= 5.5):
            raise ValueError("vref is up to 5.5 V, for the mcp3004, 3008, 3202, 3204 and 3208 only")

        if self.shunt is not None and not (self.chip.startswith("ina2") and self.shunt > 0):
            raise ValueError("shunt is more than 0 Ω, for the ina219 and ina226 only")

    @property
    def wanted(self) -> Mapping[str, str]:
        """Our name of each channel, and the kernel's."""
        return self.channels or {local_name(name): name for name in chip_of(self.chip).channels}


def describe(config: Config) -> tuple[Channel, ...]:
    """Return the channels that are asked for, or all of the chip's."""
    limits = chip_of(config.chip).limits
    return tuple(
        channel_of(local, name, limits.get(quantity_of(name).kind))
        for local, name in config.wanted.items()
    )


class Found(NamedTuple):
    """One entry of hwmon or IIO.

    Attributes:
        path: where it really is, `devices/…/1-0076/iio:device0`; another chip is never there.
        parent: `1-0076`.
        names: what the kernel calls it and its parent.
    """

    path: str
    parent: str
    names: frozenset[str]


def parent_path(path: str) -> str:
    """Return what an entry hangs on: `…/1-0044/hwmon/hwmon3` and `…/1-0044/iio:device0` both
    hang on `…/1-0044`.
    """
    above = path.rpartition("/")[0]
    return above.removesuffix("/hwmon")


def pick(found: Sequence[Found], chip: str, parent: str) -> tuple[Found, ...]:
    """Return the entries of the chip that is meant; hwmon and IIO may both show it.

    Raises:
        DeviceAbsent: there is none.
        DeviceFault: something else is there, or there are several.
    """
    ours = [each for each in found if chip in each.names]
    if parent:
        there = [each for each in found if each.parent == parent]
        if there and not any(each in ours for each in there):
            names = ", ".join(sorted(there[0].names))
            raise DeviceFault(f"the kernel says that {parent} is a {names}, not a {chip}")
        ours = [each for each in ours if each.parent == parent]
    if not ours:
        seen = ", ".join(sorted(f"{' or '.join(sorted(f.names))} ({f.parent})" for f in found))
        where = f" at {parent}" if parent else ""
        raise DeviceAbsent(f"the kernel shows no {chip}{where}; there are: {seen or 'none'}")
    parents = sorted({each.parent for each in ours})
    if len(parents) > 1:
        raise DeviceFault(f"there are {len(parents)} {chip}: say parent = one of {parents}")
    return tuple(ours)


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[KernelChip]:
    """Find the chip by name and place, and yield it.

    Raises:
        DeviceAbsent: there is no such chip, or it has no such channel.
        DeviceFault: another chip is there, or several that fit.
    """
    async with ports.files(config.port) as files:
        entries = pick(await _list_entries(files), config.chip, config.parent)
        sources: dict[str, Source] = {}
        for local, name in config.wanted.items():
            folder = folder_for(name, entries).path
            shown = {path.rpartition("/")[2] for path in await files.find(f"{folder}/*_*")}
            recipe = recipe_for(name, shown, _fixed_scale(config))
            if config.shunt and quantity_of(name).kind in ("current", "power"):
                believed_ohm = parse_number(await files.read(f"{folder}/shunt_resistor")) / 1e6
                recipe = recipe._replace(fixed_scale=believed_ohm / config.shunt)
            sources[local] = Source(name, folder, recipe)
        yield KernelChip(config, files, sources)


async def _list_entries(files: FilesPort) -> list[Found]:
    """Return all that hwmon and IIO show; what vanishes or fails meanwhile is left out."""
    found: list[Found] = []
    for pattern in CLASSES:
        for file in await files.find(pattern):
            try:
                path = await files.resolve(file.rpartition("/")[0])
                names = {await files.read(f"{path}/name")}
            except DeviceTimeout:
                raise
            except DeviceError:
                continue
            above = parent_path(path)
            names |= await _parent_names(files, above)
            found.append(Found(path, above.rpartition("/")[2], frozenset(names - {""})))
    return found


async def _parent_names(files: FilesPort, path: str) -> set[str]:
    """Return what the kernel calls the device itself: an I²C chip has a name, a SPI chip an
    alias, `spi:max31855`. Some drivers show no more than `1-0040` or their own name in theirs.
    """
    names: set[str] = set()
    for file in await files.find(f"{path}/name") + await files.find(f"{path}/modalias"):
        try:
            text = await files.read(file)
        except DeviceTimeout:
            raise
        except DeviceError:
            continue
        names.add(text.removeprefix("spi:").removeprefix("i2c:"))
    return names


def folder_for(name: str, entries: Sequence[Found]) -> Found:
    """Return the entry that shows a channel: one of IIO or of hwmon. Raises DeviceAbsent."""
    for entry in entries:
        if ("iio:device" in entry.path.rpartition("/")[2]) == name.startswith("in_"):
            return entry
    raise DeviceAbsent(f"no channel {name}: {entries[0].path} is of the other kind")


def _fixed_scale(config: Config) -> float | None:
    """Return mV a step where the owner says the reference."""
    return config.vref and config.vref * 1000 / 2 ** chip_of(config.chip).bits


class Source(NamedTuple):
    """Where one of our channels comes from: the kernel's channel, its folder, its files."""

    name: str
    folder: str
    recipe: Recipe


class KernelChip:
    """One chip, read file by file."""

    def __init__(self, config: Config, files: FilesPort, sources: Mapping[str, Source]) -> None:
        self._config = config
        self._files = files
        self._sources = sources

    async def read(self) -> Sequence[Measurement]:
        """Return every channel's value, or the reason why that one has none.

        Raises:
            DeviceTimeout: the chip hangs; its other channels are not waited for.
            DeviceError: no channel has a value.
        """
        measured: list[Measurement] = []
        first: DeviceError | None = None
        for local, source in self._sources.items():
            try:
                measured.append(Measurement(local, await self._read(source)))
            except DeviceTimeout:
                raise
            except DeviceError as error:
                error = self._explained(error)
                first = first or error
                measured.append(Measurement(local, None, error.quality))
        if first is not None and all(each.value is None for each in measured):
            raise first
        return measured

    async def _read(self, source: Source) -> float:
        recipe, folder = source.recipe, source.folder
        value = parse_number(await self._files.read(f"{folder}/{recipe.value}"))
        if recipe.offset:
            value += parse_number(await self._files.read(f"{folder}/{recipe.offset}"))
        if recipe.scale:
            value *= parse_number(await self._files.read(f"{folder}/{recipe.scale}"))
        return convert(source.name, value * recipe.fixed_scale, self._config.chip)

    def _explained(self, error: DeviceError) -> DeviceError:
        """Return the error with what it means on this chip. The kernel refuses to read a
        thermocouple whose chip reports a fault (maxim_thermocouple.c), and does not say which.
        """
        cause = error.__cause__
        is_refused = isinstance(cause, OSError) and cause.errno == errno.EINVAL
        if is_refused and chip_of(self._config.chip).is_thermocouple:
            return DeviceFault(f"the thermocouple of {self._config.chip} is open or shorted")
        return error
