"""The console's password and tokens: guessed seldom, kept as hashes; and the sessions they open.

A session is a signed text in a cookie: whose it is, until when it holds, and a seal that only
this console can make. Its key is made anew with each console, so a restart ends every session,
and so does a logout. Scripts bring a token, or the password itself, with each request. The
password is checked slowly, because people make it up; one that was right once is known by its
seal from then on. A token is beyond guessing and is checked quickly, each against every one.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from gatewayd.config.settings import Console
from gatewayd.console.roles import PASSWORD, Caller, Role
from gatewayd.fields import Secret

SESSION_S = 12 * 3600.0
"""A working day: who leaves a terminal open has to say the password again tomorrow."""

GUESSES_MAX = 5
"""Wrong keys from one address within `GUESSES_S`: a person with cold fingers needs three."""

ALL_GUESSES_MAX = 30
"""And from all addresses together, because an attacker may have many."""

GUESSES_S = 60.0

ADDRESSES_MAX = 256
"""Addresses remembered; the one that was silent longest is forgotten first."""

PASSWORD_BYTES_MAX = 1024

SCRYPT_N = 2**14
"""16 MiB and about 50 ms on a PC, 0.3 s on a Pi Zero, one at a time: bearable for who knows the
password, and a thousand years for who guesses ten letters."""

CHECK_S = 10.0
"""To wait for one's turn and for the check."""


_THINGS = re.compile(r"/thethingsio/v2/things/([^/]+)")


class Guesses:
    """How often somebody was wrong lately. Instants are loop time in seconds."""

    def __init__(self) -> None:
        self._of: OrderedDict[str, deque[float]] = OrderedDict()
        self._all: deque[float] = deque(maxlen=ALL_GUESSES_MAX)

    def wait_s(self, address: str, now_s: float) -> float:
        """Return how long an address has to wait before it may try; 0.0 = it may now."""
        mine = self._of.get(address, deque())
        return max(_left_s(mine, GUESSES_MAX, now_s), _left_s(self._all, ALL_GUESSES_MAX, now_s))

    def note(self, address: str, now_s: float) -> None:
        """Remember one wrong password."""
        mine = self._of.setdefault(address, deque(maxlen=GUESSES_MAX))
        self._of.move_to_end(address)
        for guesses in (mine, self._all):
            guesses.append(now_s)
        if len(self._of) > ADDRESSES_MAX:
            self._of.popitem(last=False)


