"""The fakes have the surface of what they stand for."""

from __future__ import annotations

import asyncio
import inspect

import pytest

from gatewayd.errors import DeviceAbsent, DeviceFault, DeviceTimeout
from gatewayd.ports import Ports
from gatewayd.ports.files import FilesPort
from gatewayd.ports.i2c import I2cPort
from gatewayd.ports.inputs import Inputs
from gatewayd.ports.line import LinePort, OutputLine
from gatewayd.ports.modbus import ModbusPort, Slave
from gatewayd.ports.serial import SerialPort
from gatewayd.testing.files import FakeFiles
from gatewayd.testing.inputs import FakeInputs
from gatewayd.testing.modbus import FakeModbus, FakeSlave, SlaveModel
from gatewayd.testing.ports import FakePorts
from gatewayd.testing.wires import FakeI2c, FakeLines, FakeOutput, FakeSerial

INSIDE = {"open", "ask", "client", "set", "get", "question", "reset"}
"""What real ports offer to their own parts, not to drivers."""


@pytest.mark.parametrize(
    ("fake", "real"),
    [
        (FakeFiles, FilesPort),
        (FakeI2c, I2cPort),
        (FakeInputs, Inputs),
        (FakeLines, LinePort),
        (FakeOutput, OutputLine),
        (FakeSerial, SerialPort),
        (FakeModbus, ModbusPort),
        (FakeSlave, Slave),
        (FakePorts, Ports),
    ],
)
def test_a_fake_can_do_what_the_real_one_can(fake: type, real: type) -> None:
    """The same methods with the same parameters; else a test passes and the gateway does not."""
    methods = {
        name: method
        for name, method in vars(real).items()
        if inspect.isfunction(method) and not name.startswith("_")
    }
    for name in methods.keys() - (set() if real is OutputLine else INSIDE):
        theirs = inspect.signature(getattr(fake, name)).parameters.values()
        ours = inspect.signature(methods[name]).parameters.values()
        assert [(each.name, each.kind, each.default) for each in theirs] == [
            (each.name, each.kind, each.default) for each in ours
        ], name


async def test_a_wire_that_is_not_attached_is_absent() -> None:
    """Of every kind; and one that is detached again is, too."""
    ports = FakePorts()
    ports.attach_i2c("i2c:1")
    ports.detach("i2c:1")
    for wire in (ports.i2c, ports.lines, ports.serial, ports.modbus):
        with pytest.raises(DeviceAbsent):
            async with wire("i2c:1"):
                pytest.fail("nothing is attached")


async def test_users_are_counted_while_they_are_inside() -> None:
    """Also those who leave with an error."""
    ports = FakePorts()
    ports.attach_serial("/dev/x")
    with pytest.raises(DeviceTimeout):
        async with ports.serial("/dev/x", baudrate=4800) as line:
            assert ports.users["/dev/x"] == 1
            await line.exchange(b"?", until=b"\n", timeout_s=1)
    assert ports.users.total() == 0


async def test_a_shut_gate_holds_every_transaction() -> None:
    """And lets it through where it was when it opens."""
    ports = FakePorts()
    lines = ports.attach_lines("gpio:0")
    async with lines.output(1, active_low=False, initial=False) as out:
        ports.gate.shut()
        setting = asyncio.ensure_future(out.set(True))
        await ports.gate.wait_arrival()
        assert lines.levels == {1: False}
        ports.gate.open()
        await setting
    assert lines.levels == {1: True}
    assert lines.held == set()


async def test_a_serial_line_says_what_it_is_told_to() -> None:
    """Answers to questions, lines unasked, and its own end."""
    line = FakePorts().attach_serial("/dev/x")
    line.answer = lambda request: request[::-1] + b"\rrest"
    assert await line.exchange(b"ab", until=b"\r", timeout_s=1) == b"ba"
    with pytest.raises(DeviceFault):
        await line.exchange(b"ab", until=100, timeout_s=1)
    line.say(b"one\ntw")
    line.say(b"o\n")
    line.unplug()
    heard = []
    with pytest.raises(DeviceAbsent):
        async for each in line.lines():
            heard.append(each)
    assert heard == [b"one", b"two"]
    assert line.written == [b"ab", b"ab"]


async def test_a_modbus_slave_holds_what_was_written() -> None:
    """Other addresses are illegal, other slaves silent."""
    bus = FakePorts().attach_modbus("rs485")
    bus.slaves[1] = SlaveModel(holding={0: 7, 1: 8})
    await bus.slave(1).write_registers(1, [9, 10])
    assert await bus.slave(1).read_registers("holding", 0, 3) == [7, 9, 10]
    await bus.slave(1).write_coil(4, is_on=True)
    assert await bus.slave(1).read_bits("coil", 4, 1) == [True]
    assert bus.log == [(1, "holding", 1, (9, 10)), (1, "coil", 4, (True,))]
    with pytest.raises(DeviceFault):
        await bus.slave(1).read_registers("input", 0, 1)
    with pytest.raises(DeviceTimeout):
        await bus.slave(2).read_registers("holding", 0, 1)
