"""Every verb with its success and its failures."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from gatewayd.clock import SystemClock
from gatewayd.clouds.thethingsio.codec import Entry
from gatewayd.clouds.thethingsio.rest import RestSettings, open_rest
from gatewayd.clouds.thethingsio.sandbox import Sandbox
from gatewayd.clouds.thethingsio.verbs.control import value_of
from gatewayd.fields import Secret
from gatewayd.sandbox.faults import RestFault
from tests.clouds.shell import Shell
from tests.clouds.thethingsio.verbs.shell import CODE, activate, folder_of, log_in, section_of

T_MS = 1_700_000_000_000


def only_thing(sandbox: Sandbox) -> str:
    """Return the token of the one thing."""
    [token] = sandbox.world.things
    return token


async def test_a_gateway_is_activated_once(shell: Shell, sandbox: Sandbox) -> None:
    """The token goes into a private file, its name into the configuration, comments stay."""
    said = await shell.real("activate", "--code-file", "-", stdin=f"{CODE}\n")
    assert "made: a thing" in said.out
    file = folder_of(shell) / "thing-token"
    assert file.read_text() == only_thing(sandbox)
    assert file.stat().st_mode & 0o777 == 0o600
    assert section_of(shell)["token"] == {"file": str(file)}
    assert "# the customer's account" in shell.config.read_text()
    assert "nothing to do" in (await shell("activate")).out
    assert len(sandbox.world.things) == 1


async def test_the_configurations_own_code_is_spent_as_the_daemon_would(
    shell: Shell, sandbox: Sandbox
) -> None:
    """Nothing is written into the file; the daemon finds the token beside its state."""
    shell.config.write_text(f'{shell.config.read_text()}activation_code = "{CODE}"\n')
    before = shell.config.read_text()
    assert (await shell("activate", "--json")).json == {"made": ["thing"], "written": []}
    assert shell.config.read_text() == before
    await log_in(shell)
    assert (await shell("link", "--json")).json["thing_id"] in sandbox.world.ids
    assert "nothing to do" in (await shell("activate")).out


async def test_a_code_that_is_none_makes_nothing(shell: Shell, tmp_path: Path) -> None:
    """A sentence, and the configuration as it was."""
    (tmp_path / "code").write_text("no-such-code")
    said = await shell("activate", "--code-file", str(tmp_path / "code"), code=1)
    assert "Activation code not found" in said.err
    assert "token" not in section_of(shell)
    await shell("activate", "--code-file", str(tmp_path / "nope"), code=2)


async def test_a_file_that_cannot_be_written_costs_no_code(shell: Shell, sandbox: Sandbox) -> None:
    """It is tried before the code is spent."""
    (shell.config.parent / "state").write_text("in the way")
    said = await shell("activate", "--code-file", str(shell.config.parent / "code"), code=78)
    assert "cannot write" in said.err
    assert not sandbox.world.codes[CODE].used_by


async def test_a_token_that_is_kept_is_never_written_over(shell: Shell, sandbox: Sandbox) -> None:
    """Its name did not get into the configuration: now it does, and no other code is spent."""
    before = shell.config.read_text()
    await activate(shell)
    shell.config.write_text(before)
    said = await shell("activate", "--json")
    assert said.json["made"] == []
    assert (folder_of(shell) / "thing-token").read_text() == only_thing(sandbox)
    assert section_of(shell)["token"] == {"file": str(folder_of(shell) / "thing-token")}


async def test_a_token_goes_where_the_owner_wants_it(shell: Shell, tmp_path: Path) -> None:
    """Into the file that is named and not there yet; what cannot be read is left alone."""
    before = shell.config.read_text()
    shell.config.write_text(f'{before}token = {{ file = "{tmp_path / "here"}" }}\n')
    await activate(shell)
    assert len((tmp_path / "here").read_text()) == 43
    shell.config.write_text(f'{before}token = {{ credential = "thing" }}\n')
    said = await shell("activate", "--code-file", str(tmp_path / "code"), code=78)
    assert "cannot be read here" in said.err


async def test_a_session_is_kept_and_forgotten(shell: Shell) -> None:
    """login, session, session --forget, list."""
    await log_in(shell)
    file = folder_of(shell) / "session.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert (await shell("session", "--json")).json["email"] == "bob@example.com"
    assert "good until 20" in (await shell("session")).out
    assert (await shell("list")).out == "no things\n"
    assert (await shell("session", "--forget", "--json")).json == {"forgotten": True}
    assert "no session" in (await shell("session", code=1)).err
    assert "gatewayd cloud thethingsio login" in (await shell.real("list", code=1)).err


async def test_a_user_is_registered_and_in(shell: Shell, sandbox: Sandbox) -> None:
    """What is not said is asked for, on stderr."""
    said = await shell("register", "--password-file", "-", stdin="new@example.com\nsandbox\nx\n")
    assert "e-mail address: " in said.err
    assert "registered" in said.out
    assert ("sandbox", "new@example.com") in sandbox.world.users
    words = ("--email", "new@example.com", "--app", "sandbox", "--password-file", "-")
    assert "exists already" in (await shell("register", *words, stdin="x\n", code=1)).err


async def test_a_wrong_password_is_a_sentence(shell: Shell) -> None:
    """Exit 1, and nothing is kept."""
    words = ("--email", "bob@example.com", "--app", "sandbox", "--password-file", "-")
    assert "401" in (await shell("login", *words, stdin="wrong\n", code=1)).err
    await shell("session", code=1)


async def test_a_thing_is_linked_listed_and_unlinked(shell: Shell, sandbox: Sandbox) -> None:
    """Its id goes into the configuration."""
    await activate(shell)
    await log_in(shell)
    said = await shell.real("link")
    thing = sandbox.world.thing(only_thing(sandbox))
    assert f"linked: thing {thing.id}" in said.out
    assert section_of(shell)["thing_id"] == thing.id
    sandbox.write(thing, [Entry("boiler.temperature", 1)])
    assert (await shell("list", "--json")).json == [
        {"id": thing.id, "name": "", "resources": ["boiler.temperature", "description"]}
    ]
    await shell("unlink")
    assert (await shell("list")).out == "no things\n"
    assert "not linked" in (await shell("unlink", code=1)).err


async def test_what_is_missing_is_named_with_the_verb_that_gets_it(shell: Shell) -> None:
    """Token, session, thing id."""
    assert "thethingsio activate" in (await shell("link", code=78)).err
    assert "thethingsio activate" in (await shell("show", code=78)).err
    await activate(shell)
    assert "thethingsio login" in (await shell("link", code=1)).err
    assert "thethingsio link" in (await shell("unlink", code=78)).err
    assert "thethingsio link" in (await shell("control", "pump/relay", "on", code=78)).err


async def test_what_arrived_is_shown(shell: Shell, sandbox: Sandbox) -> None:
    """The newest of all, or a stretch of one, by channel or by its resource's name."""
    await activate(shell)
    thing, now_ms = sandbox.world.thing(only_thing(sandbox)), sandbox.clock.now_ms()
    rows = [Entry("boiler.temperature", n, now_ms - 10_000 + n) for n in range(3)]
    sandbox.write(thing, [*rows, Entry("boiler.temperature", -1, T_MS), Entry("other", 9, now_ms)])
    said = await shell.real("show")
    assert "boiler.temperature  2" in said.out
    assert "other  9" in said.out
    shown = await shell("show", "boiler/temperature", "--json")
    assert [each["value"] for each in shown.json] == [0, 1, 2]
    assert len((await shell("show", "boiler.temperature", "--since", "30000d", "--json")).json) == 4
    assert "there is no resource nope yet" in (await shell("show", "nope", code=1)).err
    said = await shell("show", "boiler/temperatur", code=2)
    assert "nearest: boiler/temperature" in said.err


