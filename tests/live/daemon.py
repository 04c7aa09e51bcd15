"""The daemon as a real process, with the configuration, the folders and the log that it has.

async with house.daemon() as daemon:      # ready when the block begins, SIGTERM at its end
    await daemon.ask("status")
    daemon.kill()                         # SIGKILL; the next house.daemon() finds what is left
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import tomlkit

from gatewayd.console.client import NAME, socket_paths
from gatewayd.outbox import find_tmpfs

GATEWAY = "b827eb000001"
MEMORY = Path("/dev/shm")

READY_S = 30.0
"""Half a second on an idle machine; the tests share theirs with others."""

STOP_S = 10.0
"""INTERFACE: SIGTERM is done with after 10 s."""

WAIT_S = 15.0
LOOK_S = 0.005
"""How often another process is looked at, of which no event tells."""


async def until(is_so: Callable[[], object], what: str, deadline_s: float = WAIT_S) -> None:
    """Wait for something to become true in another process, or fail and say what."""
    end_s = time.monotonic() + deadline_s
    while not is_so():
        assert time.monotonic() < end_s, f"not within {deadline_s:g} s: {what}"
        await asyncio.sleep(LOOK_S)


LEDGER_LOOK_S = 0.05
"""The ledger is counted in the files."""


class Finished(NamedTuple):
    """One verb that ran."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on stdout."""
        return json.loads(self.out)


@dataclass
class House:
    """A gateway's folders and configuration. `runtime` is on tmpfs; None = the daemon's choice."""

    folder: Path
    runtime: Path | None
    devices: dict[str, Any] = field(default_factory=dict)
    uplinks: dict[str, Any] = field(default_factory=dict)
    sections: dict[str, Any] = field(default_factory=dict)
    """Any other section, such as `outbox`."""
    environ: dict[str, str] = field(default_factory=dict)
    wrapper: tuple[str, ...] = ()
    """What stands before the daemon's command line."""
    program: tuple[str, ...] = ("gatewayd",)
    """The module that is run, and what it is told before the verb."""

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def log(self) -> Path:
        """What all daemons of this house said on stderr."""
        return self.folder / "log"

    @property
    def hot(self) -> Path | None:
        """Where the log's tier in memory is."""
        return find_tmpfs(self.state, self.runtime)

    def document(self) -> dict[str, Any]:
        """Return the configuration as tables."""
        gateway = {"id": GATEWAY, "name": "Live", "state_dir": str(self.state)}
        if self.runtime:
            gateway["runtime_dir"] = str(self.runtime)
        return {
            "gateway": gateway,
            **self.sections,
            "device": self.devices,
            "uplink": self.uplinks,
        }

    def write(self) -> None:
        """Write the configuration file."""
        self.config.write_text(tomlkit.dumps(self.document()))

    def add_thingplus(self, name: str, port: int, api_key: str = "any", **keys: Any) -> None:
        """Add an uplink that reports at once and reconnects at once."""
        self.uplinks[name] = {
            "kind": "thingplus",
            "host": "127.0.0.1",
            "port": port,
            "tls": False,
            "api_key": api_key,
            "series_interval": "0s",
            "reconnect_min": "0s",
            **keys,
        }

    def logged(self, message: str) -> list[dict[str, Any]]:
        """Return the events of one name in the log, of all daemons so far."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        events = [json.loads(line) for line in lines if line.startswith("{")]
        return [event for event in events if event["message"] == message]

    def said(self) -> str:
        """Return the end of the log, where it is a file that has one."""
        return self.log.read_text()[-2000:] if self.log.is_file() else "(no log)"

    def environment(self) -> dict[str, str]:
        own = {name: text for name, text in os.environ.items() if not name.startswith("GATEWAYD_")}
        return own | {"PYTHONPATH": self.python_path()} | self.environ

    @staticmethod
    def python_path() -> str:
        """Return where the daemon finds what these tests find."""
        return os.pathsep.join(path for path in sys.path if path)

    async def verb(self, *arguments: str) -> Finished:
        """Run one verb as a real process."""
        process = await asyncio.create_subprocess_exec(
            *self._command(*arguments),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environment(),
        )
        async with asyncio.timeout(READY_S):
            out, err = await process.communicate()
        assert process.returncode is not None
        return Finished(process.returncode, out.decode(), err.decode())

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", *self.program, "--config", str(self.config), *arguments]

    def _spawn(self, log: BinaryIO, notify: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*self.wrapper, *self._command("run")],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=self.environment() | {"NOTIFY_SOCKET": notify},
        )

    @asynccontextmanager
    async def daemon(self, *, is_awaited: bool = True) -> AsyncIterator[Daemon]:
        """Run the daemon until the block ends; it is ready when the block begins."""
        self.write()
        with _notify_socket() as (place, ear), self.log.open("ab") as log:
            process = self._spawn(log, place)
            daemon = Daemon(self, process, ear)
            try:
                if is_awaited:
                    await daemon.wait_ready()
                yield daemon
                if process.poll() is None:
                    assert await daemon.stop() == 0
            finally:
                process.kill()
                process.wait()


@contextmanager
def _notify_socket() -> Iterator[tuple[str, socket.socket]]:
    """Yield an abstract socket in place of the service manager's."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind("")  # The kernel finds a name.
        ear.setblocking(False)
        yield "@" + ear.getsockname()[1:].decode(), ear