def _left_s(guesses: deque[float], most: int, now_s: float) -> float:
    return 0.0 if len(guesses) < most else max(0.0, guesses[0] + GUESSES_S - now_s)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a password was not taken, and when the next may be tried."""

    sentence: str
    wait_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Password:
    """What checks a password; the password itself is not in it."""

    digest: bytes
    salt: bytes
    caller: Caller


@dataclass(slots=True)
class Keys:
    """What opens the console, the sessions it opened and the scripts that showed it.

    `tokens` are SHA-256 of each, with whose it is.
    """

    password: Password | None = None
    tokens: Mapping[bytes, Caller] = field(default_factory=dict)
    guesses: Guesses = field(default_factory=Guesses)
    seal_key: bytes = field(default_factory=partial(secrets.token_bytes, 32))
    known: bytes = b""
    """The seal of the password, once somebody has shown it."""
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def try_key(self, key: str, address: str) -> Caller | Refusal:
        """Return who shows this token or password, or why nobody does."""
        loop = asyncio.get_running_loop()
        given = key.encode(errors="surrogateescape")[: PASSWORD_BYTES_MAX + 1]
        caller = self._find_token(given) or self._find_known(given)
        if caller is not None:
            return caller
        try:
            # One after the other, so that a flood of guesses costs one core's part and 16 MiB.
            async with asyncio.timeout(CHECK_S), self.turn:
                wait_s = self.guesses.wait_s(address, loop.time())
                if wait_s:
                    return Refusal("too many wrong passwords", wait_s)
                if self.password is not None and await _is_right(self.password, given):
                    self.known = self._seal(b"password", given)
                    return self.password.caller
        except TimeoutError:
            return Refusal("too many passwords to check", CHECK_S)
        self.guesses.note(address, loop.time())
        return Refusal("the password is wrong" if self.password else "the token is wrong")

    def open_session(self, caller: Caller) -> str:
        """Return a cookie's text that holds for `SESSION_S`."""
        until = f"{asyncio.get_running_loop().time() + SESSION_S:.0f}"
        head = f"{caller.name}:{until}"
        return f"{head}:{self._seal(b'session', head.encode()).hex()}"

    def find_session(self, session: str) -> Caller | None:
        """Return whose a cookie's text is, None if it is not ours or too old."""
        head, _, seal = session.rpartition(":")
        expected = self._seal(b"session", head.encode(errors="replace")).hex()
        if not hmac.compare_digest(expected.encode(), seal.encode(errors="replace")):
            return None
        name, _, until = head.partition(":")
        if asyncio.get_running_loop().time() >= float(until):
            return None
        return next((each for each in self._callers() if each.name == name), None)

    def end_sessions(self) -> None:
        """End every session, everywhere."""
        self.seal_key, self.known = secrets.token_bytes(32), b""

    def _callers(self) -> list[Caller]:
        return [*([self.password.caller] if self.password else []), *self.tokens.values()]

    def _find_token(self, given: bytes) -> Caller | None:
        shown, found = hashlib.sha256(given).digest(), None
        for digest, caller in self.tokens.items():  # All of them, whichever it is.
            if hmac.compare_digest(digest, shown):
                found = caller
        return found

    def _find_known(self, given: bytes) -> Caller | None:
        is_known = hmac.compare_digest(self.known, self._seal(b"password", given))
        return self.password.caller if self.password and is_known else None

    def _seal(self, purpose: bytes, data: bytes) -> bytes:
        return hmac.digest(self.seal_key, purpose + b":" + data, "sha256")


async def make_keys(console: Console) -> Keys | None:
    """Return what opens a console, as hashes alone; None where nobody is asked."""
    if not console.is_guarded:
        return None
    keys = Keys(
        tokens={
            hashlib.sha256(_bytes(each.token)).digest(): Caller(name, _role(each.role))
            for name, each in console.tokens.items()
        }
    )
    if console.password is not None:
        salt = secrets.token_bytes(16)
        digest = await _slow(_bytes(console.password), salt)
        keys.password = Password(digest, salt, Caller(PASSWORD, _role(console.password_role)))
    return keys


def _role(name: str) -> Role:
    return Role[name.upper()]


def _bytes(secret: Secret) -> bytes:
    return secret.reveal().encode(errors="surrogateescape")


def find_password(authorization: str) -> str | None:
    """Return the key in an `Authorization` header, `Bearer` or `Basic` with any user."""
    scheme, _, text = authorization.partition(" ")
    match scheme.lower():
        case "bearer":
            return text.strip()
        case "basic":
            try:
                return base64.b64decode(text.strip(), validate=True).decode().partition(":")[2]
            except (binascii.Error, UnicodeDecodeError):
                return None
        case _:
            return None


def find_path_key(path: str) -> str | None:
    """Return the key that stands where thethings.iO's apps have a thing's token, in the path."""
    found = _THINGS.match(path)
    return found[1] if found else None


def hide_path_key(path: str) -> str:
    """Return a path without the key in it."""
    return _THINGS.sub("/thethingsio/v2/things/***", path)


async def _is_right(password: Password, given: bytes) -> bool:
    digest = await _slow(given, password.salt)
    return hmac.compare_digest(digest, password.digest) and len(given) <= PASSWORD_BYTES_MAX


async def _slow(password: bytes, salt: bytes) -> bytes:
    work: Callable[[], bytes] = partial(
        hashlib.scrypt, password, salt=salt, n=SCRYPT_N, r=8, p=1, maxmem=2**26
    )
    return await asyncio.get_running_loop().run_in_executor(None, work)
