"""Log-ins, refresh tokens, and sessions that end: nothing asked twice, nothing lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest

from gatewayd.clock import SystemClock
from gatewayd.clouds.jwt import read_claims
from gatewayd.clouds.thinger.rest import Rest, RestSettings, open_rest
from gatewayd.clouds.thinger.rest_errors import Denied, Invalid
from gatewayd.clouds.thinger.sandbox import Sandbox
from gatewayd.clouds.thinger.tokens import PasswordGrant, RefreshGrant
from gatewayd.errors import LinkDenied, LinkLost
from gatewayd.fields import Secret
from gatewayd.sandbox.clock import MovableClock
from gatewayd.sandbox.faults import RestFault
from tests.clouds.thinger.device import DEVICE, USER, Device

HOUR_MS = 3_600_000
GRANT = PasswordGrant(USER, Secret(USER))


class Ours(MovableClock, SystemClock):
    """The gateway's clock, which may be wrong."""

    def __init__(self) -> None:
        SystemClock.__init__(self)
        MovableClock.__init__(self, SystemClock())


@asynccontextmanager
async def opened(
    sandbox: Sandbox, folder: Path, grant: PasswordGrant | None = None, clock: Ours | None = None
) -> AsyncIterator[Rest]:
    settings = RestSettings(
        url=sandbox.rest_url, user=USER, token_file=folder / "session.json", grant=grant
    )
    async with open_rest(settings, clock or SystemClock()) as api:
        yield api


def asked(sandbox: Sandbox, what: str) -> int:
    """Return how many requests reached an endpoint."""
    return sum(what in each.what for each in sandbox.journal.messages if each.way == "rest")


async def test_a_password_brings_a_pair(sandbox: Sandbox, tmp_path: Path) -> None:
    """Two hours, and two months; kept for its owner only."""
    async with opened(sandbox, tmp_path) as api:
        session = await api.sign_in(GRANT)
        assert await api.devices.list()
    access = read_claims(session.access.reveal()) or {}
    assert set(access) == {"exp", "iat", "usr"}
    assert session.user == USER
    assert session.refresh is not None
    refresh = read_claims(session.refresh.reveal()) or {}
    assert set(refresh) == {"exp", "iat", "jti"}
    lives = [int(each["exp"]) - int(each["iat"]) for each in (access, refresh)]  # type: ignore[call-overload]  # JSON.
    assert lives == [7200, 60 * 86_400]
    assert (tmp_path / "session.json").stat().st_mode & 0o777 == 0o600


async def test_a_wrong_password_brings_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    """401 in the vendor's words, and no file."""
    async with opened(sandbox, tmp_path) as api:
        for user, word in ((USER, "wrong"), ("nobody", USER)):
            with pytest.raises(Denied, match="invalid username or password"):
                await api.sign_in(PasswordGrant(user, Secret(word)))
    assert not (tmp_path / "session.json").exists()


async def test_a_refresh_token_brings_a_new_pair(sandbox: Sandbox, tmp_path: Path) -> None:
    """Both are new, and the new ones work."""
    async with opened(sandbox, tmp_path) as api:
        first = await api.sign_in(GRANT)
        assert first.refresh is not None
        sandbox.clock.shift_ms += 1000
        second = await api.sign_in(RefreshGrant(first.refresh))
        assert second.access != first.access
        assert second.refresh != first.refresh
        assert await api.devices.list()


async def test_a_bad_refresh_token_brings_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    """401 in the vendor's words: one that is none, an access token, one that has ended."""
    async with opened(sandbox, tmp_path) as api:
        session = await api.sign_in(GRANT)
        assert session.refresh is not None
        for token in (Secret("a.b.c"), session.access):
            with pytest.raises(Denied, match="invalid refresh token"):
                await api.sign_in(RefreshGrant(token))
        sandbox.clock.shift_ms += 61 * 24 * HOUR_MS
        with pytest.raises(Denied, match="invalid refresh token"):
            await api.sign_in(RefreshGrant(session.refresh))


