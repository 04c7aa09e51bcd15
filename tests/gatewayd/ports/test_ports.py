"""What all wires have in common: shared, closed under all, and their adapters reset."""

from __future__ import annotations

import pytest

from gatewayd.errors import DeviceAbsent
from gatewayd.ports import Ports
from tests.peers.modbus import Slave, tcp_line
from tests.peers.pty import plugged


async def test_a_wire_is_closed_under_all_who_are_on_it() -> None:
    """They are told, and who enters next gets a fresh one."""
    with plugged() as pty:
        ports = Ports()
        async with ports.serial(pty.path) as old:
            assert await ports.close_wire(pty.path) == f"closed {pty.path}"
            with pytest.raises(DeviceAbsent):
                await old.write(b"?")
            async with ports.serial(pty.path) as fresh:
                await fresh.write(b"!")
                assert await pty.wait_received(1) == b"!"
        assert await ports.close_wire(pty.path) == ""


async def test_a_line_without_an_adapter_to_switch_says_so() -> None:
    """A pty hangs on no USB plug; it is off it all the same, and can be entered again."""
    with plugged() as pty:
        ports = Ports({"rs485": {"type": "serial", "path": pty.path}})
        async with ports.serial("rs485"):
            pass
        with pytest.raises(DeviceAbsent, match="no adapter is under"):
            await ports.reset_adapter("rs485")
        async with ports.serial("rs485") as again:
            assert not again.is_broken


async def test_a_line_behind_a_network_has_nothing_to_reset() -> None:
    """Closing it is all that can be done from here."""
    async with tcp_line({1: Slave()}) as line:
        ports = Ports()
        async with ports.modbus(line.port):
            assert await ports.reset_adapter(line.port) == f"closed {line.port}"


async def test_a_wire_that_nobody_ever_entered_has_nothing_to_reset() -> None:
    """Nor is it opened for that."""
    assert await Ports().reset_adapter("i2c:1") == ""
