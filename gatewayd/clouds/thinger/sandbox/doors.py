"""Who asks: log-ins, and the tokens of sessions, users, devices and callbacks.

Source: Thinger.io REST API, Authentication, Add Device Token; Thinger.io documentation, HTTP
devices (callback token).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from gatewayd.clouds import jwt
from gatewayd.clouds.thinger.sandbox.records import Account, Device, DeviceToken, UserToken
from gatewayd.clouds.thinger.sandbox.world import World
from gatewayd.sandbox.bodies import (
    BOOL,
    FILLED,
    OBJECT,
    TEXT,
    TEXTS,
    WHOLE,
    Document,
    check,
    optional,
)
from gatewayd.sandbox.errors import ApiError, invalid, not_found

REFRESHES_MAX = 1000
"""Refresh tokens at once; the oldest go."""

CALLBACK = "DeviceCallback_"
ACCESS_RESOURCES = "AccessDeviceResources"
ACCESS_CALLBACK = "AccessDeviceCallback"

_DEVICE_TOKEN = {
    "token_name": FILLED,
    "token_resources": optional(TEXTS),
    "token_expiration": optional(WHOLE),
}
_USER_TOKEN = {
    "token": FILLED,
    "name": optional(TEXT),
    "enabled": optional(BOOL),
    "allow": optional(OBJECT),
    "deny": optional(OBJECT),
    "expire": optional(WHOLE),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request wants to do to what: a kind and an action, of newer servers' words."""

    kind: str
    action: str
    id: str = ""
    resource: str = ""


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose token a request shows; without one of the latter three it opens everything."""

    account: Account
    device_token: DeviceToken | None = None
    user_token: UserToken | None = None
    device: str = ""
    """The only one that a device's or callback's token is for."""

    def may(self, wanted: Wanted) -> bool:
        """Return whether the token allows this."""
        if self.user_token is not None:
            token = self.user_token
            return _names(token.allow, wanted) and not _names(token.deny, wanted)
        if not self.device:
            return True
        action = ACCESS_RESOURCES if self.device_token else ACCESS_CALLBACK
        if (wanted.id, wanted.action) != (self.device, action):
            return False
        limits = self.device_token.resources if self.device_token else None
        # Who may use a resource may have it described.
        return limits is None or wanted.resource.removesuffix("/api") in limits


def _names(rules: Mapping[str, object], wanted: Wanted) -> bool:
    """Return whether `{"Device": {"gw01": ["AccessDeviceResources"]}}` names this."""
    for kind in (wanted.kind, "*"):
        of_kind = rules.get(kind)
        if of_kind == "*":
            return True
        for id in (wanted.id, "*"):
            actions = of_kind.get(id) if isinstance(of_kind, dict) else None
            if actions == "*" or (isinstance(actions, list) and {wanted.action, "*"} & {*actions}):
                return True
    return False


def denied(message: str) -> ApiError:
    """The token, or what should bring one, is no good."""
    return ApiError(401, "", message)


class Doors:
    """The keys under which users come in.

    Characteristics: bounded by `REFRESHES_MAX` · forgotten with the process.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.reset()

    def reset(self) -> None:
        """Make every token worthless."""
        self._made_key = secrets.token_bytes(32)
        self.revoke_access()
        self.revoke_refresh()

    def revoke_access(self) -> None:
        """Make the access tokens of all log-ins worthless."""
        self._access_key = secrets.token_bytes(32)

    def revoke_refresh(self) -> None:
        """Make all refresh tokens worthless."""
        self._refresh_key = secrets.token_bytes(32)
        self._refreshes: dict[str, str] = {}

    def log_in(self, user: str, password: str) -> Document:
        """Return a pair for a user's own password. Raises ApiError: 401."""
        account = self._world.accounts.get(user)
        is_right = account is not None and secrets.compare_digest(
            account.password.encode(), password.encode()
        )
        if account is None or not is_right:
            raise denied("invalid username or password")
        return self.pair(account)

    def refresh(self, token: str) -> Document:
        """Return a new pair for a refresh token. Raises ApiError: 401."""
        try:
            claims = jwt.verify(token, self._refresh_key, self._now_s())
        except jwt.BadJwt:
            raise denied("invalid refresh token") from None
        id = str(claims.get("jti"))
        account = self._world.accounts.get(self._refreshes.get(id, ""))
        if account is None:
            raise denied("invalid refresh token")
        if self._world.settings.is_refresh_spent:
            del self._refreshes[id]
        return self.pair(account)

    def pair(self, account: Account) -> Document:
        """Return a new access token and a new refresh token."""
        now_s, settings = self._now_s(), self._world.settings
        access = {"exp": now_s + settings.access_life_s, "iat": now_s, "usr": account.id}
        id = secrets.token_hex(12)
        refresh = {"exp": now_s + settings.refresh_life_s, "iat": now_s, "jti": id}
        self._refreshes[id] = account.id
        while len(self._refreshes) > REFRESHES_MAX:
            del self._refreshes[next(iter(self._refreshes))]
        return {
            "access_token": jwt.sign(access, self._access_key),
            "expires_in": settings.access_life_s,
            "refresh_token": jwt.sign(refresh, self._refresh_key),
            "scope": None,
            "token_type": "bearer",
        }

    def add_device_token(self, account: Account, device: Device, body: object) -> DeviceToken:
        """Make a token for a device. Raises ApiError: 400."""
        said = check(body, _DEVICE_TOKEN)
        claims: Document = {"dev": device.id}
        if "token_expiration" in said:
            claims["exp"] = said["token_expiration"] // 1000
        id = secrets.token_hex(12)
        claims |= {"iat": self._now_s(), "jti": id}
        resources = said.get("token_resources") or None
        if resources:
            claims["res"] = resources
        claims["usr"] = account.id
        limits = frozenset(resources) if resources else None
        token = DeviceToken(id, said["token_name"], jwt.sign(claims, self._made_key), limits)
        device.tokens[id] = token
        return token

    def add_user_token(self, account: Account, body: object) -> UserToken:
        """Make a token for an account. Raises ApiError: 400."""
        said = check(body, _USER_TOKEN)
        id: str = said["token"]
        if not id.replace("_", "").isalnum() or len(id) > 50 or not id.isascii():
            raise invalid("a token id is of letters, digits or _, 50 at the most")
        if id in account.tokens:
            raise invalid(f"token {id} exists already")
        # The nonce: a token that is made again under its old name is another one.
        nonce = secrets.token_hex(4)
        claims: Document = {"iat": self._now_s(), "jti": id, "nonce": nonce, "usr": account.id}
        if "expire" in said:
            claims["exp"] = said["expire"] // 1000
        token = UserToken(
            id,
            said.get("name", id),
            jwt.sign(claims, self._made_key),
            said.get("enabled", True),
            said.get("allow", {}),
            said.get("deny", {}),
        )
        account.tokens[id] = token
        return token

    def callback_token(self, account: Account, device: Device) -> str:
        """Return the token with which a device may call back."""
        claims = {"iat": 0, "jti": CALLBACK + device.id, "usr": account.id}
        return jwt.sign(claims, self._made_key)

    def caller(self, token: str) -> Caller:
        """Return whose token it is. Raises ApiError: 401."""
        now_s = self._now_s()
        try:
            claims = jwt.verify(token, self._access_key, now_s)
        except jwt.ExpiredJwt:
            raise denied("the access token has expired") from None
        except jwt.BadJwt:
            return self._made(token, now_s)
        return Caller(self._owner(claims))

    def _made(self, token: str, now_s: int) -> Caller:
        """Return whose token it is, if a person has made it."""
        try:
            claims = jwt.verify(token, self._made_key, now_s, needs_end=False)
        except jwt.ExpiredJwt:
            raise denied("the token has expired") from None
        except jwt.BadJwt:
            raise denied("the token is invalid") from None
        account, id = self._owner(claims), str(claims.get("jti"))
        if "dev" in claims:
            device = account.devices.get(str(claims["dev"]))
            found = device.tokens.get(id) if device else None
            if device is not None and found is not None and _is_same(found.token, token):
                return Caller(account, device_token=found, device=device.id)
        elif id.startswith(CALLBACK):
            return Caller(account, device=id.removeprefix(CALLBACK))
        else:
            made = account.tokens.get(id)
            if made is not None and _is_same(made.token, token) and made.is_enabled:
                return Caller(account, user_token=made)
        raise denied("the token was revoked")

    def delete_device_token(self, device: Device, id: str) -> None:
        """Delete a device's token. Raises ApiError: 404."""
        if device.tokens.pop(id, None) is None:
            raise not_found(f"token {id[:40]}")

    def _owner(self, claims: Mapping[str, object]) -> Account:
        account = self._world.accounts.get(str(claims.get("usr")))
        if account is None:
            raise denied("the token's user is gone")
        return account

    def _now_s(self) -> int:
        return self._world.clock.now_ms() // 1000


def _is_same(kept: str, shown: str) -> bool:
    return secrets.compare_digest(kept.encode(), shown.encode(errors="surrogateescape"))
