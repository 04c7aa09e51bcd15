"""Where a new API key belongs, and what is written into the configuration."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from gatewayd.clouds.thingplus.names import Sensor
from gatewayd.clouds.thingplus.verbs.account import Account
from gatewayd.clouds.thingplus.verbs.provision import Result, key_file_of, write_back
from gatewayd.config.edit import ConfigFile
from gatewayd.fields import Secret
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


def test_a_first_key_lies_beside_the_token(account: Account, tmp_path: Path) -> None:
    """Where the file says nothing of a key."""
    assert key_file_of(file_with(tmp_path, ""), account) == account.key_file


def test_a_key_goes_where_the_owner_wants_it(account: Account, tmp_path: Path) -> None:
    """A file that is named and not there yet."""
    wanted = tmp_path / "secrets" / "key"
    file = file_with(tmp_path, f'api_key = {{ file = "{wanted}" }}')
    assert key_file_of(file, account) == wanted


@pytest.mark.parametrize(
    "line", ['api_key = "text"', 'api_key = { credential = "k" }', 'api_key = { env = "K" }']
)
def test_no_key_is_made_where_the_owner_says_another_way(
    account: Account, tmp_path: Path, line: str
) -> None:
    """A credential that only the service sees is not replaced by a file."""
    assert key_file_of(file_with(tmp_path, line), account) is None


def test_no_key_is_made_where_there_is_one(account: Account, tmp_path: Path) -> None:
    """Wherever it comes from, the environment too; nor over a file that is there."""
    has_key = replace(account, api_key=Secret("key"))
    assert key_file_of(file_with(tmp_path, ""), has_key) is None
    (tmp_path / "key").write_text("")
    file = file_with(tmp_path, f'api_key = {{ file = "{tmp_path / "key"}" }}')
    assert key_file_of(file, account) is None


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
