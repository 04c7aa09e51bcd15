"""`gatewayd cloud thingplus` login, token, me, show and control, against the sandbox."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Any

import pytest

from gatewayd.clouds.thingplus.rest import Rest
from gatewayd.clouds.thingplus.rest_series import Point
from gatewayd.clouds.thingplus.sandbox.sandbox import Sandbox
from gatewayd.sandbox.faults import RestFault
from tests.clouds.shell import DEADLINE_S, Shell
from tests.clouds.thingplus.rest.shell import GATEWAY, log_in


async def test_a_login_is_kept_and_forgotten(shell: Shell, tmp_path: Path) -> None:
    """login, me, token, token --forget, me."""
    words = ("--client-id", "app-2", "--user", "bob")
    files = ("--client-secret-file", str(tmp_path / "client"), "--password-file", "-")
    await shell.real("login", *words, *files, stdin="geheim-word\n")
    token = tmp_path / "state" / "uplinks" / "thingplus" / "token.json"
    assert token.stat().st_mode & 0o777 == 0o600
    assert (await shell.real("me", "--json")).json["login_id"] == "bob"
    assert "good until 20" in (await shell("token")).out
    assert (await shell("token", "--forget", "--json")).json == {"forgotten": True}
    assert "gatewayd cloud thingplus login" in (await shell.real("me", code=1)).err


async def test_a_wrong_password_is_a_sentence(shell: Shell) -> None:
    """Exit 1, and nothing is kept."""
    words = ("--client-id", "app-2", "--client-secret-file", "-", "--user", "bob")
    (shell.config.parent / "wrong").write_text("wrong")
    file = str(shell.config.parent / "wrong")
    said = await shell("login", *words, "--password-file", file, stdin="geheim-client\n", code=1)
    assert "incorrect_user_credentials" in said.err
    await shell("token", code=1)


async def test_a_question_is_left_with_ctrl_c(shell: Shell) -> None:
    """Once is enough, and the prompt went to stderr."""
    process = await shell.start("login", "--client-id", "app-2", "--user", "bob")
    assert process.stderr is not None
    async with asyncio.timeout(DEADLINE_S):
        await process.stderr.readuntil(b"client secret: ")
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 130


async def test_a_code_from_the_browser_logs_in(shell: Shell, sandbox: Sandbox) -> None:
    """The address is shown, the code is asked for."""
    account, client = sandbox.world.account_of("bob"), sandbox.world.clients["app-2"]
    code = sandbox.doors.issue_code(account, client, {"redirect_uri": "http://localhost/cb"})
    words = ("--code", "--code-file", "-", "--redirect-uri", "http://localhost/cb")
    files = ("--client-id", "app-2", "--client-secret-file", str(shell.config.parent / "client"))
    said = await shell("login", *words, *files, stdin=f"{code}\n")
    assert "/v2/oauth2/authorize?client_id=app-2" in said.err
    assert (await shell("me", "--json")).json["login_id"] == "bob"


async def test_what_arrived_is_shown(shell: Shell, api: Rest, sandbox: Sandbox) -> None:
    """Gateways with sensors, values, and statistics, by the local channel's name or by ids."""
    await log_in(shell)
    await shell("provision")
    now_ms = sandbox.clock.now_ms()
    points = [Point(now_ms - 60_000 + 1000 * place, float(place)) for place in range(4)]
    await api.gateways.sensors(GATEWAY).put_series(f"{GATEWAY}-boiler-temperature", points)
    await api.gateways.put_status(GATEWAY, "on", 90)
    said = await shell.real("show")
    assert f"{GATEWAY}  on  Boiler room 3" in said.out
    shown = {each["id"]: each for each in (await shell("show", "--json")).json}
    assert len(shown[GATEWAY]["sensors"]) == 3
    series = await shell("show", "series", "boiler/temperature", "--json")
    assert [each["value"] for each in series.json] == [0, 1, 2, 3]
    ids = f"{GATEWAY}/{GATEWAY}-boiler-temperature"
    assert len((await shell("show", "--json", "series", ids, "--interval", "1d")).json) == 1
    words = ("statistics", "boiler/temperature", "--function", "max", "--json")
    assert (await shell("show", *words)).json[0]["value"] == 3


