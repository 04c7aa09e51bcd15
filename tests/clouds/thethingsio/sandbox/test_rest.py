"""The sandbox is as lenient as real clients need it, and words things as the vendor does."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewayd.clock import SystemClock
from gatewayd.clouds.thethingsio.sandbox import Sandbox, SandboxSettings
from gatewayd.clouds.thethingsio.sandbox.hub import Hub
from gatewayd.clouds.thethingsio.sandbox.intake import Intake
from gatewayd.clouds.thethingsio.sandbox.journal import Journal
from gatewayd.clouds.thethingsio.sandbox.world import World
from gatewayd.sandbox.clock import MovableClock
from gatewayd.sandbox.errors import ApiError
from gatewayd.sandbox.faults import RestFault
from gatewayd.transports.mqtt_packets import Message
from tests.clouds.thethingsio.sandbox.conftest import CODE, TOKEN, Api

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
WRITE = {"values": [{"key": "LED", "value": "ON"}]}


async def test_the_root_is_the_documented_sign_of_life(api: Api) -> None:
    """To the letter."""
    got = await api("GET", "/v2/")
    assert (got.status, got.type) == (401, "application/json; charset=utf-8")
    assert got.text == '{"status":"error","code":401,"message":"Invalid session token"}'


async def test_an_activation_says_what_vendor_clients_insist_on(api: Api) -> None:
    """`created`, with a slash at the end of the path."""
    got = await api("POST", "/v2/things/", {"activationCode": CODE, "productId": "p"})
    assert got.status == 201
    assert (got.body["status"], got.body["message"]) == ("created", "thing activated")
    assert len(got.body["thingToken"]) == 43


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({}, 400, "activationCode is required"),
        ({"activationCode": "x" * 34}, 404, "Activation code not found"),
        ("{", 400, "not JSON"),
        ("[]", 400, "no object"),
    ],
)
async def test_a_bad_activation_is_an_error_body(
    api: Api, body: object, status: int, message: str
) -> None:
    """Status, code and a sentence."""
    got = await api("POST", "/v2/things", body)
    assert (got.status, got.body["status"], got.body["code"]) == (status, "error", status)
    assert message in got.body["message"]


@pytest.mark.parametrize("path", ["/v2/things/{}", "/v2/things/{}/", "/v2//things/{}?"])
async def test_slashes_and_empty_queries_mean_nothing(api: Api, path: str) -> None:
    """The vendor's own clients send all of these."""
    got = await api("POST", path.format(TOKEN), WRITE)
    assert (got.status, got.text) == (201, '{"status":"created","message":"created"}')


async def test_a_form_is_a_write_too(api: Api) -> None:
    """As the vendor's first Arduino example posts it."""
    body = "values[0][key]=LED&values[0][value]=ON"
    assert (await api("POST", f"/v2/things/{TOKEN}", body, headers=FORM)).status == 201
    [row] = (await api("GET", f"/v2/things/{TOKEN}/resources/LED/?limit=5")).body
    assert (row["key"], row["value"]) == ("LED", "ON")
    assert row["datetime"].endswith("Z")


@pytest.mark.parametrize("body", ["x=1", "values=1", "values[0][value]=1", b"\xff"])
async def test_a_form_that_is_no_write_is_refused(api: Api, body: str | bytes) -> None:
    """400, and the sandbox lives on."""
    assert (await api("POST", f"/v2/things/{TOKEN}", body, headers=FORM)).status == 400


@pytest.mark.parametrize(
    "body",
    [
        "",
        "nonsense",
        '{"temp": 21}',
        '{"values": []}',
        '{"values": [{"temp": 21}]}',
        '{"values": [{"key": "a", "value": 1, "datetime": "soon"}]}',
        '{"values": [{"key": "a", "value": 1, "geo": {"lat": 100, "long": 0}}]}',
    ],
)
async def test_a_bad_write_is_400_and_told_in_the_journal(
    api: Api, sandbox: Sandbox, body: str
) -> None:
    """Nothing is taken."""
    assert (await api("POST", f"/v2/things/{TOKEN}", body)).status == 400
    assert sandbox.journal.messages[-1].accepted == 0
    assert sandbox.journal.counts["malformed"] == 1


async def test_too_many_values_at_once_are_refused(api: Api) -> None:
    """1001; a thousand are taken."""
    values = [{"key": "a", "value": number} for number in range(1001)]
    assert (await api("POST", f"/v2/things/{TOKEN}", {"values": values})).status == 400
    assert (await api("POST", f"/v2/things/{TOKEN}", {"values": values[:-1]})).status == 201


