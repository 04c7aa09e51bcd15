"""The local API over real sockets, with a real gateway behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gatewayd.audit import read_audit
from gatewayd.console.http_api import command_request
from gatewayd.console.surface import Json
from gatewayd.errors import OutboxError
from gatewayd.model import ChannelId, Command, Outcome, Reading, Status
from gatewayd.outbox.ledger import Balance
from gatewayd.outbox.rejects import Rejected
from tests.gatewayd.console.rooms import Room, next_event, open_room

PUMP = "api/outputs/pump/relay"


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    async with open_room(tmp_path) as room:
        yield room


async def test_status_is_what_the_verb_prints(room: Room) -> None:
    """The same document, from the same place."""
    status = await room.get("api/status")
    assert status["health"] == {"is_ok": True, "reason": None}
    assert [each["name"] for each in status["devices"]] == ["pump", "valve", "hall"]
    assert {each["channel"] for each in status["outputs"]} == {
        "pump/relay",
        "pump/lamp",
        "valve/relay",
    }


async def test_ledger_balances(room: Room) -> None:
    """Here for no uplink at all."""
    lost = {"bus": 0, "outbox": 0}
    assert await room.get("api/ledger") == {"uplinks": {}, "lost": lost, "is_balanced": True}


async def test_trouble_with_the_log_is_a_sentence(tmp_path: Path) -> None:
    """503, never a traceback."""

    async def ledger() -> None:
        raise OutboxError("the card is full")

    async with open_room(tmp_path, ledger=ledger) as room:
        assert await room.get("api/ledger", 503) == {"error": "the card is full"}


async def test_what_a_cloud_refused_is_shown_and_sent_again(tmp_path: Path) -> None:
    """By the uplink's name; who asked for it is written down."""
    asked: list[tuple[str, int]] = []

    async def rejected(uplink: str, after: int, limit: int) -> list[Rejected]:
        asked.append((uplink, after))
        return [Rejected(7, Reading(ChannelId("hall/temperature"), 1000, 21.5), "no such sensor")]

    async def retry(uplink: str) -> int:
        return 2

    async with open_room(
        tmp_path, uplinks=lambda: ("cloud",), rejected=rejected, retry=retry
    ) as room:
        [row] = await room.get("api/ledger/rejected?uplink=cloud&after=6")
        assert (row["seq"], row["value"], row["reason"]) == (7, 21.5, "no such sensor")
        assert asked == [("cloud", 6)]
        assert await room.post("api/ledger/retry", {"uplink": "cloud"}) == {"cloud": 2}
        assert await room.post("api/ledger/retry", {}) == {"cloud": 2}
        for path in ("api/ledger/rejected?uplink=clod", "api/ledger/rejected?uplink=cloud&after=x"):
            assert (await room.get(path, 404))["error"]
        assert "clod" in (await room.post("api/ledger/retry", {"uplink": "clod"}, 404))["error"]
        assert "uplnk" in (await room.post("api/ledger/retry", {"uplnk": "a"}, 400))["error"]
        folder = Path(room.gateway.settings.gateway.state_dir)
    rows = [(row["origin"], row["act"], row["outcome"]) for row in read_audit(folder)]
    assert rows[:2] == [("local", "retry", "done")] * 2
    assert rows[2][2] == "refused"


async def test_trouble_with_the_log_does_not_look_like_success_of_a_retry(tmp_path: Path) -> None:
    """503 with the sentence."""

    async def retry(uplink: str) -> int:
        raise OutboxError("the card is full")

    async with open_room(tmp_path, uplinks=lambda: ("cloud",), retry=retry) as room:
        assert await room.post("api/ledger/retry", {}, 503) == {"error": "the card is full"}


async def test_channels_come_with_their_latest_reading(room: Room) -> None:
    """And from which age on it is too old."""
    await room.wait_reading()
    found = {each["channel"]: each for each in await room.get("api/channels")}
    hall = found["hall/temperature"]
    assert (hall["value"], hall["unit"], hall["quality"]) == (21.0, "Cel", "good")
    assert hall["stale_s"] > hall["age_s"] >= 0
    assert found["pump/relay"]["is_output"]
    assert found["pump/relay"]["stale_s"] is None


