"""ThingsBoard Gateway on the stand, with its file or its SQLite storage.

The settings are the ones that the package ships, but for the storage's type and folder, the
server on the loopback, no remote configuration, and log files on tmpfs.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import orjson

from tests.bench.broker import mosquitto
from tests.bench.child import Child, spawn
from tests.bench.folders import tmpfs_folder
from tests.bench.relay import relay_to
from tests.bench.thingsboard import TELEMETRY, VENV, VERSION, package_folder, server_at
from tests.compare.source import CHANNELS, DEVICES, Source, open_source
from tests.compare.stand import Stand
from tests.compare.tally import Tally


class ThingsBoard:
    """See stand.Contestant."""

    def __init__(self, storage: str) -> None:
        """`storage` is `file` or `sqlite`, as its settings call it."""
        self.name = f"ThingsBoard {VERSION}, {storage}"
        self._storage = storage

    @contextmanager
    def stand(self, folder: Path) -> Iterator[Stand]:
        with ExitStack() as stack:
            logs = stack.enter_context(tmpfs_folder())
            source = stack.enter_context(open_source(logs))
            port = stack.enter_context(mosquitto(logs))
            server = stack.enter_context(server_at(port))
            tally = Tally()
            server.hear = lambda payload: _count(tally, payload)
            relay = stack.enter_context(relay_to(port, lambda topic: topic == TELEMETRY))
            self._write_settings(folder, logs, relay.port, source)
            _write_connector()

            def start() -> AbstractContextManager[Child]:
                return spawn(
                    [VENV / "bin/thingsboard-gateway"],
                    logs / "output",
                    env={"TB_GW_CONFIG_DIR": str(folder)},
                )

            stand = Stand(start, relay, source, tally)
            stack.callback(stand.stop)
            yield stand

    def _write_settings(self, folder: Path, logs: Path, port: int, source: Source) -> None:
        shipped = package_folder() / "config"
        settings = json.loads((shipped / "tb_gateway.json").read_text())
        settings["thingsboard"] |= {
            "host": "127.0.0.1",
            "port": port,
            "remoteConfiguration": False,
            "security": {"type": "accessToken", "accessToken": "compare"},
        }
        data = f"{folder}/data/"
        settings["storage"] |= {
            "type": self._storage,
            "data_folder_path": data,
            "data_file_path": data,
        }
        settings["connectors"] = [
            {
                "name": "compare",
                "type": "compare",
                "class": "CompareConnector",
                "configuration": "compare.json",
            }
        ]
        page = {"page": str(source.path), "devices": DEVICES, "channels": CHANNELS}
        (folder / "tb_gateway.json").write_text(json.dumps(settings))
        (folder / "compare.json").write_text(json.dumps(page))
        text = (shipped / "logs.json").read_text().replace("./logs/", f"{logs}/")
        (folder / "logs.json").write_text(text)


def _count(tally: Tally, payload: bytes) -> None:
    for device, entries in orjson.loads(payload).items():
        for entry in entries:
            for key, value in entry["values"].items():
                tally.take(f"{device}/{key}", int(value))


def _write_connector() -> None:
    target = package_folder() / "extensions" / "compare"
    target.mkdir(exist_ok=True)
    (target / "__init__.py").touch()
    shutil.copy(Path(__file__).with_name("thingsboard_source.py"), target / "connector.py")
