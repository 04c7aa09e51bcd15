"""From a wire to Thinger.io and back: the real daemon, a Modbus board on a pty, a raw TCP peer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from gatewayd.clouds.thinger.events import Answer, Run
from tests.live.daemon import Daemon, House
from tests.peers.modbus import Line, Slave, rtu_line, silent
from tests.peers.thinger import DEVICE, PASSWORD, USER, Server, open_server

WRITE_COIL = 5
RELAY = ("board", "relay1")


@dataclass
class Works:
    """Everything that is plugged together."""

    daemon: Daemon
    server: Server
    line: Line

    def coil_writes(self) -> int:
        """Return how often a coil was written."""
        return sum(function == WRITE_COIL for _, function, _, _ in self.line.requests)

    async def reconnect(self) -> None:
        """Cut the connection and wait for the next log-in."""
        count = len(self.server.logins)
        self.server.cut()
        await self.server.wait(lambda: len(self.server.logins) > count, "the next log-in")
        await self.daemon.wait_up("thinger")


@pytest.fixture
async def works(house: House) -> AsyncIterator[Works]:
    device = Slave(input=[215, *[0] * 15])
    async with rtu_line({1: device}) as line, open_server() as server:
        house.sections["port"] = {"rs485": {"type": "serial", "path": line.port, "baudrate": 9600}}
        registers = {"address": 0, "table": "input", "type": "int16", "scale": 0.1}
        house.devices["meter"] = {
            "driver": "modbus",
            "port": "rs485",
            "slave": 1,
            "every": "100ms",
            "registers": {"temperature": {**registers, "kind": "temperature", "unit": "Cel"}},
        }
        house.devices["board"] = {
            "driver": "modbus_relay",
            "port": "rs485",
            "slave": 1,
            "relays": 2,
            "safe": "off",
            "hold_max": "1h",
        }
        house.uplinks["thinger"] = {
            "kind": "thinger",
            "user": USER,
            "device": DEVICE,
            "credentials": PASSWORD,
            "transport": "tcp",
            "host": "127.0.0.1",
            "port": server.port,
            "bucket_interval": "0s",
        }
        async with house.daemon() as daemon:
            await daemon.wait_up("meter", "board", "thinger")
            yield Works(daemon, server, line)


async def test_registers_reach_their_bucket_over_every_cut(works: Works) -> None:
    """Each change of the register is a point, with its own time, before and after."""
    server = works.server
    for raw in (215, 216, -5):
        works.line.input(1)[0] = raw & 0xFFFF
        value = pytest.approx(raw / 10)
        await server.wait(
            lambda: any(point["temperature"] == value for point in server.points("meter")),  # noqa: B023  # Awaited here.
            f"the value {raw / 10}",
        )
        await works.reconnect()
    times = [point["ts"] for point in server.points("meter")]
    assert times == sorted(set(times))
    line = await works.daemon.wait_drained("thinger")
    assert line["delivered"] == line["accepted"]


async def test_a_command_moves_its_coil_once(works: Works) -> None:
    """Answered with what the board read back; the same frame again moves nothing."""
    server, before = works.server, works.coil_writes()
    assert (await server.ask("board/relay1", payload=True, id=5)).is_ok
    assert works.line.coils(1)[0]
    assert (await server.ask("board/relay1/reading")).payload
    server.say(Run(5, RELAY, payload=True))
    assert (await server.answer(5, count=2)).is_ok
    assert works.coil_writes() == before + 1
    assert not (await server.ask("board/relay1", payload=7)).is_ok
    assert works.coil_writes() == before + 1


async def test_a_command_cut_off_from_its_answer_is_not_run_twice(works: Works) -> None:
    """It takes its course, is answered to nobody, and is known when the server asks again."""
    server, house = works.server, works.daemon.house
    works.line.fault = silent(1)  # The keeper waits for the board while the link is cut.
    server.say(Run(5, RELAY, payload=True))
    assert (await server.ask("gateway")).is_ok  # Behind the command, so that has arrived too.
    count = len(server.logins)
    server.cut()
    await server.wait(lambda: len(server.logins) > count, "the next log-in")
    works.line.fault = None
    await works.daemon.wait_up("thinger")
    assert [each for each in server.of(Answer) if each.id == 5] == []
    server.say(Run(5, RELAY, payload=True))
    # Whether the board came back in time to do it or not, there was one command and one outcome.
    again = await server.answer(5)
    (command,) = house.logged("command")
    assert again.is_ok is (command["outcome"] == "done")
    assert (await server.ask("board/relay1", payload=True, id=6)).is_ok
    assert works.line.coils(1)[0]
    assert len(house.logged("command")) == 2
