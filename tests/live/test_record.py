"""`gatewayd record` beside a running daemon and without one, and `gatewayd replay` of the file."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from tests.live.daemon import House
from tests.live.test_wire_to_cloud import SLAVE
from tests.peers.modbus import Slave, rtu_line
from tests.peers.pty import plugged

GGA = b"$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47\r\n"
RMC = b"$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A\r\n"
METER = {
    "driver": "modbus",
    "slave": SLAVE,
    "every": "100ms",
    "registers": {"power": {"address": 0, "table": "input", "kind": "power", "unit": "W"}},
}


async def test_beside_the_daemon_frames_are_written_and_replayed(
    house: House, tmp_path: Path
) -> None:
    """The daemon goes on; what the file says again is what it said, to the last sample."""
    file = tmp_path / "meter.jsonl"
    async with rtu_line({SLAVE: Slave(input=[215] * 16)}) as line:
        house.devices["meter"] = {**METER, "port": line.port}
        async with house.daemon() as daemon:
            await daemon.wait_up("meter")
            done = await house.verb("record", "meter", "--seconds", "1s", "--output", str(file))
            assert done.code == 0, done.err
            assert (await daemon.edge("devices", "meter"))["ends"] == 0
    lines = [json.loads(text) for text in file.read_text().splitlines()]
    assert lines[0]["device"] == "meter" and "[device.meter]" in lines[0]["toml"]
    assert lines[1]["t"] < 0, "the opening is in the file though it was before"
    again = await house.verb("replay", str(file), "--json")
    assert again.code == 0, again.out + again.err
    samples = again.json["samples"]
    assert len(samples) >= 3 and samples[0]["said"] == [["power", 215, "good"]]
    assert again.json["differences"] == []


async def test_without_a_daemon_the_device_is_opened_here(house: House, tmp_path: Path) -> None:
    """A receiver that speaks; the recording ends by itself and tells what was heard."""
    file = tmp_path / "gps.jsonl"
    with plugged() as gps:
        house.devices["gps"] = {"driver": "nmea", "port": gps.path}
        house.write()
        recording = asyncio.create_task(
            house.verb("record", "gps", "--seconds", "1500ms", "--output", str(file))
        )
        while not recording.done():
            gps.write(GGA + RMC)
            await asyncio.wait([recording], timeout=0.2)
        done = await recording
    assert done.code == 0, done.err
    again = await house.verb("replay", str(file))
    assert again.code == 0 and "location" in again.out, again.out + again.err


async def test_a_changed_frame_is_told_as_a_difference(house: House, tmp_path: Path) -> None:
    """What the decoder says otherwise than it did: both, and exit 1."""
    file = tmp_path / "meter.jsonl"
    async with rtu_line({SLAVE: Slave(input=[215] * 16)}) as line:
        house.devices["meter"] = {**METER, "port": line.port}
        house.write()
        await house.verb("record", "meter", "--seconds", "500ms", "--output", str(file))
    proof, *reads = file.read_text().split('"told": [215]')  # The first one opens the device.
    file.write_text('"told": [215]'.join([proof, '"told": [216]'.join(reads)]))
    again = await house.verb("replay", str(file), "--differences")
    assert again.code == 1
    assert "power 215" in again.out and "power 216" in again.out


async def test_mistakes_are_sentences(house: House, tmp_path: Path) -> None:
    """A wrong name, an output without a daemon, a file that is there, one that is none."""
    house.devices["lamp"] = {"driver": "sim_relay", "safe": "off", "hold_max": "1h"}
    house.write()
    wrong = await house.verb("record", "lmap")
    assert wrong.code == 78 and "no device is called 'lmap'" in wrong.err
    output = await house.verb("record", "lamp", "--output", str(tmp_path / "x"))
    assert output.code == 1 and "is an output: start the daemon" in output.err
    there = await house.verb("record", "lamp", "--output", str(house.config))
    assert there.code == 1 and "exists already" in there.err
    none = await house.verb("replay", str(house.config))
    assert none.code == 1 and "line 1 is no JSON" in none.err
    assert "Traceback" not in wrong.err + output.err + there.err + none.err
