"""Tokens, codes, sessions, and what each may do."""

from __future__ import annotations

import base64
from urllib.parse import parse_qs, urlencode, urlsplit

import orjson
import pytest

from gatewayd.clouds.thingplus.sandbox import Sandbox
from tests.clouds.thingplus.sandbox.scene import GW, RELAY, TEMP, Api, grant

ASKED = {
    "client_id": "sandbox",
    "response_type": "code",
    "redirect_uri": "http://app.example/back",
    "state": "s1",
}
DAY_MS = 86_400_000


async def allow(anonymous: Api, **more: str) -> dict[str, list[str]]:
    """Go through the allow step and return what came back in the redirection's query."""
    form = {**ASKED, "loginId": "ann", "password": "apple", "decision": "allow", **more}
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    reply = await anonymous.call("POST", "/v2/oauth2/authorize", data=urlencode(form), headers=kind)
    assert reply.status == 302, reply.text
    return parse_qs(urlsplit(reply.headers["Location"]).query)


def exchange(code: str, **more: str) -> dict[str, str]:
    return {
        "grant_type": "authorization_code",
        "client_id": "sandbox",
        "client_secret": "sandbox",
        "redirect_uri": ASKED["redirect_uri"],
        "code": code,
        **more,
    }


async def test_a_password_buys_a_token_for_ninety_days(anonymous: Api) -> None:
    """No envelope; a JWT, HS256, with four claims."""
    reply = await anonymous.post("/v2/oauth2/token", grant("ann", "apple"))
    assert (reply.status, reply.body["token_type"]) == (200, "Bearer")
    header, claims, _ = reply.body["access_token"].split(".")
    decoded = [orjson.loads(base64.urlsafe_b64decode(part + "==")) for part in (header, claims)]
    assert decoded[0]["alg"] == "HS256"
    assert decoded[1].keys() == {"userId", "clientId", "iat", "exp"}
    assert decoded[1]["exp"] - decoded[1]["iat"] == 90 * 86_400


async def test_the_token_request_may_be_a_form(anonymous: Api) -> None:
    """As OAuth itself has it."""
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    data = urlencode(grant("ann", "apple"))
    reply = await anonymous.call("POST", "/v2/oauth2/token", data=data, headers=kind)
    assert reply.status == 200


@pytest.mark.parametrize(
    ("changes", "status", "name"),
    [
        ({"grant_type": "magic"}, 501, "unsupported_grant_type"),
        ({"client_id": "nobody"}, 401, "incorrect_client_credentials"),
        ({"client_secret": "wrong"}, 401, "incorrect_client_credentials"),
        ({"username": "nobody"}, 401, "incorrect_user_credentials"),
        ({"password": "apple"}, 401, "incorrect_user_credentials"),
        ({"username": "eve", "password": grant("", "elder")["password"]}, 403, "unauthorized_user"),
    ],
)
async def test_a_wrong_token_request_is_told_why(
    anonymous: Api, changes: dict[str, str], status: int, name: str
) -> None:
    """OAuth's own document, not the envelope; the plain password is no MD5."""
    reply = await anonymous.post("/v2/oauth2/token", grant("ann", "apple") | changes)
    assert (reply.status, reply.body["name"], reply.body["status"]) == (status, name, status)
    assert ("uri" in reply.body) == (name == "incorrect_user_credentials")


async def test_a_token_request_without_a_grant_is_invalid(anonymous: Api) -> None:
    """400 invalid_request."""
    reply = await anonymous.post("/v2/oauth2/token", {})
    assert (reply.status, reply.body["name"]) == (400, "invalid_request")


async def test_a_user_allows_an_app_and_the_code_buys_a_token(anonymous: Api) -> None:
    """The page names the app, the code comes back with the state, and works once."""
    page = await anonymous.get(f"/v2/oauth2/authorize?{urlencode(ASKED)}")
    assert page.status == 200
    assert "Sandbox app" in page.text
    found = await allow(anonymous)
    assert found["state"] == ["s1"]
    code = found["code"][0]
    first = await anonymous.post("/v2/oauth2/token", exchange(code))
    assert first.status == 200
    me = await anonymous.bearing(first.body["access_token"]).get("/v2/users/me")
    assert me.data["loginId"] == "ann"
    again = await anonymous.post("/v2/oauth2/token", exchange(code))
    assert (again.status, again.body["name"]) == (400, "invalid_code")


async def test_a_user_who_denies_sends_an_error_back(anonymous: Api) -> None:
    """`?error=access_denied`."""
    assert (await allow(anonymous, decision="deny"))["error"] == ["access_denied"]


async def test_an_implicit_grant_has_its_token_in_the_fragment(anonymous: Api) -> None:
    """As version 1 of the API has it."""
    form = {**ASKED, "response_type": "token", "loginId": "ann", "password": "apple"}
    reply = await anonymous.post("/v1/oauth2/authorize", form | {"decision": "allow"})
    assert "access_token=" in urlsplit(reply.headers["Location"]).fragment


