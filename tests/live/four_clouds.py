"""One house with an uplink to each of the four sandboxes, each behind a door of its own.

What differs between the clouds is here: where their sandbox keeps a channel's values, in which
unit and how exactly it dates them, and how it fails without being away.
"""

from __future__ import annotations

import tomllib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from gatewayd.cli.demo import demo_clouds
from gatewayd.clouds.demonstration import DemoCloud
from gatewayd.clouds.thethingsio import demo as thethingsio
from gatewayd.clouds.thinger import demo as thinger
from gatewayd.clouds.thingplus import demo as thingplus
from gatewayd.clouds.thingsee import demo as thingsee
from gatewayd.clouds.thingsee.rest_types import Selection
from gatewayd.clouds.thingsee.tuid import DEVICE_PREFIX, make_tuid
from gatewayd.config import load
from gatewayd.model import Channel, ChannelId
from gatewayd.sandbox.control import Controlled
from gatewayd.sandbox.faults import RestFault
from gatewayd.transports.broker_host import UNAVAILABLE
from tests.live.cloud import sensor_id
from tests.live.daemon import GATEWAY, House
from tests.live.door import Door, door_to

KINDS = ("thingplus", "thethingsio", "thinger", "thingsee")
COUNT, PRESSURE, TEMPERATURE = "counter/count", "counter/pressure", "counter/temperature"
RELAY = "pump/relay"
TIMEOUT = "2s"
"""After which an uplink gives up on a cloud that does not answer."""


class Row(NamedTuple):
    """One value as a cloud has it."""

    time_ms: int
    value: Any


@dataclass(frozen=True)
class Cloud:
    """One sandbox as the tests see it.

    Attributes:
        demo: the sandbox with this gateway registered, and the app that switches the relay.
        door: between the daemon and the sandbox's device side.
        rows: everything that it has of a channel, in its order of time, each row once.
        shows: whether the relay was on when it last heard of it, None before.
        scales: what it makes of the counter's number, by channel.
        fail: have it be there and take nothing, until it is mended.
        is_told: whether it hears what others did to the relay; Thing+ keeps the answers to its
            own commands as an actuator's values, and takes no others.
        later_ms: how much later than it was read it may date a value, to tell two apart.
    """

    demo: DemoCloud
    sandbox: Controlled
    door: Door
    rows: Callable[[str], list[Row]]
    shows: Callable[[], bool | None]
    scales: Mapping[str, Callable[[float], float]]
    fail: Callable[[], None]
    is_told: bool = True
    later_ms: int = 0

    def newest(self) -> int:
        """Return the last number of the counter that has arrived, 0 before the first."""
        rows = self.rows(COUNT)
        return int(rows[-1].value) if rows else 0

    async def mend(self) -> None:
        """Put everything right again."""
        await self.sandbox.clear_faults()
        await self.door.open()


PLAIN: Callable[[float], float] = float
AS_MEASURED = {COUNT: PLAIN, PRESSURE: PLAIN, TEMPERATURE: PLAIN}
CELSIUS = AS_MEASURED | {TEMPERATURE: lambda kelvin: kelvin - 273.15}


def describe_house(house: House, counter: dict[str, Any]) -> dict[ChannelId, Channel]:
    """Put the counter, in three units, and a relay into the house; return the channels."""
    columns = {
        "count": {"kind": "count", "column": 1},
        "pressure": {"kind": "pressure", "unit": "Pa", "column": 2},
        "temperature": {"kind": "temperature", "unit": "K", "column": 3},
    }
    house.devices = {
        "counter": counter | {"fields": columns},
        "pump": {
            "driver": "sim_relay",
            "safe": "off",
            "hold_max": "1h",
            "state_file": str(house.folder / "pump.json"),
        },
    }
    house.write()
    return {
        ChannelId(f"{device.name}/{channel.id}"): channel
        for device in load(house.config).devices.values()
        for channel in device.channels
    }


@asynccontextmanager
async def open_clouds(
    house: House, channels: Mapping[ChannelId, Channel]
) -> AsyncIterator[dict[str, Cloud]]:
    """Open the sandboxes as the demonstration does, and an uplink named by its kind to each."""
    assert sorted(KINDS) == demo_clouds()
    clouds: dict[str, Cloud] = {}
    async with AsyncExitStack() as stack:
        for kind in KINDS:
            cloud, section = await stack.enter_async_context(_OPENERS[kind](channels, house.folder))
            clouds[kind] = cloud
            house.uplinks[kind] = section
        yield clouds


Opened = AsyncIterator[tuple[Cloud, dict[str, Any]]]


def _section(text: str, **keys: Any) -> dict[str, Any]:
    [section] = tomllib.loads(text)["uplink"].values()
    return {**section, **keys}


