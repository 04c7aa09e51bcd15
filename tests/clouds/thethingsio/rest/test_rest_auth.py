"""Sessions that end, are revoked, or were never any; the file that keeps them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gatewayd.clouds.thethingsio.rest import Rest
from gatewayd.clouds.thethingsio.rest_auth import Login, Session, SessionFile
from gatewayd.clouds.thethingsio.rest_things import Thing
from gatewayd.clouds.thethingsio.sandbox import Sandbox
from gatewayd.clouds.thethingsio.sandbox.world import FIRST_APP, FIRST_EMAIL, FIRST_PASSWORD
from gatewayd.errors import ConfigError, LinkDenied, Malformed
from gatewayd.fields import Secret
from tests.clouds.thethingsio.rest.conftest import Opened
from tests.clouds.thethingsio.rest.scene import ID, TOKEN

FIRST = Login(FIRST_EMAIL, Secret(FIRST_PASSWORD), FIRST_APP)
URL = "https://api.example.com/v2"


async def test_a_session_that_ends_mid_run_is_replaced_without_a_doubled_command(
    api: Rest, thing: Thing, sandbox: Sandbox
) -> None:
    """A year passes in the cloud between two commands; the thing sees both, once each."""
    await api.link(Secret(TOKEN))
    async with thing.listen() as pushes:
        await api.resources.write("LED", ID, ["on"])
        sandbox.clock.shift_ms += 366 * 86_400_000
        await api.resources.write("LED", ID, ["off"])
        assert await anext(pushes) == [{"key": "LED", "value": "on"}]
        assert await anext(pushes) == [{"key": "LED", "value": "off"}]
    assert sandbox.journal.counts["points_accepted"] == 2


async def test_a_revoked_session_is_replaced_once_by_all_who_meet_it(
    api: Rest, sandbox: Sandbox
) -> None:
    """Ten calls at a time, one login."""
    await api.things()
    sandbox.world.sessions.clear()
    await asyncio.gather(*(api.things() for _ in range(10)))
    assert len(sandbox.world.sessions) == 1


async def test_a_revoked_session_under_a_subscription_is_replaced(
    api: Rest, thing: Thing, sandbox: Sandbox
) -> None:
    """The next subscription stands as if nothing had been."""
    await api.link(Secret(TOKEN))
    sandbox.world.sessions.clear()
    async with api.resources.listen("LED") as pushes:
        await api.resources.write("LED", ID, [1])
        assert await anext(pushes) == [{"value": 1, "id": ID}]


async def test_without_credentials_a_revoked_session_is_said(
    open_as: Opened, sandbox: Sandbox
) -> None:
    """And what to do."""
    async with open_as() as api:
        await api.log_in(FIRST)
        sandbox.world.sessions.clear()
        with pytest.raises(LinkDenied, match="login") as caught:
            await api.things()
        assert "Invalid session token" in str(caught.value)


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_clock_that_is_an_hour_off_changes_nothing(
    api: Rest, thing: Thing, sandbox: Sandbox, hours: int
) -> None:
    """Whether a session is good, the cloud says, not our clock."""
    sandbox.clock.shift_ms = hours * 3_600_000
    await api.link(Secret(TOKEN))
    await api.resources.write("LED", ID, ["on"])
    sandbox.clock.shift_ms = 0
    await api.resources.write("LED", ID, ["off"])
    assert len(sandbox.world.sessions) == 1
    assert {row.value for row in await thing.rows("LED", 10)} == {"on", "off"}


async def test_a_session_is_kept_for_the_next_program(open_as: Opened, sandbox: Sandbox) -> None:
    """In a file of mode 0600."""
    async with open_as() as api:
        await api.log_in(FIRST)
    async with open_as() as api:
        assert await api.things() == ()
    [file] = (sandbox.settings.state_dir or Path()).glob("nobody.json")
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(sandbox.world.sessions) == 1


async def test_another_programs_login_is_found(open_as: Opened, sandbox: Sandbox) -> None:
    """The file has a newer session than this program's memory."""
    async with open_as() as one, open_as() as other:
        await one.log_in(FIRST)
        sandbox.world.sessions.clear()
        await other.log_in(FIRST)
        assert await one.things() == ()


def test_a_session_is_of_one_server(tmp_path: Path) -> None:
    """It is never sent elsewhere."""
    session = Session(Secret("geheim"), "ann@example.com", "app", 17)
    SessionFile(tmp_path / "s", URL).write(session)
    assert SessionFile(tmp_path / "s", URL).read() == session
    assert SessionFile(tmp_path / "s", "https://evil.example.com/v2").read() is None
    assert "geheim" not in repr(session)


def test_a_file_that_holds_no_session_is_said(tmp_path: Path) -> None:
    """No JSON; and one with holes counts as none."""
    file = SessionFile(tmp_path / "s", URL)
    assert file.read() is None
    (tmp_path / "s").write_text("{")
    with pytest.raises(ConfigError):
        file.read()
    (tmp_path / "s").write_text(f'{{"url":"{URL}","token":"x","expires_ms":"soon"}}')
    assert file.read() is None


def test_an_answer_without_a_token_is_malformed() -> None:
    """Whatever else it says."""
    with pytest.raises(Malformed):
        Session.of({"status": "success", "expirationDate": 1}, FIRST, 0)


def test_a_session_of_unknown_length_lasts_a_year() -> None:
    """And odd roles are passed over."""
    session = Session.of(
        {"token": "t", "roles": {"RSRC_t": {"ID": {"get": True}, "X": 1}}}, FIRST, 0
    )
    assert session.expires_ms == 31_536_000_000
    assert session.roles == {"t": {"ID": frozenset({"get"})}}
