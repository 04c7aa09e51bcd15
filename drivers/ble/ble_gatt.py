"""Any Bluetooth LE device with characteristics: a technician writes down which, and what they mean.

Channels:
    one for each `[device.NAME.characteristics.CHANNEL]`, with the kind and unit written there

With `mode = "read"` the gateway connects, reads, and hangs up again, once every `every`; with
"notify" it stays connected and is told, which holds one of the adapter's few connections. A
device has to be unpaired, and its characteristics open to everybody.

Example:

    [device.freezer]
    driver = "ble_gatt"
    port = "ble:0"
    address = "C4:7C:8D:6B:4F:F3"
    mode = "read"
    every = "5m"
    timeout = "45s"

    [device.freezer.characteristics.temperature]
    uuid = "2a6e"
    type = "int16"
    scale = 0.01
    kind = "temperature"
    unit = "Cel"
    decimals = 2

    [device.freezer.characteristics.battery]
    uuid = "2a19"
    type = "uint8"
    kind = "battery"
    unit = "%"

Tested: real bleak over a D-Bus BlueZ: read, told, refused, hung up, hanging.

Source: Bluetooth Core Specification, vol. 3, part G (GATT); GATT Specification Supplement.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from drivers.ble._fields import Field, channel_of, decode_field
from drivers.ble._listening import SILENT_AFTER_S, check_source
from gatewayd.errors import Malformed
from gatewayd.fields import Seconds
from gatewayd.model import Channel, Measurement, Quality
from gatewayd.ports.ble_advertisement import proper_address, proper_uuid

if TYPE_CHECKING:
    from gatewayd.ports import Ports
    from gatewayd.ports.ble import BlePort
    from gatewayd.ports.ble_link import BleLink


@dataclass(frozen=True, slots=True, kw_only=True)
class Characteristic(Field):
    """One value, and the characteristic that it is in; several may be in one."""

    uuid: str

    def __post_init__(self) -> None:
        """Find what can never be read."""
        super(Characteristic, self).__post_init__()
        proper_uuid(self.uuid)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Keys of the device's section.

    Attributes:
        mode: `read` asks, `notify` is told.
        connect_timeout: for hearing the device and connecting; a device that advertises seldom
            needs more. `timeout` must be longer.
        silent_after: with `notify`, how long the device may tell nothing.
    """

    port: str
    address: str
    characteristics: Mapping[str, Characteristic]
    mode: Literal["read", "notify"] = "read"
    connect_timeout: Seconds = 25.0
    silent_after: Seconds = SILENT_AFTER_S

    def __post_init__(self) -> None:
        """Find what cannot work before a device is connected."""
        check_source(self.address, self.silent_after)
        if not self.characteristics:
            raise ValueError("a device needs at least one [….characteristics.CHANNEL]")


def describe(config: Config) -> tuple[Channel, ...]:
    """Return one channel for each characteristic."""
    return tuple(channel_of(name, each) for name, each in config.characteristics.items())


def decode(config: Config, uuid: str, data: bytes) -> Sequence[Measurement]:
    """Return what a characteristic's value says, of every channel in it; pure.

    A value that is too short is a FAULT, one that the device has not got is ABSENT.
    """
    return tuple(
        _measured(name, each, data)
        for name, each in config.characteristics.items()
        if proper_uuid(each.uuid) == uuid
    )


def _measured(name: str, each: Characteristic, data: bytes) -> Measurement:
    try:
        value = decode_field(each, data)
    except Malformed:
        return Measurement(name, None, Quality.FAULT)
    return Measurement(name, value, Quality.ABSENT if value is None else Quality.GOOD)


def uuids_of(config: Config) -> tuple[str, ...]:
    """Return every characteristic once, in the order of the file."""
    return tuple(dict.fromkeys(proper_uuid(each.uuid) for each in config.characteristics.values()))


@dataclass(frozen=True, slots=True)
class Reader:
    """A device that is asked."""

    _port: BlePort
    _config: Config

    async def read(self) -> Sequence[Measurement]:
        """Connect, read every characteristic, and hang up.

        Raises:
            DeviceTimeout: not heard, or no answer.
            DeviceFault: it has no such characteristic.
            DeviceAbsent: it has hung up, or the adapter is gone.
        """
        config = self._config
        address, timeout_s = proper_address(config.address), config.connect_timeout
        measured: list[Measurement] = []
        async with self._port.connect(address, timeout_s=timeout_s) as link:
            for uuid in uuids_of(config):
                measured += decode(config, uuid, await link.read(uuid))
        return measured


@dataclass(slots=True)
class Told:
    """A device that tells by itself, for as long as it is connected."""

    _link: BleLink
    _config: Config
    rejects: int = field(default=0)
    """Values that were shorter than they should be."""

    async def measurements(self) -> AsyncIterator[Sequence[Measurement]]:
        """Yield what the device tells, as it tells it; garbled values are counted and skipped.

        Raises:
            DeviceTimeout: nothing for `silent_after`.
            DeviceFault: it has no such characteristic, or one that does not tell by itself.
            DeviceAbsent: it has hung up, or the adapter is gone.
        """
        config = self._config
        stream = self._link.values(uuids_of(config), silence_s=config.silent_after)
        async with aclosing(stream) as values:
            async for uuid, data in values:
                told = decode(config, uuid, data)
                good = [each for each in told if each.quality is not Quality.FAULT]
                self.rejects += len(told) > len(good)
                if good:
                    yield good


@asynccontextmanager
async def open_driver(config: Config, ports: Ports) -> AsyncIterator[Reader | Told]:
    """Open the adapter; a device that is to tell by itself is connected until the block ends.

    Raises as `Reader.read`.
    """
    async with ports.ble(config.port) as port:
        if config.mode == "read":
            yield Reader(port, config)
            return
        address, timeout_s = proper_address(config.address), config.connect_timeout
        async with port.connect(address, timeout_s=timeout_s, is_lasting=True) as link:
            yield Told(link, config)
