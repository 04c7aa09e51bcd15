"""The whole daemon against the thethings.iO sandbox: readings there, commands back, and troubles.

A counter speaks on a socket, a simulated relay lives in a file; the uplink goes to the sandbox over
HTTP or MQTT, and an app's user acts there as apps do.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from gatewayd.clock import SystemClock
from gatewayd.clouds.thethingsio.codec import Entry
from gatewayd.clouds.thethingsio.commanding import Answered, command
from gatewayd.clouds.thethingsio.names import Resource
from gatewayd.clouds.thethingsio.rest import Rest, RestSettings, open_rest
from gatewayd.clouds.thethingsio.rest_auth import Login
from gatewayd.clouds.thethingsio.sandbox import Sandbox, SandboxSettings, open_sandbox
from gatewayd.clouds.thethingsio.sandbox.records import Thing
from gatewayd.clouds.thethingsio.sandbox.world import FIRST_APP, FIRST_EMAIL, FIRST_PASSWORD
from gatewayd.fields import Secret
from gatewayd.model import ChannelId
from gatewayd.sandbox.faults import RestFault
from tests.live.counter import Counter, counting
from tests.live.daemon import Daemon, House, until

UPLINK = "things"
PUMP = Resource(ChannelId("pump/relay"), "pump.relay_state", "", "pump.relay", "pump.relay_ack")
ANSWER_S = 15.0
HOUR_MS = 3_600_000


@dataclass
class Works:
    """Everything that is plugged together."""

    house: House
    sandbox: Sandbox
    thing: Thing
    app: Rest
    counter: Counter

    @property
    def is_on(self) -> bool:
        """What the relay itself is."""
        state: dict[str, bool] = json.loads((self.house.folder / "pump.json").read_text())
        return state["relay"]

    async def switch(self, value: object) -> Answered:
        """Command the pump as a user's app does."""
        return await command(self.app, self.thing.id, PUMP, value, ANSWER_S)

    def rows(self, column: int) -> list[Entry]:
        """Return what the cloud has of one channel of the counter, in its order of time."""
        line = self.thing.timelines.get(f"counter.c{column}")
        return [] if line is None else line.read(10**6, None, None)[::-1]

    def numbers(self, column: int) -> list[Any]:
        """Return the values of one channel of the counter."""
        return [row.value for row in self.rows(column)]

    async def wait_counted(self, daemon: Daemon) -> None:
        """Let the counter fall silent, and return when all that it said is in the cloud."""
        self.counter.is_speaking = False
        last = self.counter.sessions[-1].last
        await until(
            lambda: all(self.numbers(column)[-1:] == [last] for column in (1, 8)), "the last", 60
        )
        line = await daemon.wait_drained(UPLINK)
        assert line["dropped"] == {}
        assert line["accepted"] == line["delivered"]

    def check_counted(self) -> None:
        """Every number is there, in order, each at one time: what came twice is the same twice."""
        for column in (1, 8):
            rows = self.rows(column)
            said = list(dict.fromkeys((row.time_ms, row.value) for row in rows))
            numbers = [value for _, value in said]
            # The driver listens a moment before it believes a device.
            assert numbers[0] - self.counter.sessions[0].first < 40
            assert numbers == list(range(int(numbers[0]), self.counter.sessions[-1].last + 1))


@pytest.fixture(params=["http", "mqtt"])
async def works(request: pytest.FixtureRequest, house: House) -> AsyncIterator[Works]:
    async with AsyncExitStack() as stack:
        settings = SandboxSettings(ports=0, tls=False, rows_max=1_000_000)
        sandbox = await stack.enter_async_context(open_sandbox(settings))
        [made] = sandbox.provision({"things": [{"name": "Live"}]})["things"]
        login = Login(FIRST_EMAIL, Secret(FIRST_PASSWORD), FIRST_APP)
        rest = RestSettings(
            url=sandbox.rest_url, session_file=house.folder / "session", credentials=login
        )
        app = await stack.enter_async_context(open_rest(rest, SystemClock()))
        await app.link(Secret(made["token"]))
        counter = await stack.enter_async_context(counting())
        house.devices = {
            "counter": counter.settings(),
            "pump": {
                "driver": "sim_relay",
                "safe": "off",
                "state_file": str(house.folder / "pump.json"),
            },
        }
        house.uplinks[UPLINK] = {
            "kind": "thethingsio",
            "token": made["token"],
            "transport": request.param,
            "rest_url": sandbox.rest_url,
            "host": "127.0.0.1",
            "port": sandbox.mqtt_port,
            "tls": False,
            "report_interval": "0s",
            "keep_alive": "2s",
            "timeout": "3s",
            "batch_max": 1000,
            "quality": "",
        }
        yield Works(house, sandbox, sandbox.world.thing_of(made["id"]), app, counter)


