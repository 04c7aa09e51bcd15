"""gatewayd on the stand: the real command, a Thing+ uplink, mosquitto as the cloud's broker."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from threading import Event

import orjson
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from tests.bench.broker import mosquitto
from tests.bench.child import Child, spawn
from tests.bench.folders import tmpfs_folder
from tests.bench.relay import relay_to
from tests.compare.source import CHANNELS, DEVICES, Source, names, open_source
from tests.compare.stand import Stand
from tests.compare.tally import Tally

ROOT = Path(__file__).parents[2]
PROGRAM = Path(sys.executable).with_name("gatewayd")
GATEWAY = "gw"
VALUES = f"v/a/g/{GATEWAY}"
READY_S = 10.0


class Gateway:
    """See stand.Contestant."""

    name = "gatewayd"

    @contextmanager
    def stand(self, folder: Path) -> Iterator[Stand]:
        with ExitStack() as stack:
            memory = stack.enter_context(tmpfs_folder())
            source = stack.enter_context(open_source(memory))
            port = stack.enter_context(mosquitto(memory))
            tally = Tally()
            stack.enter_context(_listening(port, tally))
            relay = stack.enter_context(relay_to(port, lambda topic: topic == VALUES))
            (folder / "gatewayd.toml").write_text(_settings(folder, source, relay.port))
            (memory / "run").mkdir()
            _write_entry_point(memory)

            def start() -> AbstractContextManager[Child]:
                return spawn(
                    [PROGRAM, "--config", folder / "gatewayd.toml", "run"],
                    memory / "output",
                    env={
                        "PYTHONPATH": f"{memory}:{ROOT}",
                        "RUNTIME_DIRECTORY": str(memory / "run"),
                    },
                )

            stand = Stand(start, relay, source, tally)
            stack.callback(stand.stop)
            yield stand


@contextmanager
def _listening(port: int, tally: Tally) -> Iterator[None]:
    """Count every value that Thing+ would get from the broker."""
    channels = {f"{GATEWAY}-{name.replace('/', '-')}": name for name in names()}
    ready = Event()

    def take(client: mqtt.Client, userdata: object, message: mqtt.MQTTMessage) -> None:
        for sensor, flat in orjson.loads(message.payload).items():
            for value in flat[1::2]:
                tally.take(channels[sensor], int(value))

    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="cloud")
    client.on_message = take
    client.on_subscribe = lambda *_: ready.set()
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        client.subscribe(VALUES, 1)
        if not ready.wait(READY_S):
            raise RuntimeError("the broker did not take the cloud's subscription")
        yield
    finally:
        client.disconnect()
        client.loop_stop()


def _settings(folder: Path, source: Source, port: int) -> str:
    lines = [
        "[gateway]",
        f'id = "{GATEWAY}"',
        f'state_dir = "{folder}/state"',
        "[uplink.thingplus]",
        'kind = "thingplus"',
        'host = "127.0.0.1"',
        f"port = {port}",
        "tls = false",
        'api_key = "none"',
        'series_interval = "0s"',
        'gzip_above = "1 MiB"',
        "[uplink.thingplus.sensors]",
        *(
            f'"{name}" = {{ id = "{GATEWAY}-{name.replace("/", "-")}", type = "number" }}'
            for name in names()
        ),
    ]
    for device in range(DEVICES):
        lines += [
            f"[device.d{device}]",
            'driver = "compare_source"',
            f'page = "{source.path}"',
            f"index = {device}",
            f"channels = {CHANNELS}",
        ]
    return "\n".join(lines) + "\n"


def _write_entry_point(folder: Path) -> None:
    """Have gatewayd find the devices as it finds any outside package's."""
    info = folder / "gatewayd_compare-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: gatewayd-compare\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[gatewayd.drivers]\ncompare_source = tests.compare.source_driver\n"
    )
