"""What is read of a file by those who need little of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from gatewayd.config import inspect, salvage
from gatewayd.config.parts import gateway_part, outputs_part

HOUSE = """\
[gateway]
id = "house"
state_dir = "/var/lib/house"

[port.wire]
type = "i2c"
bus = 1

[device.climate]
driver = "bme280"
port = "wire"
address = 0x76

[device.pump]
driver = "sim_relay"
safe = "off"
verify = { channel = "climate/temperature", on = "> 5", off = "< 1" }
interlock = ["valve/relay"]

[device.valve]
driver = "sim_relay"

[device.lamp]
driver = "nobody_knows"
hold_max = "1h"

[uplink.cloud]
kind = "thingplus"
host = "127.0.0.1"
api_key = "k"
"""


def house(folder: Path) -> Path:
    file = folder / "config.toml"
    file.write_text(HOUSE, encoding="utf-8")
    return file


def test_outputs_are_all_there_and_nothing_else(tmp_path: Path) -> None:
    """As in the whole file: those that are sound and those that are lost, no sensor, no cloud."""
    whole, _ = salvage(house(tmp_path), {})
    part, _ = salvage(house(tmp_path), {}, outputs_part)
    assert whole and part
    assert whole.devices.keys() - part.devices.keys() == {"climate"}
    assert part.devices["pump"] == whole.devices["pump"]
    assert part.lost.keys() == whole.lost.keys() == {"valve", "lamp"}
    assert part.gateway == whole.gateway
    assert part.ports == whole.ports
    assert not part.uplinks


def test_what_is_no_table_is_lost_all_the_same(tmp_path: Path) -> None:
    """A file may be anything."""
    for text in ("device = 1", "device.pump = 1", "gateway = 2", 'device.pump.driver = ["x"]'):
        file = tmp_path / "config.toml"
        file.write_text(text, encoding="utf-8")
        whole, part = salvage(file, {})[0], salvage(file, {}, outputs_part)[0]
        assert whole and part
        assert part.lost == whole.lost


def test_the_gateways_part_is_its_section(tmp_path: Path) -> None:
    """Mistakes elsewhere do not matter to who looks for the daemon."""
    settings, problems = salvage(house(tmp_path), {}, gateway_part)
    assert settings and inspect(house(tmp_path), {})[0] is None
    assert str(settings.gateway.state_dir) == "/var/lib/house"
    assert all(problem.is_warning for problem in problems)


def test_what_is_not_read_is_not_imported(tmp_path: Path) -> None:
    """Neither clouds nor sensors, nor the log: that is what takes the time."""
    code = (
        "import sys; from pathlib import Path; from gatewayd.cli._outputs import read_plan; "
        f"read_plan(Path({str(house(tmp_path))!r})); print(*sys.modules, sep='\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    modules = done.stdout.split()
    assert "drivers.sim.sim_relay" in modules
    for unwanted in ("drivers.i2c.bme280", "gatewayd.clouds", "gatewayd.outbox", "structlog"):
        assert not [name for name in modules if name.startswith(unwanted)]
