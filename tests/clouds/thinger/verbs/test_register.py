"""`gatewayd cloud thinger register`: device, credentials, buckets, at the cloud and in the file."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from gatewayd.clouds.thinger.sandbox import Sandbox
from tests.clouds.shell import Shell
from tests.clouds.thinger.device import open_device
from tests.clouds.thinger.verbs.conftest import log_in, write_config


def uplink_of(shell: Shell) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads(shell.config.read_text())["uplink"]["thinger"]
    return found


def secret_of(shell: Shell, key: str = "credentials") -> str:
    """Return what the file holds that the configuration names, for its owner only."""
    file = Path(uplink_of(shell)[key]["file"])
    assert file.stat().st_mode & 0o777 == 0o600
    return file.read_text()


async def test_a_gateway_registers_itself(shell: Shell, sandbox: Sandbox) -> None:
    """Device, credentials, a bucket for each device; the file names them and keeps its words."""
    await log_in(shell)
    said = await shell.real("register", "--description", "in the cellar")
    assert "made: device gw01" in said.out
    assert "next: systemctl reload gatewayd" in said.out
    account = sandbox.world.account("alice")
    assert account.devices["gw01"].description == "in the cellar"
    assert {each.source for each in account.buckets.values()} == {"write"}
    assert set(account.buckets) == {"boiler", "pump"}
    uplink = uplink_of(shell)
    assert uplink["device"] == "gw01"
    assert "# the customer's account" in shell.config.read_text()
    assert shell.config.stat().st_mode & 0o777 == 0o640
    async with open_device(
        sandbox.socket_port, user="alice", credentials=secret_of(shell)
    ) as device:
        assert device.answers[0].is_ok


async def test_a_second_run_changes_nothing(shell: Shell, sandbox: Sandbox) -> None:
    """Neither here nor there."""
    await log_in(shell)
    await shell("register")
    before = shell.config.read_text(), sandbox.world.account("alice").devices["gw01"].credentials
    assert "nothing to do" in (await shell("register")).out
    after = shell.config.read_text(), sandbox.world.account("alice").devices["gw01"].credentials
    assert after == before


async def test_a_bucket_that_would_stay_empty_is_said(
    shell: Shell, sandbox: Sandbox, tmp_path: Path
) -> None:
    """One that was made for another transport takes nothing of what comes now."""
    await log_in(shell)
    await shell("register")
    other = Shell(write_config(tmp_path, sandbox.rest_url, "mqtt"), "thinger")
    said = await other("register", code=1)
    assert "bucket boiler has the source write; mqtt needs mqtt" in said.err


async def test_what_is_missing_is_said_first(shell: Shell, sandbox: Sandbox) -> None:
    """--dry-run changes nothing."""
    await log_in(shell)
    said = await shell("register", "--dry-run", "--json")
    assert said.json == {"missing": ["device gw01", "bucket boiler", "bucket pump"]}
    assert not sandbox.world.account("alice").devices
    assert "credentials" not in uplink_of(shell)


async def test_a_device_that_is_there_gets_new_credentials(shell: Shell, sandbox: Sandbox) -> None:
    """Where the file has none: the old ones are nobody's."""
    await log_in(shell)
    device = {"device": "gw01", "credentials": "old-ones"}
    sandbox.provision({"accounts": [{"user": "alice", "password": "geheim-word"}]})
    sandbox.world.add_device(sandbox.world.account("alice"), device)
    said = await shell("register", "--json")
    assert said.json["made"] == ["credentials", "bucket boiler", "bucket pump"]
    kept = secret_of(shell)
    assert sandbox.world.account("alice").devices["gw01"].credentials == kept


async def test_credentials_of_the_owner_are_used(shell: Shell, sandbox: Sandbox) -> None:
    """They go to the cloud as they are, and the file stays as it is."""
    await log_in(shell)
    shell.config.write_text(shell.config.read_text() + 'credentials = "chosen-by-hand"\n')
    await shell("register")
    assert sandbox.world.account("alice").devices["gw01"].credentials == "chosen-by-hand"
    assert uplink_of(shell)["credentials"] == "chosen-by-hand"


async def test_a_run_that_breaks_off_is_repeated(shell: Shell, sandbox: Sandbox) -> None:
    """With the same credentials: they were kept before the cloud heard of them."""
    from gatewayd.sandbox.faults import RestFault

    await log_in(shell)
    sandbox.rest_faults.add(RestFault(method="POST", path="/devices", after=True, cut=True))
    await shell("register", code=75)
    kept = (shell.config.parent / "state/uplinks/thinger/credentials").read_text()
    await shell("register")
    device = sandbox.world.account("alice").devices["gw01"]
    assert device.credentials == secret_of(shell)
    assert kept


async def test_a_device_of_another_kind_is_a_problem(shell: Shell, sandbox: Sandbox) -> None:
    """It is named, and left alone."""
    await log_in(shell)
    sandbox.world.add_device(sandbox.world.account("alice"), {"device": "gw01", "type": "HTTP"})
    assert "is of type HTTP; tcp needs Generic" in (await shell("register", code=1)).err
    assert "device" not in uplink_of(shell)


async def test_an_endpoint_that_is_missing_is_a_problem(shell: Shell, sandbox: Sandbox) -> None:
    """What it shall do, only the owner knows."""
    await log_in(shell)
    calls = '\n[uplink.thinger.calls]\n"boiler/temperature" = { endpoint = "alarm" }\n'
    shell.config.write_text(shell.config.read_text() + calls)
    assert "there is no endpoint alarm" in (await shell("register", code=1)).err
    sandbox.world.add_endpoint(
        sandbox.world.account("alice"), {"endpoint": "alarm", "type": "email"}
    )
    await shell("register")


@pytest.mark.parametrize("transport", ["mqtt", "http"])
async def test_other_transports_need_other_things(
    sandbox: Sandbox, tmp_path: Path, transport: str
) -> None:
    """A device of their kind, and buckets with their source; a callback has its own token."""
    shell = Shell(write_config(tmp_path, sandbox.rest_url, transport), "thinger")
    await log_in(shell)
    await shell("register")
    account = sandbox.world.account("alice")
    device = account.devices["gw01"]
    assert device.type == transport.upper()
    if transport == "mqtt":
        assert account.buckets["boiler"].config == {"source": "mqtt", "topic": "gw01/boiler"}
    else:
        assert device.callback.actions == {"write_bucket": "callback"}
        token = secret_of(shell, "callback_token")
        caller = sandbox.doors.caller(token)
        assert caller.user_token is not None
    await shell("register")


async def test_a_callbacks_token_that_nobody_knows_is_replaced(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """One of a run that broke off before it could be written down."""
    account = sandbox.world.account("alice")
    lost = sandbox.doors.add_user_token(account, {"token": "callback_gw01"})
    shell = Shell(write_config(tmp_path, sandbox.rest_url, "http"), "thinger")
    await log_in(shell)
    await shell("register")
    assert secret_of(shell, "callback_token") != lost.token
    assert sandbox.doors.caller(secret_of(shell, "callback_token")).user_token is not None


async def test_without_a_session_a_person_is_asked(shell: Shell) -> None:
    """Nothing is made."""
    assert "gatewayd cloud thinger login" in (await shell("register", code=1)).err
    assert "credentials" not in uplink_of(shell)
