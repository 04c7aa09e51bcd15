"""The archive for support: what is in it, and that no secret is."""

from __future__ import annotations

import base64
import json
import tarfile
from pathlib import Path

import pytest

from gatewayd.cli.bundle import pack, prove
from gatewayd.errors import GatewayError
from gatewayd.redaction import Redactor
from tests.live.cloud import API_KEY, Cloud
from tests.live.daemon import GATEWAY, House

PASSWORD = "made-up console password"
KEPT = "made-up-token-that-a-cloud-gave"


def texts(archive: Path) -> dict[str, str]:
    """Return what is in an archive, by name."""
    with tarfile.open(archive) as opened:
        return {
            member.name.removeprefix("gatewayd/"): opened.extractfile(member).read().decode()  # type: ignore[union-attr]  # All are files.
            for member in opened.getmembers()
        }


async def test_everything_is_in_and_no_secret_is(house: House, cloud: Cloud) -> None:
    """With a daemon that runs: keys of the file, of a comment, of a cloud's own token file."""
    house.devices["hall"] = {"driver": "sim", "signals": {"temperature": {"mean": 21.0}}}
    house.sections["console"] = {"listen": "127.0.0.1:0", "password": PASSWORD}
    cloud.register({"hall/temperature": "temperature"})
    house.add_thingplus("up", cloud.port, API_KEY)
    async with house.daemon() as daemon:
        await daemon.wait_up("hall", "up")
        config = (
            house.config.read_text() + f'\n# api_key = "{KEPT[::-1]}"  # {API_KEY} was the key\n'
        )
        house.config.write_text(config)
        (house.state / "uplinks" / "up" / "token").write_text(json.dumps({"token": KEPT}))
        archive = house.folder / "bundle.tar.gz"
        finished = await house.verb("bundle", "--output", str(archive), "--json")
    assert finished.code == 0, finished
    found = texts(archive)
    assert set(found) >= {"config.toml", "status.json", "ledger.json", "versions.json", "state.txt"}
    assert json.loads(found["status.json"])["gateway"]["id"] == GATEWAY
    assert json.loads(found["ledger.json"])["uplinks"]["up"]["is_balanced"]
    assert 'api_key = "***"' in found["config.toml"]
    assert "hall" in found["config.toml"]
    whole = "".join(found.values())
    for secret in (API_KEY, PASSWORD, KEPT, KEPT[::-1]):
        assert secret not in whole
        assert base64.b64encode(secret.encode()).decode() not in whole
    assert archive.stat().st_mode & 0o077 == 0


async def test_without_a_daemon_it_says_what_is_missing(house: House) -> None:
    """And a configuration that nobody understands goes with it, without its keys."""
    house.config.write_text(f'[uplink.up\napi_key = "{API_KEY}"\n')
    archive = house.folder / "bundle.tar.gz"
    finished = await house.verb("bundle", "--output", str(archive), "--json")
    assert finished.code == 0, finished
    assert {"status.json", "ledger.json"} <= set(finished.json["missing"])
    found = texts(archive)
    assert API_KEY not in "".join(found.values())
    assert "api_key" in found["config.toml"]
    assert "config.toml:1" in found["check.txt"]
    assert "no daemon" in found["missing.txt"]


def test_a_secret_that_is_left_is_found() -> None:
    """The finished archive is searched, not what went into it."""
    redactor = Redactor([API_KEY])
    prove(pack({"a.txt": "nothing"}), redactor)
    with pytest.raises(GatewayError, match=r"a secret is left in gatewayd/b\.txt"):
        prove(pack({"a.txt": "nothing", "b.txt": f"key {API_KEY}"}), redactor)
