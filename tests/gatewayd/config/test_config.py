"""`gatewayd.config` from the outside: a file in, settings or all its problems out."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gatewayd.config import ConfigInvalid, inspect, load, salvage
from gatewayd.config.problems import one_of
from gatewayd.driver import driver_kinds
from gatewayd.errors import ConfigError

HERE = Path(__file__).parent
GOOD = """
[gateway]
id = "gw1"
runtime_dir = "/dev/shm/gw"
[device.boiler]
driver = "sim"
signals.level = {}
[device.pump]
driver = "sim_relay"
safe = "off"
hold_max = "2h"
"""


def test_eight_mistakes_are_eight_problems_with_place_and_nearest_word() -> None:
    """All at once, each with line and column, what was expected and the right word (golden)."""
    _, problems = inspect(HERE / "eight.toml", {})
    golden = (HERE / "eight.txt").read_text(encoding="utf-8")
    expected = golden.replace("{drivers}", one_of(sorted(driver_kinds()))).splitlines()
    assert [str(p).rpartition("eight.toml:")[2] for p in problems] == expected


def test_a_good_file_becomes_settings(tmp_path: Path) -> None:
    """What the file leaves out has its default; devices carry driver, channels and limits."""
    path = tmp_path / "config.toml"
    path.write_text(GOOD)
    settings = load(path, {})
    pump = settings.devices["pump"]
    assert settings.outbox.commit_interval == 1.0
    assert settings.clock.unsynchronised == "wait"
    assert settings.gateway.allow == ()
    assert (pump.every, pump.timeout) == (10.0, 2.0)
    assert pump.limits["relay"].safe is False
    assert pump.limits["relay"].hold_max == 7200.0
    assert settings.devices["boiler"].channels


def test_a_file_with_mistakes_is_refused_with_all_of_them(tmp_path: Path) -> None:
    """The error is for the owner, holds the problems, and prints them a line each."""
    path = tmp_path / "config.toml"
    path.write_text(GOOD + 'safee = "off"\nevery = 10\n')
    with pytest.raises(ConfigInvalid) as caught:
        load(path, {})
    assert isinstance(caught.value, ConfigError)
    assert len(caught.value.problems) == len(str(caught.value).splitlines()) == 2


def test_a_device_in_doubt_is_not_salvaged_and_one_with_a_wrong_time_is(tmp_path: Path) -> None:
    """What drives outputs safe must never write to a stand-in for a mistyped address."""
    path = tmp_path / "config.toml"
    path.write_text(
        GOOD
        + """
        min_on = 5
        [device.valve]
        driver = "gpio_relay"
        port = "gpio:0"
        line = 4
        active = "lo"
        safe = "off"
        [device.fan]
        driver = "sim_relay"
        """
    )
    settings, problems = salvage(path, {})
    assert settings is not None
    assert set(settings.devices) == {"boiler", "pump"}
    assert sum(not problem.is_warning for problem in problems) == 3


def test_five_hundred_devices_load_quickly(tmp_path: Path) -> None:
    """A large file takes well under a second, also with a warning that needs a place."""
    device = '[device.d{0}]\ndriver = "sim_relay"\nsafe = "off"\nevery = "10s"\n'
    path = tmp_path / "config.toml"
    path.write_text("".join(device.format(number) for number in range(500)))
    started = time.perf_counter()
    settings, problems = inspect(path, {})
    assert settings is not None
    assert len(settings.devices) == 500
    assert len(problems) >= 500  # No hold_max.
    assert time.perf_counter() - started < 2.0  # Seen: 0.25 s; a loaded machine may take longer.


def test_asking_for_the_package_imports_nothing_heavy() -> None:
    """pydantic comes with the first load, pydantic-settings only if the environment has values."""
    code = (
        "import sys, json, pathlib, gatewayd.config as c\n"
        "before = [m for m in ('pydantic', 'gatewayd.driver') if m in sys.modules]\n"
        "c.inspect(pathlib.Path(sys.argv[1]), {})\n"
        "print(json.dumps([before, 'pydantic_settings' in sys.modules]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(HERE / "eight.toml")],
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert json.loads(done.stdout) == [[], False]
