"""Commands by the local API, with everything around them in memory and time that jumps."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatewayd.board import Board
from gatewayd.clouds.local import Asked, Site, Told
from gatewayd.clouds.thingsee import answered, kept
from gatewayd.clouds.thingsee.catalogue import CATALOGUE
from gatewayd.clouds.thingsee.kept import Kept
from gatewayd.clouds.thingsee.local import MOVES_MAX, MOVES_S, LocalThingsee, open_local
from gatewayd.clouds.thingsee.local_commands import SENT_MAX
from gatewayd.clouds.thingsee.settings import Config
from gatewayd.model import Access, Channel, ChannelId, Command, Outcome, Quality, Reading, Status
from gatewayd.routes import Route
from gatewayd.testing.clock import SimulatedClock, run_simulated
from gatewayd.uplink import Premises

T, H, RELAY = ChannelId("hall/temperature"), ChannelId("hall/humidity"), ChannelId("pump/relay")
CHANNELS = {
    T: Channel(T, "temperature", "Cel"),
    H: Channel(H, "humidity", "%"),
    RELAY: Channel(RELAY, "switch", access=Access.WRITE),
}
CONFIG = Config(
    host="127.0.0.1", gateway_tuid="GW", group="office", things={"hall": "HALL", "pump": "PUMP"}
)
ROUTE = Route(message=2100, thing="PIR", field="state", output="pump/relay")


class House:
    """A gateway's board and desk; the desk remembers, and finishes what it may."""

    def __init__(self, folder: Path) -> None:
        self.clock, self.board = SimulatedClock(), Board()
        self.commands: list[Command] = []
        self.may_finish = asyncio.Event()
        self.may_finish.set()
        premises = Premises(
            *("building", "gw", "Live", "1.0", CHANNELS, self.board, self.clock, folder, {}),
            routes=(ROUTE,),
        )
        self.local: LocalThingsee = open_local(Site(CONFIG, premises, self.submit))

    async def submit(self, command: Command) -> Outcome:
        self.commands.append(command)
        await self.may_finish.wait()
        return Outcome(Status.DONE, value=True)

    async def post(self, path: str, body: object) -> Told:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.local.answer(Asked("POST", path, {}, raw, "local:app"))

    async def data(self, path: str, body: object) -> Any:
        told = await self.post(path, body)
        assert told.status == 200, told.body
        return json.loads(told.body)["data"]

    async def read(self, path: str, **query: str) -> Any:
        told = await self.local.answer(Asked("GET", path, query, b"", "local:app"))
        assert told.status == 200, told.body
        return json.loads(told.body)["data"]


ON = {
    **{"tsmId": 1402, "tsmEv": 35, "transactionId": 1, "command": "RELAY"},
    "payload": '{"channel":"relay","state":1,"hold":30}',
}


def test_a_command_is_of_who_asks_and_of_this_moment(tmp_path: Path) -> None:
    """Whatever time and sender it claims; the uplink's memory of answers is left alone."""

    async def main() -> House:
        house = House(tmp_path)
        await house.data("things/PUMP/commands", [{**ON, "tsmTs": 7, "tsmTuid": "SOMEBODY"}])
        return house

    (command,) = run_simulated(main()).commands
    assert (command.origin, command.channel, command.value) == ("local:app", RELAY, 1)
    assert (command.hold_s, command.issued_ms) == (30, None)
    assert not (tmp_path / answered.FILE).exists()


def test_an_output_does_not_wait_for_the_one_before_it(tmp_path: Path) -> None:
    """All of a body are at the desk before the first is done."""

    async def main() -> None:
        house = House(tmp_path)
        house.may_finish.clear()
        async with asyncio.TaskGroup() as tasks:
            both = [ON, {**ON, "transactionId": 2}]
            asking = tasks.create_task(house.data("things/PUMP/commands", both))
            while len(house.commands) < 2:  # noqa: ASYNC110  # a list tells of no event
                await asyncio.sleep(1)
            house.may_finish.set()
        assert [each["transactionId"] for each in asking.result()["messages"]] == [1, 2]

    run_simulated(main())


def test_log_and_answers_have_an_end(tmp_path: Path) -> None:
    """The oldest are forgotten."""

    async def main() -> None:
        house = House(tmp_path)
        for number in range(SENT_MAX + 1):
            ping = {"tsmId": 1600, "tsmEv": 35, "transactionId": number}
            await house.data("things/HALL/commands", [ping])
            await asyncio.sleep(1)
        logged = await house.read("things/HALL/commands")
        answers = await house.read("things/HALL/messages", limit="0")
        assert [each["command"]["transactionId"] for each in logged] == [*range(1, SENT_MAX + 1)]
        assert [each["transactionId"] for each in answers] == [*range(SENT_MAX, 0, -1)]

    run_simulated(main())


