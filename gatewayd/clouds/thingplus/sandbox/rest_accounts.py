"""REST endpoints of people and apps: tokens, login, users, services, sites, billings."""

from __future__ import annotations

from html import escape
from urllib.parse import parse_qsl, urlencode, urlsplit

from gatewayd.clouds.thingplus.sandbox.answers import Answer, foreign
from gatewayd.clouds.thingplus.sandbox.call import Call, Page, Route
from gatewayd.clouds.thingplus.sandbox.documents import (
    account_document,
    as_created,
    client_document,
    site_document,
)
from gatewayd.clouds.thingplus.sandbox.listing import cut, select
from gatewayd.clouds.thingplus.sandbox.oauth import oauth_error
from gatewayd.clouds.thingplus.sandbox.records import Account, AuthClient, Site
from gatewayd.clouds.thingplus.sandbox.scopes import SCOPES
from gatewayd.clouds.thingplus.sandbox.world import md5
from gatewayd.sandbox.bodies import FILLED, TEXTS, Document, optional
from gatewayd.sandbox.errors import ApiError, not_found, schema

SESSION = "sandboxSession"

_CLIENT = {"name": FILLED, "reqId": FILLED, "clientSecret": FILLED, "scopes": TEXTS}
_LOGIN = {"loginId": FILLED, "password": FILLED}
_CHANGE = {"oldPassword": FILLED, "newPassword": FILLED, "loginId": optional(FILLED)}


async def create_client(call: Call) -> Answer:
    """Register an app; a token may not, only a logged-in user."""
    if call.caller.scopes is not None:
        raise ApiError(403, "ACL_DENY", "an app is registered by a logged-in user")
    body = call.checked(_CLIENT)
    unknown = sorted(set(body["scopes"]) - SCOPES.keys())
    if unknown:
        raise schema(f"unknown scope {unknown[0]}")
    now_ms = call.world.clock.now_ms()
    scopes = frozenset(body["scopes"])
    secret, owner = body["clientSecret"], call.account.id
    client = AuthClient(body["reqId"], body["name"], secret, scopes, owner, now_ms)
    call.world.add_client(client)
    return Answer(as_created(client_document(client)), 201)


async def token(call: Call) -> Answer:
    """Exchange a password or a code for a token."""
    asked = _asked(call)
    doors = call.premises.doors
    if asked.get("grant_type") == "password":
        access = doors.password_token(asked)
    elif asked.get("grant_type") == "authorization_code":
        access = doors.code_token(asked)
    elif "grant_type" in asked:
        raise oauth_error("unsupported_grant_type", "password or authorization_code")
    else:
        raise oauth_error("invalid_request", "grant_type is missing")
    return Answer({"access_token": access, "token_type": "Bearer"}, is_raw=True)


async def authorize(call: Call) -> Page:
    """Show the user what an app asks for, with a form to allow or deny it."""
    asked = dict(call.pairs)
    client = _asking_client(call, asked)
    scopes = asked.get("scope") or " ".join(sorted(client.scopes)) or "nothing"
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in asked.items()
    )
    return Page(
        f"<!doctype html><title>Thing+ sandbox</title><h1>{escape(client.name)}</h1>"
        f"<p>asks for: {escape(scopes)}</p>"
        f'<form method="post">{hidden}<p><input name="loginId" placeholder="login"> '
        '<input name="password" type="password" placeholder="password"></p>'
        '<button name="decision" value="allow">Allow</button> '
        '<button name="decision" value="deny">Deny</button></form>'
    )


async def decide(call: Call) -> Page:
    """Take the user's decision: back to the app, with a code or a token or an error."""
    asked = {**dict(call.pairs), **_asked(call)}
    client = _asking_client(call, asked)
    uri = str(asked["redirect_uri"])
    if asked.get("decision") != "allow":
        return Page(status=302, location=_join(uri, {"error": "access_denied"}, asked))
    account = call.caller.account or call.premises.doors.user(
        str(asked.get("loginId")), md5(str(asked.get("password")))
    )
    if account is None:
        raise oauth_error("incorrect_user_credentials", "login or password is wrong")
    if asked["response_type"] == "token":
        access = call.premises.doors.issue_token(account, client, 15)
        granted = urlencode({"access_token": access, "token_type": "Bearer"})
        return Page(status=302, location=f"{uri}#{granted}")
    code = call.premises.doors.issue_code(account, client, asked)
    return Page(status=302, location=_join(uri, {"code": code}, asked))


def _asking_client(call: Call, asked: Document) -> AuthClient:
    client = call.premises.doors.find_client(asked.get("client_id"))
    if asked.get("response_type") not in ("code", "token"):
        raise oauth_error("unsupported_response_type", "response_type must be code")
    if not urlsplit(str(asked.get("redirect_uri", ""))).scheme:
        raise oauth_error("invalid_request", "redirect_uri is missing or no address")
    return client


def _join(uri: str, query: dict[str, str], asked: Document) -> str:
    if "state" in asked:
        query["state"] = str(asked["state"])
    return f"{uri}{'&' if '?' in uri else '?'}{urlencode(query)}"