class Daemon:
    """One life of the daemon."""

    def __init__(self, house: House, process: subprocess.Popen[bytes], ear: socket.socket) -> None:
        self.house = house
        self.process = process
        self._ear = ear
        self._told: list[str] = []

    def told(self) -> list[str]:
        """Return what the service manager was told so far, a variable each."""
        while True:
            try:
                self._told += self._ear.recv(4096).decode().splitlines()
            except BlockingIOError:
                return self._told

    async def wait_ready(self, count: int = 1) -> None:
        """Return when it has said READY=1 so many times; a reload says it again."""

        def is_ready() -> bool:
            assert self.process.poll() is None, self.house.said()
            return self.told().count("READY=1") >= count

        await until(is_ready, "the daemon is ready", READY_S)

    @property
    def root(self) -> Path:
        """The file system as the daemon sees it, with what is mounted for it alone."""
        return Path(f"/proc/{self.process.pid}/root")

    @property
    def memory_mib(self) -> float:
        """Resident memory."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(text.partition("VmRSS:")[2].split()[0]) / 1024

    async def ask(self, do: str, **request: object) -> Any:
        """Ask at the control socket."""
        paths = socket_paths(self.house.state, self.house.runtime)
        path = next(path for path in paths if path.exists())
        async with asyncio.timeout(WAIT_S):
            reader, writer = await asyncio.open_unix_connection(path, limit=2**24)
            writer.write(json.dumps({"do": do, **request}).encode() + b"\n")
            answer = json.loads(await reader.readline())
            writer.close()
        assert answer["ok"], answer
        return answer["result"]

    async def edge(self, kind: str, name: str) -> dict[str, Any]:
        """Return how one of the `devices` or `uplinks` is."""
        edges: list[dict[str, Any]] = (await self.ask("status"))[kind]
        return next(edge for edge in edges if edge["name"] == name)

    async def wait_up(self, *names: str, deadline_s: float = WAIT_S) -> None:
        """Wait until these devices and uplinks are connected, and every output is known safe."""
        end_s = time.monotonic() + deadline_s
        while True:
            status = await self.ask("status")
            edges = [*status["devices"], *status["uplinks"]]
            down = [edge for edge in edges if edge["name"] in names and not edge["is_up"]]
            down += [output for output in status["outputs"] if output["value"] is None]
            if not down:
                return
            assert time.monotonic() < end_s, down
            await asyncio.sleep(LOOK_S)

    async def wait_reconnected(self, uplink: str, ends: int) -> None:
        """Wait until an uplink that had ended so often has ended again and is up."""
        async with asyncio.timeout(WAIT_S):
            while True:
                edge = await self.edge("uplinks", uplink)
                if edge["is_up"] and edge["ends"] > ends:
                    return
                await asyncio.sleep(LOOK_S)

    async def wait_line(
        self, uplink: str, is_so: Callable[[dict[str, Any]], bool], deadline_s: float = WAIT_S
    ) -> dict[str, Any]:
        """Return an uplink's line of the ledger once it fulfils a condition."""
        end_s = time.monotonic() + deadline_s
        while True:
            line: dict[str, Any] = (await self.ask("ledger"))["uplinks"][uplink]
            if is_so(line):
                return line
            assert time.monotonic() < end_s, line
            await asyncio.sleep(LEDGER_LOOK_S)

    async def wait_drained(self, uplink: str, deadline_s: float = WAIT_S) -> dict[str, Any]:
        """Return an uplink's line of the ledger once nothing is pending."""
        return await self.wait_line(uplink, lambda line: line["pending"] == 0, deadline_s)

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send SIGTERM and return the exit code, which must come in time."""
        self.send(number)
        await until(lambda: self.process.poll() is not None, "ended after SIGTERM", STOP_S)
        code = self.process.returncode
        assert code is not None
        return code

    def kill(self) -> None:
        """Send SIGKILL and wait for the end."""
        self.process.kill()
        self.process.wait()


@contextmanager
def house_in(folder: Path) -> Iterator[House]:
    """Yield a house whose runtime folder is on tmpfs, as under systemd."""
    runtime = Path(tempfile.mkdtemp(prefix="gatewayd-live-", dir=MEMORY))
    house = House(folder, runtime)
    try:
        yield house
    finally:
        shutil.rmtree(runtime)
        if house.runtime is None and house.hot:
            shutil.rmtree(house.hot)


__all__ = ["GATEWAY", "NAME", "Daemon", "Finished", "House", "house_in", "until"]
