"""A configuration with a Thingsee uplink, and a sandbox that it leads to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gatewayd.clouds.thingsee.sandbox import Sandbox, SandboxSettings, open_sandbox
from tests.clouds.shell import Shell
from tests.clouds.thingsee.rest.scene import CLIENT, SECRET

CONFIG = """\
# Boiler room, second floor.
[gateway]
id = "b827eb0000aa"
state_dir = "{state}"

[device.boiler]
driver = "sim"
[device.boiler.signals.temperature]
kind = "temperature"
unit = "Cel"
[device.boiler.signals.return]
kind = "temperature"
unit = "Cel"

[device.pump]
driver = "sim_relay"
safe = "off"
hold_max = "1h"

[uplink.thingsee]      # the customer's stack
kind = "thingsee"
host = "127.0.0.1"
port = {port}
tls = false
report_interval = "1s"
rest_url = "{url}"
"""


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with open_sandbox(SandboxSettings(ports=0, tls=False)) as found:
        found.provision({"clients": [{"client_id": CLIENT, "client_secret": SECRET}]})
        found.world.revoke_tokens()
        yield found


@pytest.fixture
def shell(sandbox: Sandbox, tmp_path: Path) -> Shell:
    """The verbs with a configuration that has no credentials."""
    config = tmp_path / "config.toml"
    text = CONFIG.format(state=tmp_path / "state", url=sandbox.api_url, port=sandbox.mqtt_port)
    config.write_text(text)
    (tmp_path / "client").write_text(SECRET + "\n")
    return Shell(config, "thingsee", (SECRET,))


@pytest.fixture
async def known(shell: Shell) -> Shell:
    """The same after a login that is kept."""
    file = str(shell.config.parent / "client")
    await shell("login", "--client-id", CLIENT, "--client-secret-file", file, "--keep")
    return shell
