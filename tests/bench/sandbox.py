"""gatewayd's Thing+ sandbox in a process of its own, and the bench's side of its REST port."""

from __future__ import annotations

import http.client
import json
import random
import secrets
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from tests.bench.broker import wait_port
from tests.bench.child import Child, spawn

PROGRAM = Path(sys.executable).with_name("gatewayd")
MQTT_PORT, MQTT_TLS_PORT, REST_PORT = 11883, 18883, 13000
OFFSETS = range(5_000, 40_000, 10)
START_S = 20.0
ASK_S = 40.0
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
    """A running sandbox."""

    child: Child
    mqtt_port: int
    rest_port: int
    lock: Lock = field(default_factory=Lock)
    connection: http.client.HTTPConnection | None = None
    looked_at: float = 0.0
    seen: int = 0
    token: str = ""

    def make_gateway(self, channels: Sequence[str]) -> Account:
        """Register a gateway with a number sensor for every channel and one actuator."""
        raise NotImplementedError

    def received(self) -> int:
        """Return the points accepted so far, at most LOOK_S old."""
        with self.lock:
            if time.monotonic() - self.looked_at >= LOOK_S:
                self.seen = int(self._ask("GET", "/_sandbox/stats")["points_accepted"])
                self.looked_at = time.monotonic()
            return self.seen

    def command(self, account: Account, channel: str, cmd: str) -> float:
        """Send controlActuator; return the seconds until the HTTP answer confirms it."""
        body = {
            "id": account.gateway,
            "act": "controlActuator",
            "params": {"id": account.sensor_id(channel), "cmd": cmd},
        }
        with self.lock:
            started = time.perf_counter()
            answer = self._ask("POST", "/v2/controlActuator", body)
            took_s = time.perf_counter() - started
        if "error" in json.dumps(answer):
            raise RuntimeError(f"command {cmd} was answered {answer}")
        return took_s

    def _ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.rest_port, timeout=ASK_S)
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        self.connection.request(method, path, json.dumps(body) if body else None, headers)
        response = self.connection.getresponse()
        text = response.read()
        if response.status >= 300:
            raise RuntimeError(f"{method} {path}: {response.status} {text[:400]!r}")
        return dict(json.loads(text or b"{}"))


@contextmanager
def sandbox(folder: Path) -> Iterator[Sandbox]:
    """Run a sandbox on ports of its own."""
    offset = _free_offset()
    command = [PROGRAM, "sandbox", "--clouds", "thingplus", "--port-offset", str(offset)]
    output = folder / f"sandbox-{secrets.token_hex(4)}.log"
    with spawn(command, output, env={"XDG_CACHE_HOME": str(folder)}) as child:
        wait_port(REST_PORT + offset, child, START_S)
        wait_port(MQTT_PORT + offset, child, START_S)
        yield Sandbox(child, MQTT_PORT + offset, REST_PORT + offset)


def _free_offset() -> int:
    """Return a port offset with which all three ports are free now."""
    for offset in random.sample(OFFSETS, len(OFFSETS)):
        try:
            for port in (MQTT_PORT, MQTT_TLS_PORT, REST_PORT):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port + offset))
        except OSError:
            continue
        return offset
    raise RuntimeError("no ports are free for the sandbox")
