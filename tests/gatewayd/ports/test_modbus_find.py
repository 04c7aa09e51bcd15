"""Which adapter a slave is behind, on real cables."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from gatewayd.errors import ConfigError, DeviceAbsent
from gatewayd.ports import Ports
from gatewayd.ports import modbus_find as module
from gatewayd.ports.modbus_find import candidates
from gatewayd.ports.names import Find
from gatewayd.ports.serial import open_serial
from tests.peers.modbus import Line, Slave, rtu_line, silent
from tests.peers.pty import Pty, plugged


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait shortly for slaves that are not there."""
    monkeypatch.setattr(module, "ANSWER_S", 0.05)


@dataclass
class Desk:
    """A gateway's adapters: a GPS receiver, a line with slave 2 and one with slave 3."""

    folder: Path
    gps: Pty
    second: Line
    third: Line
    ports: Ports

    def plug(self, name: str, path: str) -> None:
        link = self.folder / name
        link.unlink(missing_ok=True)
        link.symlink_to(path)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    find = Find(slave=3, candidates=(f"{tmp_path}/*",))
    async with AsyncExitStack() as stack:
        gps = stack.enter_context(plugged())
        second = await stack.enter_async_context(rtu_line({2: Slave(holding=[2] * 16)}))
        second.fault = silent(3)  # The server answers for strangers too, with a refusal.
        third = await stack.enter_async_context(rtu_line({3: Slave(holding=[3] * 16)}))
        desk = Desk(tmp_path, gps, second, third, Ports({"m": {"type": "serial", "find": find}}))
        for name, path in (("a", gps.path), ("b", second.port), ("c", third.port)):
            desk.plug(name, path)
        yield desk


async def _read(ports: Ports, slave: int = 3) -> list[int]:
    async with ports.modbus("m") as port:
        return await port.slave(slave, timeout_s=0.1).read_registers("holding", 0, 1)


async def test_the_adapter_where_the_slave_answers_is_used(desk: Desk) -> None:
    """Others were asked for one register, which changes nothing, and let go of."""
    assert await _read(desk.ports) == [3]
    assert set(desk.second.requests) == {(3, 3, 0, 1)}
    assert bytes(desk.gps.received[:8]) == bytes.fromhex("03 03 00 00 00 01 85 e8")


async def test_where_it_was_is_remembered(desk: Desk) -> None:
    """The next opening disturbs nobody else."""
    await _read(desk.ports)
    desk.second.requests.clear()
    assert await _read(desk.ports) == [3]
    assert not desk.second.requests


async def test_a_line_that_moved_to_another_adapter_is_found_again(desk: Desk) -> None:
    """The technician changed the plugs."""
    await _read(desk.ports)
    desk.plug("b", desk.third.port)
    desk.plug("c", desk.second.port)
    assert await _read(desk.ports) == [3]


async def test_a_refusal_is_an_answer(desk: Desk) -> None:
    """The slave is there, whether or not it has that register."""
    desk.third.fault = lambda frame: bytes.fromhex("03 83 02 61 31")
    async with desk.ports.modbus("m") as port:
        assert not port.is_broken


async def test_a_slave_that_answers_nowhere_is_absent(desk: Desk) -> None:
    """The sentence tells where it was looked for."""
    desk.third.fault = silent(3)
    with pytest.raises(DeviceAbsent, match=r"slave 3 of port m answers nowhere; tried /.*/a, "):
        await _read(desk.ports)


async def test_a_dead_landmark_does_not_take_its_neighbours_away(desk: Desk) -> None:
    """Once found, the line is used though the slave that was looked for is silent now."""
    desk.ports.settings = {
        "m": {"type": "serial", "find": Find(slave=2, candidates=(f"{desk.folder}/[bc]",))}
    }
    assert await _read(desk.ports, slave=2) == [2]
    desk.second.fault = silent(2)
    async with desk.ports.modbus("m") as port:
        assert not port.is_broken


async def test_an_adapter_in_use_is_left_alone(desk: Desk) -> None:
    """Nobody writes into another device's line."""
    gps = await open_serial(desk.gps.path, {})
    assert await _read(desk.ports) == [3]
    await gps.close()
    assert not desk.gps.received


async def test_only_modbus_devices_are_found_so() -> None:
    """A satellite receiver answers no slave's number."""
    with pytest.raises(ConfigError, match="this device needs a path"):
        await open_serial("m", {"type": "serial", "find": Find(slave=3)})


@pytest.fixture
def adapters(tmp_path: Path) -> Iterator[Path]:
    for name in ("ttyUSB0", "ttyUSB1"):
        (tmp_path / name).touch()
        (tmp_path / f"by-id-{name}").symlink_to(tmp_path / name)
    yield tmp_path


def test_each_adapter_is_tried_once_and_the_last_one_first(adapters: Path) -> None:
    """Whatever names it has."""
    find = Find(slave=3, candidates=(f"{adapters}/by-id-*", f"{adapters}/ttyUSB*"))
    first, second = f"{adapters}/by-id-ttyUSB0", f"{adapters}/by-id-ttyUSB1"
    assert candidates(find, None) == [first, second]
    assert candidates(find, second) == [second, first]