async def test_a_refresh_token_opens_nothing_else(sandbox: Sandbox, tmp_path: Path) -> None:
    """It is no access token."""
    async with opened(sandbox, tmp_path) as api:
        session = await api.sign_in(GRANT)
    settings = RestSettings(
        url=sandbox.rest_url, user=USER, token_file=tmp_path / "x", token=session.refresh
    )
    async with open_rest(settings, SystemClock()) as api:
        with pytest.raises(Denied):
            await api.devices.list()


async def test_a_log_in_of_no_kind_is_refused(sandbox: Sandbox, api: Rest) -> None:
    """400: neither password nor refresh token."""
    with pytest.raises(Invalid):
        await api.devices._calls.post("/oauth/token", {"grant_type": "magic"})


async def test_a_log_in_may_be_json(sandbox: Sandbox, api: Rest) -> None:
    """As newer servers describe it as well."""
    body = {"grant_type": "password", "username": USER, "password": USER}
    found = await api.devices._calls.post("/oauth/token", body)
    assert isinstance(found, dict)
    assert (found["expires_in"], found["token_type"], found["scope"]) == (7200, "bearer", None)


async def test_a_token_may_stand_in_the_address(sandbox: Sandbox, bad: Rest) -> None:
    """`?authorization=`; a header goes before it."""
    token = sandbox.doors.pair(sandbox.world.account(USER))["access_token"]
    path = f"/v1/users/{USER}/devices?authorization={token}"
    import aiohttp

    async with aiohttp.ClientSession() as session, session.get(sandbox.rest_url + path) as answer:
        assert answer.status == 200
    with pytest.raises(Denied):
        await bad.devices._calls.get(path)


async def test_a_token_that_ends_is_renewed(
    sandbox: Sandbox, tmp_path: Path, device: Device
) -> None:
    """By the refresh token alone; the command that met its end is carried out once."""
    async with opened(sandbox, tmp_path) as api:
        await api.sign_in(GRANT)
        for hours in (0, 3, 6):
            sandbox.clock.shift_ms = hours * HOUR_MS
            await api.devices.resources(DEVICE).write("relay", hours)
    assert [each.payload for each in device.runs] == [0, 3, 6]
    assert asked(sandbox, "/oauth/token") == 3


async def test_a_token_is_renewed_before_it_ends(sandbox: Sandbox, tmp_path: Path) -> None:
    """By our own clock: no request is refused on the way."""
    ours = Ours()
    async with opened(sandbox, tmp_path, clock=ours) as api:
        await api.sign_in(GRANT)
        sandbox.clock.shift_ms = ours.shift_ms = 2 * HOUR_MS
        await api.devices.list()
    assert asked(sandbox, "/oauth/token") == 2
    assert asked(sandbox, "/devices") == 1


@pytest.mark.parametrize("hours", [-1, 1, -3, 3])
async def test_a_clock_that_is_wrong_costs_nothing(
    sandbox: Sandbox, tmp_path: Path, device: Device, hours: int
) -> None:
    """The difference is taken from each token's issue; three commands, one log-in."""
    ours = Ours()
    ours.shift_ms = hours * HOUR_MS
    async with opened(sandbox, tmp_path, clock=ours) as api:
        await api.sign_in(GRANT)
        for value in range(3):
            await api.devices.resources(DEVICE).write("relay", value)
    assert [each.payload for each in device.runs] == [0, 1, 2]
    assert asked(sandbox, "/oauth/token") == 1


@pytest.mark.parametrize("hours", [-1, 1, -3, 3])
async def test_a_clock_that_jumps_costs_one_renewal(
    sandbox: Sandbox, tmp_path: Path, device: Device, hours: int
) -> None:
    """Also when the cloud's time is another one by then."""
    ours = Ours()
    async with opened(sandbox, tmp_path, clock=ours) as api:
        await api.sign_in(GRANT)
        ours.shift_ms = hours * HOUR_MS
        for value in range(3):
            await api.devices.resources(DEVICE).write("relay", value)
        sandbox.clock.shift_ms = 3 * HOUR_MS
        await api.devices.resources(DEVICE).write("relay", 3)
    assert [each.payload for each in device.runs] == [0, 1, 2, 3]
    assert asked(sandbox, "/oauth/token") <= 3


