"""From a wire to two clouds and back: real ptys, the real daemon, the sandbox and a real broker.

A satellite receiver speaks NMEA on one pty, a Modbus device with coils and registers answers on
another; one uplink goes to the Thing+ sandbox, one to mosquitto, where a raw client plays the
cloud. What was sent on the wires is what must arrive, value and time.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.live.cloud import API_KEY, Cloud, sensor_id
from tests.live.daemon import GATEWAY, Daemon, House, until
from tests.mosquitto import Mosquitto, OtherSide, other_side, running
from tests.peers.modbus import Line, Slave, rtu_line
from tests.peers.pty import Pty, plugged

BASE = f"v/a/g/{GATEWAY}"
WRITE_COIL = 5
SLAVE = 1
LAMP = "board/relay2"

TYPES = {
    "gps/location": "location",
    "gps/speed": "speed",
    "gps/course": "number",
    "gps/satellites": "count",
    "gps/hdop": "number",
    "meter/temperature": "temperature",
    "meter/energy": "electricEnergy",
    "meter/lamp": "onoff",
    "board/relay1": "powerSwitch",
    "board/relay2": "powerSwitch",
}

FIXES = [(4807.038, 1131.000, 10.0 + i, 84.0 + i, 5 + i, 545.5 + i) for i in range(5)]
"""Latitude and longitude as ddmm.mmm, knots, course, satellites, metres above the sea."""


@dataclass
class Works:
    """Everything that is plugged together."""

    daemon: Daemon
    house: House
    cloud: Cloud
    gps: Pty
    line: Line
    broker: OtherSide

    def coil_writes(self) -> int:
        """Return how often a coil was written."""
        return sum(function == WRITE_COIL for _, function, _, _ in self.line.requests)

    def points_at_broker(self, channel: str) -> list[tuple[int, Any]]:
        """Return what the raw client heard of a sensor, time first."""
        flat: list[Any] = []
        for payload in self.broker.on(BASE):
            flat += json.loads(payload).get(sensor_id(channel), [])
        return list(zip(flat[::2], flat[1::2], strict=True))

    async def ask_at_broker(self, body: dict[str, Any]) -> dict[str, Any]:
        """Publish a request as the cloud and return the gateway's answer to it."""
        count = len(self.broker.on(f"{BASE}/res"))
        self.broker.say(f"{BASE}/req", json.dumps(body).encode())
        answer: dict[str, Any] = json.loads(await self.broker.wait(f"{BASE}/res", count + 1))
        assert answer["id"] == body["id"]
        return answer


def configure(house: House, gps: Pty, line: Line) -> None:
    """Write what a technician would."""
    house.sections["port"] = {"rs485": {"type": "serial", "path": line.port, "baudrate": 9600}}
    house.devices["gps"] = {"driver": "nmea", "port": gps.path, "silence": "1m"}
    house.devices["meter"] = {
        "driver": "modbus",
        "port": "rs485",
        "slave": SLAVE,
        "every": "200ms",
        "registers": {
            "temperature": {
                "address": 0,
                "table": "input",
                "type": "int16",
                "scale": 0.1,
                "kind": "temperature",
                "unit": "Cel",
            },
            "energy": {
                "address": 2,
                "table": "holding",
                "type": "uint32",
                "kind": "energy",
                "unit": "kWh",
            },
            "lamp": {"address": 1, "table": "coil", "kind": "switch"},
        },
        "channel": {"lamp": {"deadband": 1.0}},
    }
    house.devices["board"] = {
        "driver": "modbus_relay",
        "port": "rs485",
        "slave": SLAVE,
        "relays": 2,
        "safe": "off",
        "hold_max": "1h",
    }


@pytest.fixture
async def works(house: House, cloud: Cloud, tmp_path: Path) -> AsyncIterator[Works]:
    device = Slave(holding=[0, 0, 1, 2, *[0] * 12], input=[215, *[0] * 15])
    with running(Mosquitto(tmp_path)) as broker, plugged() as gps:
        async with rtu_line({SLAVE: device}) as line, other_side(broker.port) as raw:
            configure(house, gps, line)
            cloud.register(TYPES)
            house.add_thingplus("sandbox", cloud.port, API_KEY)
            house.add_thingplus("broker", broker.port, gzip_above="0 B")
            # Said while the gateway is away and kept by the broker: nobody knows of when it is.
            stale = {"id": "stale", "method": "controlActuator"}
            stale["params"] = {"id": sensor_id(LAMP), "cmd": "on"}  # type: ignore[assignment]  # JSON.
            raw.say(f"{BASE}/req", json.dumps(stale).encode(), is_retained=True)
            await raw.wait(f"{BASE}/req")
            broker.freeze()  # So that it is delivered when the outputs are ready for it.
            async with house.daemon() as daemon:
                await daemon.wait_up("gps", "meter", "board", "sandbox")
                broker.thaw()
                await daemon.wait_up("broker")
                yield Works(daemon, house, cloud, gps, line, raw)


