"""Commands through the API: sent, logged, refused; and the answers of a sensor that is played."""

from __future__ import annotations

import asyncio

import pytest

from gatewayd.clouds.thingsee.codec import Message
from gatewayd.clouds.thingsee.rest import Rest
from gatewayd.clouds.thingsee.rest_errors import NotFound, ThingseeError
from gatewayd.clouds.thingsee.rest_types import Selection
from gatewayd.clouds.thingsee.sandbox import Sandbox
from tests.clouds.thingsee.rest.scene import CLIENT, GW, PLAYED, SENSOR, Api

ANSWER_S = 5.0
RELAY = {"tsmId": 1402, "tsmEv": 35, "command": "RELAY", "payload": "{}"}
PIR = Message(id=13200, event=30, fields={"transactionId": 7, "threshold": 20})


async def test_a_command_gets_time_and_addressee(api: Rest, sandbox: Sandbox) -> None:
    """And is answered at once, whoever listens."""
    command = Message(id=1500, event=30, fields={"transactionId": 42, "reportInterval": 3600})
    sent = await api.things.send(SENSOR, [command])
    assert sent.responsible == CLIENT
    [passed] = sent.commands
    assert (passed.destination, passed.thing, passed.transaction) == (SENSOR, "", 42)
    assert passed.time_s == pytest.approx(sandbox.world.now_s(), abs=2)


async def test_the_log_is_chronological_and_selected(api: Rest, sandbox: Sandbox) -> None:
    """The newest N of what is meant, oldest first."""
    first_s = sandbox.world.now_s()
    for number, id in enumerate((1500, 13200, 1500)):
        sandbox.clock.shift_ms = 10_000 * number
        await api.things.send(SENSOR, [Message(id=id, event=30, fields={"transactionId": number})])

    async def numbers(**asked: object) -> list[object]:
        found = await api.things.commands(SENSOR, Selection(**asked))  # type: ignore[arg-type]  # The caller's.
        return [each.command.fields["transactionId"] for each in found]

    assert await numbers() == [0, 1, 2]
    assert await numbers(limit=1) == [2]
    assert await numbers(limit=0) == [0, 1, 2]
    assert await numbers(message_ids=(1500,), event_ids=(30,)) == [0, 2]
    assert await numbers(from_s=first_s + 5, to_s=first_s + 15) == [1]
    [last] = await api.things.commands(SENSOR, Selection(limit=1))
    assert (last.tuid, last.responsible) == (SENSOR, CLIENT)


@pytest.mark.parametrize("id", [1402, 17110, 12211])
async def test_the_documented_commands_are_admitted_and_no_others(
    api: Rest, sandbox: Sandbox, id: int
) -> None:
    """400 where the cloud is strict, 200 where it is lenient."""
    command = Message(id=id, event=30, fields={})
    with pytest.raises(ThingseeError, match=f"400.*{id} is not allowed"):
        await api.things.send(SENSOR, [command])
    assert await api.things.commands(SENSOR) == ()
    sandbox.provision({"lenient": True})
    assert len((await api.things.send(SENSOR, [command])).commands) == 1


@pytest.mark.parametrize("id", [1500, 1501, 12200, 13200])
async def test_each_documented_command_is_admitted(api: Rest, id: int) -> None:
    """Four of them."""
    assert len((await api.things.send(SENSOR, [Message(id=id, event=30)])).commands) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"[",
        {},
        [],
        [1],
        [{}],
        [{"tsmId": 1500}],
        [{"tsmEv": 30}],
        [{"tsmId": "1500", "tsmEv": 30}],
        [{"tsmId": 1500, "tsmEv": 30, "transactionId": 2**31}],
        [{"tsmId": 1500, "tsmEv": 30, "transactionId": "7"}],
        [{"tsmId": 1500, "tsmEv": 30, "tsmDstTuid": "TSPR04SOMEBODY"}],
        [{"tsmId": 1500, "tsmEv": 30}, RELAY],
    ],
)
async def test_a_bad_command_is_refused_whole(raw: Api, sandbox: Sandbox, body: object) -> None:
    """And nothing of it is sent."""
    reply = await raw.post(f"/things/{SENSOR}/commands", body)
    assert (reply.status, reply.body["error"]) == (400, "Bad Request")
    assert not sandbox.world.things[SENSOR].commands