async def test_a_cloud_that_is_down_is_a_sentence(shell: Shell, sandbox: Sandbox) -> None:
    """Exit 75, try again later; and the token is in no sentence."""
    await activate(shell)
    sandbox.rest_faults.add(RestFault(status=503, times=-1))
    said = await shell("show", code=75)
    assert "503" in said.err
    assert only_thing(sandbox) not in said.err


@asynccontextmanager
async def gateway_that(sandbox: Sandbox, folder: Path, answer: str) -> AsyncIterator[None]:
    """Answer every command for the pump, as a gateway does."""
    settings = RestSettings(url=sandbox.rest_url, session_file=folder / "none")
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(open_rest(settings, SystemClock()))
        thing = api.thing(Secret(only_thing(sandbox)))
        pushes = await stack.enter_async_context(thing.listen())

        async def serve() -> None:
            async for push in pushes:
                assert isinstance(push, list)
                if push[0]["key"] == "pump.relay":
                    await thing.write([Entry("pump.relay_ack", answer)])

        group = await stack.enter_async_context(asyncio.TaskGroup())
        task = group.create_task(serve())
        yield
        task.cancel()


@pytest.mark.parametrize("own", [(), ("--own",)])
async def test_a_command_goes_through_the_cloud_and_its_outcome_is_told(
    shell: Shell, sandbox: Sandbox, tmp_path: Path, own: tuple[str, ...]
) -> None:
    """As an app does it, or with the thing's own token."""
    await activate(shell)
    await log_in(shell)
    await shell("link")
    async with gateway_that(sandbox, tmp_path, "done: goes off in 10m"):
        said = await shell("control", "pump/relay", "on", *own)
        assert said.out == "pump/relay on: done: goes off in 10m\n"
        thing = sandbox.world.thing(only_thing(sandbox))
        assert [row.value for row in thing.timelines["pump.relay"].read(5, None, None)] == ["on"]
        said = await shell("control", "pump/relay", "1", "--json", *own)
        assert said.json["value"] == 1


