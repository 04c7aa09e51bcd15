"""`gatewayd cloud thingplus provision` against the sandbox."""

from __future__ import annotations

import tomllib
from pathlib import Path

from gatewayd.clouds.thingplus.rest import Rest
from gatewayd.clouds.thingplus.sandbox.sandbox import Sandbox
from gatewayd.sandbox.faults import RestFault
from tests.clouds.shell import Shell
from tests.clouds.thingplus.rest.shell import GATEWAY, key_of, log_in


async def test_provisioning_twice_changes_nothing_the_second_time(
    shell: Shell, api: Rest, tmp_path: Path
) -> None:
    """The gateway with all it has is registered, ids and the key's file are written down once."""
    await log_in(shell)
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
    key = key_of(shell)
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
    await log_in(shell)
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
    await log_in(shell)
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
    await log_in(shell)
    said = await shell("provision", code=1)
    assert "the plan allows 0 gateways" in said.err
    assert GATEWAY not in sandbox.world.gateways


async def test_a_run_that_broke_off_is_finished_by_the_next(shell: Shell, sandbox: Sandbox) -> None:
    """Exit 75 for a cloud that fails; the key is kept, so that it is not issued twice."""
    await log_in(shell)
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
    await log_in(shell)
    vendor = sandbox.world.vendor_keys["daliworks"]
    await shell("provision", "--vendor-key-file", "-", stdin=f"{vendor}\n")
    assert key_of(shell).read_text() == sandbox.world.keys[GATEWAY].key


async def test_a_new_gateway_gets_its_key_over_a_placeholder(
    shell: Shell, sandbox: Sandbox
) -> None:
    """What a first-time user wrote there is in the .bak, the key in a file of mode 0600."""
    await log_in(shell)
    say(shell, 'api_key = "…"  # from the portal')
    assert "gateway" in (await shell("provision", "--dry-run")).out
    said = await shell("provision")
    key = key_of(shell)
    assert f"made: API key in {key}" in said.out
    assert "systemctl reload" in said.out
    assert key.read_text() == sandbox.world.keys[GATEWAY].key
    assert key.stat().st_mode & 0o777 == 0o600
    assert 'api_key = "…"' in shell.config.with_name("config.toml.bak").read_text()
    assert "# from the portal" in shell.config.read_text()
    assert (await shell("provision", "--json")).json["made"] == []


async def test_a_key_that_is_refused_is_said_and_replaced_when_asked(
    shell: Shell, sandbox: Sandbox
) -> None:
    """The gateway was there before: exit 1 and a sentence, the file as it was; then --new-key."""
    sandbox.provision({"gateways": [{"id": GATEWAY, "api_key": "right-key"}]})
    await log_in(shell)
    say(shell, 'api_key = "wrong-key"')
    for words in (("provision", "--dry-run"), ("provision",)):
        said = await shell(*words, code=1)
        assert "refuses the api_key of uplink thingplus" in said.err
        assert "--new-key" in said.err
    assert 'api_key = "wrong-key"' in shell.config.read_text()
    assert "missing: API key" in (await shell("provision", "--new-key", "--dry-run")).out
    assert "API key in" in (await shell("provision", "--new-key")).out
    assert key_of(shell).read_text() == "right-key"
    await shell("provision")


async def test_a_key_that_is_good_stays(shell: Shell, sandbox: Sandbox) -> None:
    """Wherever the owner keeps it."""
    sandbox.provision({"gateways": [{"id": GATEWAY, "api_key": "right-key"}]})
    await log_in(shell)
    say(shell, 'api_key = "right-key"')
    assert "API key" not in (await shell("provision")).out
    assert 'api_key = "right-key"' in shell.config.read_text()


async def test_a_cloud_that_forgot_everything_gives_a_new_key(
    shell: Shell, sandbox: Sandbox
) -> None:
    """As a restarted sandbox does: the next run registers anew and replaces our own key's file."""
    await log_in(shell)
    await shell("provision")
    key = key_of(shell)
    key.write_text("of-yesterday")
    del sandbox.world.gateways[GATEWAY], sandbox.world.keys[GATEWAY]
    await shell("provision", code=1)  # Its sensors are still there in this one.
    assert key.read_text() == sandbox.world.keys[GATEWAY].key


async def test_a_key_from_a_run_that_broke_off_is_written_down(
    shell: Shell, sandbox: Sandbox
) -> None:
    """The next run proves it and names it in the file, without another one."""
    sandbox.provision({"gateways": [{"id": GATEWAY, "api_key": "right-key"}]})
    await log_in(shell)
    say(shell, 'api_key = "…"')
    kept = shell.config.parent / "state" / "uplinks" / "thingplus" / "api-key"
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text("right-key")
    said = await shell("provision")
    assert "API key" not in said.out
    assert key_of(shell) == kept


async def test_a_key_that_only_the_service_reads_is_spoken_of(
    shell: Shell, sandbox: Sandbox
) -> None:
    """At the registration, where there may be none yet; it is not replaced without asking."""
    await log_in(shell)
    say(shell, 'api_key = { credential = "k" }')
    assert "cannot be read here" in (await shell("provision")).out
    assert 'api_key = { credential = "k" }' in shell.config.read_text()
    await shell("provision", "--new-key")
    assert key_of(shell).read_text() == sandbox.world.keys[GATEWAY].key


async def test_the_gateways_own_key_gets_no_other(shell: Shell) -> None:
    """--own with --new-key: wrong usage."""
    assert "--own" in (await shell("provision", "--own", "--new-key", code=2)).err


def say(shell: Shell, line: str) -> None:
    """Add a line to the uplink's section, which is the last of the file."""
    with shell.config.open("a") as file:
        file.write(f"{line}\n")
