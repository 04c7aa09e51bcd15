"""Getting tokens, renewing them, and what each scope opens; against the sandbox."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from gatewayd.clock import SystemClock
from gatewayd.clouds.thingplus.envelope import open_envelope
from gatewayd.clouds.thingplus.rest import Rest, RestSettings, open_rest
from gatewayd.clouds.thingplus.rest_errors import Conflict, Denied, ThingPlusError
from gatewayd.clouds.thingplus.sandbox.sandbox import Sandbox
from gatewayd.clouds.thingplus.tokens import (
    CodeGrant,
    PasswordGrant,
    Scope,
    TokenFile,
)
from gatewayd.errors import LinkDenied
from gatewayd.fields import Secret
from gatewayd.transports.http import HttpSettings, Request, open_http

Opened = Callable[..., AbstractAsyncContextManager[Rest]]
GATEWAY = "b827eb000001"
REDIRECT = "http://localhost/cb"
DAY_MS = 86_400_000


def grant(**changes: str) -> PasswordGrant:
    words = {name: changes.get(name, "sandbox") for name in ("client", "secret", "user", "word")}
    return PasswordGrant(
        words["client"], Secret(words["secret"]), words["user"], Secret(words["word"])
    )


async def decide(sandbox: Sandbox, decision: str) -> dict[str, list[str]]:
    """Decide as a user does in the browser; return what the app's address is called with."""
    asked = {
        "client_id": "app",
        "response_type": "code",
        "redirect_uri": REDIRECT,
        "loginId": "ann",
        "password": "ann",
        "decision": decision,
    }
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    async with open_http(HttpSettings(base_url=sandbox.rest_url)) as http:
        request = Request("POST", "/v2/oauth2/authorize", form, urlencode(asked).encode())
        answer = await http.send(request)
    assert answer.status == 302
    return parse_qs(urlsplit(answer.headers["location"]).query)


def code_grant(code: str, uri: str = REDIRECT) -> CodeGrant:
    return CodeGrant("app", Secret("app"), Secret(code), uri)


async def test_a_password_gets_a_token_for_ninety_days(api: Rest, sandbox: Sandbox) -> None:
    """The token says its end itself."""
    token = await api.sign_in(grant())
    assert token.type == "Bearer"
    assert token.expires_ms is not None
    assert abs(token.expires_ms - sandbox.clock.now_ms() - 90 * DAY_MS) < 60_000


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"word": "wrong"}, "incorrect_user_credentials"),
        ({"user": "nobody"}, "incorrect_user_credentials"),
        ({"secret": "wrong"}, "incorrect_client_credentials"),
        ({"client": "nobody"}, "incorrect_client_credentials"),
    ],
)
async def test_wrong_credentials_get_none(api: Rest, changes: dict[str, str], code: str) -> None:
    """The error says which half is wrong."""
    with pytest.raises(Denied) as caught:
        await api.sign_in(grant(**changes))
    assert caught.value.code == code


async def test_a_code_gets_a_token_for_fifteen_days(api: Rest, sandbox: Sandbox) -> None:
    """Authorization code: the user allows, the app exchanges, and the token is the user's."""
    found = await decide(sandbox, "allow")
    token = await api.sign_in(code_grant(found["code"][0]))
    assert token.expires_ms is not None
    assert abs(token.expires_ms - sandbox.clock.now_ms() - 15 * DAY_MS) < 60_000
    assert (await api.me()).login_id == "ann"


async def test_a_denied_consent_brings_no_code(sandbox: Sandbox) -> None:
    """The app's address is called with an error instead."""
    assert await decide(sandbox, "deny") == {"error": ["access_denied"]}


async def test_a_code_is_good_once(api: Rest, sandbox: Sandbox) -> None:
    """A second exchange fails, and so do a made-up one and one for another address."""
    code = (await decide(sandbox, "allow"))["code"][0]
    await api.sign_in(code_grant(code))
    for spent in (code, "made-up"):
        with pytest.raises(ThingPlusError) as caught:
            await api.sign_in(code_grant(spent))
        assert (caught.value.status, caught.value.code) == (400, "invalid_code")
    code = (await decide(sandbox, "allow"))["code"][0]
    with pytest.raises(ThingPlusError, match="redirect_uri_mismatch"):
        await api.sign_in(code_grant(code, "http://elsewhere/"))


async def test_a_code_is_good_for_ten_minutes(api: Rest, sandbox: Sandbox) -> None:
    """After that it has expired."""
    code = (await decide(sandbox, "allow"))["code"][0]
    sandbox.clock.shift_ms = 600_001
    with pytest.raises(Denied, match="expired_code"):
        await api.sign_in(code_grant(code))


async def test_the_page_for_the_user_is_there(api: Rest, sandbox: Sandbox) -> None:
    """The address that is shown to the user leads to the form; a wrong one to an error."""
    url = api.authorize_url("app", REDIRECT).removeprefix(sandbox.rest_url)
    async with open_http(HttpSettings(base_url=sandbox.rest_url)) as http:
        answer = await http.send(Request("GET", url))
        wrong = await http.send(Request("GET", url.replace("response_type=code", "")))
    assert answer.is_success
    assert b"Allow" in answer.body
    assert wrong.status == 501


