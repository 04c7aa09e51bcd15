"""The objects that BlueZ shows on D-Bus, with what of them its users need.

Source: BlueZ, doc/org.bluez.*.rst.
"""

# Not `from __future__ import annotations`: dbus-fast reads the signatures from the annotations.

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

from dbus_fast import PropertyAccess, Variant
from dbus_fast.annotations import (
    DBusBool,
    DBusBytes,
    DBusDict,
    DBusInt16,
    DBusObjectPath,
    DBusSignature,
    DBusStr,
)
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property

from gatewayd.ports.ble_advertisement import uuid16

if TYPE_CHECKING:
    from tests.peers.bluez import Bluez

READ = PropertyAccess.READ
Companies = Annotated[dict[int, Variant], DBusSignature("a{qv}")]
Strings = Annotated[list[str], DBusSignature("as")]


class Adapter(ServiceInterface):
    """org.bluez.Adapter1."""

    def __init__(self, bluez: "Bluez") -> None:
        super().__init__("org.bluez.Adapter1")
        self.bluez = bluez

    @dbus_method()
    def SetDiscoveryFilter(self, filter: DBusDict) -> None:
        self.bluez.log.append("filter")

    @dbus_method()
    def StartDiscovery(self) -> None:
        self.bluez.log.append("start")
        self.bluez.raise_fault("start")
        self.bluez.is_discovering = True

    @dbus_method()
    def StopDiscovery(self) -> None:
        self.bluez.log.append("stop")
        self.bluez.raise_fault("stop")
        self.bluez.is_discovering = False

    @dbus_property(READ)
    def Address(self) -> DBusStr:
        return self.bluez.address

    @dbus_property(READ)
    def Roles(self) -> Strings:
        return ["central", "peripheral"]

    @dbus_property(READ)
    def Discovering(self) -> DBusBool:
        return self.bluez.is_discovering

    @dbus_property()
    def Powered(self) -> DBusBool:
        return self.bluez.is_powered

    @Powered.setter
    def _power(self, value: DBusBool) -> None:
        self.bluez.log.append("on" if value else "off")
        self.bluez.raise_fault("power")
        self.bluez.switch(is_on=value)


class MonitorManager(ServiceInterface):
    """org.bluez.AdvertisementMonitorManager1: passive scanning."""

    def __init__(self, bluez: "Bluez") -> None:
        super().__init__("org.bluez.AdvertisementMonitorManager1")
        self.bluez = bluez

    @dbus_method()
    def RegisterMonitor(self, application: DBusObjectPath) -> None:
        self.bluez.log.append("register")
        self.bluez.raise_fault("register")
        self.bluez.look_up(application)

    @dbus_method()
    def UnregisterMonitor(self, application: DBusObjectPath) -> None:
        self.bluez.log.append("unregister")
        self.bluez.monitors.pop(application, None)

    @dbus_property(READ)
    def SupportedMonitorTypes(self) -> Strings:
        return ["or_patterns"]


