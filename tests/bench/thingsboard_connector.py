"""The load as a custom connector of ThingsBoard Gateway; runs in that gateway's process.

Installed as `extensions/bench/…` of its package. Speaks only the documented extension interface:
a `Connector` class, `ConvertedData`, `send_to_storage`, `send_rpc_reply`.
"""

# mypy: ignore-errors
# ThingsBoard Gateway has no types and is not installed where this repository is type-checked.

import math
import time
from pathlib import Path
from threading import Thread

from thingsboard_gateway.connectors.connector import Connector
from thingsboard_gateway.gateway.entities.converted_data import ConvertedData
from thingsboard_gateway.gateway.entities.datapoint_key import DatapointKey
from thingsboard_gateway.gateway.entities.telemetry_entry import TelemetryEntry

GO_POLL_S = 0.02


class BenchConnector(Thread, Connector):
    """Produces rounds of readings, and owns one simulated output."""

    def __init__(self, gateway, config, connector_type):
        super().__init__(daemon=True, name="bench connector")
        self._gateway = gateway
        self._config = config
        self._connector_type = connector_type
        self._id = config.get("id")
        self._is_stopped = False
        self._output = 0
        self._devices = [f"d{i}" for i in range(config["devices"])]
        self._keys = [DatapointKey(f"c{i}") for i in range(config["channels"])]

    def open(self):
        self.start()

    def run(self):
        next_at, count = time.monotonic(), 0
        flood_ms = time.time_ns() // 1_000_000 - 3_600_000
        while not self._is_stopped:
            if time.monotonic() >= next_at:
                next_at += self._config["every_s"] or math.inf
                count += 1
                self._round(time.time_ns() // 1_000_000, count)
            go = Path(self._config["go"])
            if go.exists():
                readings = int(go.read_text())
                go.unlink()
                for _ in range(readings // (len(self._devices) * len(self._keys))):
                    flood_ms += 1
                    count += 1
                    self._round(flood_ms, count)
            time.sleep(max(0.0, min(GO_POLL_S, next_at - time.monotonic())))

    def _round(self, time_ms, count):
        for device in self._devices:
            data = ConvertedData(device)
            values = {key: 20.0 + (count + i) % 1000 / 100 for i, key in enumerate(self._keys)}
            data.add_to_telemetry(TelemetryEntry(values, ts=time_ms))
            self._gateway.send_to_storage(self.name, self._id, data)

    def server_side_rpc_handler(self, content):
        if "method" not in content["data"]:
            return  # Our own answer: a broker echoes it, a ThingsBoard server does not.
        self._output = content["data"]["params"]
        self._gateway.send_rpc_reply(
            device=content["device"],
            req_id=content["data"]["id"],
            content={"result": {"value": self._output}},
        )

    def close(self):
        self._is_stopped = True

    def get_id(self):
        return self._id

    def get_name(self):
        return self.name

    def get_type(self):
        return self._connector_type

    def get_config(self):
        return self._config

    def is_connected(self):
        return True

    def is_stopped(self):
        return self._is_stopped

    def on_attributes_update(self, content):
        pass
