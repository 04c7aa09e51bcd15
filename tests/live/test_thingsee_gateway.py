"""The whole daemon against the Thingsee sandbox on a bad day: order, repeats, tokens, clocks.

A counter speaks on a socket, a simulated relay lives in a file; commands come down the link, or
out of the log where there is no downlink.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any

import pytest

from gatewayd.clock import SystemClock
from gatewayd.clouds.thingsee.codec import Event, Json, Message
from gatewayd.clouds.thingsee.rest import Rest, RestSettings, open_rest
from gatewayd.clouds.thingsee.rest_types import Selection
from gatewayd.clouds.thingsee.sandbox import Sandbox, SandboxSettings, open_sandbox
from gatewayd.clouds.thingsee.tokens import Credentials
from gatewayd.fields import Secret
from tests.live.counter import Counter, counting
from tests.live.daemon import Daemon, House, until

GW, COUNTER, PUMP = "XXGD01GATEWAY0001", "XXGD02COUNTER0001", "XXGD02PUMP0000001"
UPLINK = "thingsee"
RELAY = 1402
HOUR_MS = 3_600_000
ANSWER_S = 15.0


@dataclass
class Works:
    """Everything that is plugged together."""

    house: House
    sandbox: Sandbox
    app: Rest
    counter: Counter

    @property
    def is_on(self) -> bool:
        """What the relay itself is."""
        state: dict[str, bool] = json.loads((self.house.folder / "pump.json").read_text())
        return state["relay"]

    def numbers(self) -> list[Any]:
        """Return the values that the cloud has of the counter, in its order of time."""
        found = self.sandbox.world.history.of(COUNTER, Selection(message_ids=(13100,)))
        return [each.fields["moveCount"] for each in reversed(found)]

    def answers(self, thing: str, id: int) -> list[Message]:
        """Return everything that answers a command, as it came, repeats and all."""
        return [
            each.message
            for each in self.sandbox.journal.arrivals
            if (each.message.thing, each.message.id) == (thing, id)
            and each.message.event in (Event.CONFIG_RESPONSE, Event.COMMAND_RESPONSE)
        ]

    def broken_rules(self) -> set[str]:
        """Return what the sandbox found wrong with the gateway."""
        return {each.rule for each in self.sandbox.journal.violations if not each.is_note}

    async def switch(self, on: bool, transaction: int) -> Message:  # As an app has it.
        """Move the pump through the API and return the answer that comes back."""
        await self.app.things.send(PUMP, [switching(on, transaction)])
        return await self.answer(PUMP, RELAY, transaction)

    async def answer(self, thing: str, id: int, transaction: int) -> Message:
        """Wait for the answer to a command."""

        def found() -> list[Message]:
            return [each for each in self.answers(thing, id) if each.transaction == transaction]

        await until(found, f"an answer to {transaction}", ANSWER_S)
        return found()[0]

    async def wait_counted(self, daemon: Daemon) -> None:
        """Let the counter fall silent; everything that it said is in the cloud, in order."""
        self.counter.is_speaking = False
        last = self.counter.sessions[-1].last
        await until(lambda: self.numbers()[-1:] == [last], "the last number", 60)
        line = await daemon.wait_drained(UPLINK)
        assert line["dropped"] == {}
        numbers = self.numbers()
        assert numbers[0] - self.counter.sessions[0].first < 40
        assert numbers == list(range(int(numbers[0]), last + 1))


def switching(on: bool, transaction: int) -> Message:  # As an app has it.
    """Return the command that moves the pump."""
    payload = json.dumps({"channel": "relay", "state": int(on)})
    fields: dict[str, Json] = {
        "transactionId": transaction,
        "command": "RELAY",
        "payload": payload,
    }
    return Message(id=RELAY, event=Event.COMMAND_REQUEST, fields=fields)


@pytest.fixture
async def works(house: House) -> AsyncIterator[Works]:
    async with AsyncExitStack() as stack:
        settings = SandboxSettings(ports=0, tls=False, is_lenient=True)
        sandbox = await stack.enter_async_context(open_sandbox(settings))
        sandbox.provision(
            {
                "things": [
                    {"tuid": GW, "is_gateway": True, "key": "word"},
                    {"tuid": COUNTER, "gateway": GW},
                    {"tuid": PUMP, "gateway": GW},
                ]
            }
        )
        credentials = Credentials("sandbox", Secret("sandbox"))
        rest = RestSettings(url=sandbox.api_url, credentials=credentials)
        app = await stack.enter_async_context(open_rest(rest, SystemClock()))
        counter = await stack.enter_async_context(counting())
        house.devices = {
            "counter": counter.settings(),
            "pump": {
                "driver": "sim_relay",
                "safe": "off",
                "hold_max": "1h",
                "state_file": str(house.folder / "pump.json"),
            },
        }
        sensors: dict[str, Any] = {name: {"skip": True} for name in counter.channels[1:]}
        sensors[counter.channels[0]] = {"message": 13100, "field": "moveCount"}
        house.uplinks[UPLINK] = {
            "kind": "thingsee",
            "host": "127.0.0.1",
            "port": sandbox.mqtt_port,
            "tls": False,
            "username": GW,
            "password": "word",
            "gateway_tuid": GW,
            "report_interval": "100ms",
            "reconnect_min": "100ms",
            "ack_timeout": "2s",
            "things": {"counter": COUNTER, "pump": PUMP},
            "sensors": sensors,
        }
        yield Works(house, sandbox, app, counter)


def by_log(works: Works) -> None:
    """Have the daemon report by POST and read its commands out of the log."""
    uplink = works.house.uplinks[UPLINK]
    for name in ("host", "port", "tls", "username", "password"):
        uplink.pop(name)
    uplink |= {
        "http_uplink_url": works.sandbox.uplink_url(GW),
        "http_headers": {"Authorization": "Bearer word"},
        "rest_url": works.sandbox.api_url,
        "client_id": "sandbox",
        "client_secret": "sandbox",
        "poll_interval": "1s",
    }


async def test_readings_arrive_in_order_whatever_breaks(works: Works) -> None:
    """A lost acknowledgement, a cut connection: every number once, and no rule broken."""
    async with works.house.daemon() as daemon:
        await daemon.wait_up(UPLINK, "counter")
        await until(lambda: len(works.numbers()) > 100, "readings arrive")
        works.sandbox.broker.faults.lose_ack = 1
        await daemon.wait_reconnected(UPLINK, 0)
        seen = len(works.numbers())
        await until(lambda: len(works.numbers()) > seen + 100, "more arrive", 30)
        works.sandbox.kill(GW)
        await daemon.wait_reconnected(UPLINK, 1)
        await works.wait_counted(daemon)
    assert works.sandbox.journal.counts["repeats"] > 0
    assert not works.broken_rules()


async def test_a_repeated_transaction_acts_once(works: Works) -> None:
    """Doubled on the way, or said again after another command: answered, and no movement."""
    async with works.house.daemon() as daemon:
        await daemon.wait_up(UPLINK)
        works.sandbox.orders.downlink.faults.duplicate = 1
        assert (await works.switch(True, 1)).fields["result"] == 0
        assert (await works.switch(False, 2)).fields["result"] == 0
        answered = len(works.answers(PUMP, RELAY))
        [old, _] = works.sandbox.world.things[PUMP].commands
        assert works.sandbox.orders.send(GW, [old.command]) == 1
        await until(lambda: len(works.answers(PUMP, RELAY)) > answered, "it is answered again")
        assert not works.is_on
        assert len((await daemon.ask("status"))["commands"]) == 2
    first, *_, last = works.answers(PUMP, RELAY)
    assert (last.transaction, last.fields) == (1, first.fields)


async def test_a_lost_command_moves_nothing_and_the_next_one_does(works: Works) -> None:
    """Nobody says that it was done; sent again under a number of its own it is."""
    async with works.house.daemon() as daemon:
        await daemon.wait_up(UPLINK)
        works.sandbox.orders.downlink.faults.lose = 1
        await works.app.things.send(PUMP, [switching(True, 1)])
        assert (await works.switch(True, 2)).fields["result"] == 0
        assert works.is_on
        assert [each.transaction for each in works.answers(PUMP, RELAY)] == [2]


@pytest.mark.parametrize("trouble", ["expired", "revoked", "fast", "slow"])
async def test_no_command_is_lost_or_doubled_when_tokens_fail(works: Works, trouble: str) -> None:
    """In the middle of the run: the log is read on with a new token, each command acts once.

    With the cloud's clock an hour off, too, which dates the commands: the cloud says what it shows.
    """
    by_log(works)
    works.counter.is_speaking = False
    shift_ms = {"fast": HOUR_MS, "slow": -HOUR_MS}.get(trouble)
    if trouble == "expired":
        works.sandbox.world.settings = replace(works.sandbox.settings, token_s=2)
    async with works.house.daemon() as daemon:
        await daemon.wait_up(UPLINK)
        assert (await works.switch(True, 1)).fields["result"] == 0
        if trouble == "revoked":
            assert works.sandbox.world.revoke_tokens() >= 1
        works.sandbox.clock.shift_ms = shift_ms or 0
        counts = works.sandbox.journal.counts
        asked = counts["rest_requests"]
        await until(lambda: counts["rest_requests"] > asked + 9, "the log is read on")
        assert (await works.switch(False, 2)).fields["result"] == 0
        assert not works.is_on
        works.sandbox.clock.shift_ms = 0
        asked = counts["rest_requests"]
        await until(lambda: counts["rest_requests"] > asked + 9, "the log is read on")
        assert (await works.switch(True, 3)).fields["result"] == 0
        done = (await daemon.ask("status"))["commands"]
        assert [each["outcome"] for each in done] == ["done"] * 3
    assert [each.transaction for each in works.answers(PUMP, RELAY)] == [1, 2, 3]


async def test_what_was_done_is_not_done_again_after_a_kill(works: Works) -> None:
    """The log shows it for minutes still; only what nobody has answered is carried out."""
    by_log(works)
    works.counter.is_speaking = False
    async with works.house.daemon() as daemon:
        await daemon.wait_up(UPLINK)
        assert (await works.switch(True, 1)).fields["result"] == 0
        await until((works.house.state / "uplinks" / UPLINK / "answered.json").exists, "kept")
        daemon.kill()
    await works.app.things.send(PUMP, [switching(True, 2)])
    async with works.house.daemon() as daemon:
        await works.answer(PUMP, RELAY, 2)
        done = (await daemon.ask("status"))["commands"]
        assert [each["outcome"] for each in done] == ["done"]
    assert [each.transaction for each in works.answers(PUMP, RELAY)] == [1, 2]


async def test_a_revoked_key_is_said_and_nothing_is_lost(works: Works) -> None:
    """The daemon lives on; with the key back everything arrives."""
    async with works.house.daemon() as daemon:
        await daemon.wait_up(UPLINK, "counter")
        await until(lambda: len(works.numbers()) > 50, "readings arrive")
        works.sandbox.world.things[GW].key = "another"
        works.sandbox.kill(GW)
        async with asyncio.timeout(20):
            while (await daemon.edge("uplinks", UPLINK))["is_up"]:  # noqa: ASYNC110  # Asked for.
                await asyncio.sleep(0.01)
        assert "word" not in json.dumps(await daemon.edge("uplinks", UPLINK))
        works.sandbox.world.things[GW].key = "word"
    async with works.house.daemon() as daemon:
        await daemon.wait_up(UPLINK)
        again = works.counter.sessions
        await until(lambda: len(again) > 1 and again[-1].last > again[-1].first + 100, "counted")
        works.counter.is_speaking = False
        last = again[-1].last
        await until(lambda: works.numbers()[-1:] == [last], "the last number", 60)
        numbers = works.numbers()
        assert set(range(int(numbers[0]), again[0].last - 100)) <= {*numbers}
        assert numbers == sorted(numbers)
