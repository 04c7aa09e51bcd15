"""Access tokens of the Thing+ REST API: what they allow, how they are got, where they are kept.

A token is a JWT that lives 90 days (password grant) or 15 (authorization code); there is no
refresh token, so renewing means asking again with the same credentials.

Source: Thing+ REST API "Getting Started", Scopes; OAuth2 guide.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlencode

from gatewayd.clouds.jwt import expiry_ms
from gatewayd.clouds.key_ring import KeyRing
from gatewayd.fields import Secret

RENEW_EARLY_MS = 60_000
"""A token this close to its end is renewed first: the cloud's clock is not ours."""


class Scope(StrEnum):
    """What a token may be asked to allow; it never exceeds its user's own rights."""

    USER_PROFILE = "user-profile"
    USER_PROFILE_READ = "user-profile-read"
    GATEWAY = "gateway"
    GATEWAY_READ = "gateway-read"
    GATEWAY_UPDATE = "gateway-update"
    GATEWAY_MANAGEMENT = "gateway-management"
    ACTUATOR_COMMAND = "actuator-command"
    TIMELINE_READ = "timeline-read"
    TAG = "tag"
    TAG_READ = "tag-read"
    RULE = "rule"
    RULE_READ = "rule-read"
    SERVICE_READ = "service-read"
    SITE_READ = "site-read"
    BILLING_READ = "billing-read"


SCOPE_RESOURCES: Mapping[Scope, tuple[str, ...]] = {
    Scope.USER_PROFILE: ("users/me", "changePassword"),
    Scope.USER_PROFILE_READ: ("users/me",),
    Scope.GATEWAY: (
        "gateways",
        "registerGateway",
        "registerGatewayKey",
        "manageGateway",
        "controlActuator",
        "sensorTypes",
        "sensorDrivers",
        "gatewayModels",
    ),
    Scope.GATEWAY_READ: ("gateways", "controlActuator"),
    Scope.GATEWAY_UPDATE: ("gateways", "manageGateway", "controlActuator"),
    Scope.GATEWAY_MANAGEMENT: ("manageGateway",),
    Scope.ACTUATOR_COMMAND: ("controlActuator",),
    Scope.TIMELINE_READ: ("timelines",),
    Scope.TAG: ("tags",),
    Scope.TAG_READ: ("tags",),
    Scope.RULE: ("rules", "pushDevices"),
    Scope.RULE_READ: ("rules",),
    Scope.SERVICE_READ: ("services",),
    Scope.SITE_READ: ("sites",),
    Scope.BILLING_READ: ("billings",),
}
"""The resources that each scope opens; no scope opens nothing."""


@dataclass(frozen=True, slots=True)
class Token:
    """An access token as the cloud issued it."""

    access: Secret
    type: str = "Bearer"

    @property
    def authorization(self) -> str:
        """The value of the Authorization header."""
        return f"{self.type} {self.access.reveal()}"

    @property
    def expires_ms(self) -> int | None:
        """When it ends (UTC ms), as it says itself; None where it does not say."""
        return expiry_ms(self.access.reveal())

    def is_expired(self, now_ms: int) -> bool:
        """Return whether it has ended or is about to; one that does not say has not."""
        expires_ms = self.expires_ms
        return expires_ms is not None and now_ms >= expires_ms - RENEW_EARLY_MS


@dataclass(frozen=True, slots=True)
class PasswordGrant:
    """A user's own credentials, for management that needs an administrator's rights."""

    client_id: str
    client_secret: Secret
    username: str
    password: Secret

    def form(self) -> dict[str, str]:
        """Return the body of the token request; the password travels as its MD5."""
        return {
            "grant_type": "password",
            "client_id": self.client_id,
            "client_secret": self.client_secret.reveal(),
            "username": self.username,
            "password": password_digest(self.password),
        }


@dataclass(frozen=True, slots=True)
class CodeGrant:
    """A code that a user's browser brought back; good once, for ten minutes."""

    client_id: str
    client_secret: Secret
    code: Secret
    redirect_uri: str

    def form(self) -> dict[str, str]:
        """Return the body of the token request."""
        return {
            "grant_type": "authorization_code",
            "client_id": self.client_id,
            "client_secret": self.client_secret.reveal(),
            "code": self.code.reveal(),
            "redirect_uri": self.redirect_uri,
        }


Grant = PasswordGrant | CodeGrant


def password_digest(password: Secret) -> str:
    """Return the lower-case hex MD5 that the cloud takes for a password."""
    # The cloud's choice, not ours; what protects the password on its way is TLS.
    return hashlib.md5(password.reveal().encode(), usedforsecurity=False).hexdigest()


def authorize_path(client_id: str, redirect_uri: str) -> str:
    """Return path and query of the page where a user allows a client; the code comes back."""
    asked = {"client_id": client_id, "response_type": "code", "redirect_uri": redirect_uri}
    return f"/oauth2/authorize?{urlencode(asked)}"


class TokenFile:
    """The one token of one server; see `KeyRing`. Of two writers' tokens both are good."""

    def __init__(self, path: Path, url: str) -> None:
        self.path = path
        self._ring = KeyRing(path, url)

    def read(self) -> Token | None:
        """Return the token, or None where there is none for this server.

        Raises:
            ConfigError: the file is there and cannot be read.
        """
        kept = self._ring.read()
        if "access_token" not in kept:
            return None
        return Token(Secret(kept["access_token"]), kept.get("token_type", "Bearer"))

    def write(self, token: Token) -> None:
        """Keep a token, mode 0600, on the disk when this returns.

        Raises:
            ConfigError: the folder cannot be written.
        """
        self._ring.write({"access_token": token.access.reveal(), "token_type": token.type})

    def forget(self) -> bool:
        """Delete the file; return whether there was one."""
        return self._ring.forget()