async def test_a_file_read_with_a_wrong_clock_is_renewed_once(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """A gateway that wakes up three hours ahead."""
    async with opened(sandbox, tmp_path) as api:
        await api.sign_in(GRANT)
    ours = Ours()
    ours.shift_ms = 3 * HOUR_MS
    async with opened(sandbox, tmp_path, clock=ours) as api:
        await api.devices.list()
        await api.devices.list()
    assert asked(sandbox, "/oauth/token") == 2


async def test_a_revoked_token_is_renewed(sandbox: Sandbox, tmp_path: Path, device: Device) -> None:
    """The refused command was not carried out; its repetition is, once."""
    async with opened(sandbox, tmp_path) as api:
        await api.sign_in(GRANT)
        sandbox.doors.revoke_access()
        await api.devices.resources(DEVICE).write("relay", True)
    assert len(device.runs) == 1


async def test_when_all_is_revoked_the_password_is_used(sandbox: Sandbox, tmp_path: Path) -> None:
    """Where there is one."""
    async with opened(sandbox, tmp_path, grant=GRANT) as api:
        await api.sign_in(GRANT)
        sandbox.doors.revoke_access()
        sandbox.doors.revoke_refresh()
        assert await api.devices.list()


async def test_when_all_is_revoked_a_person_is_asked(
    sandbox: Sandbox, tmp_path: Path, device: Device
) -> None:
    """LinkDenied with the cloud's words and the verb that helps; nothing has moved."""
    async with opened(sandbox, tmp_path) as api:
        await api.sign_in(GRANT)
        sandbox.doors.revoke_access()
        sandbox.doors.revoke_refresh()
        with pytest.raises(
            LinkDenied, match=r"invalid refresh token.*gatewayd cloud thinger login"
        ):
            await api.devices.resources(DEVICE).write("relay", True)
    assert not device.runs


async def test_without_a_log_in_a_person_is_asked(sandbox: Sandbox, tmp_path: Path) -> None:
    """Before anything is asked of the cloud."""
    async with opened(sandbox, tmp_path) as api:
        with pytest.raises(LinkDenied, match="is missing; get one with"):
            await api.devices.list()
    assert not sandbox.journal.messages


async def test_many_meet_the_end_and_one_renews(
    sandbox: Sandbox, tmp_path: Path, device: Device
) -> None:
    """Eight at once; each is carried out once."""
    async with opened(sandbox, tmp_path) as api:
        await api.sign_in(GRANT)
        sandbox.doors.revoke_access()
        resources = api.devices.resources(DEVICE)
        await asyncio.gather(*(resources.write("relay", value) for value in range(8)))
    assert sorted(each.payload for each in device.runs) == list(range(8))  # type: ignore[type-var]  # Numbers.
    assert asked(sandbox, "/oauth/token") == 2


async def test_two_processes_share_a_session(sandbox: Sandbox, tmp_path: Path) -> None:
    """What one has renewed, the other finds in the file, even if refresh tokens are spent."""
    from dataclasses import replace

    sandbox.world.settings = replace(sandbox.settings, is_refresh_spent=True)
    async with opened(sandbox, tmp_path) as one, opened(sandbox, tmp_path) as other:
        await one.sign_in(GRANT)
        await other.devices.list()
        sandbox.doors.revoke_access()
        await one.devices.list()
        await other.devices.list()
        await one.devices.list()
    assert asked(sandbox, "/oauth/token") == 2


async def test_a_cut_while_renewing_loses_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    """LinkLost, and the next call renews."""
    async with opened(sandbox, tmp_path) as api:
        await api.sign_in(GRANT)
        sandbox.doors.revoke_access()
        sandbox.rest_faults.add(RestFault(path="/oauth/token", cut=True))
        with pytest.raises(LinkLost):
            await api.devices.list()
        assert await api.devices.list()


async def test_secrets_stand_in_no_repr(sandbox: Sandbox, tmp_path: Path) -> None:
    """Neither tokens nor the password."""
    async with opened(sandbox, tmp_path) as api:
        session = await api.sign_in(GRANT)
    assert "eyJ" not in f"{session!r}"
    assert USER not in repr(GRANT.password)
    kept = orjson.loads((tmp_path / "session.json").read_bytes())
    assert set(kept) == {"url", "access_token", "refresh_token"}