@pytest.mark.parametrize("limit", ["0", "-1", "x", "1e3", "9999999999"])
async def test_a_limit_that_is_none_is_refused(api: Api, limit: str) -> None:
    """400."""
    await api("POST", f"/v2/things/{TOKEN}", WRITE)
    assert (await api("GET", f"/v2/things/{TOKEN}/resources/LED?limit={limit}")).status == 400


@pytest.mark.parametrize(
    ("start", "count"),
    [
        ("20170116102510", 1),
        ("20170116T102510", 1),
        ("2017-01-16T10:25:10.644Z", 1),
        ("2017-01-16T10:25:10Z", 1),
        ("20170116102511", 0),
    ],
)
async def test_dates_come_in_all_the_forms_that_clients_send(
    api: Api, start: str, count: int
) -> None:
    """UTC, the start included."""
    entry = {"key": "t", "value": 1, "datetime": "2017-01-16T10:25:10.644Z"}
    await api("POST", f"/v2/things/{TOKEN}", {"values": [entry]})
    got = await api("GET", f"/v2/things/{TOKEN}/resources/t?limit=5&startDate={start}")
    assert len(got.body) == count


async def test_a_date_that_is_none_is_refused(api: Api) -> None:
    """400."""
    await api("POST", f"/v2/things/{TOKEN}", WRITE)
    assert (await api("GET", f"/v2/things/{TOKEN}/resources/LED?endDate=now")).status == 400


@pytest.mark.parametrize("path", ["/v2/nothing", "/v3/things", "/"])
async def test_other_paths_are_not_found(api: Api, path: str) -> None:
    """404, in the cloud's form."""
    got = await api("GET", path)
    assert (got.status, got.body["code"]) == (404, 404)


async def test_the_stream_is_chunk_by_chunk_what_vendor_clients_compare(
    api: Api, sandbox: Sandbox
) -> None:
    """One text a chunk, no newline; `{}` and nothing else after silence."""
    url = f"{sandbox.rest_url}/things/{TOKEN}?keepAlive=60"
    async with api.session.get(url) as stream, asyncio.timeout(5):
        chunks = stream.content.iter_chunks()
        assert await anext(chunks) == (b'{"status":"success","message":"subscribed"}', True)
        await api("POST", f"/v2/things/{TOKEN}", WRITE)
        assert await anext(chunks) == (b'[{"key":"LED","value":"ON"}]', True)
        assert await anext(chunks) == (b"{}", True)


@pytest.mark.parametrize("keep_alive", ["0", "x", "99999999"])
async def test_a_keep_alive_that_is_none_is_refused(api: Api, keep_alive: str) -> None:
    """400 and no stream."""
    got = await api("GET", f"/v2/things/{TOKEN}?keepAlive={keep_alive}")
    assert got.status == 400


async def test_a_stalled_stream_says_nothing(api: Api, sandbox: Sandbox) -> None:
    """Not even that it is one."""
    sandbox.hub.faults.is_stalled = True
    url = f"{sandbox.rest_url}/things/{TOKEN}?keepAlive=10"
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2), api.session.get(url) as stream:
            await stream.content.readany()


async def test_a_listener_that_leaves_is_forgotten(api: Api, sandbox: Sandbox) -> None:
    """The hub does not fill up."""
    async with api.session.get(f"{sandbox.rest_url}/things/{TOKEN}?keepAlive=10") as stream:
        await stream.content.readany()
        assert len(sandbox.hub.listeners) == 1
    async with asyncio.timeout(5):
        while sandbox.hub.listeners:  # noqa: ASYNC110 - The hub has no event for it.
            await asyncio.sleep(0.01)


async def test_app_writes_answer_in_the_guides_own_words(api: Api, sandbox: Sandbox) -> None:
    """`Success`/`Created` with capitals, `created` alone for magic resources."""
    token = (await api("POST", "/_sandbox/token")).body["token"]
    [thing] = sandbox.world.things.values()
    headers = {"Authorization": token}
    await api("POST", "/v2/me/things", {"thingToken": TOKEN}, headers=headers)
    body: dict[str, list[dict[str, object]]] = {"values": [{"value": 15}]}
    got = await api("POST", f"/v2/me/resources/t/{thing.id}", body, headers=headers)
    assert (got.status, got.text) == (201, '{"status":"Success","message":"Created"}')
    body = {"values": [{"value": [1, 2]}]}
    got = await api("POST", f"/v2/me/resources/$geo/{thing.id}", body, headers=headers)
    assert (got.status, got.text) == (201, '{"status":"created"}')
    got = await api("GET", "/v2/me/resources/t", headers=headers)
    assert list(got.body[thing.id][0]) == ["value", "datetime"]


