"""Where a new API key belongs, and when one is got."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gatewayd.clouds.thingplus.verbs.account import Account
from gatewayd.clouds.thingplus.verbs.api_key import (
    KeyPlace,
    Standing,
    find_kept,
    is_to_be_made,
    key_place,
)
from gatewayd.config.edit import ConfigFile
from gatewayd.fields import SECRET_BYTES_MAX, Secret


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
        names={},
    )


def file_with(folder: Path, line: str) -> ConfigFile:
    path = folder / "config.toml"
    path.write_text(f'[uplink.thingplus]\nkind = "thingplus"\n{line}\n')
    return ConfigFile(path)


def test_a_first_key_lies_beside_the_token(account: Account, tmp_path: Path) -> None:
    """Where the file says nothing of a key."""
    assert key_place(file_with(tmp_path, ""), account) == KeyPlace(account.key_file, is_said=False)


def test_a_key_goes_where_the_owner_wants_it(account: Account, tmp_path: Path) -> None:
    """A file that is named and not there yet."""
    wanted = tmp_path / "secrets" / "key"
    file = file_with(tmp_path, f'api_key = {{ file = "{wanted}" }}')
    assert key_place(file, account) == KeyPlace(wanted, is_said=False)


@pytest.mark.parametrize(
    "line", ['api_key = "…"', 'api_key = { credential = "k" }', 'api_key = { env = "K" }']
)
def test_a_key_that_is_said_another_way_is_known_to_be(
    account: Account, tmp_path: Path, line: str
) -> None:
    """Readable here or not."""
    place = key_place(file_with(tmp_path, line), account)
    assert place == KeyPlace(account.key_file, is_said=True)


def test_a_file_of_the_owners_is_not_written_over(account: Account, tmp_path: Path) -> None:
    """A new key goes beside the token instead; the environment counts as said, too."""
    (tmp_path / "key").write_text("stale")
    has_key = replace(account, api_key=Secret("stale"))
    file = file_with(tmp_path, f'api_key = {{ file = "{tmp_path / "key"}" }}')
    assert key_place(file, has_key) == KeyPlace(account.key_file, is_said=True)
    assert key_place(file_with(tmp_path, ""), has_key).is_said


@pytest.mark.parametrize("standing", Standing)
def test_only_a_new_gateway_gets_a_key_over_a_refused_one(standing: Standing) -> None:
    """One that was there keeps the owner's word, unless he asks."""
    missing, refused = standing is Standing.MISSING, standing is Standing.REFUSED
    assert is_to_be_made(standing, is_new=True, is_asked_for=False) == (missing or refused)
    assert is_to_be_made(standing, is_new=False, is_asked_for=False) == missing
    assert is_to_be_made(standing, is_new=False, is_asked_for=True)


@pytest.mark.parametrize(
    ("data", "key"), [(b"key\n", Secret("key")), (b" \n", None), (b"\xff", None), (None, None)]
)
def test_what_a_former_run_has_left_is_found(
    tmp_path: Path, data: bytes | None, key: Secret | None
) -> None:
    """A file that is empty, damaged or missing holds none."""
    if data is not None:
        (tmp_path / "api-key").write_bytes(data)
    assert find_kept(KeyPlace(tmp_path / "api-key", is_said=False)) == key


def test_a_huge_file_is_not_read_whole(tmp_path: Path) -> None:
    """A log that was named by accident."""
    (tmp_path / "api-key").write_text("k" * (SECRET_BYTES_MAX + 1))
    kept = find_kept(KeyPlace(tmp_path / "api-key", is_said=False))
    assert kept is not None
    assert len(kept.reveal()) == SECRET_BYTES_MAX
