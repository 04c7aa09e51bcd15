"""Who asks: sessions, authorization codes and tokens of the sandbox's users and apps.

Source: Thing+ guide, OAuth2.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from gatewayd.clouds.thingplus.sandbox import tokens
from gatewayd.clouds.thingplus.sandbox.answers import RawError
from gatewayd.clouds.thingplus.sandbox.records import Account, AuthClient
from gatewayd.clouds.thingplus.sandbox.scopes import parse_scopes
from gatewayd.clouds.thingplus.sandbox.world import Caller, World
from gatewayd.sandbox.bodies import Document
from gatewayd.sandbox.errors import ApiError

CODE_LIFE_MS = 10 * 60 * 1000
OPEN_MAX = 1000
"""Codes and sessions at once; the oldest go."""

ERRORS = {
    "invalid_request": 400,
    "unsupported_response_type": 501,
    "incorrect_client_credentials": 401,
    "redirect_uri_mismatch": 400,
    "unsupported_grant_type": 501,
    "expired_code": 403,
    "invalid_code": 400,
    "incorrect_user_credentials": 401,
    "unauthorized_user": 403,
}
"""OAuth's own errors and their statuses."""


@dataclass(frozen=True, slots=True)
class Code:
    """A user's consent on its way to an app: one use, ten minutes."""

    client: str
    user: str
    redirect_uri: str
    scopes: frozenset[str]
    until_ms: int


def oauth_error(name: str, message: str) -> RawError:
    """Return one of OAuth's own errors."""
    status = ERRORS[name]
    body: Document = {"name": name, "message": message, "code": status, "status": status}
    if name == "incorrect_user_credentials":
        body["uri"] = None
    return RawError(status, body)


class Doors:
    """The keys under which users come in.

    Characteristics: bounded by `OPEN_MAX` codes and sessions · forgotten with the process.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.reset()

    def reset(self) -> None:
        """Make every code, session and token worthless."""
        self._key = secrets.token_bytes(32)
        self._codes: dict[str, Code] = {}
        self._sessions: dict[str, str] = {}

    def issue_token(
        self, account: Account, client: AuthClient, days: int, scopes: frozenset[str] | None = None
    ) -> str:
        """Return a token of a user for an app; `scopes` None = all that the app may ask for."""
        now_s = self._world.clock.now_ms() // 1000
        claims: Document = {"userId": account.id, "clientId": client.id}
        claims |= {"iat": now_s, "exp": now_s + days * tokens.DAY_S}
        if scopes is not None:
            claims["scope"] = " ".join(sorted(scopes))
        return tokens.sign(claims, self._key)

    def bearer(self, token: str) -> Caller:
        """Return who a token speaks for. Raises RawError: 403."""
        claims = tokens.verify(token, self._key, self._world.clock.now_ms() // 1000)
        account = self._world.accounts.get(claims["userId"])
        client = self._world.clients.get(claims["clientId"])
        if account is None or client is None:
            raise tokens.bad_token("invalid token")
        scopes = parse_scopes(claims["scope"]) if "scope" in claims else client.scopes
        return Caller(account, None, scopes & client.scopes)

    def password_token(self, asked: Document) -> str:
        """Return a token for a user's own password. Raises RawError."""
        client = self._client(asked)
        account = self.user(str(asked.get("username")), str(asked.get("password")))
        if account is None:
            raise oauth_error("incorrect_user_credentials", "user name or password is wrong")
        self._expect_approved(account)
        return self.issue_token(account, client, tokens.PASSWORD_DAYS)

    def code_token(self, asked: Document) -> str:
        """Return a token for a code, which is spent by it. Raises RawError."""
        client = self._client(asked)
        code = self._codes.pop(str(asked.get("code")), None)
        if code is None or code.client != client.id:
            raise oauth_error("invalid_code", "the code is unknown or was used")
        if self._world.clock.now_ms() >= code.until_ms:
            raise oauth_error("expired_code", "the code has expired")
        if asked.get("redirect_uri") != code.redirect_uri:
            raise oauth_error("redirect_uri_mismatch", "not the address that the code was for")
        account = self._world.accounts.get(code.user)
        if account is None:
            raise oauth_error("invalid_code", "the user is gone")
        return self.issue_token(account, client, tokens.CODE_DAYS, code.scopes)

    def issue_code(self, account: Account, client: AuthClient, asked: Document) -> str:
        """Return a code for what a user has just allowed. Raises RawError."""
        self._expect_approved(account)
        scopes = parse_scopes(str(asked.get("scope", ""))) or client.scopes
        until_ms = self._world.clock.now_ms() + CODE_LIFE_MS
        name = secrets.token_hex(16)
        uri = str(asked["redirect_uri"])
        _put(self._codes, name, Code(client.id, account.id, uri, scopes & client.scopes, until_ms))
        return name

    def user(self, login_id: str, password_md5: str) -> Account | None:
        """Return the user with this login and MD5 of a password, or None."""
        for account in self._world.accounts.values():
            if account.login_id == login_id:
                is_right = secrets.compare_digest(
                    account.password_md5.encode(), password_md5.encode()
                )
                return account if is_right else None
        return None

    def open_session(self, account: Account) -> str:
        """Return a cookie for a user who has logged in."""
        name = secrets.token_hex(16)
        _put(self._sessions, name, account.id)
        return name

    def session(self, cookie: str) -> Caller:
        """Return who a session's cookie speaks for. Raises ApiError: 401 NEED_LOGIN."""
        account = self._world.accounts.get(self._sessions.get(cookie, ""))
        if account is None:
            raise ApiError(401, "NEED_LOGIN", "the session has ended")
        return Caller(account)

    def close_session(self, cookie: str) -> None:
        """Forget a session."""
        self._sessions.pop(cookie, None)

    def find_client(self, client: object) -> AuthClient:
        """Return an app by id. Raises RawError."""
        found = self._world.clients.get(str(client))
        if found is None:
            raise oauth_error("incorrect_client_credentials", "there is no such client")
        return found

    def _client(self, asked: Document) -> AuthClient:
        client = self.find_client(asked.get("client_id"))
        secret = str(asked.get("client_secret")).encode()
        if not secrets.compare_digest(client.secret.encode(), secret):
            raise oauth_error("incorrect_client_credentials", "the client's secret is wrong")
        return client

    def _expect_approved(self, account: Account) -> None:
        if account.profile.get("accessApproval", "allow") != "allow":
            raise oauth_error("unauthorized_user", "the user has not been approved")


def _put(shelf: dict[str, Code] | dict[str, str], name: str, value: Code | str) -> None:
    """Add an entry; the oldest goes when there are too many."""
    shelf[name] = value  # type: ignore[assignment]  # Each caller puts its own kind.
    while len(shelf) > OPEN_MAX:
        del shelf[next(iter(shelf))]
