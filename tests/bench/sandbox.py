"""gatewayd's Thing+ sandbox in a process of its own, and the bench's side of its REST port.

`python -m tests.bench.sandbox FILE` is that process: it opens the sandbox on free ports, without
TLS, and writes them into FILE.
"""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import json
import secrets
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from gatewayd.clouds.thingplus.sandbox.opening import open_sandbox
from gatewayd.clouds.thingplus.sandbox.settings import SandboxSettings
from tests.bench.child import Child, spawn
from tests.bench.subjects import wait_until

ROOT = Path(__file__).parents[2]
LOGIN = "sandbox"
"""Login, password, app id and app secret of what a fresh sandbox holds."""

START_S = 20.0
ASK_S = 40.0
LIFE_S = 900.0
LOOK_S = 0.01
"""The counts are asked for this often at the most: each look costs the sandbox 0.4 ms."""


@dataclass(frozen=True, slots=True)
class Account:
    """A gateway as the cloud knows it."""

    gateway: str
    api_key: str

    def sensor_id(self, channel: str) -> str:
        """Return the cloud's name for a channel."""
        return f"{self.gateway}-{channel.replace('/', '-')}"


@dataclass(slots=True)
class Sandbox:
    """A running sandbox. Methods may be called from any thread."""

    child: Child
    mqtt_port: int
    """Where gateways connect; the REST port is behind `connection`."""
    connection: http.client.HTTPConnection
    token: str = ""
    lock: Lock = field(default_factory=Lock)
    looked_at: float = 0.0
    seen: int = 0

    def log_in(self) -> None:
        """Get a token as an app does."""
        body = {
            "grant_type": "password",
            "client_id": LOGIN,
            "client_secret": LOGIN,
            "username": LOGIN,
            "password": hashlib.md5(LOGIN.encode()).hexdigest(),
        }
        self.token = self._ask("POST", "/v2/oauth2/token", body)["access_token"]

    def make_gateway(self, channels: Sequence[str], outputs: Sequence[str] = ()) -> Account:
        """Register a gateway with a number for every channel and a switch for every output."""
        account = Account(secrets.token_hex(6), secrets.token_urlsafe(20))
        kinds = [*((name, "number") for name in channels), *((o, "powerSwitch") for o in outputs)]
        sensors = [{"id": account.sensor_id(name), "type": kind} for name, kind in kinds]
        gateway = {"id": account.gateway, "api_key": account.api_key, "sensors": sensors}
        self._ask("POST", "/_sandbox/provision", {"gateways": [gateway]})
        return account

    def received(self) -> int:
        """Return the points accepted so far, at most LOOK_S old."""
        with self.lock:
            if time.monotonic() - self.looked_at >= LOOK_S:
                self.seen = int(self._ask("GET", "/_sandbox/stats")["points_accepted"])
                self.looked_at = time.monotonic()
            return self.seen

    def command(self, account: Account, channel: str, cmd: str) -> float:
        """Send controlActuator; return the seconds until the HTTP answer confirms it."""
        params = {"id": account.sensor_id(channel), "cmd": cmd}
        body = {"id": account.gateway, "act": "controlActuator", "params": params}
        with self.lock:
            started = time.perf_counter()
            answer = self._ask("POST", "/v2/controlActuator", body)
            took_s = time.perf_counter() - started
        if "error" in answer.get("data", {}):
            raise RuntimeError(f"command {cmd} was answered {answer}")
        return took_s

    def _ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        text = None if body is None else json.dumps(body)
        self.connection.request(method, path, text, headers)
        response = self.connection.getresponse()
        answer = response.read()
        if response.status >= 300:
            raise RuntimeError(f"{method} {path}: {response.status} {answer[:400]!r}")
        return dict(json.loads(answer))


@contextmanager
def sandbox(folder: Path) -> Iterator[Sandbox]:
    """Run a sandbox on ports of its own, and log in."""
    name = f"sandbox-{secrets.token_hex(4)}"
    ports = folder / name
    command = [sys.executable, "-m", "tests.bench.sandbox", str(ports)]
    with spawn(command, folder / f"{name}.log", env={"PYTHONPATH": str(ROOT)}) as child:
        wait_until(ports.exists, START_S, "the sandbox's start", child)
        found = json.loads(ports.read_text())
        connection = http.client.HTTPConnection("127.0.0.1", found["rest"], timeout=ASK_S)
        running = Sandbox(child, found["mqtt"], connection)
        running.log_in()
        try:
            yield running
        finally:
            connection.close()


async def _serve(ports: Path) -> None:
    settings = SandboxSettings(ports=0, tls=False)
    async with open_sandbox(settings) as cloud:
        part = ports.with_suffix(".part")
        part.write_text(json.dumps({"mqtt": cloud.listeners[0].port, "rest": cloud.rest_port}))
        part.rename(ports)
        await asyncio.sleep(LIFE_S)


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1])))
