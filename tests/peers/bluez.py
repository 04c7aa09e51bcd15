"""BlueZ without a radio: its D-Bus objects on a private bus, so that real bleak runs against it.

    async with running_bluez() as bluez:
        bluez.advertise("A4:C1:38:12:34:56", service_data={0xFCD2: b"…"})

It does what BlueZ does as far as its users can see: it hands over what it hears only while
somebody scans, keeps the data of earlier packets of a device, tells of changes alone, and shows
services once a device is connected. Its faults are attributes. Source: BlueZ, doc/org.bluez.*.rst.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from dbus_fast import DBusError, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from gatewayd.ports.ble_advertisement import uuid16
from tests.peers.bluez_objects import Adapter, Characteristic, Device, MonitorManager

PATTERN_S = 2.0
"""For bleak to export the monitor that it has registered."""


@dataclass
class Bluez:
    """One adapter and all that it hears.

    Attributes:
        log: what was asked of the adapter, in order.
        faults: the error that an act ends with (`start`, `stop`, `register`, `power`, `connect`).
        hanging: acts that come to no end.
        is_hung: bluetoothd answers nothing at all.
        is_deaf: the radio hears nothing, though BlueZ believes that it scans; off and on helps.
        monitors: what passive scans look for: place, type and bytes, by the monitor's path.
        gatt: what devices show when they are connected: characteristics by UUID, by address.
    """

    bus: MessageBus
    has_monitor: bool = True
    id: str = "hci0"
    address: str = "DC:A6:32:00:00:01"
    log: list[str] = field(default_factory=list)
    faults: dict[str, str] = field(default_factory=dict)
    hanging: set[str] = field(default_factory=set)
    is_hung: bool = False
    is_deaf: bool = False
    is_powered: bool = True
    is_discovering: bool = False
    monitors: dict[str, list[tuple[int, int, bytes]]] = field(default_factory=dict)
    gatt: dict[str, dict[str, Characteristic]] = field(default_factory=dict)
    devices: dict[str, Device] = field(default_factory=dict)
    adapter: Adapter = field(init=False)
    _looking: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def path(self) -> str:
        return f"/org/bluez/{self.id}"

    @property
    def is_scanning(self) -> bool:
        """Whether the radio listens for anybody."""
        return self.is_powered and (self.is_discovering or bool(self.monitors))

    async def appear(self) -> None:
        """Put the adapter on the bus, and take BlueZ's name."""
        self.adapter = Adapter(self)
        self.bus.add_message_handler(self._hang)
        self.bus.export(self.path, self.adapter)
        if self.has_monitor:
            self.bus.export(self.path, MonitorManager(self))
        await self.bus.request_name("org.bluez")

    def unplug(self) -> None:
        """Take the adapter away, and all its devices."""
        for device in self.devices.values():
            self.bus.unexport(device.path)
        self.bus.unexport(self.path)

    def die(self) -> None:
        """Be killed: the name is free again, nobody says goodbye."""
        self.bus.disconnect()

    def switch(self, *, is_on: bool) -> None:
        """Switch the radio, from whichever side."""
        self.is_powered = is_on
        if not is_on:
            self.is_deaf, self.is_discovering = False, False
            self.monitors.clear()
        self.adapter.emit_properties_changed({"Powered": is_on})

    def add_characteristic(self, address: str, uuid: str, value: bytes = b"") -> Characteristic:
        """Give a device a characteristic, to be seen when it is connected next."""
        characteristic = Characteristic(uuid, value)
        self.gatt.setdefault(address, {})[uuid] = characteristic
        return characteristic

    def advertise(
        self,
        address: str,
        *,
        company_data: Mapping[int, bytes] | None = None,
        service_data: Mapping[int, bytes] | None = None,
        name: str = "",
        rssi: int = -60,
    ) -> bool:
        """Send one packet; return whether anybody listened to it."""
        if self.is_deaf or not (self._is_wanted(company_data or {}, service_data or {})):
            return False
        device = self.devices.get(address)
        is_new = device is None
        device = device or Device(self, address, name or address.replace(":", "-"))
        companies = {id: Variant("ay", data) for id, data in (company_data or {}).items()}
        services = {uuid16(id): Variant("ay", data) for id, data in (service_data or {}).items()}
        changed: dict[str, Any] = {}
        if device.companies | companies != device.companies:
            changed["ManufacturerData"] = device.companies = device.companies | companies
        if device.services | services != device.services:
            changed["ServiceData"] = device.services = device.services | services
        if rssi != device.rssi:
            changed["RSSI"] = device.rssi = rssi
        if is_new:
            self.devices[address] = device
            self.bus.export(device.path, device)
        elif changed:
            device.emit_properties_changed(changed)
        return True

    def raise_fault(self, act: str) -> None:
        """End an act with its error, if it has one."""
        if act in self.faults:
            raise DBusError(f"org.bluez.Error.{self.faults[act]}", "as the test says")

    def look_up(self, monitor: str) -> None:
        """Ask whoever has registered a monitor for its patterns."""
        self.monitors[monitor] = []
        task = asyncio.ensure_future(self._look_up(monitor, self._sender))
        self._looking.add(task)
        task.add_done_callback(self._looking.discard)

    async def _look_up(self, monitor: str, sender: str) -> None:
        body = ["org.bluez.AdvertisementMonitor1", "Patterns"]
        place = (sender, monitor, "org.freedesktop.DBus.Properties", "Get")
        async with asyncio.timeout(PATTERN_S):
            while monitor in self.monitors:
                reply = await self.bus.call(Message(*place, signature="ss", body=body))
                if reply is not None and reply.message_type is not MessageType.ERROR:
                    patterns = reply.body[0].value
                    self.monitors[monitor] = [(a, b, bytes(c)) for a, b, c in patterns]
                    return
                await asyncio.sleep(0.01)

    def _is_wanted(self, companies: Mapping[int, bytes], services: Mapping[int, bytes]) -> bool:
        if not self.is_scanning or self.is_discovering:
            return self.is_scanning
        sent = [(0xFF, id.to_bytes(2, "little") + data) for id, data in companies.items()]
        sent += [(0x16, id.to_bytes(2, "little") + data) for id, data in services.items()]
        patterns = [each for monitor in self.monitors.values() for each in monitor]
        return any(
            kind == type and data[start : start + len(content)] == content
            for start, type, content in patterns
            for kind, data in sent
        )

    def _hang(self, message: Message) -> bool | None:
        if message.message_type is not MessageType.METHOD_CALL:
            return None
        self._sender = message.sender or ""
        return self.is_hung or None