def sentence(body: str) -> bytes:
    """Return an NMEA sentence with its checksum."""
    checksum = 0
    for character in body.encode():
        checksum ^= character
    return f"${body}*{checksum:02X}\r\n".encode()


def say_fixes(gps: Pty, start_ms: int) -> None:
    """Say ZDA, and for every fix GGA and RMC, a second apart."""
    for i, (lat, lng, knots, course, satellites, alt) in enumerate(FIXES):
        now = datetime.fromtimestamp(start_ms / 1000 + i, UTC)
        clock, place = f"{now:%H%M%S}.00", f"{lat:.3f},N,{lng:09.3f},E"
        if i == 0:
            gps.write(sentence(f"GPZDA,{clock},{now:%d,%m,%Y},00,00"))
        gps.write(sentence(f"GPGGA,{clock},{place},1,{satellites:02},0.9,{alt},M,46.9,M,,"))
        gps.write(sentence(f"GPRMC,{clock},A,{place},{knots},{course},{now:%d%m%y},,,A"))


async def test_a_receivers_values_and_times_reach_both_clouds(works: Works) -> None:
    """Times are the satellites', to the millisecond; values are what the sentences said."""
    start_ms = (time.time_ns() // 1_000_000_000 - 60) * 1000
    say_fixes(works.gps, start_ms)
    times = [start_ms + 1000 * i for i in range(len(FIXES))]
    expected = {
        "gps/location": [{"lat": 48.1173, "lng": 11.5166667, "alt": alt} for *_, alt in FIXES],
        "gps/speed": [pytest.approx(fix[2] * 0.514444, abs=5e-4) for fix in FIXES],
        "gps/course": [fix[3] for fix in FIXES],
        "gps/satellites": [fix[4] for fix in FIXES],
        "gps/hdop": [0.9] * len(FIXES),
    }
    for channel, values in expected.items():
        await until(lambda: len(works.cloud.points(channel)) >= len(FIXES), channel)  # noqa: B023  # Awaited here.
        await works.broker.wait_until(lambda: len(works.points_at_broker(channel)) >= len(FIXES))  # noqa: B023  # As above.
        for got in (works.cloud.points(channel), works.points_at_broker(channel)):
            assert [at_ms for at_ms, _ in got] == times
            assert [value for _, value in got] == values
    assert works.cloud.dropped == {}
    assert works.cloud.word("gps/location") == "on"


async def test_registers_reach_both_clouds_as_they_change(works: Works) -> None:
    """Scaled, of 32 bits, in the order of their changes and dated when they were read."""
    seen = [21.5]
    for raw in (216, -5, 217):
        await until(lambda: works.cloud.values("meter/temperature")[-1:] == seen[-1:], "a value")
        changed_ms = time.time_ns() // 1_000_000
        works.line.input(SLAVE)[0] = raw & 0xFFFF
        seen.append(raw / 10)
    await until(lambda: works.cloud.values("meter/temperature")[-1] == seen[-1], "the last")
    points = works.cloud.points("meter/temperature")
    steps = [v for i, (_, v) in enumerate(points) if i == 0 or points[i - 1].value != v]
    assert steps == pytest.approx(seen)
    first_new = next(point for point in points if point.value == seen[-1])
    assert changed_ms <= first_new.time_ms <= time.time_ns() // 1_000_000
    assert works.cloud.values("meter/energy")[-1] == 0x10002
    await works.broker.wait_until(
        lambda: works.points_at_broker("meter/temperature")[-1][1] == pytest.approx(seen[-1])
    )


async def test_an_app_closes_a_coil_and_hears_what_was_read_back(works: Works) -> None:
    """REST in, coil on the line, the value read back in the HTTP answer, its change reported."""
    await until(lambda: works.cloud.values("meter/lamp") == [0], "the lamp is known to be off")
    status, body = await works.cloud.control(LAMP, "on")
    assert status == 200
    assert works.line.coils(SLAVE)[:2] == [False, True]
    assert body["data"]["result"] == {"value": 1, "verified": True, "message": "goes off in 1h"}
    await until(lambda: works.cloud.values("meter/lamp") == [0, 1], "the lamp was seen going on")
    assert works.cloud.word(LAMP) == "on"
    read = await works.house.verb("read", LAMP, "--json")
    assert [row["value"] for row in read.json] == [True]
    status, body = await works.cloud.control(LAMP, "off")
    assert (status, body["data"]["result"]["value"]) == (200, 0)
    assert not works.line.coils(SLAVE)[1]
    await works.broker.wait_until(
        lambda: [value for _, value in works.points_at_broker("meter/lamp")] == [0, 1, 0]
    )


async def test_a_hand_on_the_board_shows_at_the_next_command(works: Works) -> None:
    """What the answer says is read from the coil, not remembered."""
    await works.cloud.control(LAMP, "on")
    works.line.set_coil(SLAVE, 1, is_on=False)
    _, body = await works.cloud.control(LAMP, "on")
    assert body["data"]["result"]["value"] == 1
    assert works.line.coils(SLAVE)[1]


async def test_what_cannot_be_done_is_answered_and_moves_nothing(works: Works) -> None:
    """Unknown actuator, command and method, bad options: an error each, from both clouds."""
    before, lamp = works.coil_writes(), sensor_id(LAMP)
    refused: list[tuple[str, Any, int]] = [
        ("controlActuator", {"id": "b827eb000001-nobody", "cmd": "on"}, -32000),
        ("controlActuator", {"id": lamp, "cmd": "toggle"}, -32000),
        ("controlActuator", {"id": lamp, "cmd": "on", "options": {"duration": 5}}, -32000),
        ("controlActuator", {"id": lamp, "cmd": "on", "options": {"duration": "soon"}}, -32000),
        ("controlActuator", {"id": lamp}, -32602),
        ("controlActuator", {"id": lamp, "cmd": "on", "options": [1]}, -32602),
        ("shell", {"cmd": "reboot"}, -32601),
        ("reboot", None, -32601),
    ]
    for i, (method, params, code) in enumerate(refused):
        answer = await works.cloud.ask(method, params)
        assert (answer.code, answer.result) == (code, None)
        body = {"id": f"bad{i}", "method": method, "params": params}
        assert (await works.ask_at_broker(body))["error"]["code"] == code
    status, body = await works.cloud.control(LAMP, "on", {"duration": 5})
    assert (status, body["errors"][0]["code"]) == (600, "PROCESS_COMMAND_RESULT")
    assert works.coil_writes() == before
    assert works.line.coils(SLAVE)[:2] == [False, False]


async def test_a_request_that_comes_twice_is_done_once(works: Works) -> None:
    """Also over a new connection: the same id with the same content gets the same answer."""
    before = works.coil_writes()
    first = await works.cloud.command(LAMP, "on", "twice")
    assert works.coil_writes() == before + 1
    assert await works.cloud.command(LAMP, "on", "twice") == first
    ends = (await works.daemon.edge("uplinks", "sandbox"))["ends"]
    works.cloud.sandbox.kill()
    await works.daemon.wait_reconnected("sandbox", ends)
    again = await works.cloud.command(LAMP, "on", "twice")
    assert (again.result["value"], again.code) == (1, None)
    assert works.coil_writes() == before + 1
    other = await works.cloud.command(LAMP, "off", "twice")
    assert other.result["value"] == 0, "the same id with other content is another request"
    assert works.coil_writes() == before + 2


async def test_a_repeat_at_the_broker_is_done_once(works: Works) -> None:
    """QoS 1 may deliver twice: two answers, one write. And a request of an unknown age is none."""
    before = works.coil_writes()
    body = {"id": "e1kcs13bb", "method": "controlActuator"}
    body["params"] = {"id": sensor_id("board/relay1"), "cmd": "on"}  # type: ignore[assignment]  # JSON.
    answers = [await works.ask_at_broker(body) for _ in range(2)]
    assert answers[0] == answers[1]
    assert answers[0]["result"]["value"] == 1
    assert works.coil_writes() == before + 1
    assert works.line.coils(SLAVE)[:2] == [True, False], "the retained request moved the lamp"


async def test_the_raw_cloud_sees_the_vendors_order(works: Works) -> None:
    """`on` retained, statuses with every sensor, then timeSync is answered."""
    heard = [message.topic for message in works.broker.heard if message.topic != f"{BASE}/req"]
    assert heard[:2] == [f"{BASE}/mqtt/status", f"{BASE}/status"]
    words = works.broker.on(f"{BASE}/status")[0].decode().split(",")
    assert words[:2] == ["on", "90"]
    assert set(words[2::3]) == {sensor_id(channel) for channel in TYPES}
    body = {"id": "t1", "method": "timeSync", "params": {"time": time.time_ns() // 1_000_000}}
    assert await works.ask_at_broker(body) == {"id": "t1", "result": ""}
    assert works.cloud.sandbox.journal.counts["time_syncs"] == 1