async def test_a_code_expires_after_ten_minutes(sandbox: Sandbox, anonymous: Api) -> None:
    """403 expired_code."""
    code = (await allow(anonymous))["code"][0]
    sandbox.clock.shift_ms += 10 * 60 * 1000
    reply = await anonymous.post("/v2/oauth2/token", exchange(code))
    assert (reply.status, reply.body["name"]) == (403, "expired_code")


async def test_a_code_is_for_one_address(anonymous: Api) -> None:
    """400 redirect_uri_mismatch."""
    code = (await allow(anonymous))["code"][0]
    other = exchange(code, redirect_uri="http://evil.example/")
    reply = await anonymous.post("/v2/oauth2/token", other)
    assert (reply.status, reply.body["name"]) == (400, "redirect_uri_mismatch")


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"response_type": "magic"}, 501),
        ({"client_id": "nobody"}, 401),
        ({"redirect_uri": ""}, 400),
    ],
)
async def test_a_wrong_authorize_request_is_refused(
    anonymous: Api, changes: dict[str, str], status: int
) -> None:
    """Before the user is asked anything."""
    reply = await anonymous.get(f"/v2/oauth2/authorize?{urlencode(ASKED | changes)}")
    assert reply.status == status


async def test_an_app_may_ask_for_less_than_it_could(anonymous: Api) -> None:
    """The token has the scopes that the user allowed, and no more."""
    code = (await allow(anonymous, scope="user-profile-read"))["code"][0]
    bought = await anonymous.post("/v2/oauth2/token", exchange(code))
    narrow = anonymous.bearing(bought.body["access_token"])
    assert (await narrow.get("/v2/users/me")).status == 200
    refused = await narrow.get("/v2/gateways")
    assert (refused.status, refused.code) == (403, "ACL_DENY")


async def test_no_credentials_are_denied_in_two_words(anonymous: Api) -> None:
    """401 and a bare text."""
    reply = await anonymous.get("/v2/gateways")
    assert (reply.status, reply.text) == (401, "Access denied")


@pytest.mark.parametrize(
    ("token", "message"),
    [
        ("nonsense", "jwt malformed"),
        ("a.b.c", "invalid token"),
        (
            "eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0.e30.",
            "invalid token",
        ),
    ],
)
async def test_a_broken_token_is_told_apart(anonymous: Api, token: str, message: str) -> None:
    """403 with the JWT library's words; an unsigned one is none."""
    reply = await anonymous.bearing(token).get("/v2/gateways")
    assert reply.status == 403
    assert reply.body == {"name": "JsonWebTokenError", "message": message}


async def test_a_forged_token_is_told_apart(anonymous: Api) -> None:
    """The claims of one, the signature of another."""
    tokens = [
        (await anonymous.post("/v2/oauth2/token", grant(login, password))).body["access_token"]
        for login, password in (("ann", "apple"), ("bob", "banana"))
    ]
    parts = [token.split(".") for token in tokens]
    forged = ".".join([parts[0][0], parts[1][1], parts[0][2]])
    reply = await anonymous.bearing(forged).get("/v2/users/me")
    assert reply.body["message"] == "invalid signature"


async def test_an_expired_token_says_when(sandbox: Sandbox, api: Api) -> None:
    """403 TokenExpiredError with the instant."""
    sandbox.clock.shift_ms += 91 * DAY_MS
    reply = await api.get("/v2/users/me")
    assert (reply.status, reply.body["name"]) == (403, "TokenExpiredError")
    assert reply.body["expiredAt"].endswith("Z")


