"""The real daemon as a process of its own, on a configuration in a scratch folder."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gatewayd.console.client import socket_paths
from gatewayd.errors import GatewayError

READY_S = 60.0
"""Half a second on a PC, ten on a Pi Zero that is busy."""

STOP_S = 12.0
"""SIGTERM is done with after 10 s."""

VERB_S = 30.0
ASK_S = 20.0
LOOK_S = 0.02
LINE_BYTES_MAX = 2**24

FOREIGN = ("GATEWAYD_", "NOTIFY_", "WATCHDOG_")
"""What the customer's own service was given; the drill's daemon must not see it."""

FOLDERS = ("STATE_DIRECTORY", "RUNTIME_DIRECTORY", "CREDENTIALS_DIRECTORY")


class DrillError(GatewayError):
    """The ground itself failed: the daemon does not start, does not answer, does not end."""


def environment() -> dict[str, str]:
    """Return this process's environment without what belongs to the customer's service."""
    return {
        name: text
        for name, text in os.environ.items()
        if not name.startswith(FOREIGN) and name not in FOLDERS
    } | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


class Daemon:
    """One life of the daemon.

    Attributes:
        program: what runs a verb; the tests put a broken gateway there.
        wrapper: stands before the whole command line.
    """

    def __init__(
        self, config: Path, runtime: Path, program: Sequence[str], wrapper: Sequence[str] = ()
    ) -> None:
        self._config, self._runtime = config, runtime
        self._program, self._wrapper = tuple(program), tuple(wrapper)
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """The process; 0 where none runs."""
        return self._process.pid if self._process else 0

    @property
    def log(self) -> Path:
        """What all lives said on stderr."""
        return self._config.with_name("log")

    async def start(self) -> float:
        """Start it and return after how many seconds it answered. Raises DrillError."""
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        command = (*self._wrapper, *self._program, "--config", str(self._config), "run")
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment(),
                start_new_session=True,  # Ctrl-C is the drill's, which ends the daemon itself.
            )
        while loop.time() - began_s < READY_S:
            if self._process.returncode is not None:
                raise DrillError(f"the daemon ended as it started: {self._last_words()}")
            try:
                await self.ask("status")
            except (OSError, DrillError):
                await asyncio.sleep(LOOK_S)
            else:
                return loop.time() - began_s
        raise DrillError(f"the daemon does not answer after {READY_S:g} s")

    async def ask(self, do: str, **request: object) -> Any:
        """Ask at the control socket. Raises DrillError, OSError."""
        path = socket_paths(self._runtime, None)[0]
        try:
            async with asyncio.timeout(ASK_S):
                reader, writer = await asyncio.open_unix_connection(path, limit=LINE_BYTES_MAX)
                try:
                    writer.write(json.dumps({"do": do, **request}).encode() + b"\n")
                    answer = json.loads(await reader.readline())
                finally:
                    writer.close()
        except TimeoutError as error:
            raise DrillError(f"no answer to {do} within {ASK_S:g} s") from error
        except ValueError as error:
            raise DrillError("the daemon closed the connection") from error
        if not answer["ok"]:
            raise DrillError(str(answer["error"]))
        return answer["result"]

    async def kill(self) -> None:
        """SIGKILL: nothing of it runs any more when this returns."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        self._process = None

    async def stop(self) -> int:
        """SIGTERM; return the exit code. Raises DrillError where it takes too long."""
        process, self._process = self._process, None
        if process is None:
            return 0
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_S):
                return await process.wait()
        except TimeoutError as error:
            process.kill()
            await process.wait()
            raise DrillError(f"the daemon had not ended {STOP_S:g} s after SIGTERM") from error

    async def verb(self, *arguments: str) -> int:
        """Run one verb on the same configuration and return its exit code. Raises DrillError."""
        with self.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *self._program,
                "--config",
                str(self._config),
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment(),
            )
        try:
            async with asyncio.timeout(VERB_S):
                return await process.wait()
        except TimeoutError as error:
            raise DrillError(f"{arguments[0]} takes longer than {VERB_S:g} s") from error
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else "it said nothing"
