"""A configuration for the verbs of thethings.iO, and what its user does first."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from tests.clouds.shell import Shell

CODE = "geheim-code-EEEEEEEEEEEEEEEEEEEEEE"
SECRETS = (CODE, "geheim-word")

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

[device.pump]
driver = "sim_relay"
safe = "off"

[uplink.things]      # the customer's account
kind = "thethingsio"
rest_url = "{url}"
app_url = "{url}"    # the sandbox
"""


def folder_of(shell: Shell) -> Path:
    """Return where the uplink keeps files of its own."""
    return shell.config.parent / "state" / "uplinks" / "things"


def section_of(shell: Shell) -> dict[str, Any]:
    """Return the uplink's section as it stands in the file."""
    found: dict[str, Any] = tomllib.loads(shell.config.read_text())["uplink"]["things"]
    return found


async def activate(shell: Shell) -> None:
    """Spend the code on a thing."""
    await shell("activate", "--code-file", str(shell.config.parent / "code"))


async def log_in(shell: Shell) -> None:
    """Open a session and keep it."""
    file = str(shell.config.parent / "password")
    words = ("--email", "bob@example.com", "--app", "sandbox", "--password-file", file)
    await shell("login", *words)