async def test_unlinking_takes_the_id_in_any_place(api: Api, sandbox: Sandbox) -> None:
    """Path, query or body: the vendor does not say which."""
    token = (await api("POST", "/_sandbox/token")).body["token"]
    [thing] = sandbox.world.things.values()
    for path, body in (
        (f"/v2/me/things/{thing.id}", None),
        (f"/v2/me/things?thingId={thing.id}", None),
        ("/v2/me/things", {"thingId": thing.id}),
    ):
        headers = {"Authorization": token}
        await api("POST", "/v2/me/things", {"thingId": thing.id}, headers=headers)
        got = await api("DELETE", path, body, headers=headers)
        assert (got.status, got.body["message"]) == (200, "unlinked")
    assert (await api("DELETE", "/v2/me/things", {}, headers=headers)).status == 400


async def test_a_tag_has_three_spellings(api: Api) -> None:
    """`name`, `tag`, or a list of `tags`."""
    for body in ({"name": "a"}, {"tag": "b"}, {"tags": ["c", "d"]}):
        assert (await api("POST", f"/v2/things/{TOKEN}/tags", body)).status == 201
    found = (await api("GET", f"/v2/things/{TOKEN}/tags")).body["tags"]
    assert [each["name"] for each in found] == ["a", "b", "c", "d"]


async def test_any_status_can_be_had(api: Api, sandbox: Sandbox) -> None:
    """In the cloud's own form, before the work or after it."""
    sandbox.rest_faults.add(RestFault(status=503, method="POST", after=True))
    got = await api("POST", f"/v2/things/{TOKEN}", WRITE)
    assert (got.status, got.body["code"]) == (503, 503)
    assert sandbox.journal.counts["points_accepted"] == 1


async def test_a_body_without_end_is_refused(api: Api, sandbox: Sandbox) -> None:
    """400, not the machine's memory."""
    body = '{"values":[{"key":"a","value":"' + "x" * 5_000_000 + '"}]}'
    with contextlib.suppress(aiohttp.ClientError):  # Refused before all of it was sent.
        got = await api("POST", f"/v2/things/{TOKEN}", io.BytesIO(body.encode()))
        assert got.status == 400
    assert not sandbox.journal.messages


async def test_a_format_of_the_date_that_is_none_is_refused(api: Api) -> None:
    """400; the default is UTC."""
    path = f"/v2/utils/date/?thingToken={TOKEN}"
    got = await api("GET", path)
    assert got.body["values"] == [{"value": got.body["date"]}]
    assert (await api("GET", f"{path}&format=stardate")).status == 400


async def test_what_is_nested_too_deeply_is_refused(api: Api) -> None:
    """What is taken must be written out again."""
    deep = "[" * 200 + "]" * 200
    body = f'{{"values":[{{"key":"a","value":{deep}}}]}}'
    assert (await api("POST", f"/v2/things/{TOKEN}", body)).status == 400
    token = (await api("POST", "/_sandbox/token")).body["token"]
    headers = {"Authorization": token}
    got = await api("PUT", "/v2/me/settings", f'{{"a":{deep}}}', headers=headers)
    assert (got.status, got.body["code"]) == (400, 400)
    deep = "[" * 60 + "]" * 60
    body = f'{{"values":[{{"key":"$settings.{".".join("abcdefghij")}","value":{deep}}}]}}'
    assert (await api("POST", f"/v2/things/{TOKEN}", body)).status == 201
    assert (await api("GET", f"/v2/things/{TOKEN}/resources/$settings")).status == 200


@settings(max_examples=300)
@given(
    body=st.binary(max_size=60)
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(("values", "key", "value", "geo", "_id", "x")), inner)
        ),
    ).map(lambda value: json.dumps(value).encode())
)
def test_no_body_is_too_odd(body: bytes) -> None:
    """Whatever is written, the answer is a taken or a refused write, never a crash."""

    def publish(message: Message) -> int:
        return 0

    world = World(SandboxSettings(), MovableClock(SystemClock()))
    thing, journal = world.add_thing(), Journal(10, 1000)
    try:
        Intake(world, journal, Hub(), publish).take(thing, body, "http")
    except ApiError as error:
        assert error.status == 400
