"""The thethings.iO link against the sandbox cloud, over HTTP and over MQTT alike."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gatewayd.clock import SystemClock
from gatewayd.clouds.thethingsio.codec import Entry
from gatewayd.clouds.thethingsio.link import ThethingsioLink
from gatewayd.clouds.thethingsio.requests import PUSH_S
from gatewayd.clouds.thethingsio.sandbox import Sandbox, SandboxSettings, open_sandbox
from gatewayd.clouds.thethingsio.sandbox.records import Thing
from gatewayd.desk import STALE_S
from gatewayd.errors import BatchRefused, LinkDenied, LinkLost
from gatewayd.fields import Secret
from gatewayd.model import Quality, Reading
from tests.live.thing_house import DI, DONE, GPS, RELAY, House, Served, T, served

ON, OFF = Entry("pump.relay", "ON"), Entry("pump.relay", "off")


@dataclass
class Scene:
    """One gateway, one thing in the sandbox, one way between them."""

    sandbox: Sandbox
    thing: Thing
    house: House
    transport: str
    token: str

    @asynccontextmanager
    async def open(self, **changes: Any) -> AsyncIterator[ThethingsioLink]:
        said = {
            "token": Secret(self.token),
            "transport": self.transport,
            "host": "127.0.0.1",
            "port": self.sandbox.mqtt_port,
            "tls": False,
        }
        async with self.house.open(**{**said, **changes}) as link:
            yield link

    def values(self, key: str) -> list[Any]:
        """Return the newest hundred values of a resource, the oldest first."""
        line = self.thing.timelines.get(key)
        return [] if line is None else [row.value for row in line.read(100, None, None)][::-1]

    async def wait_for(self, key: str, count: int) -> list[Any]:
        """Return the values of a resource once there are so many."""
        async with asyncio.timeout(10):
            while len(self.values(key)) < count:  # noqa: ASYNC110  # The sandbox tells nobody.
                await asyncio.sleep(0.01)
        return self.values(key)


@pytest.fixture(params=["http", "mqtt"])
async def scene(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Scene]:
    async with open_sandbox(SandboxSettings(ports=0)) as sandbox:
        made = sandbox.provision({"things": [{"name": "Boiler room"}]})["things"][0]
        thing = sandbox.world.thing_of(made["id"])
        house = House(tmp_path, sandbox.rest_url)
        yield Scene(sandbox, thing, house, request.param, made["token"])


async def ready(scene: Scene, got: Served) -> None:
    """Return when what was missed has been read back: a command arrives."""
    scene.sandbox.write(scene.thing, [Entry("pump.relay", "READY")])
    await got.wait(1)
    got.commands.clear()


async def test_everything_is_told_and_stored(scene: Scene) -> None:
    """Values, reasons, the position, who writes."""
    place = {"lat": 60.2, "lng": 24.9}
    async with scene.open(quality="_quality", describe=True) as link, served(link):
        rows = [
            scene.house.reading(T, 20.5),
            scene.house.reading(DI, True),
            scene.house.reading(GPS, place),
            scene.house.reading(RELAY, False),
            scene.house.reading(T, None, Quality.ABSENT),
        ]
        await link.send(scene.house.batch(*rows))
        await scene.wait_for("boiler.temp_quality", 2)
    assert scene.values("boiler.temp") == [20.5]
    assert scene.values("boiler.door") == [1]
    assert scene.values("van.position") == [place]
    assert scene.values("pump.relay_state") == [0]
    assert scene.values("boiler.temp_quality") == ["good", "absent"]
    assert scene.thing.geo == (60.2, 24.9)
    assert scene.thing.settings["gatewayd"]["version"] == "1.2.3"


async def test_a_batch_sent_twice_is_the_same_values(scene: Scene) -> None:
    """After a lost answer nobody knows whether it was taken."""
    batch = scene.house.batch(*(Reading(T, 1_795_000_000_000 + i, float(i)) for i in range(50)))
    for _ in range(2):
        async with scene.open() as link, served(link):
            await link.send(batch)
    await scene.wait_for("boiler.temp", 100)
    assert scene.thing.timelines["boiler.temp"].duplicates == 50


@pytest.mark.parametrize("fault", ["", "split", "merge"])
async def test_commands_go_there_and_back(scene: Scene, fault: str) -> None:
    """However the stream is cut: one write of the panel, one command, its outcome told."""
    if fault:
        setattr(scene.sandbox.hub.faults, fault, True)
    async with scene.open(keep_alive=0.1) as link, served(link, DONE) as got:
        await ready(scene, got)
        await link.send(scene.house.batch(scene.house.reading(T, 1.0)))
        scene.sandbox.write(scene.thing, [ON])
        await got.wait(1)
        scene.sandbox.write(scene.thing, [OFF])
        assert [each.value for each in await got.wait(2)] == ["ON", "off"]
        assert (await scene.wait_for("pump.relay_ack", 3))[-1] == "done"


async def test_a_missed_command_is_carried_out_once(scene: Scene) -> None:
    """Read back on the next connection, not on the one after."""
    async with scene.open() as link, served(link) as got:
        await ready(scene, got)
    scene.sandbox.write(scene.thing, [ON])
    async with scene.open() as link, served(link) as got:
        assert [each.value for each in await got.wait(1)] == ["ON"]
    async with scene.open() as link, served(link) as got:
        scene.sandbox.write(scene.thing, [OFF])
        assert [each.value for each in dict.fromkeys(await got.wait(1))] == ["off"]


@pytest.mark.parametrize("shift_ms", [3_600_000, -3_600_000])
async def test_a_missed_command_is_no_older_than_it_is(scene: Scene, shift_ms: int) -> None:
    """The cloud's clock, which dates what is read back, may be an hour off."""
    scene.sandbox.clock.shift_ms = shift_ms
    async with scene.open() as link, served(link) as got:
        await ready(scene, got)
    scene.sandbox.write(scene.thing, [ON])
    async with scene.open() as link, served(link) as got:
        [command] = await got.wait(1)
        assert command.issued_ms is not None
        assert abs(command.issued_ms - SystemClock().now_ms()) < STALE_S * 1000


