"""Tokens shown, renewed and kept; API keys shown."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest
from aiohttp import web

from gatewayd.clouds.thingplus.rest_auth import KeyHolder, TokenKeeper
from gatewayd.clouds.thingplus.rest_errors import BAD_TOKEN, EXPIRED, Denied
from gatewayd.clouds.thingplus.tokens import PasswordGrant, Token, TokenFile
from gatewayd.errors import LinkDenied, Malformed
from gatewayd.fields import Secret
from gatewayd.testing.clock import SimulatedClock
from gatewayd.transports.http import HttpSettings, open_http

GRANT = PasswordGrant("app", Secret("s"), "me", Secret("geheim"))


def jwt(name: str, exp_s: int) -> Token:
    payload = base64.urlsafe_b64encode(orjson.dumps({"n": name, "exp": exp_s})).decode()
    return Token(Secret(f"e30.{payload.rstrip('=')}.sig"))


class Issuer:
    """Answers every token request with the next token, and counts them."""

    def __init__(self, *tokens: Token) -> None:
        self.tokens = list(tokens)
        self.forms: list[dict[str, str]] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.forms.append(await request.json())
        token = self.tokens.pop(0)
        return web.json_response({"access_token": token.access.reveal(), "token_type": "Bearer"})


@asynccontextmanager
async def keeping(
    issuer: Issuer, file: TokenFile, grant: PasswordGrant | None = GRANT, now_ms: int = 0
) -> AsyncIterator[TokenKeeper]:
    app = web.Application()
    app.router.add_post("/v2/oauth2/token", issuer.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with open_http(HttpSettings(base_url=url)) as http:
            started_ms = round(asyncio.get_running_loop().time() * 1000)
            clock = SimulatedClock(start_ms=now_ms - started_ms)
            yield TokenKeeper(http, "/v2", file, clock, grant)
    finally:
        await runner.cleanup()


@pytest.fixture
def file(tmp_path: Path) -> TokenFile:
    return TokenFile(tmp_path / "token.json", "http://cloud")


async def test_the_kept_token_is_shown(file: TokenFile) -> None:
    """No request is made for what is in the file."""
    token = jwt("a", 1000)
    file.write(token)
    async with keeping(Issuer(), file) as keeper:
        assert await keeper.headers() == {"Authorization": token.authorization}


async def test_a_token_at_its_end_is_renewed_and_kept(file: TokenFile) -> None:
    """Before the request, with the password grant, and into the file."""
    file.write(jwt("old", 10))
    issuer = Issuer(jwt("new", 1000))
    async with keeping(issuer, file, now_ms=20_000) as keeper:
        assert await keeper.headers() == {"Authorization": jwt("new", 1000).authorization}
    assert file.read() == jwt("new", 1000)
    assert issuer.forms == [GRANT.form()]


@pytest.mark.parametrize(("exp_s", "why"), [(10, "has expired"), (None, "is missing")])
async def test_without_credentials_the_end_is_a_sentence(
    file: TokenFile, exp_s: int | None, why: str
) -> None:
    """It says what is wrong and what to type."""
    if exp_s is not None:
        file.write(jwt("old", exp_s))
    async with keeping(Issuer(), file, None, now_ms=20_000) as keeper:
        with pytest.raises(LinkDenied, match=f"{why}.*gatewayd cloud thingplus login"):
            await keeper.headers()


@pytest.mark.parametrize("refused", [Denied(401), Denied(403, EXPIRED), Denied(403, BAD_TOKEN)])
async def test_a_refused_token_is_replaced(file: TokenFile, refused: Denied) -> None:
    """401, an expired token, and one that the cloud does not know any more."""
    file.write(jwt("old", 1000))
    async with keeping(Issuer(jwt("new", 1000)), file) as keeper:
        await keeper.headers()
        await keeper.renew(refused)
        assert await keeper.headers() == {"Authorization": jwt("new", 1000).authorization}


async def test_missing_rights_are_no_reason_to_renew(file: TokenFile) -> None:
    """A new token has the same rights."""
    issuer = Issuer()
    async with keeping(issuer, file) as keeper:
        with pytest.raises(Denied):
            await keeper.renew(Denied(403, "ACL_DENY"))
    assert issuer.forms == []


async def test_many_callers_renew_once(file: TokenFile) -> None:
    """Those who wait take what the first one got."""
    file.write(jwt("old", 10))
    issuer = Issuer(jwt("new", 1000))
    async with keeping(issuer, file, now_ms=20_000) as keeper:
        await asyncio.gather(*(keeper.headers() for _ in range(5)))
    assert len(issuer.forms) == 1


async def test_a_login_elsewhere_is_noticed(file: TokenFile) -> None:
    """The file is read again before anything is renewed or given up."""
    file.write(jwt("old", 1000))
    async with keeping(Issuer(), file, None) as keeper:
        await keeper.headers()
        file.write(jwt("newer", 1000))
        await keeper.renew(Denied(401))
        assert await keeper.headers() == {"Authorization": jwt("newer", 1000).authorization}


async def test_an_answer_without_a_token_is_malformed(file: TokenFile) -> None:
    """And nothing is kept of it."""
    async with keeping(Issuer(Token(Secret(""))), file) as keeper:
        with pytest.raises(Malformed, match="access_token"):
            await keeper.sign_in(GRANT)
    assert file.read() is None


async def test_a_gateway_shows_its_id_and_key() -> None:
    """The headers of the gateway's own face; a refused key is not renewed."""
    holder = KeyHolder("b827eb000001", Secret("key"))
    assert await holder.headers() == {"username": "b827eb000001", "apikey": "key"}
    with pytest.raises(Denied):
        await holder.renew(Denied(401))
