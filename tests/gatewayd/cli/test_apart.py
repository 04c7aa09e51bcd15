"""What a child reads of the configuration is what was written, and costs this process nothing."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from gatewayd.cli._apart import pickled
from gatewayd.config import load
from gatewayd.driver import driver_kinds, load_driver

ROOT = Path(__file__).parents[3]
PLAIN = """\
[gateway]
id = "house"
state_dir = "/var/lib/house"

[device.pump]
driver = "sim_relay"
safe = "off"

[uplink.cloud]
kind = "thingplus"
host = "127.0.0.1"
api_key = "k"
"""

READ = """\
import sys
from pathlib import Path
from gatewayd.cli._apart import load_apart
done = []
settings = load_apart(Path(sys.argv[1]), lambda: done.append(1))
assert done == [1]
assert not [name for name in sys.modules if name.startswith("pydantic")]
from gatewayd.config import load
assert settings == load(Path(sys.argv[1]))
assert settings.uplinks["cloud"].config.api_key.reveal() == "k"
"""


def read(file: Path) -> subprocess.CompletedProcess[str]:
    """Run the reading in a process of its own: a fork wants one without threads."""
    command = [sys.executable, "-c", READ, str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_a_child_reads_what_is_written_and_pydantic_stays_there(tmp_path: Path) -> None:
    """Secrets too; drivers and clouds are this process's own modules."""
    file = tmp_path / "config.toml"
    file.write_text(PLAIN, encoding="utf-8")
    done = read(file)
    assert done.returncode == 0, done.stderr


def test_mistakes_are_told_as_ever(tmp_path: Path) -> None:
    """The child says nothing, and it is read again here."""
    file = tmp_path / "config.toml"
    file.write_text(PLAIN.replace("sim_relay", "sim_relais"), encoding="utf-8")
    done = read(file)
    assert done.returncode == 1
    assert done.stderr.count("sim_relais") == 1
    assert "ConfigInvalid" in done.stderr


@pytest.mark.parametrize("kind", sorted(driver_kinds()))
def test_every_drivers_settings_can_be_sent(tmp_path: Path, kind: str) -> None:
    """None holds what only one process can know."""
    file = tmp_path / "config.toml"
    file.write_text(load_driver(kind).example(), encoding="utf-8")
    settings = load(file, {})
    assert pickle.loads(pickled(settings)) == settings


def test_the_example_can_be_sent() -> None:
    """With every section and every cloud."""
    settings = load(ROOT / "config.example.toml", {})
    assert pickle.loads(pickled(settings)) == settings