async def test_a_request_for_consent_that_makes_no_sense_is_refused(sandbox: Sandbox) -> None:
    """501 unsupported_response_type."""
    asked = urlencode({"client_id": "app", "response_type": "x", "redirect_uri": REDIRECT})
    async with open_http(HttpSettings(base_url=sandbox.rest_url)) as http:
        answer = await http.send(Request("GET", f"/v2/oauth2/authorize?{asked}"))
    assert answer.status == 501
    assert b"unsupported_response_type" in answer.body


@pytest.mark.parametrize(
    ("body", "status", "name"),
    [
        (b'{"grant_type":"client_credentials"}', 501, "unsupported_grant_type"),
        (b"{}", 400, "invalid_request"),
    ],
)
async def test_a_grant_that_makes_no_sense_is_refused(
    sandbox: Sandbox, body: bytes, status: int, name: str
) -> None:
    """OAuth's own errors; the client never asks so, and tells them like all others."""
    headers = {"Content-Type": "application/json"}
    async with open_http(HttpSettings(base_url=sandbox.rest_url)) as http:
        answer = await http.send(Request("POST", "/v2/oauth2/token", headers, body))
    with pytest.raises(ThingPlusError) as caught:
        open_envelope(answer)
    assert (caught.value.status, caught.value.code) == (status, name)


async def test_a_user_who_is_not_approved_gets_none(api: Rest, sandbox: Sandbox) -> None:
    """403 unauthorized_user."""
    account = {"login_id": "eve", "password": "eve", "is_approved": False}
    sandbox.provision({"accounts": [account]})
    with pytest.raises(Denied, match="unauthorized_user"):
        await api.sign_in(grant(user="eve", word="eve"))


async def test_a_token_is_renewed_when_the_cloud_says_it_has_ended(
    api: Rest, sandbox: Sandbox
) -> None:
    """403 TokenExpiredError; our own clock did not know."""
    await api.me()
    sandbox.clock.shift_ms = 91 * DAY_MS
    assert (await api.me()).login_id == "sandbox"


async def test_a_token_is_renewed_when_the_cloud_has_forgotten_it(
    api: Rest, sandbox: Sandbox
) -> None:
    """403 JsonWebTokenError, after the cloud changed its key."""
    await api.me()
    sandbox.doors.reset()
    assert (await api.me()).login_id == "sandbox"


async def test_a_token_is_kept_over_a_restart(
    sandbox: Sandbox, open_as: Opened, tmp_path: Path
) -> None:
    """The next process finds it in the file and asks for none."""
    async with open_as() as api:
        await api.me()
    settings = RestSettings(url=sandbox.rest_url, token_file=tmp_path / "sandbox-sandbox.json")
    async with open_rest(settings, SystemClock()) as api:
        assert (await api.me()).login_id == "sandbox"


async def test_without_a_token_the_user_is_told_what_to_do(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """No request leaves; the sentence names the verb."""
    settings = RestSettings(url=sandbox.rest_url, token_file=tmp_path / "none.json")
    async with open_rest(settings, SystemClock()) as api:
        with pytest.raises(LinkDenied, match="gatewayd cloud thingplus login"):
            await api.me()
    assert sandbox.journal.counts["rest_requests"] == 0


async def test_no_credentials_at_all_are_access_denied(sandbox: Sandbox) -> None:
    """401 with a bare text, the one answer that is no JSON."""
    async with open_http(HttpSettings(base_url=sandbox.rest_url)) as http:
        answer = await http.send(Request("GET", "/v2/users/me"))
    assert (answer.status, answer.body) == (401, b"Access denied")


async def test_a_client_is_made_in_a_session(api: Rest, open_as: Opened) -> None:
    """Log in, make the authClient, log out; the client gets tokens from then on."""
    await api.log_in("sandbox", Secret("sandbox"))
    assert await api.create_client("My app", "mine", Secret("mine"), [Scope.GATEWAY]) == "mine"
    with pytest.raises(Conflict):
        await api.create_client("My app", "mine", Secret("mine"), [])
    await api.log_out()
    async with open_as(client="mine") as mine:
        assert (await mine.gateways.list()).items
        with pytest.raises(Denied):
            await mine.me()


async def test_a_token_makes_no_client(api: Rest) -> None:
    """Only a person who is logged in may."""
    with pytest.raises(Denied, match="ACL_DENY"):
        await api.create_client("My app", "mine", Secret("mine"), [Scope.GATEWAY])


async def test_a_wrong_login_opens_no_session(api: Rest) -> None:
    """NEED_LOGIN, and tokens go on counting."""
    with pytest.raises(Denied, match="NEED_LOGIN"):
        await api.log_in("sandbox", Secret("wrong"))
    assert (await api.me()).login_id == "sandbox"


async def test_a_session_ends(api: Rest, sandbox: Sandbox) -> None:
    """After log-out the token counts again; a forgotten session is refused."""
    await api.log_in("sandbox", Secret("sandbox"))
    assert (await api.me()).login_id == "sandbox"
    sandbox.doors.reset()
    with pytest.raises(Denied):
        await api.me()


async def test_the_token_file_is_private(open_as: Opened, tmp_path: Path) -> None:
    """Mode 0600, and only for the server that issued it."""
    async with open_as() as api:
        await api.me()
    path = tmp_path / "sandbox-sandbox.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert TokenFile(path, "http://127.0.0.1:1").read() is None