class Device(ServiceInterface):
    """org.bluez.Device1."""

    def __init__(self, bluez: "Bluez", address: str, alias: str) -> None:
        super().__init__("org.bluez.Device1")
        self.bluez, self.address, self.alias = bluez, address, alias
        self.path = f"{bluez.path}/dev_{address.replace(':', '_')}"
        self.rssi = 0
        self.companies: dict[int, Variant] = {}
        self.services: dict[str, Variant] = {}
        self.is_connected = False
        self.exported: list[tuple[str, ServiceInterface]] = []

    @dbus_method()
    async def Connect(self) -> None:
        self.bluez.log.append(f"connect {self.address}")
        self.bluez.raise_fault("connect")
        if "connect" in self.bluez.hanging:
            await asyncio.Event().wait()
        self.connect_from_elsewhere()

    def connect_from_elsewhere(self) -> None:
        """Be connected, whoever asked for it."""
        self.is_connected = True
        self.emit_properties_changed({"Connected": True})
        self._show(self.bluez.gatt.get(self.address, {}))
        self.emit_properties_changed({"ServicesResolved": True})

    @dbus_method()
    def Disconnect(self) -> None:
        self.bluez.log.append(f"disconnect {self.address}")
        self.hang_up()

    def hang_up(self) -> None:
        """End the connection, from whichever side."""
        self.is_connected = False
        for path, interface in reversed(self.exported):
            self.bluez.bus.unexport(path, interface)
        self.exported.clear()
        self.emit_properties_changed({"Connected": False, "ServicesResolved": False})

    def _show(self, characteristics: Mapping[str, "Characteristic"]) -> None:
        service = Service(f"{self.path}/service0001", self.path)
        self._export(service.path, service)
        for count, characteristic in enumerate(characteristics.values(), 2):
            characteristic.service = service.path
            self._export(f"{service.path}/char{count:04x}", characteristic)

    def _export(self, path: str, interface: ServiceInterface) -> None:
        self.bluez.bus.export(path, interface)
        self.exported.append((path, interface))

    @dbus_property(READ)
    def Address(self) -> DBusStr:
        return self.address

    @dbus_property(READ)
    def AddressType(self) -> DBusStr:
        return "random"

    @dbus_property(READ)
    def Alias(self) -> DBusStr:
        return self.alias

    @dbus_property(READ)
    def Name(self) -> DBusStr:
        return self.alias

    @dbus_property(READ)
    def Adapter(self) -> DBusObjectPath:
        return self.bluez.path

    @dbus_property(READ)
    def Connected(self) -> DBusBool:
        return self.is_connected

    @dbus_property(READ)
    def Paired(self) -> DBusBool:
        return False

    @dbus_property(READ)
    def ServicesResolved(self) -> DBusBool:
        return self.is_connected

    @dbus_property(READ)
    def UUIDs(self) -> Strings:
        return list(self.services)

    @dbus_property(READ)
    def RSSI(self) -> DBusInt16:
        return self.rssi

    @dbus_property(READ)
    def ManufacturerData(self) -> Companies:
        return self.companies

    @dbus_property(READ)
    def ServiceData(self) -> DBusDict:
        return self.services


class Service(ServiceInterface):
    """org.bluez.GattService1."""

    def __init__(self, path: str, device: str) -> None:
        super().__init__("org.bluez.GattService1")
        self.path, self.device = path, device

    @dbus_property(READ)
    def UUID(self) -> DBusStr:
        return uuid16(0x181A)

    @dbus_property(READ)
    def Primary(self) -> DBusBool:
        return True

    @dbus_property(READ)
    def Device(self) -> DBusObjectPath:
        return self.device


class Characteristic(ServiceInterface):
    """org.bluez.GattCharacteristic1."""

    def __init__(self, uuid: str, value: bytes) -> None:
        super().__init__("org.bluez.GattCharacteristic1")
        self.uuid, self.value, self.service = uuid, value, ""
        self.written: list[bytes] = []
        self.is_notifying = asyncio.Event()
        self.is_hanging = False

    def notify(self, value: bytes) -> None:
        """Tell a value unasked."""
        self.value = value
        self.emit_properties_changed({"Value": value})

    @dbus_method()
    async def ReadValue(self, options: DBusDict) -> DBusBytes:
        if self.is_hanging:
            await asyncio.Event().wait()
        return self.value

    @dbus_method()
    def WriteValue(self, value: DBusBytes, options: DBusDict) -> None:
        self.written.append(bytes(value))

    @dbus_method()
    def StartNotify(self) -> None:
        self.is_notifying.set()

    @dbus_method()
    def StopNotify(self) -> None:
        self.is_notifying.clear()

    @dbus_property(READ)
    def UUID(self) -> DBusStr:
        return self.uuid

    @dbus_property(READ)
    def Service(self) -> DBusObjectPath:
        return self.service

    @dbus_property(READ)
    def Value(self) -> DBusBytes:
        return self.value

    @dbus_property(READ)
    def Flags(self) -> Strings:
        return ["read", "write", "notify"]