async def test_a_channel_never_heard_of_has_no_value_and_no_age(room: Room) -> None:
    """Not zero, not now."""
    room.gateway.board._panels.clear()
    for each in await room.get("api/channels"):
        if each["channel"] == "valve/relay":
            assert (each["value"], each["quality"], each["age_s"]) == (None, "absent", None)


async def test_history_is_for_plots(room: Room) -> None:
    """The oldest first."""
    await room.wait_reading()
    told = await room.get("api/channels/hall/temperature/history")
    assert told
    assert told == sorted(told, key=lambda each: each["time_ms"])
    assert set(told[0]) >= {"value", "time_ms", "quality"}


@pytest.mark.parametrize("path", ["api/channels/hall/attic/history", "api/nothing", "x"])
async def test_what_is_not_there_is_a_404_with_a_sentence(room: Room, path: str) -> None:
    """As JSON, like everything else."""
    assert (await room.get(path, 404))["error"]


async def test_a_command_moves_the_output_and_tells_the_value_read_back(room: Room) -> None:
    """By the desk, from `local`; the contact is looked at from outside."""
    outcome = await room.post(PUMP, {"value": "on", "hold": "30s"})
    assert (outcome["status"], outcome["value"], outcome["is_verified"]) == ("done", True, True)
    assert room.plant.relays()["relay"]
    record = room.gateway.desk.history[-1]
    assert (record.command.origin, record.command.hold_s) == ("local", 30.0)
    assert (await room.post(PUMP, {"value": False}))["value"] is False
    assert not room.plant.relays()["relay"]


async def test_a_hold_ends_by_itself(room: Room) -> None:
    """And the output is safe again."""
    await room.post(PUMP, {"value": True, "hold": "200ms"})
    await room.wait_relays(relay=False, lamp=False)


async def test_a_refusal_says_why_and_moves_nothing(room: Room) -> None:
    """409, so that a script that looks at nothing else does not believe it was done."""
    outcome = await room.post(PUMP, {"value": "two"}, 409)
    assert outcome["status"] == "refused"
    assert "on or off" in outcome["detail"]
    assert not room.plant.relays()["relay"]


async def test_an_interlock_holds_here_too(room: Room) -> None:
    """The valve is never open with the pump on."""
    await room.post(PUMP, {"value": "on"})
    outcome = await room.post("api/outputs/valve/relay", {"value": "on"}, 409)
    assert "pump/relay" in outcome["detail"]
    assert not room.plant.relays("valve")["relay"]


async def test_a_failure_is_not_taken_for_success(tmp_path: Path) -> None:
    """502 with the outcome."""

    async def submit(command: Command) -> Outcome:
        return Outcome(Status.FAILED, "the board does not answer")

    async with open_room(tmp_path, submit=submit) as room:
        assert (await room.post(PUMP, {"value": 1}, 502))["status"] == "failed"


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "value is missing"),
        ({"value": None}, "value is missing"),
        ({"value": True, "hold": 30}, "number and a unit"),
        ({"value": True, "hold": "soon"}, "number and a unit"),
        ({"value": True, "holdd": "30s"}, "unknown key 'holdd'"),
        ({"value": True, "request_id": 5}, "request_id is not a text"),
        (["on"], "JSON object"),
    ],
)
async def test_nonsense_is_a_sentence(room: Room, body: object, sentence: str) -> None:
    """400; a hold that is misspelt must not switch on for ever."""
    assert sentence in (await room.post(PUMP, body, 400))["error"]
    assert not room.gateway.desk.history


async def test_no_such_output(room: Room) -> None:
    """404; a sensor is refused by the desk."""
    assert await room.post("api/outputs/pump/horn", {"value": 1}, 404)
    assert await room.post("api/outputs/hall/temperature", {"value": 1}, 409)


@pytest.mark.parametrize(
    ("headers", "data", "status"),
    [
        ({"Content-Type": "text/plain"}, b'{"value": true}', 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"value=true", 415),
        ({"Content-Type": "application/json"}, b"{", 400),
        ({"Content-Type": "application/json"}, b'{"value":"' + b"x" * 20_000 + b'"}', 413),
    ],
)
async def test_bodies_are_small_and_json(
    room: Room, headers: dict[str, str], data: bytes, status: int
) -> None:
    """What a form of another page could send is not even read."""
    async with room.session.post(room.address + PUMP, headers=headers, data=data) as answer:
        assert answer.status == status
        assert (await answer.json())["error"]


