"""Wires without hardware, which remember what was done to them.

`FakePorts` stands where `Ports` stands. A test attaches the wires that its gateway has and keeps
what it gets back, to prepare answers and to look at afterwards:

    ports = FakePorts()
    bus = ports.attach_i2c("i2c:1")
    bus.chips[0x76] = bme280_chip()
    async with bme280.open_driver(config, ports) as sensor:
        ...

A wire that is not attached is absent. `ports.gate.shut()` makes every wire hang until it is
opened again; `ports.users` tells who forgot to leave.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TypeVar, cast

from gatewayd.errors import DeviceAbsent
from gatewayd.ports import Ports
from gatewayd.ports.ble import BlePort
from gatewayd.ports.files import FilesPort, Tree
from gatewayd.ports.hid import HidPort
from gatewayd.ports.i2c import I2cPort
from gatewayd.ports.line import LinePort
from gatewayd.ports.modbus import ModbusPort
from gatewayd.ports.serial import SerialPort
from gatewayd.testing.ble import FakeBle
from gatewayd.testing.files import NOWHERE, FakeFiles
from gatewayd.testing.hid import FakeHid
from gatewayd.testing.modbus import FakeModbus
from gatewayd.testing.wires import FakeI2c, FakeLines, FakeSerial, Gate

W = TypeVar("W")


class FakePorts(Ports):
    """Every wire that a test has attached.

    Attributes:
        gate: shut it, and every wire hangs.
        users: how many devices are inside a wire now, by its name.
        entered: names in the order of entering.
    """

    def __init__(self) -> None:
        super().__init__()
        self.gate = Gate()
        self.users: Counter[str] = Counter()
        self.entered: list[str] = []
        self._wires: dict[tuple[str, str], object] = {}
        self._arrived = asyncio.Event()

    def attach_i2c(self, name: str) -> FakeI2c:
        """Put an empty I²C bus in place."""
        return self._attach("i2c", name, FakeI2c(name, self.gate))

    def attach_lines(self, name: str) -> FakeLines:
        """Put a GPIO chip in place."""
        return self._attach("line", name, FakeLines(name, self.gate))

    def attach_serial(self, name: str) -> FakeSerial:
        """Put a serial line in place, with a device that says nothing."""
        return self._attach("serial", name, FakeSerial(name, self.gate))

    def attach_files(self, name: str, root: Path = NOWHERE) -> FakeFiles:
        """Put a folder of kernel files in place; without `root` it is empty."""
        return self._attach("files", name, FakeFiles(name, self.gate, Tree(root)))

    def attach_modbus(self, name: str) -> FakeModbus:
        """Put a Modbus line in place, with no slave on it."""
        return self._attach("modbus", name, FakeModbus(name, self.gate))

    def attach_ble(self, name: str) -> FakeBle:
        """Put a Bluetooth adapter in place, with nobody in range."""
        return self._attach("ble", name, FakeBle(name, self.gate))

    def attach_hid(self, name: str) -> FakeHid:
        """Put a HID device in place, that does not answer."""
        return self._attach("hid", name, FakeHid(name, self.gate))

    def detach(self, name: str) -> None:
        """Take a wire away; who is inside keeps it."""
        self._wires = {key: wire for key, wire in self._wires.items() if key[1] != name}

    # The fakes have the same surface as the ports but none of their inside, hence the casts.

    def i2c(self, name: str) -> AbstractAsyncContextManager[I2cPort]:
        return cast(AbstractAsyncContextManager[I2cPort], self._use("i2c", name))

    def files(self, name: str) -> AbstractAsyncContextManager[FilesPort]:
        return cast(AbstractAsyncContextManager[FilesPort], self._use("files", name))

    def lines(self, name: str) -> AbstractAsyncContextManager[LinePort]:
        return cast(AbstractAsyncContextManager[LinePort], self._use("line", name))

    def serial(self, name: str, **defaults: object) -> AbstractAsyncContextManager[SerialPort]:
        wire = self._wires.get(("serial", name))
        if isinstance(wire, FakeSerial):
            wire.settings = defaults
        return cast(AbstractAsyncContextManager[SerialPort], self._use("serial", name))

    def ble(self, name: str) -> AbstractAsyncContextManager[BlePort]:
        return cast(AbstractAsyncContextManager[BlePort], self._use("ble", name))

    def modbus(self, name: str, **defaults: object) -> AbstractAsyncContextManager[ModbusPort]:
        return cast(AbstractAsyncContextManager[ModbusPort], self._use("modbus", name))

    def hid(self, name: str) -> AbstractAsyncContextManager[HidPort]:
        return cast(AbstractAsyncContextManager[HidPort], self._use("hid", name))

    async def wait_arrival(self, name: str, timeout_s: float) -> bool:
        """Return True as soon as a wire of that name is attached, False after `timeout_s`."""
        before = [wire for key, wire in self._wires.items() if key[1] == name]
        try:
            async with asyncio.timeout(timeout_s):
                while before == [wire for key, wire in self._wires.items() if key[1] == name]:
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            return False
        return True

    def _attach(self, kind: str, name: str, wire: W) -> W:
        self._wires[kind, name] = wire
        self._arrived.set()
        return wire

    @asynccontextmanager
    async def _use(self, kind: str, name: str) -> AsyncIterator[object]:
        wire = self._wires.get((kind, name))
        if wire is None:
            raise DeviceAbsent(f"there is no {name}")
        self.users[name] += 1
        self.entered.append(name)
        try:
            yield wire
        finally:
            self.users[name] -= 1
