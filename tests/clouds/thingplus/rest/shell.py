"""A configuration for the verbs of Thing+, and what its user does first."""

from __future__ import annotations

import tomllib
from pathlib import Path

from tests.clouds.shell import Shell

GATEWAY = "b827eb0000aa"
SECRETS = ("geheim-client", "geheim-word")

CONFIG = """\
# Boiler room, second floor.
[gateway]
id = "b827eb0000aa"
name = "Boiler room 3"
state_dir = "{state}"

[device.boiler]
driver = "sim"
[device.boiler.signals.temperature]
kind = "temperature"
unit = "Cel"
[device.boiler.signals.energy]
kind = "energy"
unit = "kWh"

[device.pump]
driver = "sim_relay"
safe = "off"

[uplink.thingplus]      # the customer's account
kind = "thingplus"
host = "127.0.0.1"
rest_url = "{url}"      # the sandbox
"""


async def log_in(shell: Shell) -> None:
    """Get a token and keep it."""
    words = ("--client-id", "app-2", "--user", "bob")
    files = ("--client-secret-file", str(shell.config.parent / "client"), "--password-file", "-")
    await shell("login", *words, *files, stdin="geheim-word\n")


def key_of(shell: Shell) -> Path:
    """Return the file that the configuration names for the API key."""
    uplink = tomllib.loads(shell.config.read_text())["uplink"]["thingplus"]
    return Path(uplink["api_key"]["file"])
