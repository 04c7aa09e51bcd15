"""`gatewayd cloud thingplus …` as a user types it, against the sandbox."""

from __future__ import annotations

import asyncio
import io
import json
import os
import sys
import tomllib
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gatewayd import cli
from gatewayd.cli.cloud import say
from gatewayd.clouds.thingplus.rest import Rest
from gatewayd.clouds.thingplus.rest_series import Point
from gatewayd.clouds.thingplus.sandbox.faults import RestFault
from gatewayd.clouds.thingplus.sandbox.sandbox import Sandbox
from gatewayd.errors import GatewayError

GATEWAY = "b827eb0000aa"
SECRETS = ("geheim-client", "geheim-word")
DEADLINE_S = 20.0

CONFIG = """\
# Boiler room, second floor.
[gateway]
id = "b827eb0000aa"
name = "Boiler room 3"
state_dir = "{state}"

[device.boiler]
driver = "sim"
[device.boiler.signals.temperature]
kind = "temperature"
unit = "Cel"
[device.boiler.signals.energy]
kind = "energy"
unit = "kWh"

[device.pump]
driver = "sim_relay"
safe = "off"

[uplink.thingplus]      # the customer's account
kind = "thingplus"
host = "127.0.0.1"
rest_url = "{url}"      # the sandbox
"""


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Shell:
    """Runs verbs with one configuration file: as processes, or quicker in this one."""

    config: Path

    async def real(self, *words: str, stdin: str = "", code: int = 0) -> Said:
        """Run `gatewayd` as a user does."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gatewayd", "cloud", "thingplus", *words),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "GATEWAYD_CONFIG": str(self.config)},
        )
        async with asyncio.timeout(DEADLINE_S):
            out, err = await process.communicate(stdin.encode())
        assert process.returncode is not None
        return checked(Said(process.returncode, out.decode(), err.decode()), code)

    async def __call__(self, *words: str, stdin: str = "", code: int = 0) -> Said:
        """Run the same verb here, without the start of an interpreter."""
        argv = ["--config", str(self.config), "cloud", "thingplus", *words]
        out, err = io.StringIO(), io.StringIO()
        found = 0
        with redirect_stdout(out), redirect_stderr(err), pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "stdin", io.StringIO(stdin))
            try:
                args = cli._parser_for(argv).parse_args(argv)
                found = say(await args.speak(args), as_document=args.json)
            except SystemExit as end:
                found = int(end.code or 0)
            except GatewayError as error:
                print(error, file=sys.stderr)
                found = cli.exit_code(error)
        return checked(Said(found, out.getvalue(), err.getvalue()), code)

    async def login(self) -> None:
        words = ("--client-id", "app-2", "--user", "bob")
        files = ("--client-secret-file", str(self.config.parent / "client"), "--password-file", "-")
        await self("login", *words, *files, stdin="geheim-word\n")

    def key(self) -> Path:
        """Return the file that the configuration names for the API key."""
        uplink = tomllib.loads(self.config.read_text())["uplink"]["thingplus"]
        return Path(uplink["api_key"]["file"])


def checked(said: Said, code: int) -> Said:
    """Return what was said, if that is the exit code, nothing blew up and no secret is in it."""
    assert "Traceback" not in said.err
    assert not any(secret in said.out + said.err for secret in SECRETS)
    assert said.code == code, said
    return said


@pytest.fixture
def shell(sandbox: Sandbox, tmp_path: Path) -> Shell:
    """A configuration without an API key, and a user for it."""
    sandbox.provision(
        {
            "accounts": [{"login_id": "bob", "password": "geheim-word", "site": "1"}],
            "clients": [{"id": "app-2", "secret": "geheim-client"}],
        }
    )
    (tmp_path / "client").write_text("geheim-client\n")
    config = tmp_path / "config.toml"
    config.write_text(CONFIG.format(state=tmp_path / "state", url=sandbox.rest_url))
    config.chmod(0o640)
    return Shell(config)


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


async def test_a_code_from_the_browser_logs_in(shell: Shell, sandbox: Sandbox) -> None:
    """The address is shown, the code is asked for."""
    account, client = sandbox.world.account_of("bob"), sandbox.world.clients["app-2"]
    code = sandbox.doors.issue_code(account, client, {"redirect_uri": "http://localhost/cb"})
    words = ("--code", "--code-file", "-", "--redirect-uri", "http://localhost/cb")
    files = ("--client-id", "app-2", "--client-secret-file", str(shell.config.parent / "client"))
    said = await shell("login", *words, *files, stdin=f"{code}\n")
    assert "/v2/oauth2/authorize?client_id=app-2" in said.err
    assert (await shell("me", "--json")).json["login_id"] == "bob"


async def test_provisioning_twice_changes_nothing_the_second_time(
    shell: Shell, api: Rest, tmp_path: Path
) -> None:
    """The gateway with all it has is registered, ids and the key's file are written down once."""
    await shell.login()
    before = shell.config.read_text()
    dry = await shell("provision", "--dry-run", "--json")
    assert dry.json["missing"][0] == f"gateway {GATEWAY}"
    assert shell.config.read_text() == before

    said = await shell.real("provision", "--json")
    assert said.json["problems"] == []
    found = await api.gateways.get(GATEWAY)
    assert (found.name, found.model) == ("Boiler room 3", "34")
    uplink = tomllib.loads(shell.config.read_text())["uplink"]["thingplus"]
    written = [each["id"] for each in (*uplink["sensors"].values(), *uplink["actuators"].values())]
    assert sorted(found.sensor_ids) == sorted(written)
    assert uplink["gateway_id"] == GATEWAY
    key = shell.key()
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.read_text() not in said.out + shell.config.read_text()

    after = shell.config.read_text()
    assert [line for line in before.splitlines() if line not in after] == []
    assert shell.config.with_name("config.toml.bak").read_text() == before
    assert shell.config.stat().st_mode & 0o777 == 0o640
    again = await shell.real("provision", "--json")
    assert again.json["made"] == again.json["written"] == []
    assert shell.config.read_text() == after


