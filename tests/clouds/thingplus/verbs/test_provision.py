"""What `provision` writes into the configuration."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from gatewayd.clouds.thingplus.names import Sensor
from gatewayd.clouds.thingplus.verbs.account import Account
from gatewayd.clouds.thingplus.verbs.provision import Result, write_back
from gatewayd.config.edit import ConfigFile
from gatewayd.model import ChannelId

TEMPERATURE, RELAY = ChannelId("boiler/temperature"), ChannelId("pump/relay")


@pytest.fixture
def account(tmp_path: Path) -> Account:
    return Account(
        uplink="thingplus",
        rest_url="https://api.thingplus.net",
        gateway_id="b827eb000001",
        gateway_name="Boiler room",
        report_interval_ms=60_000,
        api_key=None,
        folder=tmp_path / "state",
        names={
            TEMPERATURE: Sensor(TEMPERATURE, "t-id", "temperature"),
            RELAY: Sensor(RELAY, "r-id", "powerSwitch", is_output=True),
        },
    )


def file_with(folder: Path, line: str) -> ConfigFile:
    path = folder / "config.toml"
    path.write_text(f'[uplink.thingplus]\nkind = "thingplus"\n{line}\n')
    return ConfigFile(path)


@pytest.mark.parametrize(
    "line", ["", 'api_key = "…"  # from the portal', 'api_key = { credential = "k" }']
)
def test_a_new_keys_file_takes_the_place_of_whatever_was_said(
    account: Account, tmp_path: Path, line: str
) -> None:
    """No part of another form stays in the table, the comment and the former state do."""
    key = tmp_path / "api-key"
    write_back(file_with(tmp_path, line), account, Result(key_file=key))
    text = (tmp_path / "config.toml").read_text()
    assert tomllib.loads(text)["uplink"]["thingplus"]["api_key"] == {"file": str(key)}
    assert ("# from the portal" in text) == ("# from the portal" in line)
    assert line in (tmp_path / "config.toml.bak").read_text()
    assert write_back(ConfigFile(tmp_path / "config.toml"), account, Result(key_file=key)) == []


def test_only_what_is_at_the_cloud_is_written_down(account: Account, tmp_path: Path) -> None:
    """Ids by channel, in the table that they belong into."""
    changed = write_back(file_with(tmp_path, ""), account, Result(present={"r-id"}))
    assert changed[0] == str(tmp_path / "config.toml")
    uplink = tomllib.loads((tmp_path / "config.toml").read_text())["uplink"]["thingplus"]
    assert uplink == {
        "kind": "thingplus",
        "gateway_id": "b827eb000001",
        "actuators": {"pump/relay": {"id": "r-id", "type": "powerSwitch"}},
    }


def test_nothing_at_the_cloud_is_nothing_written(account: Account, tmp_path: Path) -> None:
    """After a refused registration the file is as it was."""
    assert write_back(file_with(tmp_path, ""), account, Result(problems=["no"])) == []


def test_the_owners_other_words_about_a_channel_stay(account: Account, tmp_path: Path) -> None:
    """scale and the like are kept beside the id."""
    line = '[uplink.thingplus.sensors]\n"boiler/temperature" = { scale = 2.0 }'
    write_back(file_with(tmp_path, line), account, Result(present={"t-id"}))
    uplink = tomllib.loads((tmp_path / "config.toml").read_text())["uplink"]["thingplus"]
    entry = {"scale": 2.0, "id": "t-id", "type": "temperature"}
    assert uplink["sensors"] == {"boiler/temperature": entry}
