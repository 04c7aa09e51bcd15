"""The whole daemon against the Thinger.io sandbox: registered by verb, readings up, commands down.

A counter speaks on a socket, a simulated relay lives in a file; the uplink goes to the device
socket, and a user acts there by REST, as apps and the verbs do.
"""

from __future__ import annotations

import asyncio
import json
import tomllib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from gatewayd.clock import SystemClock
from gatewayd.clouds.thinger.rest import Rest, RestSettings, open_rest
from gatewayd.clouds.thinger.rest_errors import NotFound
from gatewayd.clouds.thinger.sandbox import Sandbox, SandboxSettings, open_sandbox
from gatewayd.clouds.thinger.sandbox.world import FIRST_USER
from gatewayd.clouds.thinger.tokens import PasswordGrant
from gatewayd.errors import LinkLost
from gatewayd.fields import Secret
from gatewayd.sandbox.faults import RestFault
from tests.live.counter import COLUMNS, Counter, counting
from tests.live.daemon import GATEWAY, Daemon, House, until

UPLINK = "thinger"
HOUR_MS = 3_600_000


@dataclass
class Works:
    """Everything that is plugged together."""

    house: House
    sandbox: Sandbox
    app: Rest
    counter: Counter

    def is_on(self) -> bool:
        """What the relay itself is."""
        state: dict[str, bool] = json.loads((self.house.folder / "pump.json").read_text())
        return state["relay"]

    async def switch(self, value: object) -> None:
        """Set the pump as an app does."""
        await self.app.devices.resources(GATEWAY).write("pump/relay", value)

    def numbers(self, column: int = 1) -> list[Any]:
        """Return what the cloud has of one channel of the counter, in its order of time."""
        points = self.sandbox.world.accounts[FIRST_USER].buckets["counter"].points
        rows = points.select(None, None, None, is_ascending=True)
        member = f"c{column}"
        return [value[member] for _, value in rows if isinstance(value, dict) and member in value]

    async def wait_counted(self, daemon: Daemon) -> None:
        """Let the counter fall silent, and return when all that it said is in the cloud."""
        self.counter.is_speaking = False
        last = self.counter.sessions[-1].last
        await until(
            lambda: all(self.numbers(column)[-1:] == [last] for column in (1, COLUMNS)), "all", 60
        )
        line = await daemon.wait_drained(UPLINK)
        assert line["dropped"] == {}
        assert line["accepted"] == line["delivered"]
        for column in (1, COLUMNS):
            numbers = self.numbers(column)
            assert numbers == list(range(int(numbers[0]), last + 1))

    def commands(self) -> list[str]:
        """Return what became of every command that reached the gateway."""
        return [each["outcome"] for each in self.house.logged("command")]


@pytest.fixture
async def works(house: House) -> AsyncIterator[Works]:
    async with AsyncExitStack() as stack:
        settings = SandboxSettings(ports=0, tls=False, points_max=1_000_000)
        sandbox = await stack.enter_async_context(open_sandbox(settings))
        rest = RestSettings(
            url=sandbox.rest_url,
            user=FIRST_USER,
            token_file=house.folder / "session",
            grant=PasswordGrant(FIRST_USER, Secret(FIRST_USER)),
        )
        app = await stack.enter_async_context(open_rest(rest, SystemClock()))
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
            "kind": "thinger",
            "user": FIRST_USER,
            "transport": "tcp",
            "host": "127.0.0.1",
            "port": sandbox.socket_port,
            "rest_url": sandbox.rest_url,
            "timeout": "1s",
            "bucket_interval": "0s",
            "points_per_s_max": 5000.0,
        }
        await register(house)
        yield Works(house, sandbox, app, counter)


async def register(house: House) -> None:
    """Log in and register as a technician does; the file says the rest."""
    house.write()
    password = house.folder / "password"
    password.write_text(FIRST_USER)
    for words in (("login", "--password-file", str(password)), ("register",)):
        done = await house.verb("cloud", "thinger", *words)
        assert done.code == 0, done
    uplink = tomllib.loads(house.config.read_text())["uplink"][UPLINK]
    assert "file" in uplink["credentials"]
    house.uplinks[UPLINK] = uplink