async def test_readings_arrive_in_order_and_a_command_moves_the_relay(works: Works) -> None:
    """Its outcome is visible to the app, its state in the cloud."""
    async with works.house.daemon() as daemon:
        await daemon.wait_up(UPLINK, "counter")
        await until(lambda: len(works.numbers(8)) > 200, "readings arrive")
        answer = await works.switch("on")
        assert (answer.is_done, works.is_on) == (True, True)
        answer = await works.switch(False)
        assert (answer.is_done, works.is_on) == (True, False)
        await works.wait_counted(daemon)
        works.check_counted()
        states = works.thing.timelines["pump.relay_state"].read(10, None, None)
        assert states[0].value in (0, False)


async def test_a_command_that_makes_no_sense_is_refused_visibly(works: Works) -> None:
    """And moves nothing."""
    works.counter.is_speaking = False
    async with works.house.daemon() as daemon:
        await daemon.wait_up(UPLINK)
        answer = await works.switch("sideways")
        assert answer.words.startswith("refused")
        assert not works.is_on


async def test_what_breaks_on_the_way_costs_nothing(works: Works) -> None:
    """Server errors, lost acknowledgements, a slow cloud, cut streams: at least once, in order."""
    async with works.house.daemon() as daemon:
        await daemon.wait_up(UPLINK, "counter")
        faults = works.sandbox.rest_faults
        path = works.thing.token
        for fault in (
            RestFault(path, "POST", status=503),
            RestFault(path, "POST", cut=True, after=True),
            RestFault(path, "POST", delay_s=0.2),
        ):
            faults.add(fault)
        works.sandbox.broker.faults.lose_ack = 1
        await until(lambda: len(works.numbers(1)) > 100, "readings arrive again", 30)
        works.sandbox.kill()
        seen = len(works.numbers(1))
        await until(lambda: len(works.numbers(1)) > seen + 100, "readings arrive again", 30)
        await works.wait_counted(daemon)
        works.check_counted()


async def test_a_cloud_clock_an_hour_off_loses_and_doubles_no_command(works: Works) -> None:
    """Fast or slow; set right in the middle of the run. Each command is answered once."""
    works.counter.is_speaking = False
    async with works.house.daemon() as daemon:
        await daemon.wait_up(UPLINK)
        for number, shift_ms in enumerate((HOUR_MS, -HOUR_MS, 0)):
            works.sandbox.clock.shift_ms = shift_ms
            works.sandbox.kill()
            await daemon.wait_reconnected(UPLINK, number)
            for value in (True, False):
                answer = await works.switch("on" if value else "off")
                assert (answer.is_done, works.is_on) == (True, value)
        assert acknowledged(works) == ["done"] * 6


def acknowledged(works: Works) -> list[str]:
    """Return the first words of all that the gateway answered, the oldest first."""
    rows = works.sandbox.journal.messages
    found = []
    for each in rows:
        for entry in json.loads(each.payload)["values"]:
            if entry["key"] == PUMP.ack:
                found.append(str(entry["value"]).partition(":")[0])
    return found


async def test_a_session_that_ends_in_the_middle_is_the_apps_trouble_alone(works: Works) -> None:
    """It logs in again; the command is given once."""
    works.counter.is_speaking = False
    async with works.house.daemon() as daemon:
        await daemon.wait_up(UPLINK)
        assert (await works.switch("on")).is_done
        works.sandbox.world.sessions.clear()
        assert (await works.switch("off")).is_done
        assert not works.is_on
        assert acknowledged(works) == ["done", "done"]


async def test_a_revoked_thing_token_is_said_and_nothing_is_lost(works: Works) -> None:
    """The daemon lives on, its outputs too; with the token back everything arrives."""
    async with works.house.daemon() as daemon:
        await daemon.wait_up(UPLINK, "counter")
        token = works.thing.token
        works.sandbox.revoke(works.thing)
        async with asyncio.timeout(20):
            while (await daemon.edge("uplinks", UPLINK))["is_up"]:  # noqa: ASYNC110 - Asked for.
                await asyncio.sleep(0.01)
        edge = await daemon.edge("uplinks", UPLINK)
        assert token not in json.dumps(edge)
        assert token not in works.house.log.read_text()
        works.sandbox.revoke(works.thing, token)
    async with works.house.daemon() as daemon:
        await daemon.wait_up(UPLINK)
        again = works.counter.sessions
        await until(lambda: len(again) > 1 and again[-1].last > again[-1].first + 100, "counted")
        await works.wait_counted(daemon)
        numbers = list(dict.fromkeys(works.numbers(1)))
        assert numbers == sorted(numbers)
        # Nothing of what was read while the token was worth nothing is missing.
        first = works.counter.sessions[0]
        assert set(range(int(numbers[0]), first.last - 100)) <= set(numbers)
        assert (await works.switch("on")).is_done
