"""A sandbox with an empty account, and a configuration that knows it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gatewayd.clouds.thinger.sandbox import Sandbox, SandboxSettings, open_sandbox
from tests.clouds.shell import Shell

PASSWORD = "geheim-word"
CONFIG = """\
# Boiler room, second floor.
[gateway]
id = "gw01"
name = "Boiler room 3"
state_dir = "{state}"

[device.boiler]
driver = "sim"
[device.boiler.signals.temperature]
kind = "temperature"
unit = "Cel"

[device.pump]
driver = "sim_relay"
safe = "off"

[uplink.thinger]      # the customer's account
kind = "thinger"
user = "alice"
transport = "{transport}"
rest_url = "{url}"    # the sandbox
"""


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    settings = SandboxSettings(ports=0, tls=False, request_timeout_s=0.3, state_dir=tmp_path)
    async with open_sandbox(settings) as found:
        found.provision({"accounts": [{"user": "alice", "password": PASSWORD}]})
        yield found


def write_config(folder: Path, url: str, transport: str = "tcp") -> Path:
    config = folder / "config.toml"
    config.write_text(CONFIG.format(state=folder / "state", url=url, transport=transport))
    config.chmod(0o640)
    return config


@pytest.fixture
def shell(sandbox: Sandbox, tmp_path: Path) -> Shell:
    """A configuration without credentials."""
    return Shell(write_config(tmp_path, sandbox.rest_url), "thinger", (PASSWORD,))


async def log_in(shell: Shell) -> None:
    await shell("login", "--password-file", "-", stdin=f"{PASSWORD}\n")
