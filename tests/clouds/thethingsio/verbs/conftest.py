"""`gatewayd cloud thethingsio …` as a user types it, against a sandbox."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gatewayd.clouds.thethingsio.sandbox import Sandbox, SandboxSettings, open_sandbox
from tests.clouds.shell import Shell
from tests.clouds.thethingsio.verbs.shell import CODE, CONFIG, SECRETS


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    """A cloud with a user, an activation code and a firmware."""
    settings = SandboxSettings(ports=0, tls=False, state_dir=tmp_path)
    async with open_sandbox(settings) as found:
        found.provision(
            {
                "codes": [{"code": CODE}],
                "users": [{"email": "bob@example.com", "password": "geheim-word"}],
                "firmwares": [{"id": "fw", "version": "3", "data_base64": "aGFsbG8="}],
            }
        )
        yield found


@pytest.fixture
def shell(sandbox: Sandbox, tmp_path: Path) -> Shell:
    """A configuration that knows neither code nor token."""
    (tmp_path / "code").write_text(f"{CODE}\n")
    (tmp_path / "password").write_text("geheim-word\n")
    config = tmp_path / "config.toml"
    config.write_text(CONFIG.format(state=tmp_path / "state", url=sandbox.rest_url))
    config.chmod(0o640)
    return Shell(config, "thethingsio", SECRETS)