async def test_a_repeat_moves_nothing_twice(room: Room) -> None:
    """With a request id it is answered again from memory."""
    for _ in range(2):
        await room.post(PUMP, {"value": "on", "request_id": "r1"})
    assert len(room.gateway.desk.history) == 1


def test_each_command_without_an_id_is_its_own() -> None:
    """Who presses twice asks twice."""
    first, second = (command_request(ChannelId("a/b"), {"value": 1}) for _ in range(2))
    assert first["request_id"] != second["request_id"]


async def test_a_client_that_leaves_does_not_stop_its_command(tmp_path: Path) -> None:
    """It takes its course at the desk; only the waiting ends."""
    slow = SlowDesk()
    async with open_room(tmp_path, submit=slow.submit) as room:
        asking = asyncio.create_task(room.post(PUMP, {"value": 1}))
        await asyncio.wait_for(slow.began.wait(), 5)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await asyncio.wait_for(slow.was_left.wait(), 5)


@dataclass
class SlowDesk:
    """A desk that never answers, and notes who stopped waiting."""

    began: asyncio.Event = field(default_factory=asyncio.Event)
    was_left: asyncio.Event = field(default_factory=asyncio.Event)

    async def submit(self, command: Command) -> Outcome:
        self.began.set()
        try:
            await asyncio.get_running_loop().create_future()
            return Outcome(Status.DONE)
        finally:
            self.was_left.set()


async def test_events_tell_readings_and_outputs_as_they_change(room: Room) -> None:
    """A command from elsewhere is seen on every page."""
    async with room.session.get(room.address + "api/events") as stream:
        assert stream.content_type == "text/event-stream"
        assert await next_event(stream.content, "health")
        await room.post(PUMP, {"value": "on"})
        seen: dict[str, bool] = {}
        while not seen.get("pump/relay"):
            outputs = await next_event(stream.content, "outputs")
            seen = {each["channel"]: each["value"] for each in outputs}
        (reading, *_) = await next_event(stream.content, "readings")
        assert reading["channel"]


async def test_the_seventeenth_page_is_told_to_wait(room: Room) -> None:
    """503 with a sentence; it is let in when another one closes."""
    streams = [await room.session.get(room.address + "api/events") for _ in range(16)]
    assert "too many" in (await room.get("api/events", 503))["error"]
    streams[0].close()
    async with asyncio.timeout(5):
        while True:
            async with room.session.get(room.address + "api/events") as stream:
                if stream.status == 200:
                    break
    for each in streams:
        each.close()


async def test_metrics_are_text(room: Room) -> None:
    """With this gateway's devices."""
    async with room.session.get(room.address + "metrics") as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        text = await answer.text()
    assert 'gatewayd_device_up{device="hall",driver="sim"} 1' in text
    assert 'gatewayd_output_safe{channel="pump/relay"} 1' in text


async def test_healthz_is_200_and_503_with_the_reason(room: Room) -> None:
    """What the watchdog is fed by."""
    assert await room.get("healthz") == {"is_ok": True, "reason": None}
    room.gateway.lookout.pulse.beats["outbox"] = asyncio.get_running_loop().time() - 100
    told = await room.get("healthz", 503)
    assert "outbox made no progress" in told["reason"]


async def test_a_gateway_that_cannot_say_how_it_is_is_not_healthy(tmp_path: Path) -> None:
    """503 as well."""

    async def status() -> Json:
        raise OutboxError("no log")

    async with open_room(tmp_path, status=status) as room:
        assert (await room.get("healthz", 503))["reason"] == "no log"
        assert await room.get("api/status", 503) == {"error": "no log"}
        assert await room.get("metrics", 503) == {"error": "no log"}


async def test_a_long_log_is_counted_in_the_background(tmp_path: Path) -> None:
    """Who asks is told how far it is, and when to ask again."""

    async def never() -> Mapping[str, Balance]:
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    async with open_room(tmp_path, ledger=never, counted=lambda: 0.43) as room:
        told = await room.session.get(f"{room.address}api/ledger")
        assert (told.status, told.headers["Retry-After"]) == (503, "5")
        assert await told.json() == {"error": "the log is being counted, 43%; ask again"}
