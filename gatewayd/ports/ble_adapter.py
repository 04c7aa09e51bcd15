"""Our own line to BlueZ, for what bleak has no words for.

Which adapters there are, what this one can do, whether it is on; switching it off and on again,
the only cure for one that has gone deaf; and hearing at once that it or bluetoothd is gone, of
which bleak tells nobody.

Source: BlueZ, doc/org.bluez.Adapter.rst, doc/org.bluez.AdvertisementMonitorManager.rst.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from gatewayd.errors import ConfigError, DeviceAbsent, DeviceTimeout
from gatewayd.ports.ble_calls import Hung, within
from gatewayd.ports.ble_plan import Patience

if TYPE_CHECKING:
    from dbus_fast import Message
    from dbus_fast.aio import MessageBus

BLUEZ, DBUS = "org.bluez", "org.freedesktop.DBus"
ADAPTER, DEVICE = "org.bluez.Adapter1", "org.bluez.Device1"
MONITOR_MANAGER = "org.bluez.AdvertisementMonitorManager1"
OBJECTS, PROPERTIES = f"{DBUS}.ObjectManager", f"{DBUS}.Properties"

RULES = (
    f"type='signal',sender='{DBUS}',member='NameOwnerChanged',arg0='{BLUEZ}'",
    f"type='signal',sender='{BLUEZ}',interface='{OBJECTS}',member='InterfacesRemoved'",
    f"type='signal',sender='{BLUEZ}',interface='{PROPERTIES}',arg0='{ADAPTER}'",
)
"""What the bus shall tell us."""


class Method(NamedTuple):
    """Whom to ask for what."""

    destination: str
    path: str
    interface: str
    member: str
    signature: str = ""


ADD_MATCH = Method(DBUS, "/org/freedesktop/DBus", DBUS, "AddMatch", "s")
GET_OBJECTS = Method(BLUEZ, "/", OBJECTS, "GetManagedObjects")

Lost = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Facts:
    """What BlueZ says of one adapter.

    Attributes:
        path: its object, /org/bluez/hci0.
        has_monitor: it can scan passively.
        connected: objects of devices that are connected now, by address.
    """

    path: str
    address: str
    is_powered: bool
    has_monitor: bool
    connected: Mapping[str, str]

    @property
    def id(self) -> str:
        """Return the kernel's name of the adapter, `hci0`."""
        return self.path.rpartition("/")[2]


def facts_of(objects: Mapping[str, Mapping[str, Mapping[str, Any]]], wanted: str) -> Facts:
    """Return what BlueZ's objects say of the adapter `wanted` (`hci0`, or its address).

    Args:
        objects: the answer to GetManagedObjects: properties by interface by path.

    Raises:
        DeviceAbsent: there is no such adapter, or it does no Bluetooth LE.
    """
    adapters = {path: each[ADAPTER] for path, each in objects.items() if ADAPTER in each}
    for path, adapter in adapters.items():
        if wanted not in (path.rpartition("/")[2], adapter.get("Address")):
            continue
        if "central" not in adapter.get("Roles", ("central",)):
            raise DeviceAbsent(f"{wanted} is an adapter without Bluetooth LE")
        return Facts(
            path,
            str(adapter.get("Address", "")),
            bool(adapter.get("Powered")),
            MONITOR_MANAGER in objects[path],
            {
                str(each[DEVICE]["Address"]): place
                for place, each in objects.items()
                if place.startswith(f"{path}/") and each.get(DEVICE, {}).get("Connected")
            },
        )
    there = ", ".join(path.rpartition("/")[2] for path in sorted(adapters)) or "none at all"
    raise DeviceAbsent(f"no Bluetooth adapter {wanted}; BlueZ knows {there}")


