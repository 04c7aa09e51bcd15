"""`gatewayd cloud thingsee`, as processes where the process matters, against the sandbox."""

from __future__ import annotations

import asyncio
import json
import signal
import tomllib
from typing import Any

import pytest

from gatewayd.clouds.thingsee.codec import Json, Message, answer_to
from gatewayd.clouds.thingsee.sandbox import Sandbox
from gatewayd.clouds.thingsee.tuid import DEVICE_PREFIX, GATEWAY_PREFIX, make_tuid
from gatewayd.sandbox.faults import RestFault
from tests.clouds.shell import DEADLINE_S, Shell
from tests.clouds.thingsee.rest.scene import CLIENT, SECRET

GW = make_tuid(GATEWAY_PREFIX, "b827eb0000aa")
BOILER = make_tuid(DEVICE_PREFIX, "b827eb0000aa/boiler")
RETURN = make_tuid(DEVICE_PREFIX, "b827eb0000aa/boiler/return")
PUMP = make_tuid(DEVICE_PREFIX, "b827eb0000aa/pump")
LABEL = "TSEN01E6214703511"
GROUP = "prfi00office"


def section(shell: Shell) -> dict[str, Any]:
    """Return what the file says about the uplink."""
    found: dict[str, Any] = tomllib.loads(shell.config.read_text())["uplink"]["thingsee"]
    return found


def hear_of_all(sandbox: Sandbox) -> None:
    """Let the cloud know all things of the configuration."""
    now_s = sandbox.world.now_s()
    for tuid in (GW, BOILER, RETURN, PUMP):
        relay = "" if tuid == GW else GW
        fields = {"batl": 74} if tuid == BOILER else {}
        message = Message(
            id=1110, event=10, time_s=now_s, thing=tuid, gateway=relay, fields=dict(fields)
        )
        sandbox.inject([message], GW)


# login, token


async def test_a_login_that_is_kept_lasts(shell: Shell, sandbox: Sandbox) -> None:
    """The token in a private file, the secret in another, named in the configuration."""
    said = await shell.real(
        *("login", "--client-id", CLIENT, "--client-secret-file", "-", "--keep"),
        stdin=SECRET + "\n",
    )
    assert "good for 15 minutes" in said.out
    folder = shell.config.parent / "state" / "uplinks" / "thingsee"
    for name in ("token.json", "client-secret"):
        assert (folder / name).stat().st_mode & 0o777 == 0o600
    assert section(shell)["client_secret"] == {"file": str(folder / "client-secret")}
    assert "# Boiler room, second floor." in shell.config.read_text()
    sandbox.world.revoke_tokens()
    assert (await shell.real("list", "--json")).json
    assert len(sandbox.world.tokens) == 1


async def test_a_login_that_is_not_kept_lasts_for_a_token(shell: Shell, sandbox: Sandbox) -> None:
    """Then the user is told to log in again; `token` looks and forgets."""
    file = str(shell.config.parent / "client")
    said = await shell("login", "--client-id", CLIENT, "--client-secret-file", file)
    assert "--keep makes it last" in said.out
    assert "client_id" not in section(shell)
    assert (await shell("token", "--json")).json["expires_in_s"] > 890
    await shell("list")
    sandbox.world.revoke_tokens()
    assert "gatewayd cloud thingsee login" in (await shell("list", code=1)).err
    assert (await shell("token", "--forget", "--json")).json == {"forgotten": True}
    assert (await shell("token", code=1)).err


async def test_a_wrong_secret_is_a_sentence(shell: Shell) -> None:
    """Exit 1, nothing is kept."""
    (shell.config.parent / "client").write_text("wrong")
    file = str(shell.config.parent / "client")
    words = ("--client-id", CLIENT, "--client-secret-file", file, "--keep")
    assert "401" in (await shell("login", *words, code=1)).err
    assert "client_id" not in section(shell)
    await shell("token", code=1)


async def test_a_question_is_left_with_ctrl_c(shell: Shell) -> None:
    """Once is enough."""
    process = await shell.start("login", "--client-id", CLIENT)
    assert process.stderr is not None
    async with asyncio.timeout(DEADLINE_S):
        await process.stderr.readuntil(b"client secret: ")
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 130


async def test_an_uplink_without_an_address_of_the_api_is_a_sentence(shell: Shell) -> None:
    """Exit 78, and what is missing."""
    text = shell.config.read_text()
    shell.config.write_text("\n".join(x for x in text.splitlines() if "rest_url" not in x))
    assert "rest_url" in (await shell("list", code=78)).err


# list, show


async def test_things_are_listed(known: Shell, sandbox: Sandbox) -> None:
    """Those of this gateway, known there or not."""
    assert "not known there yet" in (await known("list")).out
    hear_of_all(sandbox)
    found = {each["tuid"]: each for each in (await known.real("list", "--json")).json}
    assert set(found) == {GW, BOILER, RETURN, PUMP}
    assert found[BOILER]["here"] == "boiler"
    assert (found[BOILER]["status"], found[BOILER]["group"]) == ("new", "unassigned")
    assert found[BOILER]["info"]["battery"] == 74
    assert "battery 74 %" in (await known("list")).out