async def test_an_addressee_that_is_the_path_may_be_named(raw: Api) -> None:
    """The vendor's app does so."""
    body = [{"tsmId": 1500, "tsmEv": 30, "tsmDstTuid": SENSOR}]
    assert (await raw.post(f"/things/{SENSOR}/commands", body)).status == 200


async def test_a_command_to_nobody_is_not_found(api: Rest) -> None:
    """By either endpoint."""
    with pytest.raises(NotFound):
        await api.things.send("TSPR04NOBODY", [PIR])
    with pytest.raises(NotFound):
        await api.things.send_each([Message(id=1500, event=30, destination="TSPR04NOBODY")])


async def test_commands_go_by_their_addressees_too(api: Rest) -> None:
    """The other endpoint splits an array."""
    both = [Message(id=1500, event=30, destination=tuid) for tuid in (SENSOR, PLAYED)]
    sent = await api.things.send_each(both)
    assert [each.destination for each in sent.commands] == [SENSOR, PLAYED]
    for tuid in (SENSOR, PLAYED):
        assert len(await api.things.commands(tuid)) == 1


@pytest.mark.parametrize(("asked", "is_so"), [(20, 60), (5000, 1100), (0, 150), (200, 200)])
async def test_a_played_sensor_answers_with_all_its_settings(
    api: Rest, sandbox: Sandbox, asked: int, is_so: int
) -> None:
    """Clamped values as they are; the answer is a message, and has the transaction."""
    fields = {"transactionId": 7, "threshold": asked}
    await api.things.send(PLAYED, [Message(id=13200, event=30, fields=fields)])
    answer = await answered(api, 31)
    assert answer.fields == {
        "transactionId": 7,
        "threshold": is_so,
        "enableLed": 0,
        "mode": 0,
        "passiveReportInterval": 3600,
    }
    assert (answer.id, answer.thing, answer.destination, answer.gateway) == (
        13200,
        PLAYED,
        "",
        GW,
    )
    assert sandbox.journal.counts["answers"] == 1
    assert not sandbox.journal.violations


async def test_an_empty_request_reads_the_settings(api: Rest) -> None:
    """And changes nothing; without a transaction the answer has none."""
    await api.things.send(PLAYED, [PIR])
    await answered(api, 31)
    await api.things.send(PLAYED, [Message(id=13200, event=30)])
    async with asyncio.timeout(ANSWER_S):
        while True:
            found = await api.things.messages(PLAYED, Selection(event_ids=(31,), limit=0))
            if answers := [each for each in found if each.transaction is None]:
                break
    assert answers[0].fields["threshold"] == 60


async def test_a_played_sensor_does_not_do_relays(api: Rest, sandbox: Sandbox) -> None:
    """Result -2 is "unsupported"."""
    sandbox.provision({"lenient": True})
    fields = {"command": "RELAY", "payload": "{}"}
    await api.things.send(PLAYED, [Message(id=1402, event=35, fields=fields)])
    assert (await answered(api, 36)).fields == {"result": -2, "payload": ""}


async def test_a_played_sensor_is_asked_for_a_message(api: Rest, sandbox: Sandbox) -> None:
    """The last of its kind, or that there is none."""
    sandbox.provision({"lenient": True})
    now_s = sandbox.world.now_s() - 60
    sandbox.inject(
        [Message(id=1110, event=10, time_s=now_s, thing=PLAYED, gateway=GW, fields={"batl": 74})],
        GW,
    )
    await api.things.send(PLAYED, [Message(id=1101, event=32, fields={"requestTsmId": 1110})])
    answer = await answered(api, 33)
    assert (answer.id, answer.fields) == (1110, {"batl": 74})
    await api.things.send(PLAYED, [Message(id=1101, event=32, fields={"requestTsmId": 1112})])
    async with asyncio.timeout(ANSWER_S):
        while not await api.things.messages(PLAYED, Selection(message_ids=(1102,), limit=1)):
            pass


async def answered(api: Rest, event: int) -> Message:
    """Return the newest answer of the played sensor, once there is one."""
    async with asyncio.timeout(ANSWER_S):
        while True:
            found = await api.things.messages(PLAYED, Selection(event_ids=(event,), limit=1))
            if found:
                return found[0]
