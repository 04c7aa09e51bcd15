"""Tokens of the Thinger.io REST API: what they say, how they are got, where they are kept.

An access token is a JWT that lives two hours. The refresh token that comes with it lives about
two months, is good for nothing but a new pair, and is itself renewed at each use. Tokens that a
person makes for an account or a device do not end unless they say so, and are never renewed.

Source: Thinger.io REST API, Authentication.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gatewayd.clouds.json_fields import needed, text
from gatewayd.clouds.jwt import expiry_ms, read_claims
from gatewayd.clouds.key_ring import KeyRing
from gatewayd.errors import Malformed
from gatewayd.fields import Secret

RENEW_EARLY_MS = 60_000
"""A token this close to its end is renewed first; of a short one, at half of its life."""


@dataclass(frozen=True, slots=True)
class Session:
    """What a log-in brings: an access token, and what renews it."""

    access: Secret
    refresh: Secret | None = None

    @property
    def user(self) -> str:
        """Whose token it is, as it says itself; empty where it does not say."""
        return text(read_claims(self.access.reveal()) or {}, "usr")

    @property
    def issued_ms(self) -> int | None:
        """When the cloud made it, by the cloud's clock."""
        issued_s = (read_claims(self.access.reveal()) or {}).get("iat")
        return int(issued_s * 1000) if isinstance(issued_s, int | float) else None

    @property
    def expires_ms(self) -> int | None:
        """When it ends, by the cloud's clock; None where it does not say."""
        return expiry_ms(self.access.reveal())

    @property
    def renewable_ms(self) -> int | None:
        """Until when it renews itself, by the cloud's clock; None where it does not say."""
        return expiry_ms((self.refresh or self.access).reveal())

    def is_stale(self, cloud_ms: int) -> bool:
        """Return whether it has ended or is about to; one that does not say has not."""
        ends_ms, issued_ms = self.expires_ms, self.issued_ms
        if ends_ms is None:
            return False
        life_ms = max(0, ends_ms - issued_ms) if issued_ms is not None else 2 * RENEW_EARLY_MS
        return cloud_ms >= ends_ms - min(RENEW_EARLY_MS, life_ms // 2)


@dataclass(frozen=True, slots=True)
class PasswordGrant:
    """A user's own name and password."""

    user: str
    password: Secret

    def form(self) -> dict[str, str]:
        """Return the form of the token request."""
        password = self.password.reveal()
        return {"grant_type": "password", "username": self.user, "password": password}


@dataclass(frozen=True, slots=True)
class RefreshGrant:
    """A refresh token: good for a new pair, and for nothing else."""

    refresh: Secret

    def form(self) -> dict[str, str]:
        """Return the form of the token request."""
        return {"grant_type": "refresh_token", "refresh_token": self.refresh.reveal()}


Grant = PasswordGrant | RefreshGrant


def read_session(content: object) -> Session:
    """Return the pair that `/oauth/token` answers.

    Raises:
        Malformed: it is no such answer.
    """
    if not isinstance(content, Mapping):
        raise Malformed("Thinger.io answers a token request with no object")
    refresh = text(content, "refresh_token")
    return Session(Secret(needed(content, "access_token")), Secret(refresh) if refresh else None)


class TokenFile:
    """The session of one server; see `KeyRing`."""

    def __init__(self, path: Path, url: str) -> None:
        self.path = path
        self._ring = KeyRing(path, url)

    def read(self) -> Session | None:
        """Return the session, or None where there is none for this server. Raises ConfigError."""
        kept = self._ring.read()
        if "access_token" not in kept:
            return None
        refresh = kept.get("refresh_token")
        return Session(Secret(kept["access_token"]), Secret(refresh) if refresh else None)

    def write(self, session: Session) -> None:
        """Keep a session, on the disk when this returns. Raises ConfigError."""
        words = {"access_token": session.access.reveal()}
        if session.refresh is not None:
            words["refresh_token"] = session.refresh.reveal()
        self._ring.write(words)

    def forget(self) -> bool:
        """Delete the file; return whether there was one."""
        return self._ring.forget()