async def test_groups_are_listed(known: Shell, sandbox: Sandbox) -> None:
    """With their things; or none."""
    assert (await known("list", "groups")).out == "no groups\n"
    sandbox.provision({"things": [{"tuid": LABEL, "group": GROUP}]})
    [only] = (await known("list", "groups", "--json")).json
    assert (only["id"], only["things"]) == (GROUP, [LABEL])


async def test_messages_are_read_back(known: Shell, sandbox: Sandbox) -> None:
    """By device name, oldest first, those that are meant; or none."""
    now_s = sandbox.world.now_s()
    sandbox.inject(
        [
            Message(
                id=id, event=10, time_s=now_s - age_s, thing=BOILER, gateway=GW, fields={"n": age_s}
            )
            for id, age_s in ((12100, 7200), (12100, 60), (1110, 40), (12100, 20))
        ],
        GW,
    )
    found = (await known.real("show", "messages", "boiler", "--json")).json
    assert [each["n"] for each in found] == [60, 40, 20]
    words = ("show", "messages", "boiler/temperature", "--message", "12100", "--since", "3h")
    assert [each["n"] for each in (await known(*words, "--json")).json] == [7200, 60, 20]
    assert "12100 weather" in (await known(*words, "--limit", "1")).out
    assert (await known("show", "messages", BOILER, "--since", "1s")).out == "no messages\n"
    said = await known("show", "messages", LABEL, code=1)
    assert "404" in said.err
    assert "after its first message" in said.err
    assert "there are gateway, boiler" in (await known("show", "messages", "nothing", code=2)).err


async def test_alerts_are_shown(known: Shell, sandbox: Sandbox) -> None:
    """Who has one, and all of one thing; or none."""
    assert (await known("show", "alerts")).out == "no alerts\n"
    spans = [{"type": "heartbeat missed", "from_ms": 1_700_000_000_000}]
    sandbox.provision({"things": [{"tuid": BOILER, "alerts": spans}]})
    assert (await known("show", "alerts", "--json")).json == {"count": 1, "things": [BOILER]}
    assert (
        "heartbeat missed  from 2023-11-14T22:13:20 to now"
        in (await known("show", "alerts", "boiler")).out
    )
    assert "404" in (await known("show", "alerts", "pump", code=1)).err


async def test_commands_are_shown(known: Shell, sandbox: Sandbox) -> None:
    """With who sent them; 404 for a thing that the cloud does not know."""
    assert "404" in (await known("show", "commands", "boiler", code=1)).err
    hear_of_all(sandbox)
    await known("send", "boiler", "1500", "reportInterval=60", "--wait", "0s")
    [only] = (await known("show", "commands", "boiler", "--json")).json
    assert (only["command"]["reportInterval"], only["responsible"]) == (60, CLIENT)


# control, send


def answering(sandbox: Sandbox, result: int) -> None:
    """Have the pump answer remote commands."""
    carry = sandbox.orders.send

    def send(gateway: str, messages: Any) -> int:
        for request in messages:
            record = {"state": 1} if result == 0 else {"message": "interlocked"}
            fields: dict[str, Json] = {"result": result, "payload": json.dumps(record)}
            answer = answer_to(request, PUMP, sandbox.world.now_s(), fields)
            sandbox.inject([answer], GW)
        return carry(gateway, messages) + 1

    sandbox.orders.send = send  # type: ignore[method-assign]  # A gateway of one line.


async def test_an_output_is_moved(known: Shell, sandbox: Sandbox) -> None:
    """The answer that comes back as a message is told; what was asked is in the log."""
    sandbox.provision({"lenient": True})
    hear_of_all(sandbox)
    answering(sandbox, 0)
    said = await known("control", "pump/relay", "on", "--hold", "30s", "--json")
    assert said.json["answer"]["result"] == 0
    assert (await known("control", "pump/relay", "off")).out == "pump/relay off: done\n"
    [logged, _] = sandbox.world.things[PUMP].commands
    assert logged.command.fields["payload"] == '{"channel":"relay","state":true,"hold":30.0}'


async def test_an_output_that_refuses_is_a_failure(known: Shell, sandbox: Sandbox) -> None:
    """Exit 1, in the gateway's words."""
    sandbox.provision({"lenient": True})
    hear_of_all(sandbox)
    answering(sandbox, -1)
    said = await known("control", "pump/relay", "on", code=1)
    assert "pump/relay on: not done: interlocked" in said.err


async def test_a_gateway_that_does_not_answer_is_said(known: Shell, sandbox: Sandbox) -> None:
    """Exit 75: nobody knows."""
    sandbox.provision({"lenient": True})
    hear_of_all(sandbox)
    said = await known("control", "pump/relay", "on", "--wait", "1s", code=75)
    assert "nobody knows" in said.err


