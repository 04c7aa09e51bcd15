"""The devices of the run as a custom connector of ThingsBoard Gateway; runs in its process.

Installed as `extensions/compare/…` of its package. Speaks only the documented extension
interface: a `Connector` class, `ConvertedData`, `send_to_storage`.
"""

# mypy: ignore-errors
# ThingsBoard Gateway has no types and is not installed where this repository is type-checked.

import mmap
import struct
import time
from pathlib import Path
from threading import Thread

from thingsboard_gateway.connectors.connector import Connector
from thingsboard_gateway.gateway.entities.converted_data import ConvertedData
from thingsboard_gateway.gateway.entities.datapoint_key import DatapointKey
from thingsboard_gateway.gateway.entities.telemetry_entry import TelemetryEntry

WORD = struct.Struct("<Q")
LOOK_S = 0.005


class CompareConnector(Thread, Connector):
    """Says what the page grants, one device after the other; see tests/compare/source.py."""

    def __init__(self, gateway, config, connector_type):
        super().__init__(daemon=True, name="compare connector")
        self._gateway = gateway
        self._config = config
        self._connector_type = connector_type
        self._id = config.get("id")
        self._is_stopped = False
        self._keys = [DatapointKey(f"c{i}") for i in range(config["channels"])]

    def open(self):
        self.start()

    def run(self):
        last_ms = 0
        with Path(self._config["page"]).open("r+b") as file, mmap.mmap(file.fileno(), 0) as page:
            while not self._is_stopped:
                granted = WORD.unpack_from(page, 0)[0]
                is_idle = True
                for device in range(self._config["devices"]):
                    begun = (1 + 2 * device) * WORD.size
                    number = WORD.unpack_from(page, begun)[0] + 1
                    if number > granted:
                        continue
                    is_idle = False
                    # No two rounds of one instant: a cloud would keep one of them.
                    last_ms = max(last_ms + 1, time.time_ns() // 1_000_000)
                    WORD.pack_into(page, begun, number)
                    self._say(device, number, last_ms)
                    WORD.pack_into(page, begun + WORD.size, number)
                if is_idle:
                    time.sleep(LOOK_S)

    def _say(self, device, number, time_ms):
        data = ConvertedData(f"d{device}")
        values = dict.fromkeys(self._keys, number)
        data.add_to_telemetry(TelemetryEntry(values, ts=time_ms))
        self._gateway.send_to_storage(self.name, self._id, data)

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

    def server_side_rpc_handler(self, content):
        pass