def test_what_has_no_value_is_told_with_its_reason(tmp_path: Path) -> None:
    """Never with the value before; and nothing at all where nothing was read."""

    async def main() -> None:
        house = House(tmp_path)
        assert await house.read("things/HALL/messages", limit="9") == []
        now_ms = house.clock.now_ms()
        house.board.post([Reading(T, now_ms - 9000, 20.5), Reading(H, now_ms - 9000, 40.0)])
        house.board.post([Reading(T, now_ms - 1000, None, Quality.TIMEOUT)])
        fault, humidity = await house.read("things/HALL/messages", limit="9")
        assert (fault["tsmId"], fault["errorType"]) == (1403, "timeout")
        assert "temp" not in humidity
        assert humidity["humd"] == 40.0
        assert round(humidity["tsmTs"] * 1000) // 1000 == (now_ms - 9000) // 1000
        asked = {"tsmId": 1101, "tsmEv": 32, "requestTsmId": 12100}
        (answer,) = (await house.data("things/HALL/commands", [asked]))["messages"]
        assert "temp" not in answer

    run_simulated(main())


def test_settings_are_told_as_the_cloud_has_set_them(tmp_path: Path) -> None:
    """As the link has written them down; what it does not want measured is not told either."""

    async def main() -> None:
        house = House(tmp_path)
        house.board.post([Reading(T, house.clock.now_ms(), 20.5)])
        assert len(await house.read("things/HALL/messages", limit="9")) == 1
        cloud = Kept()
        weather_off = {**cloud.values_of("HALL", 12200), "weatherMode": -1}
        cloud.take("HALL", 12200, weather_off)
        Kept.store(tmp_path, cloud.to_json())
        assert await house.read("things/HALL/messages", limit="9") == []
        asked = {"tsmId": 1101, "tsmEv": 32, "requestTsmId": 12200}
        (answer,) = (await house.data("things/HALL/commands", [asked]))["messages"]
        assert answer["weatherMode"] == -1
        assert (tmp_path / kept.FILE).read_bytes() == cloud.to_json()

    run_simulated(main())


def test_who_pushes_does_not_wait_for_a_slow_output(tmp_path: Path) -> None:
    """He is told after a moment that he was heard, and the place of the command is free again."""

    async def main() -> None:
        house = House(tmp_path)
        house.may_finish.clear()
        begun_s = asyncio.get_running_loop().time()
        for number in range(3):
            seen = {"tsmId": 2100, "tsmEv": 7, "tsmTuid": "PIR", "state": number}
            told = await house.post("push", [seen] * MOVES_MAX)
            assert told.status == 200
        assert asyncio.get_running_loop().time() - begun_s == 3 * MOVES_S
        assert len(house.commands) == 3 * MOVES_MAX
        assert {each.origin for each in house.commands} == {"building"}

    run_simulated(main())


ODD = st.none() | st.booleans() | st.integers() | st.floats(-1e9, 1e9) | st.text(max_size=5)
MESSAGE = st.fixed_dictionaries(
    {"tsmId": st.sampled_from(sorted(CATALOGUE)) | ODD},
    optional={
        "tsmEv": st.sampled_from([23, 25, 27, 30, 32, 35]) | ODD,
        "tsmDstTuid": st.sampled_from(["GW", "HALL", "PUMP", "NOBODY"]) | ODD,
        "transactionId": ODD,
        "command": st.sampled_from(["RELAY", "REBOOT"]) | ODD,
        "payload": st.sampled_from([str(ON["payload"]), '{"state":1e308}', "[]"]) | ODD,
        "requestTsmId": ODD,
        "profileId": ODD,
        "duration": ODD,
    },
)
PATH = st.sampled_from(
    ["things/PUMP/commands", "things/HALL/commands", "messages", "push", "auth/client-token"]
)


@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(PATH, st.lists(MESSAGE | ODD, max_size=4) | MESSAGE | st.binary(max_size=9))
def test_no_body_is_too_much(tmp_path: Path, path: str, body: object) -> None:
    """Whatever it holds: it is answered as an object, and moves outputs at the most."""

    async def main() -> House:
        house = House(tmp_path)
        told = await house.post(path, body)
        assert told.status in (200, 400, 404, 501)
        assert isinstance(json.loads(told.body), dict)
        if told.status != 200:
            assert not house.commands
        return house

    house = run_simulated(main())
    assert {each.channel for each in house.commands} <= {RELAY}