async def test_readings_arrive_in_order_and_a_command_moves_the_relay(works: Works) -> None:
    """By verb: control, its refusal with the reason, show; all of a channel's readings."""
    async with works.house.daemon() as daemon:
        await daemon.wait_up(UPLINK, "counter")
        await until(lambda: len(works.numbers()) > 200, "readings arrive")
        verb = works.house.verb
        assert (await verb("cloud", "thinger", "control", "pump/relay", "on")).code == 0
        assert works.is_on()
        assert (await verb("cloud", "thinger", "control", "pump/relay", "off")).code == 0
        assert not works.is_on()
        refused = await verb("cloud", "thinger", "control", "pump/relay", "sideways")
        assert (refused.code, "refused" in refused.err.lower()) == (1, True)
        await works.wait_counted(daemon)
        shown = await verb("cloud", "thinger", "show", "counter/c1", "--json")
        assert [each["value"] for each in shown.json] == works.numbers()
        listed = await verb("cloud", "thinger", "list")
        assert f"* {GATEWAY}  Generic  connected" in listed.out
        outcome = await works.app.devices.resources(GATEWAY).read("pump/relay/outcome")
        assert outcome


async def test_what_breaks_on_the_way_costs_nothing(works: Works) -> None:
    """Lost and late acknowledgements, withheld points, cuts, a cloud that is down for a while."""
    async with works.house.daemon() as daemon:
        await daemon.wait_up(UPLINK, "counter")
        await until(lambda: len(works.numbers()) > 100, "readings arrive")
        faults = works.sandbox.sockets.faults
        faults.withhold = faults.lose_ack = 1
        await daemon.wait_reconnected(UPLINK, 0)
        faults.ack_delay_s = 0.05
        await works.sandbox.refuse_connections()
        await works.sandbox.accept_connections()
        await daemon.wait_reconnected(UPLINK, 1)
        faults.clear()
        await works.wait_counted(daemon)
        assert works.sandbox.journal.counts["overwritten"] > 0


async def test_tokens_that_end_lose_and_double_no_command(works: Works) -> None:
    """Expired, revoked, the cloud's clock an hour off either way, an answer cut off."""
    works.counter.is_speaking = False
    async with works.house.daemon() as daemon:
        await daemon.wait_up(UPLINK)
        for number, shift_ms in enumerate((0, HOUR_MS, -HOUR_MS, 3 * HOUR_MS, 0)):
            works.sandbox.clock.shift_ms = shift_ms
            await works.switch(number % 2 == 0)
            assert works.is_on() is (number % 2 == 0)
        works.sandbox.doors.revoke_access()
        await works.switch(False)
        works.sandbox.doors.reset()
        await works.switch(True)
        assert works.is_on()
        assert works.commands() == ["done"] * 7
        works.sandbox.rest_faults.add(RestFault("/relay", "POST", after=True, cut=True))
        with pytest.raises(LinkLost):
            await works.switch(False)
        assert not works.is_on()
        assert len(works.commands()) == 8


async def test_credentials_that_are_revoked_are_said_and_nothing_is_lost(works: Works) -> None:
    """The daemon lives on, its outputs too; with the credentials back everything arrives."""
    device = works.sandbox.world.accounts[FIRST_USER].devices[GATEWAY]
    credentials = device.credentials
    async with works.house.daemon() as daemon:
        await daemon.wait_up(UPLINK, "counter")
        await until(lambda: len(works.numbers()) > 100, "readings arrive")
        device.credentials = "somebody-elses"
        works.sandbox.kill(GATEWAY)
        async with asyncio.timeout(20):
            while (await daemon.edge("uplinks", UPLINK))["is_up"]:  # noqa: ASYNC110 - Asked for.
                await asyncio.sleep(0.01)
        await until(lambda: works.sandbox.journal.counts["logins_refused"] > 0, "a refusal")
        with pytest.raises(NotFound):
            await works.switch(True)
        assert credentials not in json.dumps(await daemon.edge("uplinks", UPLINK))
        assert credentials not in works.house.log.read_text()
        works.counter.is_speaking = False
        first, last = int(works.numbers()[0]), works.counter.sessions[0].last
        taken = COLUMNS * (last - first + 1)
        await daemon.wait_line(UPLINK, lambda line: line["accepted"] >= taken, 30)
        device.credentials = credentials
    async with works.house.daemon() as daemon:
        await daemon.wait_up(UPLINK)
        await daemon.wait_drained(UPLINK, 30)
        assert works.numbers() == list(range(first, last + 1))
        await works.switch(True)
        assert works.is_on()