async def test_a_cloud_that_admits_no_remote_commands_says_so(
    known: Shell, sandbox: Sandbox
) -> None:
    """Exit 1, with those that it does."""
    hear_of_all(sandbox)
    said = await known.real("control", "pump/relay", "on", code=1)
    assert "1402 is not allowed" in said.err
    assert "1500, 1501, 12200, 13200" in said.err
    assert "is no output" in (await known("control", "boiler/temperature", "on", code=2)).err


async def test_settings_are_sent_and_read(known: Shell, sandbox: Sandbox) -> None:
    """A played sensor answers with all of them."""
    sandbox.provision({"things": [{"tuid": LABEL, "gateway": GW, "played": True}]})
    said = await known("send", LABEL, "13200", "threshold=20", "--json")
    assert said.json["answer"]["threshold"] == 60
    assert "threshold=60" in (await known("send", f"https://thingsee.com/d/{LABEL}", "13200")).out
    assert "NAME=VALUE" in (await known("send", LABEL, "13200", "threshold", code=2)).err


async def test_a_setting_that_the_thing_does_not_have_is_said(
    known: Shell, sandbox: Sandbox
) -> None:
    """A thing ignores what it does not know; the user shall not believe that it was set."""
    sandbox.provision({"things": [{"tuid": LABEL, "gateway": GW, "played": True}]})
    said = await known("send", LABEL, "13200", "treshold=200", code=1)
    assert "treshold was not set; the thing has threshold, " in said.err


# install, register


async def test_everything_is_registered_and_installed(known: Shell, sandbox: Sandbox) -> None:
    """TUIDs into the file, things into the group; a second run changes nothing."""
    hear_of_all(sandbox)
    said = await known.real("register", "--group", GROUP, "--json")
    assert said.json["unknown"] == []
    assert section(known)["gateway_tuid"] == GW
    assert section(known)["things"] == {"boiler": BOILER, "pump": PUMP}
    assert section(known)["sensors"] == {"boiler/return": {"thing": RETURN}}
    assert section(known)["group"] == GROUP
    for tuid in (GW, BOILER, RETURN, PUMP):
        thing = sandbox.world.things[tuid]
        assert (thing.installations[0].status, thing.group) == ("installed", GROUP)
    before = known.config.read_text()
    assert (await known("register", "--group", GROUP)).out == "nothing to do\n"
    assert known.config.read_text() == before
    assert all(len(each.installations) == 2 for each in sandbox.world.things.values())


async def test_what_the_cloud_has_not_heard_of_is_registered_here_only(
    known: Shell, sandbox: Sandbox
) -> None:
    """The TUIDs are written down; installing waits for the first message."""
    said = await known("register", "--group", GROUP)
    assert "not known there yet" in said.out
    assert section(known)["things"]["pump"] == PUMP
    hear_of_all(sandbox)
    assert len((await known("register", "--json")).json["done"]) == 4
    await known("register", "--group", "prfi00cellar")
    await known("register", "--group", "unassigned")
    assert section(known)["group"] == "prfi00cellar", "a group to be in, not to be in none"


async def test_a_label_gives_a_device_its_tuid(known: Shell, sandbox: Sandbox) -> None:
    """As a scanner reads it; what is none is refused, and nothing written."""
    before = known.config.read_text()
    for word in ("boiler", "boiler=small", "oven=" + LABEL):
        assert (await known("register", "--thing", word, code=2)).err
    said = await known("register", "--thing", f"boiler=https://thingsee.com/d/{LABEL}", "--dry-run")
    assert f"{LABEL}  boiler" in said.out
    assert known.config.read_text() == before
    await known("register", "--thing", f"boiler={LABEL}")
    assert section(known)["things"]["boiler"] == LABEL
    assert {each["tuid"] for each in (await known("list", "--json")).json} == {
        GW,
        LABEL,
        RETURN,
        PUMP,
    }


async def test_a_thing_is_installed_elsewhere(known: Shell, sandbox: Sandbox) -> None:
    """Status and group of any thing; the group is made."""
    sandbox.provision({"things": [{"tuid": LABEL}]})
    said = await known.real("install", LABEL, "--status", "quarantine", "--group", GROUP)
    assert f"made: group {GROUP}" in said.out
    thing = sandbox.world.things[LABEL]
    assert (thing.installations[0].status, thing.group) == ("quarantine", GROUP)
    assert (await known("install", LABEL, "--status", "quarantine")).out == "nothing to do\n"
    assert "not known there yet" in (await known("install", "pump", code=75)).out


async def test_a_group_that_cannot_be_is_refused(known: Shell, sandbox: Sandbox) -> None:
    """And nothing is installed."""
    hear_of_all(sandbox)
    assert "whitespace" in (await known("install", "--group", "a b", code=1)).err
    assert sandbox.world.things[BOILER].installations[0].status == "new"


@pytest.mark.parametrize(("fault", "code"), [({"status": 429}, 75), ({"status": 500}, 75)])
async def test_a_cloud_in_trouble_is_a_sentence(
    known: Shell, sandbox: Sandbox, fault: dict[str, Any], code: int
) -> None:
    """Try again later."""
    sandbox.rest_faults.add(RestFault(path="/things", times=-1, **fault))
    said = await known("list", code=code)
    assert str(fault["status"]) in said.err
