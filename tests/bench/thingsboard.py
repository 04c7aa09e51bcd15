"""ThingsBoard Gateway as a subject: its own venv, mosquitto, and the least of a server.

The settings are the ones that the package ships, but: SQLite storage (the durable one), the
server on the loopback, remote configuration off, log files on tmpfs so that they are not counted
as its storage's writes.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

import orjson
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from tests.bench.broker import mosquitto
from tests.bench.child import Child, spawn
from tests.bench.folders import tmpfs_folder
from tests.bench.relay import Relay, Sightings, relay_to
from tests.bench.subjects import Load, wait_until

VERSION = "3.8.3"
CACHE = Path(__file__).parents[2] / ".cache" / "bench"
VENV = CACHE / "tb-venv"
INSTALL_S = 300.0
FIRST_READING_S = 60.0
COMMAND_S = 10.0

TELEMETRY = "v1/gateway/telemetry"
RPC = "v1/gateway/rpc"
ASKED = "v1/devices/me/attributes/request/"
ANSWERED = "v1/devices/me/attributes/response/"
CALLED = "v1/devices/me/rpc/request/"
RETURNED = "v1/devices/me/rpc/response/"


def install() -> None:
    """Make the venv with the pinned version, if it is not there.

    Raises:
        RuntimeError: the package index did not give it; says what pip said.
    """
    marker = VENV / f"installed-{VERSION}"
    if marker.exists():
        return
    CACHE.mkdir(parents=True, exist_ok=True)
    steps = (
        [sys.executable, "-m", "venv", "--clear", str(VENV)],
        [str(VENV / "bin/pip"), "install", "--quiet", f"thingsboard-gateway=={VERSION}"],
    )
    for step in steps:
        try:
            done = subprocess.run(
                step, capture_output=True, text=True, timeout=INSTALL_S, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise RuntimeError(f"{step[-1]}: not within {INSTALL_S:.0f} s") from error
        if done.returncode:
            raise RuntimeError(f"{step[-1]}: {done.stderr.strip()[-400:]}")
    marker.touch()


@dataclass(slots=True)
class Server:
    """What a ThingsBoard server minimally does, behind a broker: it answers the handshake,
    counts data points, and calls the device."""

    client: mqtt.Client
    points: int = 0
    calls: int = 0
    hear: Callable[[bytes], None] | None = None
    """Called with each telemetry payload, in the client's thread."""

    answer: object = None
    answered: Event = field(default_factory=Event)

    def take(self, client: mqtt.Client, userdata: object, message: mqtt.MQTTMessage) -> None:
        topic = message.topic
        if topic == TELEMETRY:
            for entries in orjson.loads(message.payload).values():
                self.points += sum(len(entry["values"]) for entry in entries)
            if self.hear is not None:
                self.hear(bytes(message.payload))
        elif topic == RPC:
            answer = orjson.loads(message.payload)
            if "method" not in answer.get("data", {}) and answer.get("id") == self.calls:
                self.answer = answer["data"]
                self.answered.set()
        elif topic.startswith(ASKED):
            client.publish(ANSWERED + topic[len(ASKED) :], b'{"client":{},"shared":{}}', qos=1)
        elif topic.startswith(CALLED):
            # The only call that the gateway makes at its start: getSessionLimits. No limits.
            limits = {"messages": "", "telemetryMessages": "", "telemetryDataPoints": ""}
            reply = {
                "maxPayloadSize": 65536,
                "maxInflightMessages": 100,
                "rateLimits": limits,
                "gatewayRateLimits": limits,
            }
            client.publish(RETURNED + topic[len(CALLED) :], json.dumps(reply), qos=1)


def _hasten(sock: object) -> None:
    """Send small packets at once: the server's own 40 ms of Nagle are not the gateway's."""
    assert isinstance(sock, socket.socket)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


