"""What a tag says, and a driver that listens to it through a fake adapter in simulated time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from drivers.ble._listening import Decode, Heard
from gatewayd.errors import DeviceError
from gatewayd.model import Measurement, Quality, Value
from gatewayd.ports.ble_advertisement import Advertisement, uuid16
from gatewayd.testing.clock import run_simulated
from gatewayd.testing.ports import FakePorts

GAP_S = 2.0
"""Between two packets, where nobody says otherwise: longer than a repetition."""


def said(
    address: str,
    *,
    company: Mapping[int, str] | None = None,
    service: Mapping[int, str] | None = None,
    name: str | None = None,
    rssi: int | None = -60,
    heard_s: float = 0.0,
) -> Advertisement:
    """Return an advertisement; data are hex digits."""
    companies = {id: bytes.fromhex(data) for id, data in (company or {}).items()}
    services = {uuid16(id): bytes.fromhex(data) for id, data in (service or {}).items()}
    return Advertisement(address, name, rssi, companies, services, heard_s=heard_s)


@dataclass
class Told:
    """What a driver told, and how it ended."""

    measured: list[Sequence[Measurement]] = field(default_factory=list)
    error: DeviceError | None = None
    rejects: int = 0
    repeats: int = 0

    @property
    def values(self) -> list[dict[str, Value | None]]:
        """The values by channel, of each time."""
        return [{each.channel: each.value for each in batch} for batch in self.measured]

    @property
    def qualities(self) -> list[dict[str, Quality]]:
        """The qualities by channel, of each time."""
        return [{each.channel: each.quality for each in batch} for batch in self.measured]


def hear(
    module: ModuleType,
    config: Any,
    *packets: Advertisement | float,
    patience_s: float = 0.0,
    is_hearing: bool = True,
) -> Told:
    """Return what a driver tells of these packets; a number is a pause in seconds."""

    async def main() -> Told:
        ports, told = FakePorts(), Told()
        air = ports.attach_ble(config.port)
        air.is_hearing = is_hearing

        async def listen() -> None:
            async with module.open_driver(config, ports) as device:
                try:
                    async for batch in device.measurements():
                        told.measured.append(batch)
                except DeviceError as error:
                    told.error = error
                finally:
                    told.rejects, told.repeats = device.rejects, device.repeats

        listening = asyncio.create_task(listen())
        await air.wait_listener()
        for packet in packets:
            if isinstance(packet, Advertisement):
                air.advertise(packet)
                await asyncio.sleep(GAP_S)
            else:
                await asyncio.sleep(packet)
        await asyncio.sleep(patience_s)
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening
        return told

    return run_simulated(main())


def understood(decode: Decode, advertisement: Advertisement) -> Heard:
    """Return what an advertisement says, which must be something."""
    heard = decode(advertisement)
    assert heard is not None
    return heard
