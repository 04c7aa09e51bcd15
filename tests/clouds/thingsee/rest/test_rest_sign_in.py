"""Tokens: got, kept privately, renewed in time, on refusal once; and what they do not survive."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gatewayd.clock import SystemClock
from gatewayd.clouds.thingsee.codec import Message
from gatewayd.clouds.thingsee.rest import Rest, RestSettings, open_rest
from gatewayd.clouds.thingsee.rest_errors import Denied, ServerFailed, ThingseeError
from gatewayd.clouds.thingsee.rest_types import Selection
from gatewayd.clouds.thingsee.sandbox import Sandbox
from gatewayd.clouds.thingsee.tokens import Credentials, TokenFile
from gatewayd.errors import LinkDenied
from gatewayd.fields import Secret
from gatewayd.sandbox.faults import RestFault
from gatewayd.testing.clock import SimulatedClock
from tests.clouds.thingsee.rest.scene import CLIENT, PLAYED, SECRET, SENSOR, Api

GOOD = Credentials(CLIENT, Secret(SECRET))
HOUR_MS = 3_600_000


async def test_a_client_gets_a_token(anonymous: Api) -> None:
    """In `data`, and it opens the door."""
    reply = await anonymous.post(
        "/auth/client-token", {"client_id": CLIENT, "client_secret": SECRET}
    )
    assert reply.status == 200
    [name] = reply.data
    assert name == "token"
    assert (await anonymous.bearing(reply.data["token"]).get("/groups")).status == 200


@pytest.mark.parametrize("body", [{"client_id": CLIENT, "client_secret": "x"}, {"client_id": "x"}])
async def test_wrong_credentials_get_none(anonymous: Api, body: dict[str, str]) -> None:
    """A wrong secret is 401 with an object that says so, a missing one 400."""
    reply = await anonymous.post("/auth/client-token", body)
    assert reply.status == (401 if "client_secret" in body else 400)
    assert reply.body["statusCode"] == reply.status
    assert reply.body["error"] in ("Unauthorized", "Bad Request")
    assert reply.body["message"]


async def test_wrong_credentials_are_denied(sandbox: Sandbox) -> None:
    """The client says whose turn it is, and not the secret."""
    wrong = Credentials(CLIENT, Secret("geheim-wrong"))
    settings = RestSettings(url=sandbox.api_url, credentials=wrong)
    async with open_rest(settings, SystemClock()) as api:
        with pytest.raises(Denied) as caught:
            await api.groups.all()
    assert isinstance(caught.value, LinkDenied)
    assert "geheim" not in str(caught.value)


async def test_without_credentials_and_token_the_user_is_told_what_to_do(sandbox: Sandbox) -> None:
    """Login."""
    async with open_rest(RestSettings(url=sandbox.api_url), SystemClock()) as api:
        with pytest.raises(LinkDenied, match="gatewayd cloud thingsee login"):
            await api.groups.all()


@pytest.mark.parametrize("token", ["", "none of yours"])
async def test_without_a_good_token_no_door_opens(anonymous: Api, token: str) -> None:
    """401, an object."""
    api = anonymous.bearing(token) if token else anonymous
    reply = await api.get("/groups")
    assert (reply.status, reply.body["error"]) == (401, "Unauthorized")


async def test_several_tokens_are_good_at_once(anonymous: Api, sandbox: Sandbox) -> None:
    """A new one does not end those before."""
    client = sandbox.world.clients[CLIENT]
    tokens = [sandbox.world.issue_token(client) for _ in range(3)]
    assert len({*tokens}) == 3
    for token in tokens:
        assert (await anonymous.bearing(token).get("/groups")).status == 200


async def test_a_token_ends_after_fifteen_minutes(raw: Api, sandbox: Sandbox) -> None:
    """Good a second before, 401 then."""
    sandbox.clock.shift_ms = 899_000
    assert (await raw.get("/groups")).status == 200
    sandbox.clock.shift_ms = 901_000
    assert (await raw.get("/groups")).status == 401


async def test_one_token_does_for_many_calls(api: Rest, sandbox: Sandbox) -> None:
    """The API is not asked for one before every call, nor by several callers at once."""
    await asyncio.gather(*(api.groups.all() for _ in range(10)))
    assert len(sandbox.world.tokens) == 1


async def test_an_expired_token_is_renewed_and_the_command_goes_once(
    api: Rest, sandbox: Sandbox
) -> None:
    """Mid-run: the refused call was not carried out, so it may be repeated."""
    await api.groups.all()
    sandbox.clock.shift_ms = 16 * 60_000
    sent = await api.things.send(PLAYED, [interval(7)])
    assert len(sent.commands) == 1
    assert len(await api.things.commands(PLAYED)) == 1


async def test_a_revoked_token_is_renewed_once(api: Rest, sandbox: Sandbox) -> None:
    """Every caller goes on, with one new token for all of them."""
    await api.groups.all()
    assert sandbox.world.revoke_tokens() == 1
    await asyncio.gather(*(api.things.send(PLAYED, [interval(n)]) for n in range(5)))
    assert len(sandbox.world.tokens) == 1
    logged = await api.things.commands(PLAYED)
    assert sorted(each.command.fields["transactionId"] for each in logged) == [0, 1, 2, 3, 4]  # type: ignore[type-var]  # Numbers.


async def test_a_token_that_is_refused_again_is_an_error(api: Rest, sandbox: Sandbox) -> None:
    """One renewal, no loop."""
    sandbox.rest_faults.add(RestFault(path="/groups", status=401, times=-1))
    with pytest.raises(Denied):
        await api.groups.all()
    assert sandbox.journal.counts["rest_faults"] == 2


async def test_a_forbidden_call_renews_nothing(api: Rest, sandbox: Sandbox) -> None:
    """403 is about rights, and another token has no others."""
    sandbox.rest_faults.add(RestFault(path="/groups", status=403, times=-1))
    with pytest.raises(Denied) as caught:
        await api.groups.all()
    assert caught.value.status == 403
    assert sandbox.journal.counts["rest_faults"] == 1


async def test_a_lost_answer_repeats_no_command(api: Rest, sandbox: Sandbox) -> None:
    """The command may have been carried out; whoever asked decides."""
    fault = RestFault(path="/commands", method="POST", status=504, after=True)
    sandbox.rest_faults.add(fault)
    with pytest.raises(ServerFailed):
        await api.things.send(PLAYED, [interval(1)])
    assert len(await api.things.commands(PLAYED)) == 1


@pytest.mark.parametrize("shift_ms", [-HOUR_MS, HOUR_MS])
async def test_a_cloud_whose_clock_is_wrong_by_an_hour_is_served(
    api: Rest, sandbox: Sandbox, shift_ms: int
) -> None:
    """Whatever it thinks of our token, the command goes once."""
    await api.groups.all()
    sandbox.clock.shift_ms = shift_ms
    await api.things.send(SENSOR, [interval(3)])
    sandbox.clock.shift_ms = 0
    assert len(await api.things.commands(SENSOR)) == 1


@pytest.mark.parametrize("shift_ms", [-HOUR_MS, HOUR_MS])
async def test_our_own_clock_wrong_by_an_hour_costs_one_token(
    sandbox: Sandbox, tmp_path: Path, shift_ms: int
) -> None:
    """A kept token of another hour is replaced; within a process the clock may jump."""
    clock = SimulatedClock()
    settings = RestSettings(url=sandbox.api_url, credentials=GOOD, token_file=tmp_path / "t.json")
    async with open_rest(settings, clock) as api:
        await api.groups.all()
        clock.jump(shift_ms)
        await api.groups.all()
        assert len(sandbox.world.tokens) == 1
    async with open_rest(settings, clock) as api:
        await api.groups.all()
    assert len(sandbox.world.tokens) == 2


async def test_the_token_is_kept_privately_for_the_next_run(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """Mode 0600, used without asking for another."""
    path = tmp_path / "uplinks" / "token.json"
    settings = RestSettings(url=sandbox.api_url, credentials=GOOD, token_file=path)
    for _ in range(2):
        async with open_rest(settings, SystemClock()) as api:
            await api.groups.all()
    assert len(sandbox.world.tokens) == 1
    assert path.stat().st_mode & 0o777 == 0o600
    assert TokenFile(path, "https://elsewhere.example").read() is None


async def test_a_kept_token_does_without_credentials_until_it_is_refused(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """And then the user is told to log in."""
    path = tmp_path / "token.json"
    settings = RestSettings(url=sandbox.api_url, token_file=path)
    async with open_rest(settings, SystemClock()) as api:
        await api.sign_in(GOOD)
    async with open_rest(settings, SystemClock()) as api:
        await api.groups.all()
        sandbox.world.revoke_tokens()
        with pytest.raises(LinkDenied, match="was refused; get one with"):
            await api.groups.all()


async def test_nothing_of_a_token_is_in_a_repr(sandbox: Sandbox, tmp_path: Path) -> None:
    """Nor of the credentials."""
    settings = RestSettings(url=sandbox.api_url, credentials=GOOD, token_file=tmp_path / "t")
    async with open_rest(settings, SystemClock()) as api:
        token = await api.sign_in(GOOD)
    assert token.access.reveal() not in repr(token)
    assert SECRET not in repr(settings)


async def test_a_selection_without_a_limit_is_refused(api: Rest) -> None:
    """By the cloud, in its words."""
    with pytest.raises(ThingseeError, match="limit is required") as caught:
        await api.things.messages(SENSOR, Selection())
    assert caught.value.status == 400


def interval(transaction: int) -> Message:
    """Return a command that every sensor takes."""
    fields = {"transactionId": transaction, "reportInterval": 60}
    return Message(id=1500, event=30, fields=fields)
