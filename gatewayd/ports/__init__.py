"""Hardware wires, one file a kind, one thread a wire.

Characteristics of `Ports`: in a wire's name · out a shared open wire · opened when the first
device enters, closed when the last leaves · a broken wire is replaced by a fresh one for whoever
enters next · not thread-safe (event loop only).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar, cast, runtime_checkable

if TYPE_CHECKING:
    from gatewayd.ports.ble import BlePort
    from gatewayd.ports.files import FilesPort
    from gatewayd.ports.hid import HidPort
    from gatewayd.ports.hotplug import Hotplug
    from gatewayd.ports.i2c import I2cPort
    from gatewayd.ports.line import LinePort
    from gatewayd.ports.modbus import ModbusPort
    from gatewayd.ports.serial import SerialPort


class Wire(Protocol):
    """What every open wire has in common."""

    @property
    def is_broken(self) -> bool:
        """True once the hardware is gone; nobody new is let in."""
        ...

    async def close(self) -> None:
        """Let go of the hardware and end the wire's thread. Never raises; may be called again."""
        ...


@runtime_checkable
class ResettableWire(Wire, Protocol):
    """A wire whose adapter can be brought back to its beginning; an optional part of a wire."""

    async def reset(self) -> str:
        """Reset the adapter (a power cycle, a bus cleared by clock pulses); it disturbs all on it.

        Asked only while no device works on this wire, of a wire opened for it and closed after.

        Returns:
            What was done, in a few words for the log; empty for nothing.

        Raises:
            DeviceError: it did not work; the sentence says why.
        """
        ...


@runtime_checkable
class TellingWire(Wire, Protocol):
    """A wire that has something to tell of itself in the status; an optional part of a wire."""

    @property
    def state(self) -> Mapping[str, object]:
        """Facts by name, as plain JSON."""
        ...


W = TypeVar("W", bound=Wire)

RETURN_S = 3.0
"""For an adapter that was switched off and on to be back, with its links."""

Note = Callable[..., None]
"""Told what a wire does by itself: a constant phrase, and facts by name. Wires do not log."""


@dataclass(slots=True)
class _Shared:
    opening: asyncio.Task[Wire]
    users: int = 0


