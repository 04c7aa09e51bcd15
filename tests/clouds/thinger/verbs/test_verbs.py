"""`gatewayd cloud thinger` login, list, show, control and token, against the sandbox."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gatewayd.clouds.thinger.events import Kind
from gatewayd.clouds.thinger.pson import Pson
from gatewayd.clouds.thinger.sandbox import Sandbox
from gatewayd.clouds.thinger.verbs.control import value_of
from gatewayd.sandbox.faults import RestFault
from tests.clouds.shell import Shell
from tests.clouds.thinger.device import Device, Refusal, Resource, open_device
from tests.clouds.thinger.verbs.conftest import PASSWORD, log_in, write_config


@pytest.fixture
async def device(shell: Shell, sandbox: Sandbox) -> AsyncIterator[Device]:
    """The gateway, registered and connected; its relay takes switches only."""
    await log_in(shell)
    await shell("register")
    credentials = sandbox.world.account("alice").devices["gw01"].credentials

    def switch(value: Pson) -> Pson:
        wanted = value["value"] if isinstance(value, dict) else value
        if not isinstance(wanted, bool):
            raise Refusal
        return None

    async with open_device(sandbox.socket_port, user="alice", credentials=credentials) as found:
        found.resources = {
            ("pump", "relay"): Resource(Kind.INPUT, False, switch),
            ("pump", "relay", "outcome"): Resource(
                Kind.OUTPUT, {"status": "REFUSED", "detail": "interlocked with valve/relay"}
            ),
            ("boiler", "temperature"): Resource(Kind.OUTPUT, 61.5),
        }
        yield found


async def test_a_login_is_kept_and_forgotten(shell: Shell) -> None:
    """login, session, session --forget."""
    said = await shell.real("login", "--password-file", "-", stdin=f"{PASSWORD}\n")
    assert "as alice; renews itself until 20" in said.out
    file = shell.config.parent / "state/uplinks/thinger/session.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (await shell("session", "--json")).json["user"] == "alice"
    assert (await shell("session", "--forget", "--json")).json == {"forgotten": True}
    await shell("session", code=1)
    assert "gatewayd cloud thinger login" in (await shell.real("list", code=1)).err


async def test_a_wrong_password_is_a_sentence(shell: Shell) -> None:
    """Exit 1, and nothing is kept."""
    said = await shell("login", "--password-file", "-", stdin="wrong\n", code=1)
    assert "invalid username or password" in said.err
    await shell("session", code=1)


async def test_devices_are_listed(shell: Shell, device: Device) -> None:
    """A star marks this gateway."""
    said = await shell.real("list")
    assert said.out.startswith("* gw01  Generic  connected since 20")
    (found,) = (await shell("list", "--json")).json
    assert (found["id"], found["is_connected"]) == ("gw01", True)


async def test_what_arrived_is_shown(shell: Shell, device: Device, sandbox: Sandbox) -> None:
    """The newest of all buckets; a stretch of a channel or a bucket; drawn together."""
    points = sandbox.world.account("alice").buckets["boiler"].points
    now_ms = sandbox.clock.now_ms()
    for place in range(4):
        points.put(now_ms - 60_000 + place * 1000, {"temperature": 60.0 + place})
    said = await shell.real("show")
    assert '{"temperature": 63.0}' in said.out
    assert "pump  empty" in said.out
    found = (await shell("show", "boiler/temperature", "--json")).json
    assert [each["value"] for each in found] == [60, 61, 62, 63]
    found = (await shell("show", "boiler", "--json")).json
    assert found[0]["value"] == {"temperature": 60}
    assert (await shell("show", "boiler/temperature", "--since", "10s")).out == "no points\n"
    words = ("--width", "1d", "--function", "max", "--since", "2d")
    found = (await shell("show", "boiler/temperature", *words, "--json")).json
    assert found[-1]["value"] == 63


async def test_what_is_not_there_is_not_shown(shell: Shell, sandbox: Sandbox) -> None:
    """Buckets that nobody made, one of another name, a width that is none."""
    await log_in(shell)
    assert "there is no bucket boiler" in (await shell("show", code=1)).err
    assert "this gateway's: boiler, pump" in (await shell("show", "none", code=1)).err
    assert "no channel" in (await shell("show", "boiler/none", code=2)).err
    await shell("register")
    assert "5m, 1h" in (await shell("show", "boiler", "--width", "5x", code=2)).err
    await shell("show", "boiler", "--since", "10", code=2)


async def test_an_output_is_set_through_the_cloud(shell: Shell, device: Device) -> None:
    """Its state is read back; a hold goes with it."""
    said = await shell.real("control", "pump/relay", "on")
    assert said.out == "pump/relay on: done; it is on now\n"
    await shell("control", "pump/relay", "off", "--hold", "10s")
    assert [each.payload for each in device.runs] == [True, {"value": False, "hold_s": 10}]


async def test_a_refusal_says_why(shell: Shell, device: Device) -> None:
    """The protocol has no reasons, but the gateway keeps the last one."""
    said = await shell("control", "pump/relay", "5", code=1)
    assert "pump/relay 5: refused: interlocked with valve/relay" in said.err


async def test_who_does_not_answer_may_have_moved(
    shell: Shell, device: Device, sandbox: Sandbox
) -> None:
    """75, and the sentence says so; 75 when the gateway is away; 2 for what is no output."""
    device.is_mute = True
    said = await shell("control", "pump/relay", "on", code=75)
    assert "nobody knows whether pump/relay has moved" in said.err
    device.writer.close()
    await device.until(lambda: device.is_gone)
    await sandbox.sockets.wait_closed()
    assert "is away" in (await shell("control", "pump/relay", "on", code=75)).err
    said = await shell("control", "boiler/temperature", "5", code=2)
    assert "it has pump/relay" in said.err


@pytest.mark.parametrize(
    ("transport", "how"), [("mqtt", "publishes true to gw01/set/pump/relay"), ("http", "property")]
)
async def test_a_device_without_resources_is_commanded_elsewhere(
    sandbox: Sandbox, tmp_path: Path, transport: str, how: str
) -> None:
    """Only the socket brings resources; the sentence says what there is instead."""
    shell = Shell(write_config(tmp_path, sandbox.rest_url, transport), "thinger", (PASSWORD,))
    assert how in (await shell("control", "pump/relay", "on", code=1)).err


async def test_a_command_is_sent_once(shell: Shell, device: Device, sandbox: Sandbox) -> None:
    """With a session that has ended meanwhile, and with an answer that got lost."""
    sandbox.doors.revoke_access()
    await shell("control", "pump/relay", "on")
    assert len(device.runs) == 1
    sandbox.rest_faults.add(RestFault(path="/relay", after=True, cut=True))
    await shell("control", "pump/relay", "off", code=75)
    assert len(device.runs) == 2


async def test_tokens_are_made_shown_and_deleted(
    shell: Shell, device: Device, sandbox: Sandbox, tmp_path: Path
) -> None:
    """For some resources, for a while; the text is said once, or goes into a file."""
    words = ("--resource", "pump/relay", "--resource", "boiler", "--expires", "30d")
    made = (await shell.real("token", "add", "panel", *words, "--json")).json
    assert made["resources"] == ["pump/relay", "boiler"]
    caller = sandbox.doors.caller(made["token"])
    assert caller.device == "gw01"
    listed = (await shell("token", "list")).out
    assert f"{made['id']}  panel  pump/relay, boiler  until 20" in listed
    assert made["token"] not in listed
    file = tmp_path / "panel"
    said = await shell("token", "add", "other", "--file", str(file))
    assert file.read_text() not in said.out
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    await shell("token", "delete", made["id"])
    assert "other" in (await shell("token", "list")).out
    assert made["id"] not in (await shell("token", "list")).out


async def test_a_token_is_for_what_there_is(shell: Shell, device: Device) -> None:
    """A slip of the pen would make a token that opens nothing."""
    words = ("token", "add", "panel", "--resource", "pump/rely")
    assert "nearest: pump/relay" in (await shell(*words, code=2)).err
    assert (await shell("token", "list")).out == "no tokens\n"
    await shell("token", "add", "panel", "--resource", "gateway/history")


async def test_a_token_that_is_not_there_is_not_deleted(shell: Shell, device: Device) -> None:
    """Exit 1."""
    await shell("token", "delete", "57fa7149114f032fe00f9787", code=1)
    await shell("token", code=2)


async def test_a_cloud_that_is_away_is_worth_another_try(shell: Shell, sandbox: Sandbox) -> None:
    """75 for a connection that breaks."""
    await log_in(shell)
    sandbox.rest_faults.add(RestFault(path="/devices", cut=True, times=-1))
    await shell("list", code=75)


async def test_a_configuration_without_this_cloud_is_named(shell: Shell) -> None:
    """78, and the sentence says what is missing."""
    shell.config.write_text("[gateway]\nid = 'g'\n")
    assert "it has none" in (await shell.real("list", code=78)).err


@pytest.mark.parametrize(
    "words",
    ["", "login", "session", "register", "list", "show", "control", "token", "token add"],
)
async def test_every_verb_has_help_with_an_example(shell: Shell, words: str) -> None:
    """Without a configuration, a login or a network."""
    assert "example:\n  gatewayd cloud thinger" in (await shell(*words.split(), "--help")).out


@pytest.mark.parametrize(
    ("word", "value"),
    [("on", True), ("off", False), ("true", True), ("5", 5), ("-1.5", -1.5), ("abc", "abc")],
)
def test_a_word_is_a_value(word: str, value: object) -> None:
    """What is no number and no switch is a text."""
    assert value_of(word) == value
    assert value_of("[1]") == "[1]"