def _asked(call: Call) -> Document:
    """Return the members of a body that is JSON or a form."""
    if call.is_form:
        return dict(parse_qsl(call.raw.decode("utf-8", "replace"), max_num_fields=100))
    body = call.body()
    if not isinstance(body, dict):
        raise oauth_error("invalid_request", "the body is not an object")
    return body


async def login(call: Call) -> Answer:
    """Open a session; the cookie is the key."""
    body = call.checked(_LOGIN)
    account = call.premises.doors.user(body["loginId"], body["password"])
    if account is None:
        raise ApiError(401, "NEED_LOGIN", "login or password is wrong")
    cookie = f"{SESSION}={call.premises.doors.open_session(account)}; Path=/; HttpOnly"
    return Answer(account_document(account), headers={"Set-Cookie": cookie})


async def logout(call: Call) -> Answer:
    """End the session."""
    call.premises.doors.close_session(call.session)
    return Answer({}, headers={"Set-Cookie": f"{SESSION}=; Path=/; Max-Age=0"})


async def change_password(call: Call) -> Answer:
    """Replace the caller's password; both are MD5s."""
    body = call.checked(_CHANGE)
    if call.premises.doors.user(call.account.login_id, body["oldPassword"]) is None:
        raise ApiError(400, "MISMATCH_ERROR", "the old password is wrong")
    call.account.password_md5 = body["newPassword"]
    return Answer(account_document(call.account))


async def me(call: Call) -> Answer:
    """Return the user who asks."""
    return Answer(cut(account_document(call.account), call.collection.fields))


async def update_me(call: Call) -> Answer:
    """Change the caller's own profile."""
    names = ("email", "locale", "timezone", "country", "mobile", "fullName")
    call.account.profile |= call.checked({name: optional(FILLED) for name in names})
    return Answer(account_document(call.account))


async def users(call: Call) -> Answer:
    """List the users of the caller's sites."""
    return _listed(call, [account_document(each) for each in _visible(call)])


async def user(call: Call) -> Answer:
    """Return one user."""
    found = call.world.accounts.get(call.names["id"])
    if found is None:
        raise not_found(f"user {call.names['id']}")
    if found not in _visible(call):
        raise foreign(f"user {found.id}")
    return Answer(account_document(found))


def _visible(call: Call) -> list[Account]:
    everybody = call.world.accounts.values()
    mine = call.account
    return [each for each in everybody if mine.is_service_admin or each.site == mine.site]


async def services(call: Call) -> Answer:
    """List the service that the caller is registered with."""
    name = call.account.service
    return _listed(call, [{"id": name, "name": name, "code": name, "ctime": "0", "mtime": "0"}])


async def sites(call: Call) -> Answer:
    """List the sites that the caller may enter."""
    return _listed(call, [site_document(each) for each in _sites(call)])


async def site(call: Call) -> Answer:
    """Return the caller's own site (`/site`) or one of them by id."""
    name = call.names.get("id", call.account.site)
    found = call.world.site(name)
    if found not in _sites(call):
        raise foreign(f"site {name}")
    return Answer(site_document(found))


def _sites(call: Call) -> list[Site]:
    mine = call.account
    return [
        each
        for each in call.world.sites.values()
        if call.world.may_enter(call.caller, each.id) or each.id == mine.site
    ]


async def billings(call: Call) -> Answer:
    """List what the caller's sites have paid for, and what of it is used."""
    return _listed(call, [_billing(call, each) for each in _sites(call)])


async def billing_of(call: Call) -> Answer:
    """Return one site's plan."""
    for each in _sites(call):
        if each.id == call.names["id"]:
            return Answer(_billing(call, each))
    raise not_found(f"billing {call.names['id']}")


def _billing(call: Call, place: Site) -> Document:
    return {
        "id": place.id,
        "name": f"plan of {place.name}",
        "_site": place.id,
        "gateways": {
            "max": place.plan.gateways_max,
            "used": call.world.count_gateways(place.id),
        },
        "sensors": {"max": place.plan.sensors_max, "used": call.world.count_sensors(place.id)},
        "ctime": str(place.created_ms),
        "mtime": str(place.created_ms),
    }


def _listed(call: Call, documents: list[Document]) -> Answer:
    page, meta = select(documents, call.collection)
    cut_page = [cut(each, call.collection.fields) for each in page]
    return Answer(cut_page, meta=meta, is_paged=call.collection.is_paged)


ROUTES = (
    Route("POST", "/authClients", create_client, needs_scope=False),
    Route("POST", "/oauth2/token", token, is_open=True, needs_scope=False),
    Route("GET", "/oauth2/authorize", authorize, is_open=True, needs_scope=False),
    Route("POST", "/oauth2/authorize", decide, is_open=True, needs_scope=False),
    Route("POST", "/login", login, is_open=True, needs_scope=False),
    Route("POST", "/logout", logout, is_open=True, needs_scope=False),
    Route("POST", "/changePassword", change_password),
    Route("PUT", "/changePassword", change_password),
    Route("GET", "/users/me", me),
    Route("PUT", "/users/me", update_me),
    Route("GET", "/users", users),
    Route("GET", "/users/{id}", user),
    Route("GET", "/services", services),
    Route("GET", "/site", site),
    Route("GET", "/sites", sites),
    Route("GET", "/sites/{id}", site),
    Route("GET", "/billings", billings),
    Route("GET", "/billings/{id}", billing_of),
)