@dataclass(slots=True)
class Ports:
    """Every wire of this gateway.

    `settings` holds the `[port.NAME]` sections (each with `type` and that type's own keys); a
    device may also name its wire directly: `i2c:1`, `gpio:0`, `/dev/serial/by-id/…`,
    `usb:SERIALNUMBER`, `socket://host:port`, `tcp:host:502`.
    """

    settings: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    note: Note = lambda *_, **__: None
    _open: dict[tuple[str, str], _Shared] = field(default_factory=dict)
    _found: dict[str, str] = field(default_factory=dict)
    """Where lines that are found by a slave were found last, by name."""
    _openers: dict[tuple[str, str], Callable[[], Awaitable[Wire]]] = field(default_factory=dict)
    """How each wire was opened last: as many as the configuration names."""
    _hotplug: Hotplug | None = None

    def i2c(self, name: str) -> AbstractAsyncContextManager[I2cPort]:
        """Enter an I²C bus: `i2c:1` is /dev/i2c-1."""
        from gatewayd.ports.i2c import open_i2c

        return self._enter(("i2c", name), lambda: open_i2c(name, self.settings.get(name)))

    def serial(self, name: str, **defaults: object) -> AbstractAsyncContextManager[SerialPort]:
        """Enter a serial line; `defaults` (baudrate, …) hold where `[port.NAME]` says nothing."""
        from gatewayd.ports.serial import open_serial

        wanted = {**defaults, **self.settings.get(name, {})}
        return self._enter(("serial", name), lambda: open_serial(name, wanted))

    def lines(self, name: str) -> AbstractAsyncContextManager[LinePort]:
        """Enter a GPIO chip: `gpio:0` is /dev/gpiochip0."""
        from gatewayd.ports.line import open_lines

        return self._enter(("line", name), lambda: open_lines(name, self.settings.get(name)))

    def modbus(self, name: str, **defaults: object) -> AbstractAsyncContextManager[ModbusPort]:
        """Enter a Modbus line (RTU over serial, or `tcp:host:port`), shared by all its slaves."""
        from gatewayd.ports.modbus import open_modbus

        wanted = {**defaults, **self.settings.get(name, {})}
        return self._enter(("modbus", name), lambda: open_modbus(name, wanted, self._found))

    def files(self, name: str) -> AbstractAsyncContextManager[FilesPort]:
        """Enter a folder of kernel files: `sysfs:LABEL` is /sys in a thread named so."""
        from gatewayd.ports.files import open_files

        return self._enter(("files", name), lambda: open_files(name, self.settings.get(name)))

    def ble(self, name: str) -> AbstractAsyncContextManager[BlePort]:
        """Enter a Bluetooth LE adapter: `ble:0` is hci0; all who listen share its scanner."""
        from gatewayd.ports.ble import open_ble, settings_of

        def adapter_of(name: str) -> str:
            return settings_of(name, self.settings.get(name)).adapter

        # Under two names, one radio would be scanned twice, which BlueZ refuses.
        adapter, kinds = adapter_of(name), list(self._openers)
        same = (each for kind, each in kinds if kind == "ble" and adapter_of(each) == adapter)
        first = next(same, name)
        return self._enter(
            ("ble", first), lambda: open_ble(first, self.settings.get(first), self.note)
        )

    def hid(self, name: str) -> AbstractAsyncContextManager[HidPort]:
        """Enter a USB HID device: `hid:16c0:05df`, or by its place."""
        from gatewayd.ports.hid import open_hid

        return self._enter(("hid", name), lambda: open_hid(name))

    def states(self) -> dict[str, Mapping[str, object]]:
        """Return what each open wire that has something to tell says of itself, by its name."""
        told: dict[str, Mapping[str, object]] = {}
        for (_, name), shared in self._open.items():
            if shared.opening.done() and not _is_unusable(shared.opening):
                wire = shared.opening.result()
                if isinstance(wire, TellingWire):
                    told[name] = wire.state
        return told

    async def wait_arrival(self, name: str, timeout_s: float) -> bool:
        """Return True as soon as a wire's node appears, False after `timeout_s`."""
        from gatewayd.ports.hotplug import Hotplug
        from gatewayd.ports.names import nodes_of

        self._hotplug = self._hotplug or Hotplug()
        patterns = nodes_of(name, self.settings.get(name))
        return await self._hotplug.wait_arrival(patterns, timeout_s)

    async def close_wire(self, name: str) -> str:
        """Close a wire under all who are on it; who enters next gets a fresh one.

        Returns what was done, empty where the wire was not open.
        """
        keys = [key for key in self._open if key[1] == name]
        for key in keys:
            await _close(self._open.pop(key).opening)
        return f"closed {name}" if keys else ""

    async def reset_adapter(self, name: str) -> str:
        """Bring a wire's adapter back to its beginning, where it knows how to.

        Returns what was done, empty for nothing. Raises DeviceError.
        """
        done = [await self.close_wire(name)]
        for key in [key for key in self._openers if key[1] == name]:
            if key[0] in {"serial", "modbus"}:
                done.append(await self._reset_tty(name))
                continue
            async with self._enter(key, self._openers[key]) as wire:
                if isinstance(wire, ResettableWire):
                    done.append(await wire.reset())
        return ", ".join(filter(None, done))

    async def _reset_tty(self, name: str) -> str:
        from gatewayd.ports.usb import reset_usb

        path = self._found.get(name) or str(self.settings.get(name, {}).get("path", name))
        if not path.startswith(("/", "usb:")):
            return ""
        place = await reset_usb(path)
        await self.wait_arrival(name, RETURN_S)
        return f"switched USB {place} off and on"

    @asynccontextmanager
    async def _enter(
        self, key: tuple[str, str], opener: Callable[[], Awaitable[W]]
    ) -> AsyncIterator[W]:
        self._openers[key] = opener
        shared = self._open.get(key)
        if shared is None or (shared.opening.done() and _is_unusable(shared.opening)):
            # The task belongs to the wire, not to whoever came first: a device that is cancelled
            # while the wire opens must not take it away from the others.
            shared = _Shared(asyncio.ensure_future(_run(opener)))
            self._open[key] = shared
        shared.users += 1
        try:
            yield cast(W, await asyncio.shield(shared.opening))  # The key tells the type.
        finally:
            shared.users -= 1
            if not shared.users:
                if self._open.get(key) is shared:
                    del self._open[key]
                await _close(shared.opening)


async def _run(opener: Callable[[], Awaitable[Wire]]) -> Wire:
    return await opener()


def _is_unusable(opening: asyncio.Task[Wire]) -> bool:
    return opening.cancelled() or opening.exception() is not None or opening.result().is_broken


async def _close(opening: asyncio.Task[Wire]) -> None:
    if not opening.done():
        opening.cancel()
        await asyncio.wait([opening])
    if not opening.cancelled() and opening.exception() is None:
        await opening.result().close()