@asynccontextmanager
async def running_bus() -> AsyncIterator[str]:
    """Run a private D-Bus, which is the system's for all in this process and its children."""
    command = ("dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address=1")
    process = await asyncio.create_subprocess_exec(
        *command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    before = os.environ.get("DBUS_SYSTEM_BUS_ADDRESS")
    try:
        assert process.stdout is not None
        async with asyncio.timeout(10.0):
            address = (await process.stdout.readline()).decode().strip()
        os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = address
        yield address
    finally:
        if before is None:
            os.environ.pop("DBUS_SYSTEM_BUS_ADDRESS", None)
        else:
            os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = before
        _forget_bleak()
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@asynccontextmanager
async def bluez_on(address: str, **facts: Any) -> AsyncIterator[Bluez]:
    """Run BlueZ on a bus that is there."""
    bus = await MessageBus(bus_address=address).connect()
    bluez = Bluez(bus, **facts)
    await bluez.appear()
    try:
        yield bluez
    finally:
        bus.disconnect()


@asynccontextmanager
async def running_bluez(**facts: Any) -> AsyncIterator[Bluez]:
    """Run BlueZ on a bus of its own."""
    async with running_bus() as address, bluez_on(address, **facts) as bluez:
        yield bluez


def _forget_bleak() -> None:
    """Close the connection that bleak keeps for as long as its loop lives."""
    from bleak.backends.bluezdbus import manager

    instance = manager._global_instances.pop(asyncio.get_running_loop(), None)
    if instance is not None and instance._bus is not None:
        instance._bus.disconnect()
