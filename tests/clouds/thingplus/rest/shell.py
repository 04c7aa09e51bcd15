"""`gatewayd cloud CLOUD …` as a user types it: as processes, or quicker in this one."""

from __future__ import annotations

import asyncio
import io
import json
import os
import sys
import tomllib
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gatewayd import cli
from gatewayd.cli.cloud import say
from gatewayd.errors import GatewayError

GATEWAY = "b827eb0000aa"
SECRETS = ("geheim-client", "geheim-word")
DEADLINE_S = 20.0

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


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Shell:
    """Runs verbs with one configuration file: as processes, or quicker in this one."""

    config: Path
    cloud: str = "thingplus"

    async def start(self, *words: str) -> asyncio.subprocess.Process:
        """Start `gatewayd` as a user does, with pipes for a terminal."""
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gatewayd", "cloud", self.cloud, *words),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "GATEWAYD_CONFIG": str(self.config)},
            start_new_session=True,
        )

    async def real(self, *words: str, stdin: str = "", code: int = 0) -> Said:
        """Run `gatewayd` as a user does."""
        process = await self.start(*words)
        async with asyncio.timeout(DEADLINE_S):
            out, err = await process.communicate(stdin.encode())
        assert process.returncode is not None
        return checked(Said(process.returncode, out.decode(), err.decode()), code)

    async def __call__(self, *words: str, stdin: str = "", code: int = 0) -> Said:
        """Run the same verb here, without the start of an interpreter."""
        argv = ["--config", str(self.config), "cloud", self.cloud, *words]
        out, err = io.StringIO(), io.StringIO()
        found = 0
        with redirect_stdout(out), redirect_stderr(err), pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "stdin", io.StringIO(stdin))
            try:
                args = cli._parser_for(argv).parse_args(argv)
                found = say(await args.speak(args), as_document=args.json)
            except SystemExit as end:
                found = int(end.code or 0)
            except GatewayError as error:
                print(error, file=sys.stderr)
                found = cli.exit_code(error)
        return checked(Said(found, out.getvalue(), err.getvalue()), code)

    async def login(self) -> None:
        words = ("--client-id", "app-2", "--user", "bob")
        files = ("--client-secret-file", str(self.config.parent / "client"), "--password-file", "-")
        await self("login", *words, *files, stdin="geheim-word\n")

    def key(self) -> Path:
        """Return the file that the configuration names for the API key."""
        uplink = tomllib.loads(self.config.read_text())["uplink"]["thingplus"]
        return Path(uplink["api_key"]["file"])


def checked(said: Said, code: int) -> Said:
    """Return what was said, if that is the exit code, nothing blew up and no secret is in it."""
    assert "Traceback" not in said.err
    assert not any(secret in said.out + said.err for secret in SECRETS)
    assert said.code == code, said
    return said