@asynccontextmanager
async def _open_thingplus(channels: Mapping[ChannelId, Channel], scratch: Path) -> Opened:
    opening = thingplus.open_demo(GATEWAY, channels, ChannelId(RELAY), scratch)
    async with opening as demo, door_to(demo.sandbox.mqtt_port) as door:
        sandbox = demo.sandbox

        def rows(channel: str) -> list[Row]:
            series = sandbox.world.sensors[sensor_id(channel)].series
            return [Row(*pair) for pair in zip(*series.page(0, len(series)), strict=True)]

        def shows() -> bool | None:
            found = rows(RELAY)
            return bool(found[-1].value["result"]["value"]) if found else None

        def fail() -> None:
            sandbox.broker.faults.connack_code = UNAVAILABLE
            sandbox.kill()

        scales = CELSIUS | {PRESSURE: lambda pascal: pascal / 1e5}
        section = _section(
            demo.section,
            port=door.port,
            series_interval="0s",
            reconnect_min="0s",
            ack_timeout=TIMEOUT,
        )
        yield Cloud(demo, sandbox, door, rows, shows, scales, fail, is_told=False), section


@asynccontextmanager
async def _open_thethingsio(channels: Mapping[ChannelId, Channel], scratch: Path) -> Opened:
    opening = thethingsio.open_demo(GATEWAY, channels, ChannelId(RELAY), scratch)
    async with opening as demo, door_to(demo.sandbox.rest_port) as door:
        sandbox = demo.sandbox
        [thing] = [each for each in sandbox.world.things.values() if each.name == GATEWAY]

        def rows(channel: str) -> list[Row]:
            line = thing.timelines.get(channel.replace("/", "."))
            kept = line.read(len(line), None, None)[::-1] if line else []
            # What was sent again is there again.
            return list(dict.fromkeys(Row(row.time_ms or 0, row.value) for row in kept))

        def shows() -> bool | None:
            line = thing.timelines.get(f"{RELAY.replace('/', '.')}_state")
            return bool(line.read(1, None, None)[0].value) if line else None

        def fail() -> None:
            sandbox.rest_faults.add(RestFault(thing.token, times=-1, status=500))

        section = _section(
            demo.section,
            rest_url=f"http://127.0.0.1:{door.port}/v2",
            report_interval="0s",
            keep_alive="2s",
            timeout=TIMEOUT,
            batch_max=1000,
        )
        yield Cloud(demo, sandbox, door, rows, shows, AS_MEASURED, fail), section


@asynccontextmanager
async def _open_thinger(channels: Mapping[ChannelId, Channel], scratch: Path) -> Opened:
    opening = thinger.open_demo(GATEWAY, channels, ChannelId(RELAY), scratch)
    async with opening as demo, door_to(demo.sandbox.socket_port) as door:
        sandbox = demo.sandbox
        [account] = [each for each in sandbox.world.accounts.values() if each.buckets]

        def rows(channel: str) -> list[Row]:
            device, _, member = channel.partition("/")
            points = account.buckets[device].points.select(None, None, None, is_ascending=True)
            return [
                Row(time_ms, value[member])
                for time_ms, value in points
                if isinstance(value, dict) and member in value
            ]

        def shows() -> bool | None:
            found = rows(RELAY)
            return bool(found[-1].value) if found else None

        def fail() -> None:
            sandbox.sockets.faults.withhold = -1

        section = _section(
            demo.section,
            port=door.port,
            bucket_interval="0s",
            timeout=TIMEOUT,
            points_per_s_max=5000.0,
        )
        yield Cloud(demo, sandbox, door, rows, shows, AS_MEASURED, fail), section


_FIELDS = {COUNT: (13100, "moveCount"), PRESSURE: (12100, "airp"), TEMPERATURE: (12100, "temp")}


@asynccontextmanager
async def _open_thingsee(channels: Mapping[ChannelId, Channel], scratch: Path) -> Opened:
    opening = thingsee.open_demo(GATEWAY, channels, ChannelId(RELAY), scratch)
    async with opening as demo, door_to(demo.sandbox.mqtt_port) as door:
        sandbox = demo.sandbox
        counter, pump = (
            make_tuid(DEVICE_PREFIX, f"{GATEWAY}/{device}") for device in ("counter", "pump")
        )

        def rows(channel: str) -> list[Row]:
            id, field = _FIELDS[channel]
            kept = sandbox.world.history.of(counter, Selection(message_ids=(id,)))[::-1]
            return [
                Row(round(each.time_s * 1000), each.fields[field])
                for each in kept
                if each.time_s is not None and field in each.fields
            ]

        def shows() -> bool | None:
            states = sandbox.world.history.of(pump, Selection(message_ids=(1400,), limit=1))
            if not states:
                return None
            return bool(orjson.loads(str(states[0].fields["diagData"]))["state"])

        def fail() -> None:
            sandbox.broker.faults.withhold = -1

        id, field = _FIELDS[COUNT]
        section = _section(
            demo.section,
            port=door.port,
            report_interval="0s",
            reconnect_min="0s",
            ack_timeout=TIMEOUT,
            sensors={COUNT: {"message": id, "field": field}},
        )
        yield Cloud(demo, sandbox, door, rows, shows, CELSIUS, fail, later_ms=2), section


_OPENERS = {
    "thingplus": _open_thingplus,
    "thethingsio": _open_thethingsio,
    "thinger": _open_thinger,
    "thingsee": _open_thingsee,
}
