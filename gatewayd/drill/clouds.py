"""The two local clouds of the drill, one over MQTT and one over HTTP, and how each is broken."""

from __future__ import annotations

import tomllib
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

from gatewayd.clouds.demonstration import DemoCloud, Switched
from gatewayd.clouds.thethingsio import demo as thethingsio
from gatewayd.clouds.thethingsio.sandbox import Sandbox as HttpSandbox
from gatewayd.clouds.thingplus import demo as thingplus
from gatewayd.clouds.thingplus.sandbox import Sandbox as MqttSandbox
from gatewayd.drill.verdict import Row
from gatewayd.model import Channel, ChannelId
from gatewayd.sandbox.faults import RestFault
from gatewayd.transports.broker_host import UNAVAILABLE

ALWAYS = -1
PATIENCE_S = 2.0
PATIENCE = f"{PATIENCE_S:g}s"
"""After which the gateway gives up on a cloud that does not answer; 30 s in the field."""

PUMP = ChannelId("pump/relay")


class DrillCloud(Protocol):
    """One cloud: what it has, and what can go wrong with it."""

    name: str
    section: dict[str, Any]
    """Its uplink's section."""

    def rows(self) -> list[Row]:
        """Return every number of the counter that it has stored, in its order."""
        ...

    def newest(self) -> int:
        """Return the newest number, 0 before the first."""
        ...

    def repeats(self) -> int:
        """Return how many readings came again, and were known as repeats."""
        ...

    async def refuse(self) -> None:
        """Be away: cut every connection and let nobody in."""
        ...

    def hang(self) -> None:
        """Take everything and never answer."""
        ...

    def fail(self) -> None:
        """Answer with an error of its own."""
        ...

    def lose_answers(self, times: int) -> None:
        """Take what comes, and lose the answer on its way back."""
        ...

    async def mend(self) -> None:
        """Put everything right again."""
        ...

    async def switch(self, *, on: bool) -> Switched:
        """Switch the pump by the cloud's own app call."""
        ...


class MqttCloud:
    """Thing+, over MQTT. It refuses whatever comes out of order."""

    name = "thingplus"

    def __init__(self, demo: DemoCloud, sandbox: MqttSandbox, gateway: str, channel: str) -> None:
        self._demo, self._sandbox = demo, sandbox
        self._sensor = f"{gateway}-{channel.replace('/', '-')}"
        quick = {"series_interval": "0s", "reconnect_min": "0s", "ack_timeout": PATIENCE}
        self.section = _section(demo) | quick

    def rows(self) -> list[Row]:
        series = self._sandbox.world.sensors[self._sensor].series
        pairs = zip(*series.page(0, len(series)), strict=True)
        return [Row(time_ms, _whole(value)) for time_ms, value in pairs]

    def newest(self) -> int:
        return _whole(self._sandbox.world.sensors[self._sensor].series.last_value() or 0)

    def now_ms(self) -> int:
        """Return the right time."""
        return self._sandbox.clock.now_ms()

    def repeats(self) -> int:
        return dict(self._sandbox.journal.dropped).get("duplicate", 0)

    def disorder(self) -> int:
        """Return how many readings it refused because newer ones had come before."""
        dropped = dict(self._sandbox.journal.dropped)
        return sum(count for reason, count in dropped.items() if reason != "duplicate")

    async def refuse(self) -> None:
        await self._sandbox.refuse_connections()

    def hang(self) -> None:
        self._sandbox.broker.hang(is_hung=True)

    def fail(self) -> None:
        self._sandbox.broker.faults.connack_code = UNAVAILABLE
        self._sandbox.kill()

    def lose_answers(self, times: int) -> None:
        self._sandbox.broker.faults.lose_ack = times

    async def mend(self) -> None:
        await self._sandbox.clear_faults()
        await self._sandbox.accept_connections()

    async def switch(self, *, on: bool) -> Switched:
        return await self._demo.switch(on=on)


class HttpCloud:
    """thethings.iO, over HTTP: it stores what comes again, and dates tell that it is the same."""

    name = "thethingsio"

    def __init__(self, demo: DemoCloud, sandbox: HttpSandbox, gateway: str, channel: str) -> None:
        self._demo, self._sandbox = demo, sandbox
        [self._thing] = [each for each in sandbox.world.things.values() if each.name == gateway]
        self._key = channel.replace("/", ".")
        quick = {"report_interval": "0s", "keep_alive": "2s", "timeout": PATIENCE}
        self.section = _section(demo) | quick | {"batch_max": 1000}

    def rows(self) -> list[Row]:
        line = self._thing.timelines.get(self._key)
        kept = line.read(len(line), None, None)[::-1] if line else []
        return list(dict.fromkeys(Row(row.time_ms or 0, _whole(row.value)) for row in kept))

    def newest(self) -> int:
        line = self._thing.timelines.get(self._key)
        return _whole(line.read(1, None, None)[0].value) if line else 0

    def repeats(self) -> int:
        line = self._thing.timelines.get(self._key)
        return line.duplicates if line else 0

    def disorder(self) -> int:
        """Return 0: it sorts by date, whatever the order."""
        return 0

    async def refuse(self) -> None:
        self._fault(cut=True)
        self._sandbox.kill()

    def hang(self) -> None:
        self._fault(hang=True)

    def fail(self) -> None:
        self._fault(status=500)

    def lose_answers(self, times: int) -> None:
        self._fault(times, after=True, status=500)

    async def mend(self) -> None:
        await self._sandbox.clear_faults()

    async def switch(self, *, on: bool) -> Switched:
        return await self._demo.switch(on=on)

    def _fault(self, times: int = ALWAYS, **fault: Any) -> None:
        self._sandbox.rest_faults.add(RestFault(self._thing.token, times=times, **fault))


def _whole(value: object) -> int:
    return int(float(str(value)))


def _section(demo: DemoCloud) -> dict[str, Any]:
    [section] = tomllib.loads(demo.section)["uplink"].values()
    return dict(section)


Clouds = tuple[MqttCloud, HttpCloud]


@asynccontextmanager
async def open_clouds(
    gateway: str, channels: Mapping[ChannelId, Channel], counted: str, scratch: Path
) -> AsyncIterator[Clouds]:
    """Open both with this gateway registered; `counted` is the channel that counts."""
    async with AsyncExitStack() as stack:
        mqtt = await stack.enter_async_context(
            thingplus.open_demo(gateway, channels, PUMP, scratch, ports=0)
        )
        http = await stack.enter_async_context(
            thethingsio.open_demo(gateway, channels, PUMP, scratch, ports=0)
        )
        yield (
            MqttCloud(mqtt, mqtt.sandbox, gateway, counted),
            HttpCloud(http, http.sandbox, gateway, counted),
        )
