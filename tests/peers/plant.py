"""A gateway of simulated devices in a temporary folder, and its daemon as a real process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CONFIG = """\
[gateway]
id = "b827eb000001"
name = "Boiler room"
state_dir = "{state}"
runtime_dir = "{state}"

[device.pump]
driver = "sim_relay"
relays = ["relay", "lamp"]
state_file = "{state}/pump.json"
safe = "off"
hold_max = "1h"

[device.valve]
driver = "sim_relay"
state_file = "{state}/valve.json"
safe = "off"
hold_max = "1h"
interlock = ["pump/relay"]
"""


@dataclass
class Plant:
    """A folder with a configuration and the files in which the relays live."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    def relays(self, device: str = "pump") -> dict[str, bool]:
        """What the relays really do."""
        found: dict[str, bool] = json.loads((self.folder / f"{device}.json").read_text())
        return found

    def switch_on(self) -> None:
        """Leave everything on, as a killed daemon does."""
        (self.folder / "pump.json").write_text('{"relay": true, "lamp": true}')
        (self.folder / "valve.json").write_text('{"relay": true}')

    def append(self, text: str) -> None:
        """Write more into the configuration."""
        self.config.write_text(self.config.read_text() + text)

    def edit(self, old: str, new: str) -> None:
        """Change the first place in the configuration that says `old`."""
        text = self.config.read_text()
        assert old in text
        self.config.write_text(text.replace(old, new, 1))

    def die_on(self) -> None:
        """Run the daemon, switch the pump on, and kill the daemon so that it stays on."""
        with self.daemon() as daemon:
            assert self.run("set", "pump/relay", "on").returncode == 0
            daemon.kill()
            daemon.wait(5)
        assert self.relays()["relay"] is True

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run one verb as a real process, with more variables in its environment."""
        return subprocess.run(
            [sys.executable, "-m", "gatewayd", "--config", str(self.config), *arguments],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            env=self.environ() | variables,
        )

    def environ(self) -> dict[str, str]:
        return {k: v for k, v in os.environ.items() if not k.startswith("GATEWAYD_")}

    @contextmanager
    def daemon(self) -> Iterator[subprocess.Popen[bytes]]:
        """Run the daemon until the block ends; it listens when the block begins."""
        command = [sys.executable, "-m", "gatewayd", "--config", str(self.config), "run"]
        log = (self.folder / "log").open("wb")
        with log, subprocess.Popen(command, stderr=log, env=self.environ()) as process:
            try:
                self.wait_for(lambda: self.run("status").returncode == 0)
                yield process
            finally:
                process.terminate()
                process.wait(15)

    def wait_for(self, condition: object, timeout_s: float = 15.0) -> None:
        """Wait until something is true."""
        assert callable(condition)
        until_s = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < until_s, (self.folder / "log").read_text()


def make_plant(folder: Path) -> Plant:
    """Write the configuration into a folder."""
    plant = Plant(folder)
    plant.config.write_text(CONFIG.format(state=folder))
    return plant
