"""gatewayd as a subject: the real command, its Thing+ sandbox as the cloud, both processes."""

from __future__ import annotations

import mmap
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

from tests.bench.child import Child, spawn
from tests.bench.folders import tmpfs_folder
from tests.bench.load_driver import GRANT
from tests.bench.relay import Relay, Sightings, relay_to
from tests.bench.sandbox import Account, Sandbox, sandbox
from tests.bench.subjects import Load, wait_until

ROOT = Path(__file__).parents[2]
PROGRAM = Path(sys.executable).with_name("gatewayd")
FIRST_READING_S = 30.0
ACTUATOR = "out/relay"

WINDOW = 80_000
"""Readings that a flood may have on their way between driver and cloud: the bus in the daemon
takes 100,000 before it counts losses."""

UNHURRIED_PER_S = 25_000
"""How fast a backlog is produced while nobody takes it away."""

GRANT_S = 0.005


@dataclass(slots=True)
class RunningGateway:
    """See subjects.Running."""

    child: Child
    state_dir: Path
    cloud: Sandbox
    account: Account
    load: Load
    credit: mmap.mmap
    relay: Relay | None
    over: Event = field(default_factory=Event)
    granted: int = 0
    feeder: Thread | None = None

    def received(self) -> int:
        return self.cloud.received()

    def flood(self, readings: int) -> None:
        base, window = self.received(), WINDOW // self.load.width
        self._feed(
            readings // self.load.width,
            lambda: (self.cloud.received() - base) // self.load.width + window,
        )

    def store(self, readings: int) -> None:
        started = time.monotonic()
        self._feed(
            readings // self.load.width,
            lambda: int((time.monotonic() - started) * UNHURRIED_PER_S / self.load.width),
        )

    def _feed(self, rounds: int, allowed: object) -> None:
        """Grant rounds in a thread, never more than is allowed at the moment."""
        assert callable(allowed)
        self.end_feeding()
        self.over.clear()
        already = self.granted

        def feed() -> None:
            while not self.over.is_set() and self.granted < already + rounds:
                self.granted = already + min(rounds, allowed())
                self.credit[: GRANT.size] = GRANT.pack(self.granted)
                time.sleep(GRANT_S)

        self.feeder = Thread(target=feed, name="feeder", daemon=True)
        self.feeder.start()

    def end_feeding(self) -> None:
        """End the thread that grants."""
        self.over.set()
        if self.feeder is not None:
            self.feeder.join()

    def command(self, value: int) -> float:
        return self.cloud.command(self.account, ACTUATOR, "on" if value else "off")

    def cut(self) -> None:
        assert self.relay is not None
        self.relay.cut()

    def join(self) -> None:
        assert self.relay is not None
        self.relay.join()

    def seen(self) -> Sightings:
        assert self.relay is not None
        return self.relay.seen


class Gateway:
    """See subjects.Subject."""

    name = "gatewayd"
    slowness = 1

    @contextmanager
    def start(
        self, folder: Path, load: Load, *, is_cuttable: bool = False
    ) -> Iterator[tuple[RunningGateway, float]]:
        with ExitStack() as stack:
            memory = stack.enter_context(tmpfs_folder())
            cloud = stack.enter_context(sandbox(memory))
            account = cloud.make_gateway(channels_of(load), [ACTUATOR])
            port, relay = cloud.mqtt_port, None
            if is_cuttable:
                base = f"v/a/g/{account.gateway}"
                relay = stack.enter_context(relay_to(port, lambda topic: topic == base))
                port = relay.port
            credit = stack.enter_context(_credit(memory / "credit"))
            config = folder / "gatewayd.toml"
            config.write_text(_settings(folder, memory, load, account, port))
            _write_entry_point(memory)
            started = time.monotonic()
            child = stack.enter_context(
                spawn(
                    [PROGRAM, "--config", config, "run"],
                    memory / "output",
                    env={
                        "PYTHONPATH": f"{memory}:{ROOT}",
                        "RUNTIME_DIRECTORY": str(memory / "run"),
                    },
                )
            )
            running = RunningGateway(child, folder, cloud, account, load, credit, relay)
            stack.callback(running.end_feeding)
            first = wait_until(
                lambda: running.received() > 0, FIRST_READING_S, "gatewayd's first reading", child
            )
            yield running, first - started


def channels_of(load: Load) -> tuple[str, ...]:
    """Return the channels of the load by their names in gatewayd."""
    return tuple(f"d{i}/c{k}" for i in range(load.devices) for k in range(load.channels))


@contextmanager
def _credit(path: Path) -> Iterator[mmap.mmap]:
    path.write_bytes(GRANT.pack(0))
    with path.open("r+b") as file, mmap.mmap(file.fileno(), GRANT.size) as credit:
        yield credit


def _settings(folder: Path, memory: Path, load: Load, account: Account, port: int) -> str:
    (memory / "run").mkdir(exist_ok=True)
    lines = [
        "[gateway]",
        f'id = "{account.gateway}"',
        f'state_dir = "{folder}/state"',
        f'runtime_dir = "{memory}/run"',
        "[device.out]",
        'driver = "sim_relay"',
        'safe = "off"',
        "[uplink.thingplus]",
        'kind = "thingplus"',
        'host = "127.0.0.1"',
        f"port = {port}",
        "tls = false",
        f'api_key = "{account.api_key}"',
        'series_interval = "0s"',
        "[uplink.thingplus.sensors]",
        *(
            f'"{name}" = {{ id = "{account.sensor_id(name)}", type = "number" }}'
            for name in channels_of(load)
        ),
        "[uplink.thingplus.actuators]",
        f'"{ACTUATOR}" = {{ id = "{account.sensor_id(ACTUATOR)}", type = "powerSwitch" }}',
    ]
    for index in range(load.devices):
        lines += [f"[device.d{index}]", 'driver = "bench_load"', f"channels = {load.channels}"]
        if load.every_s is None:
            lines.append(f'credit = "{memory}/credit"')
        else:
            lines.append(f'every = "{load.every_s:g}s"')
    return "\n".join(lines) + "\n"


def _write_entry_point(folder: Path) -> None:
    """Have gatewayd find the load driver as it finds any outside package's."""
    info = folder / "gatewayd_bench-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: gatewayd-bench\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[gatewayd.drivers]\nbench_load = tests.bench.load_driver\n"
    )
