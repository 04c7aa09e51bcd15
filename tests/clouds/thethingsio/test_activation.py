"""The thing token: given, kept, or won once with a code."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gatewayd.clouds.thethingsio.activation import (
    load_token,
    obtain_token,
    store_token,
    token_file,
)
from gatewayd.clouds.thethingsio.settings import Config
from gatewayd.errors import ConfigError, LinkDenied, LinkLost, Malformed, Throttled
from gatewayd.fields import Secret
from gatewayd.transports.http import Http, HttpSettings, open_http
from tests.clouds.thethingsio.little_cloud import CODE, TOKEN, LittleCloud, Trouble, little_cloud

CONFIG = Config(activation_code=Secret(CODE))


@pytest.fixture
async def cloud() -> AsyncIterator[LittleCloud]:
    async with little_cloud() as cloud:
        yield cloud


@pytest.fixture
async def http(cloud: LittleCloud) -> AsyncIterator[Http]:
    async with open_http(HttpSettings(base_url=cloud.url)) as http:
        yield http


async def test_a_given_token_is_used(cloud: LittleCloud, http: Http, tmp_path: Path) -> None:
    """Nothing is asked and nothing kept."""
    token = await obtain_token(Config(token=Secret(f" {TOKEN}\n")), tmp_path, http)
    assert token == Secret(TOKEN)
    assert cloud.activations == []
    assert load_token(tmp_path, CODE) is None


@pytest.mark.parametrize(
    "text", ["", "short", "with/slash-and-enough-characters", "a b c d e f g h"]
)
async def test_a_token_that_is_none_is_the_owners_mistake(
    http: Http, tmp_path: Path, text: str
) -> None:
    """And it is not shown."""
    with pytest.raises(ConfigError) as caught:
        await obtain_token(Config(token=Secret(text)), tmp_path, http)
    assert not text or text not in str(caught.value)


async def test_a_code_is_spent_once(cloud: LittleCloud, http: Http, tmp_path: Path) -> None:
    """The token is for its owner only, and found again."""
    folder = tmp_path / "uplinks" / "up"
    for _ in range(3):
        assert await obtain_token(CONFIG, folder, http) == Secret(TOKEN)
    assert len(cloud.activations) == 1
    assert token_file(folder, CODE).stat().st_mode & 0o777 == 0o600


async def test_another_code_is_another_thing(
    cloud: LittleCloud, http: Http, tmp_path: Path
) -> None:
    """A mistyped code does not cost the token that is there."""
    await obtain_token(CONFIG, tmp_path, http)
    with pytest.raises(LinkDenied, match="panel"):
        await obtain_token(Config(activation_code=Secret("mistyped")), tmp_path, http)
    assert await obtain_token(CONFIG, tmp_path, http) == Secret(TOKEN)
    assert len(cloud.activations) == 1


async def test_no_code_is_spent_where_its_token_could_not_be_kept(
    cloud: LittleCloud, http: Http, tmp_path: Path
) -> None:
    """The folder is tried first."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot write"):
        await obtain_token(CONFIG, tmp_path / "file" / "below", http)
    assert cloud.activations == []


async def test_a_damaged_file_does_not_spend_the_code_again(
    cloud: LittleCloud, http: Http, tmp_path: Path
) -> None:
    """The owner is told where the token can be had."""
    for text in ("", "{}", "[]", '{"thingToken": 5}', '{"thingToken": "a/b"}', "\xff"):
        token_file(tmp_path, CODE).write_text(text, encoding="latin-1")
        with pytest.raises(ConfigError):
            await obtain_token(CONFIG, tmp_path, http)
    assert cloud.activations == []


async def test_a_spent_code_is_denied_with_advice(
    cloud: LittleCloud, http: Http, tmp_path: Path
) -> None:
    """If the answer to the first spending was lost, only the panel knows the token."""
    cloud.activations.append({})
    with pytest.raises(LinkDenied, match=r"already used.*panel"):
        await obtain_token(CONFIG, tmp_path, http)


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, LinkDenied), (401, LinkDenied), (429, Throttled), (500, LinkLost), (200, LinkLost)],
)
async def test_a_failed_activation_is_tried_again_later(
    cloud: LittleCloud, http: Http, tmp_path: Path, status: int, error: type[Exception]
) -> None:
    """Nothing is kept that would stand in its way."""
    cloud.activation_trouble = Trouble(status)
    with pytest.raises(error) as caught:
        await obtain_token(CONFIG, tmp_path, http)
    assert CODE not in str(caught.value)
    cloud.activation_trouble = None
    assert await obtain_token(CONFIG, tmp_path, http) == Secret(TOKEN)


async def test_an_activation_without_a_token_is_malformed(
    cloud: LittleCloud, http: Http, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Success without what it is about."""
    monkeypatch.setattr("tests.clouds.thethingsio.little_cloud.TOKEN", "?")
    with pytest.raises(Malformed):
        await obtain_token(CONFIG, tmp_path, http)


def test_a_kept_token_is_the_code_s(tmp_path: Path) -> None:
    """Before the first activation there is none; asked and not answered is none either."""
    assert load_token(tmp_path, CODE) is None
    store_token(tmp_path, CODE, None)
    assert load_token(tmp_path, CODE) is None
    store_token(tmp_path, CODE, Secret(TOKEN))
    assert load_token(tmp_path, CODE) == Secret(TOKEN)
    assert load_token(tmp_path, "another") is None