@contextmanager
def server_at(port: int) -> Iterator[Server]:
    """Connect the server's part to the broker."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="server")
    server = Server(client)
    ready = Event()
    client.on_message = server.take
    client.on_subscribe = lambda *_: ready.set()
    client.on_socket_open = lambda _c, _u, sock: _hasten(sock)
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        topics = (TELEMETRY, RPC, ASKED + "+", CALLED + "+")
        client.subscribe([(topic, 1) for topic in topics])
        if not ready.wait(COMMAND_S):
            raise RuntimeError("the broker did not take the server's subscription")
        yield server
    finally:
        client.disconnect()
        client.loop_stop()


@dataclass(slots=True)
class RunningThingsBoard:
    """See subjects.Running."""

    child: Child
    state_dir: Path
    server: Server
    go: Path
    relay: Relay | None

    def received(self) -> int:
        return self.server.points

    def flood(self, readings: int) -> None:
        part = self.go.with_suffix(".part")
        part.write_text(str(readings))
        part.rename(self.go)

    store = flood

    def command(self, value: int) -> float:
        server = self.server
        server.calls += 1
        server.answered.clear()
        call = {"id": server.calls, "method": "set", "params": value}
        started = time.perf_counter()
        server.client.publish(RPC, json.dumps({"device": "d0", "data": call}), qos=1)
        if not server.answered.wait(COMMAND_S):
            raise RuntimeError(f"command {server.calls} was not answered: {self.child.tail()}")
        took_s = time.perf_counter() - started
        if server.answer != {"result": {"value": value}}:
            raise RuntimeError(f"command {server.calls} was answered {server.answer}")
        return took_s

    def cut(self) -> None:
        assert self.relay is not None
        self.relay.cut()

    def join(self) -> None:
        assert self.relay is not None
        self.relay.join()

    def seen(self) -> Sightings:
        assert self.relay is not None
        return self.relay.seen


class ThingsBoard:
    """See subjects.Subject."""

    name = f"ThingsBoard Gateway {VERSION}"
    slowness = 4

    @contextmanager
    def start(
        self, folder: Path, load: Load, *, is_cuttable: bool = False
    ) -> Iterator[tuple[RunningThingsBoard, float]]:
        with ExitStack() as stack:
            logs = stack.enter_context(tmpfs_folder())
            port = stack.enter_context(mosquitto(folder))
            server = stack.enter_context(server_at(port))
            relay = None
            if is_cuttable:
                relay = stack.enter_context(relay_to(port, lambda topic: topic == TELEMETRY))
                port = relay.port
            go = folder / "go"
            _write_settings(folder, logs, port, load)
            _write_connector()
            started = time.monotonic()
            child = stack.enter_context(
                spawn(
                    [VENV / "bin/thingsboard-gateway"],
                    logs / "output",
                    env={"TB_GW_CONFIG_DIR": str(folder)},
                )
            )
            first = wait_until(
                lambda: server.points > 0, FIRST_READING_S, "ThingsBoard's first reading", child
            )
            yield RunningThingsBoard(child, folder, server, go, relay), first - started


def _write_settings(folder: Path, logs: Path, port: int, load: Load) -> None:
    package = package_folder()
    settings = json.loads((package / "config/tb_gateway.json").read_text())
    settings["thingsboard"] |= {
        "host": "127.0.0.1",
        "port": port,
        "remoteConfiguration": False,
        "security": {"type": "accessToken", "accessToken": "bench"},
    }
    settings["storage"] = {"type": "sqlite", "data_file_path": f"{folder}/data/"}
    settings["connectors"] = [
        {
            "name": "bench",
            "type": "bench",
            "class": "BenchConnector",
            "configuration": "bench.json",
        }
    ]
    (folder / "tb_gateway.json").write_text(json.dumps(settings))
    (folder / "bench.json").write_text(
        json.dumps(
            {
                "devices": load.devices,
                "channels": load.channels,
                "every_s": load.every_s,
                "go": str(folder / "go"),
            }
        )
    )
    text = (package / "config/logs.json").read_text().replace("./logs/", f"{logs}/")
    (folder / "logs.json").write_text(text)


def _write_connector() -> None:
    target = package_folder() / "extensions" / "bench"
    target.mkdir(exist_ok=True)
    (target / "__init__.py").touch()
    shutil.copy(Path(__file__).with_name("thingsboard_connector.py"), target / "connector.py")


def package_folder() -> Path:
    """Return where the package is installed in its venv."""
    return next(VENV.glob("lib/python3*/site-packages/thingsboard_gateway"))
