"""Client tokens of the Thingsee REST API: how they are got, how long they last, where they are.

A token is good for fifteen minutes and says nothing about itself; any number may be good at once.

Source: Thingsee Open Services API, "Create client access token".
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gatewayd.clouds.key_ring import KeyRing
from gatewayd.fields import Secret

LIFE_S = 900.0
RENEW_AFTER_S = 720.0
"""A token is renewed three minutes before its end, so that no request under way meets it."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who the client is; whoever has them can get tokens for ever."""

    client_id: str
    client_secret: Secret

    def body(self) -> dict[str, str]:
        """Return the body of the token request."""
        return {"client_id": self.client_id, "client_secret": self.client_secret.reveal()}


@dataclass(frozen=True, slots=True)
class Token:
    """An access token, and when it was got by this machine's clock (UTC ms)."""

    access: Secret
    got_ms: int

    @property
    def authorization(self) -> str:
        """The value of the Authorization header."""
        return f"Bearer {self.access.reveal()}"

    def age_s(self, now_ms: int) -> float | None:
        """Return how old it is, or None where the clock has gone back since."""
        return (now_ms - self.got_ms) / 1000 if now_ms >= self.got_ms else None

    def is_fresh(self, now_ms: int) -> bool:
        """Return whether it is surely good and need not be renewed yet."""
        age_s = self.age_s(now_ms)
        return age_s is not None and age_s < RENEW_AFTER_S


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
        got = kept.get("got_ms", "")
        if "token" not in kept or not got.isdecimal():
            return None
        return Token(Secret(kept["token"]), int(got[:15]))

    def write(self, token: Token) -> None:
        """Keep a token, mode 0600, on the disk when this returns.

        Raises:
            ConfigError: the folder cannot be written.
        """
        self._ring.write({"token": token.access.reveal(), "got_ms": str(token.got_ms)})

    def forget(self) -> bool:
        """Delete the file; return whether there was one."""
        return self._ring.forget()