COMMAND = {
    "id": GW,
    "act": "controlActuator",
    "params": {"id": RELAY, "cmd": "on"},
}
REQUESTS = {
    "users": ("GET", "/v2/users/me", None),
    "profile": ("PUT", "/v2/users/me", {"locale": "ko"}),
    "read": ("GET", f"/v2/gateways/{GW}", None),
    "update": ("PUT", f"/v2/gateways/{GW}", {"name": "new"}),
    "create": ("POST", f"/v2/gateways/{GW}/devices", {}),
    "delete": ("DELETE", f"/v2/gateways/{GW}/sensors/{TEMP}x", None),
    "control": ("POST", "/v2/controlActuator", {}),
    "manage": ("POST", "/v2/manageGateway", {}),
    "register": ("POST", "/v2/registerGateway", {}),
    "key": ("POST", "/v2/registerGatewayKey", {}),
    "types": ("GET", "/v2/sensorTypes", None),
    "drivers": ("GET", "/v2/sensorDrivers", None),
    "models": ("GET", "/v2/gatewayModels", None),
    "timelines": ("GET", "/v2/timelines", None),
    "tags": ("GET", "/v2/tags", None),
    "tag": ("POST", "/v2/tags", {}),
    "rules": ("GET", "/v2/rules", None),
    "rule": ("PUT", "/v2/rules/1", {}),
    "push": ("GET", "/v2/pushDevices", None),
    "services": ("GET", "/v2/services", None),
    "sites": ("GET", "/v2/sites", None),
    "site": ("GET", "/v2/site", None),
    "billings": ("GET", "/v2/billings", None),
}
CATALOGUE = {"types", "drivers", "models"}
OPENS: dict[str, set[str]] = {
    "": set(),
    "user-profile": {"users", "profile"},
    "user-profile-read": {"users"},
    "gateway": {"read", "update", "create", "delete", "control", "manage", "register", "key"}
    | CATALOGUE,
    "gateway-read": {"read", "control"},
    "gateway-update": {"read", "update", "control", "manage"},
    "gateway-management": {"manage"},
    "actuator-command": {"control"},
    "timeline-read": {"timelines"},
    "tag": {"tags", "tag"},
    "tag-read": {"tags"},
    "rule": {"rules", "rule", "push"},
    "rule-read": {"rules"},
    "service-read": {"services"},
    "site-read": {"sites", "site"},
    "billing-read": {"billings"},
}


@pytest.mark.parametrize("scope", OPENS)
async def test_a_scope_opens_its_resources_and_nothing_else(
    sandbox: Sandbox, anonymous: Api, scope: str
) -> None:
    """Every request of the table: ACL_DENY exactly where the scope does not reach."""
    limited = await anonymous.scoped(sandbox, *([scope] if scope else []))
    for name, (method, path, body) in REQUESTS.items():
        reply = await limited.call(method, path, body)
        is_denied = reply.status == 403 and reply.code == "ACL_DENY"
        assert is_denied == (name not in OPENS[scope]), (name, reply.text)


async def test_the_catalogue_needs_no_login(anonymous: Api) -> None:
    """And no scope without a token."""
    for name in sorted(CATALOGUE):
        assert (await anonymous.get(REQUESTS[name][1])).status == 200


async def test_a_session_makes_an_app_and_ends(anonymous: Api) -> None:
    """Login, a cookie, authClients, logout; then the cookie is worth nothing."""
    body = {key: grant("ann", "apple")[key] for key in ("password",)} | {"loginId": "ann"}
    reply = await anonymous.post("/v2/login", body)
    assert (reply.status, reply.data["loginId"]) == (200, "ann")
    cookie = {"Cookie": reply.headers["Set-Cookie"].partition(";")[0]}
    app = {"name": "My app", "reqId": "app1", "clientSecret": "s", "scopes": ["gateway"]}
    made = await anonymous.post("/v2/authClients", app, headers=cookie)
    assert (made.status, made.data["id"]) == (201, "app1")
    assert "clientSecret" not in made.data
    again = await anonymous.post("/v2/authClients", app, headers=cookie)
    assert (again.status, again.code) == (409, "CONFLICT")
    bad = await anonymous.post("/v2/authClients", app | {"scopes": ["x"]}, headers=cookie)
    assert (bad.status, bad.code) == (400, "SCHEMA_VALIDATE")
    assert (await anonymous.post("/v2/logout", {}, headers=cookie)).status == 200
    late = await anonymous.get("/v2/users/me", headers=cookie)
    assert (late.status, late.code) == (401, "NEED_LOGIN")


async def test_a_token_makes_no_app(api: Api) -> None:
    """An app cannot make itself another one with more scopes."""
    app = {"name": "x", "reqId": "x", "clientSecret": "s", "scopes": ["gateway"]}
    reply = await api.post("/v2/authClients", app)
    assert (reply.status, reply.code) == (403, "ACL_DENY")


async def test_a_wrong_login_needs_a_correct_one(anonymous: Api) -> None:
    """401 NEED_LOGIN."""
    reply = await anonymous.post("/v2/login", {"loginId": "ann", "password": "x"})
    assert (reply.status, reply.code) == (401, "NEED_LOGIN")


async def test_a_changed_password_counts_at_once(anonymous: Api, api: Api) -> None:
    """The old one is refused, the new one works; a wrong old one changes nothing."""
    old, new = grant("", "apple")["password"], grant("", "pear")["password"]
    wrong = await api.post("/v2/changePassword", {"oldPassword": new, "newPassword": new})
    assert (wrong.status, wrong.code) == (400, "MISMATCH_ERROR")
    assert (
        await api.post("/v2/changePassword", {"oldPassword": old, "newPassword": new})
    ).status == 200
    assert (await anonymous.post("/v2/oauth2/token", grant("ann", "apple"))).status == 401
    assert (await anonymous.post("/v2/oauth2/token", grant("ann", "pear"))).status == 200
