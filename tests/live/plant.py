"""A house with outputs on two kinds of board, whose contacts a test can look at.

`pump` is a simulated board whose relays live in a file; `fans` is a board with Modbus coils on a
pty. `pump/vent` is safe when it is on, as a damper that must not stay shut. `hall` is a simulated
thermometer that always shows `HALL_C`.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from tests.live.cloud import API_KEY, Cloud
from tests.live.daemon import House, until
from tests.peers.modbus import Line, Slave, rtu_line

SLAVE = 4
SAFE = {"pump/relay": False, "pump/vent": True, "fans/relay1": False, "fans/relay2": False}
UNSAFE = {name: not value for name, value in SAFE.items()}
UPLINK = "up"
HALL_C = 21.0


@dataclass
class Plant:
    """What the contacts do, looked at from the outside."""

    house: House
    line: Line

    def contacts(self) -> Mapping[str, bool]:
        """Return what every relay really does."""
        pump: dict[str, bool] = json.loads(self.state_file.read_text())
        fans = self.line.coils(SLAVE)
        return {
            "pump/relay": pump["relay"],
            "pump/vent": pump["vent"],
            "fans/relay1": fans[0],
            "fans/relay2": fans[1],
        }

    @property
    def state_file(self) -> Path:
        """Where the simulated board keeps its relays."""
        return self.house.folder / "pump.json"

    async def wait_safe(self, deadline_s: float = 15.0) -> None:
        """Wait until every contact is where it is safe."""
        await until(lambda: self.contacts() == SAFE, "every output is safe", deadline_s)

    def limit(self, **limits: str) -> None:
        """Set limits for all outputs."""
        for name in ("pump", "fans"):
            self.house.devices[name].update(limits)


async def switch_all(cloud: Cloud) -> None:
    """Have an app put every output where it is not safe."""
    for name, value in UNSAFE.items():
        status, body = await cloud.control(name, "on" if value else "off")
        assert (status, body["data"]["result"]["value"]) == (200, int(value))


@asynccontextmanager
async def planted(
    house: House, cloud: Cloud, sensors: Mapping[str, str] = MappingProxyType({})
) -> AsyncIterator[Plant]:
    """Plug the boards in, configure them and register the gateway, with more sensors (their types
    by their channels) of the house."""
    async with rtu_line({SLAVE: Slave()}) as line:
        plant = Plant(house, line)
        house.devices["pump"] = {
            "driver": "sim_relay",
            "relays": ["relay", "vent"],
            "state_file": str(plant.state_file),
            "safe": "off",
            "channel": {"vent": {"safe": "on"}},
        }
        house.devices["fans"] = {
            "driver": "modbus_relay",
            "port": line.port,
            "slave": SLAVE,
            "relays": 2,
            "safe": "off",
        }
        plant.limit(hold_max="1h")
        house.devices["hall"] = {
            "driver": "sim",
            "every": "100ms",
            "signals": {"temperature": {"kind": "temperature", "unit": "Cel", "mean": HALL_C}},
        }
        switches = dict.fromkeys(SAFE, "powerSwitch")
        cloud.register({**switches, "hall/temperature": "temperature", **sensors})
        house.add_thingplus(UPLINK, cloud.port, API_KEY)
        yield plant