async def test_what_was_registered_has_the_catalogues_models(shell: Shell, api: Rest) -> None:
    """A type that the model does not have is registered as a number, and the user is told."""
    await shell.login()
    said = await shell("provision")
    assert "boiler/energy: registered as number, electricEnergy is unknown" in said.out
    sensors = (await api.gateways.sensors(GATEWAY).list()).items
    assert {(each.type, each.model, each.driver_name) for each in sensors} == {
        ("temperature", "jsonrpcTemp", "jsonrpcSensor"),
        ("number", "jsonrpcNumber", "jsonrpcSensor"),
        ("powerSwitch", "jsonrpcDo", "jsonrpcActuator"),
    }


async def test_an_id_that_is_taken_is_named(shell: Shell, sandbox: Sandbox) -> None:
    """207 and 409: the rest is registered, exit 1, and a second run says the same."""
    taken = {"id": f"{GATEWAY}-boiler-temperature", "type": "number"}
    sandbox.provision({"gateways": [{"id": "b827eb0000ff", "sensors": [taken]}]})
    await shell.login()
    said = await shell("provision", code=1)
    assert f"{taken['id']} exists already, at another gateway" in said.err
    assert "left out by the cloud" in said.out
    uplink = tomllib.loads(shell.config.read_text())["uplink"]["thingplus"]
    assert list(uplink["sensors"]) == ["boiler/energy"]
    assert taken["id"] in (await shell("provision", code=1)).err


async def test_a_plan_that_is_full_is_a_sentence(shell: Shell, sandbox: Sandbox) -> None:
    """471: exit 1, nothing registered, nothing written but the key's own file."""
    plan = {"gateways_max": 0}
    sandbox.provision({"sites": [{"id": "1", "plan": plan}]})
    await shell.login()
    said = await shell("provision", code=1)
    assert "the plan allows 0 gateways" in said.err
    assert GATEWAY not in sandbox.world.gateways