async def test_a_refused_command_is_a_failure(
    shell: Shell, sandbox: Sandbox, tmp_path: Path
) -> None:
    """Exit 1, with the gateway's words."""
    await activate(shell)
    async with gateway_that(sandbox, tmp_path, "refused: interlocked with valve/relay"):
        said = await shell("control", "pump/relay", "on", "--own", code=1)
    assert "interlocked" in said.err


async def test_a_command_that_nobody_answers_is_not_known(shell: Shell) -> None:
    """Exit 75: it may have been done."""
    await activate(shell)
    said = await shell("control", "pump/relay", "on", "--own", "--timeout", "100ms", code=75)
    assert "nobody knows" in said.err


async def test_only_outputs_are_commanded(shell: Shell) -> None:
    """Those that there are are named."""
    await activate(shell)
    for name in ("boiler/temperature", "nope"):
        said = await shell("control", name, "on", "--own", code=2)
        assert "it has pump/relay" in said.err


async def test_firmware_is_told_and_kept(shell: Shell, tmp_path: Path) -> None:
    """Nothing is run."""
    await activate(shell)
    assert (await shell("firmware")).out == "main  version 3\n"
    [told] = (await shell("firmware", "--download", str(tmp_path / "kept"), "--json")).json
    [file] = (tmp_path / "kept").iterdir()
    assert (str(file), file.read_bytes()) == (told["file"], b"hallo")
    assert file.stat().st_mode & 0o111 == 0


@pytest.mark.parametrize(
    ("text", "value"),
    [("on", "on"), ("1.5", 1.5), ("true", True), ("[1]", "[1]"), ("null", "null")],
)
def test_a_word_is_a_number_where_it_is_one(text: str, value: object) -> None:
    """Everything else is text."""
    assert value_of(text) == value
