"""`gatewayd cloud CLOUD …` as a user types it: as processes, or quicker in this one."""

from __future__ import annotations

import asyncio
import io
import json
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gatewayd import cli
from gatewayd.cli.cloud import say
from gatewayd.errors import GatewayError

DEADLINE_S = 20.0


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
    """Runs a cloud's verbs with one configuration file.

    `secrets` must never be seen in what a verb says.
    """

    config: Path
    cloud: str
    secrets: tuple[str, ...] = ()

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
        return self._checked(Said(process.returncode, out.decode(), err.decode()), code)

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
        return self._checked(Said(found, out.getvalue(), err.getvalue()), code)

    def _checked(self, said: Said, code: int) -> Said:
        """Return what was said, if that is its code, nothing blew up and no secret is in it."""
        assert "Traceback" not in said.err
        assert not any(secret in said.out + said.err for secret in self.secrets)
        assert said.code == code, said
        return said