@dataclass(slots=True)
class Adapter:
    """One adapter, and the bus on which it is asked for."""

    name: str
    wanted: str
    _bus: MessageBus
    _patience: Patience
    _lost: Lost = lambda _: None
    _path: str = ""
    _is_switching: bool = False

    @classmethod
    async def reach(cls, name: str, wanted: str, patience: Patience) -> Adapter:
        """Connect to the system bus and ask it to tell of BlueZ's losses.

        Raises:
            ConfigError: the packages for Bluetooth are not installed.
            DeviceAbsent: no bus, or no right to it.
        """
        try:
            import bleak  # noqa: F401  # Looked for, so that what is missing is said at once.
            from dbus_fast import AuthError, BusType
            from dbus_fast.aio import MessageBus
        except ModuleNotFoundError as error:
            raise ConfigError("Bluetooth needs: pip install 'gatewayd[ble]'") from error
        bus = MessageBus(bus_type=BusType.SYSTEM)
        adapter = cls(name, wanted, bus, patience)
        try:
            await within(patience.call, bus.connect())
            for rule in RULES:
                await adapter._ask(ADD_MATCH, rule)
        except (OSError, EOFError, ValueError, AuthError, Hung) as error:
            bus.disconnect()
            raise DeviceAbsent(f"the system's D-Bus cannot be reached: {error}") from error
        except BaseException:
            bus.disconnect()
            raise
        bus.add_message_handler(adapter._hear)
        return adapter

    def watch(self, path: str, lost: Lost) -> None:
        """Call `lost` with a sentence when the adapter goes away or is switched off."""
        self._path, self._lost = path, lost

    async def ask_facts(self) -> Facts:
        """Ask BlueZ about the adapter.

        Raises:
            DeviceAbsent: no bluetoothd, or no such adapter.
            DeviceTimeout: bluetoothd hangs.
        """
        from dbus_fast import unpack_variants

        objects = await self._ask(GET_OBJECTS)
        return facts_of(unpack_variants(objects[0]), self.wanted)

    async def switch(self, path: str, *, is_on: bool) -> None:
        """Switch the radio on or off.

        Raises:
            DeviceAbsent: BlueZ refuses; rfkill blocks it, or nobody may.
            DeviceTimeout: bluetoothd hangs.
        """
        from dbus_fast import Variant

        method = Method(BLUEZ, path, PROPERTIES, "Set", "ssv")
        self._is_switching = True
        try:
            await self._ask(
                method, ADAPTER, "Powered", Variant("b", is_on), seconds=self._patience.power
            )
        finally:
            self._is_switching = False

    async def power_cycle(self, path: str) -> None:
        """Switch the radio off and on again. Raises as `switch`."""
        await self.switch(path, is_on=False)
        await self.switch(path, is_on=True)

    def close(self) -> None:
        """Leave the bus."""
        self._lost = lambda _: None
        self._bus.disconnect()

    async def _ask(self, method: Method, *body: Any, seconds: float | None = None) -> list[Any]:
        from dbus_fast import Message, MessageType

        call = Message(*method[:4], signature=method.signature, body=list(body))
        try:
            reply = await within(seconds or self._patience.call, self._bus.call(call))
        except Hung as error:
            words = f"{self.name}: bluetoothd does not answer {method.member}"
            raise DeviceTimeout(words) from error
        except (OSError, EOFError) as error:
            raise DeviceAbsent(f"{self.name}: the system's D-Bus is gone: {error}") from error
        if reply is None or reply.message_type is MessageType.ERROR:
            raise DeviceAbsent(f"{self.name}: {_reason(reply)}")
        return list(reply.body)

    def _hear(self, message: Message) -> None:
        """Look at one signal; BlueZ's going, the adapter's, or its switch."""
        if not self._path:
            return
        if message.member == "NameOwnerChanged" and message.body[0] == BLUEZ:
            self._lost("bluetoothd has ended" if not message.body[2] else "bluetoothd is a new one")
        elif message.member == "InterfacesRemoved":
            if message.body[0] == self._path and ADAPTER in message.body[1]:
                self._lost(f"the adapter {self._path.rpartition('/')[2]} was removed")
        elif message.member == "PropertiesChanged" and message.path == self._path:
            powered = message.body[1].get("Powered")
            if powered is not None and not powered.value and not self._is_switching:
                self._lost("the adapter was switched off")


def _reason(reply: Message | None) -> str:
    """Return what a refusal means, and what helps."""
    if reply is None:
        return "no answer"
    words = f"{reply.error_name}: {reply.body[0]}" if reply.body else str(reply.error_name)
    match (reply.error_name or "").rpartition(".")[2]:
        case "ServiceUnknown" | "NameHasNoOwner":
            return "bluetoothd is not running"
        case "AccessDenied":
            return f"no right to use Bluetooth ({words}); is the user in the group bluetooth?"
        case "Blocked":
            return f"{words}; rfkill blocks it"
        case _:
            return words