async def test_a_revoked_token_is_denied_and_costs_nothing(scene: Scene) -> None:
    """In the middle of the run; with the new token the batch goes on, and no command twice."""
    batch = scene.house.batch(scene.house.reading(T, 1.0))
    with pytest.raises((LinkDenied, LinkLost)):
        async with scene.open(timeout=1.0) as link, served(link) as got:
            await ready(scene, got)
            scene.sandbox.write(scene.thing, [ON])
            await got.wait(1)
            scene.sandbox.revoke(scene.thing)
            await link.send(batch)
    with pytest.raises(LinkDenied) as caught:
        async with scene.open():
            pass
    assert scene.token not in str(caught.value)
    assert scene.values("boiler.temp") == []
    scene.token = scene.thing.token
    async with scene.open() as link, served(link) as got:
        await link.send(batch)
        scene.sandbox.write(scene.thing, [OFF])
        assert [each.value for each in dict.fromkeys(await got.wait(1))] == ["off"]
        assert await scene.wait_for("boiler.temp", 1) == [1.0]


async def test_a_thing_is_activated_once(scene: Scene) -> None:
    """With a code of the panel; the sandbox would refuse a second time."""
    code = scene.sandbox.provision({"codes": [{}]})["codes"][0]
    said = {"token": None, "activation_code": Secret(code)}
    for value in (1.0, 2.0):
        async with scene.open(**said) as link, served(link):
            await link.send(scene.house.batch(scene.house.reading(T, value)))


async def test_a_cut_connection_is_a_lost_link(scene: Scene) -> None:
    """Whatever it was that cut it."""
    async with scene.open() as link:
        scene.sandbox.kill()
        with pytest.raises(LinkLost):
            await asyncio.wait_for(link.tend(), 5)


async def test_a_command_in_between_is_missed_by_nobody(scene: Scene) -> None:
    """Cut again and again while the app switches: every setpoint that stays is carried out."""
    seen: list[object] = []
    for number in range(8):
        value = f"V{number}"
        async with contextlib.AsyncExitStack() as stack:
            link = await stack.enter_async_context(scene.open())
            got = await stack.enter_async_context(served(link))
            scene.sandbox.write(scene.thing, [Entry("pump.relay", value)])
            async with asyncio.timeout(5), got.news:
                await got.news.wait_for(lambda: value in [c.value for c in got.commands])  # noqa: B023  # Awaited here.
            seen += list(dict.fromkeys(each.value for each in got.commands))
        scene.sandbox.kill()
    assert seen == [f"V{number}" for number in range(8)]


async def test_a_refused_value_is_isolated_over_http(scene: Scene) -> None:
    """Over MQTT nobody says so."""
    if scene.transport == "mqtt":
        pytest.skip("MQTT has no answer to a write")
    async with scene.open() as link:
        # A name that this cloud does not take can only come from a mistake of ours.
        with pytest.raises(BatchRefused, match="400"):
            await link._line.write(b'{"values":[{"key":"a b","value":1}]}', is_report=True)


@pytest.mark.parametrize("shift_s", [4, 60])
@pytest.mark.parametrize("is_set_meanwhile", [False, True])
async def test_a_clock_that_is_ahead_repeats_no_command(
    scene: Scene, shift_s: int, *, is_set_meanwhile: bool
) -> None:
    """The cloud's, from the beginning or set in between: what was pushed is not read back as new.

    Also the very first command, which comes before anything was read.
    """
    if not is_set_meanwhile:
        scene.sandbox.clock.shift_ms = shift_s * 1000
    async with scene.open() as link:
        if is_set_meanwhile:
            scene.sandbox.clock.shift_ms = shift_s * 1000
        scene.sandbox.write(scene.thing, [ON])
        async with served(link, DONE) as got:
            assert [each.value for each in await got.wait(1)] == ["ON"]
            await scene.wait_for("pump.relay_ack", 1)
    async with scene.open() as link, served(link, DONE) as got:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(got.wait(1), PUSH_S + 0.5)