async def test_what_is_not_there_is_not_shown(shell: Shell) -> None:
    """Exit 1 for a missing sensor, 2 for options and names that make no sense."""
    await log_in(shell)
    assert "NOT_FOUND" in (await shell("show", "series", "b827eb000001/none", code=1)).err
    await shell("show", "series", "x", "--interval", "2w", code=2)
    await shell("show", "series", "x", "--since", "10", code=2)
    await shell("show", "statistics", "x", "--hours", "2", code=2)
    await shell("show", "series", "a/b/c", code=2)


async def test_a_command_goes_through_the_cloud(shell: Shell, gateway: Any) -> None:
    """Durations in milliseconds, other options by name; the gateway's answer is shown."""
    await log_in(shell)
    words = ("control", "b827eb000001/relay", "blink", "--duration", "3s", "--blink", "500ms")
    said = await shell.real(*words, "--option", "row=2", "--json")
    assert said.json["result"] == "success"
    assert gateway.asked[0]["params"] == {
        "id": "relay",
        "cmd": "blink",
        "options": {"interval": 500, "duration": 3000, "row": 2},
    }
    assert (await shell(*words)).out == "b827eb000001/relay blink: done\n"
    gateway.reply = {"result": {"value": 1, "verified": True}}
    said = await shell("control", "b827eb000001/relay", "on")
    assert said.out == "b827eb000001/relay on: done; it is 1 (read back)\n"


async def test_a_command_that_fails_says_how(shell: Shell, gateway: Any) -> None:
    """75 when nobody answered, 1 when the gateway refused, 2 for an option without a value."""
    await log_in(shell)
    gateway.reply = None
    said = await shell("control", "b827eb000001/relay", "on", code=75)
    assert "did not answer" in said.err
    gateway.reply = {"error": {"code": -32000, "message": "interlocked"}}
    assert "interlocked" in (await shell("control", "b827eb000001/relay", "on", code=1)).err
    await shell("control", "b827eb000001/relay", "on", "--option", "row", code=2)


async def test_a_configuration_without_this_cloud_is_named(shell: Shell) -> None:
    """78, and the sentence says what is missing."""
    shell.config.write_text("[gateway]\nid = 'g'\n")
    assert "it has none" in (await shell.real("me", code=78)).err
    shell.config.write_text("[gateway\n")
    assert "not TOML" in (await shell("me", code=78)).err


async def test_of_several_uplinks_one_is_named(shell: Shell) -> None:
    """--uplink NAME; without it, or with a wrong one, the names that there are."""
    second = '[uplink.second]\nkind = "thingplus"\nhost = "127.0.0.1"\n'
    shell.config.write_text(shell.config.read_text() + second)
    assert "thingplus, second; say --uplink NAME" in (await shell("me", code=2)).err
    assert "'third'" in (await shell("me", "--uplink", "third", code=2)).err
    await shell("token", "--forget", "--uplink", "second")


async def test_a_cloud_that_is_away_is_worth_another_try(shell: Shell, sandbox: Sandbox) -> None:
    """75 for a connection that breaks."""
    await log_in(shell)
    sandbox.rest_faults.add(RestFault(path="/users/me", cut=True, times=-1))
    await shell("me", code=75)


@pytest.mark.parametrize(
    "words", ["", "login", "provision", "show", "show series", "show statistics", "control", "me"]
)
async def test_every_verb_has_help_with_an_example(shell: Shell, words: str) -> None:
    """Without a configuration, a login or a network."""
    assert "example:\n  gatewayd cloud thingplus" in (await shell(*words.split(), "--help")).out