async def test_a_run_that_broke_off_is_finished_by_the_next(shell: Shell, sandbox: Sandbox) -> None:
    """Exit 75 for a cloud that fails; the key is kept, so that it is not issued twice."""
    await shell.login()
    sandbox.rest_faults.add(RestFault(path="/registerGateway", method="POST", times=2, status=500))
    await shell("provision", code=75)
    sandbox.rest_faults.clear()
    await shell("provision")
    assert (await shell("provision")).out.startswith("note: boiler/energy")


async def test_a_gateway_registers_its_sensors_with_its_own_key(
    shell: Shell, api: Rest, sandbox: Sandbox
) -> None:
    """--own needs no login; where discovery is off, the sentence says what to do."""
    sandbox.provision({"gateways": [{"id": GATEWAY, "api_key": "own-key"}]})
    (shell.config.parent / "key").write_text("own-key")
    with shell.config.open("a") as file:
        file.write(f'api_key = {{ file = "{shell.config.parent / "key"}" }}\n')
    await api.gateways.update(GATEWAY, {"autoCreateDiscoverable": "n"})
    assert "autoCreateDiscoverable" in (await shell("provision", "--own", code=1)).err
    await api.gateways.update(GATEWAY, {"autoCreateDiscoverable": "y"})
    await shell("provision", "--own")
    assert len((await api.gateways.get(GATEWAY)).sensor_ids) == 3
    assert (await shell("provision", "--own", "--json")).json["made"] == []


async def test_a_prepared_key_is_fetched(shell: Shell, api: Rest, sandbox: Sandbox) -> None:
    """--vendor-key-file: activateGatewayKey."""
    await api.control.prepare_key(GATEWAY, "34")
    await shell.login()
    vendor = sandbox.world.vendor_keys["daliworks"]
    await shell("provision", "--vendor-key-file", "-", stdin=f"{vendor}\n")
    assert shell.key().read_text() == sandbox.world.keys[GATEWAY].key


async def test_what_arrived_is_shown(shell: Shell, api: Rest, sandbox: Sandbox) -> None:
    """Gateways with sensors, values, and statistics, by the local channel's name or by ids."""
    await shell.login()
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
    """Exit 1 for a missing sensor, 2 for options that make no sense, 78 for a name that is none."""
    await shell.login()
    assert "NOT_FOUND" in (await shell("show", "series", "b827eb000001/none", code=1)).err
    await shell("show", "series", "x", "--interval", "2w", code=2)
    await shell("show", "series", "x", "--since", "10", code=2)
    await shell("show", "statistics", "x", "--hours", "2", code=2)
    await shell("show", "series", "a/b/c", code=78)


async def test_a_command_goes_through_the_cloud(shell: Shell, gateway: Any) -> None:
    """Durations in milliseconds, other options by name; the gateway's answer is shown."""
    await shell.login()
    words = ("control", "b827eb000001/relay", "blink", "--duration", "3s", "--blink", "500ms")
    said = await shell.real(*words, "--option", "row=2", "--json")
    assert said.json["result"] == "success"
    assert gateway.asked[0]["params"] == {
        "id": "relay",
        "cmd": "blink",
        "options": {"interval": 500, "duration": 3000, "row": 2},
    }


async def test_a_command_that_fails_says_how(shell: Shell, gateway: Any) -> None:
    """75 when nobody answered, 1 when the gateway refused, 2 for an option without a value."""
    await shell.login()
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
    assert "thingplus, second; say --uplink NAME" in (await shell("me", code=78)).err
    assert "'third'" in (await shell("me", "--uplink", "third", code=78)).err
    await shell("token", "--forget", "--uplink", "second")


async def test_a_cloud_that_is_away_is_worth_another_try(shell: Shell, sandbox: Sandbox) -> None:
    """75 for a connection that breaks."""
    await shell.login()
    sandbox.rest_faults.add(RestFault(path="/users/me", cut=True, times=-1))
    await shell("me", code=75)


@pytest.mark.parametrize(
    "words", ["", "login", "provision", "show", "show series", "show statistics", "control", "me"]
)
async def test_every_verb_has_help_with_an_example(shell: Shell, words: str) -> None:
    """Without a configuration, a login or a network."""
    assert "example:\n  gatewayd cloud thingplus" in (await shell(*words.split(), "--help")).out
