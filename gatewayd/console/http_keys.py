"""The console's password: checked slowly, guessed seldom; and the sessions it opens.

A session is a signed text in a cookie: until when it holds, and a seal that only this console can
make. Its key is made anew with each console, so a restart ends every session, and so does a
logout. Scripts bring the password itself with each request; one that was right once is known by
its seal from then on, because the slow check costs a tenth of a second of a small processor.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import secrets
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from gatewayd.fields import Secret

SESSION_S = 12 * 3600.0
"""A working day: who leaves a terminal open has to say the password again tomorrow."""

GUESSES_MAX = 5
"""Wrong passwords from one address within `GUESSES_S`: a person with cold fingers needs three."""

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


@dataclass(slots=True)
class Keys:
    """One password, the sessions it opened and the scripts that showed it."""

    digest: bytes
    salt: bytes
    guesses: Guesses = field(default_factory=Guesses)
    seal_key: bytes = field(default_factory=partial(secrets.token_bytes, 32))
    known: bytes = b""
    """The seal of the password, once somebody has shown it."""
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def try_password(self, password: str, address: str) -> Refusal | None:
        """Check a password that somebody shows; None = it is the one."""
        loop = asyncio.get_running_loop()
        given = password.encode(errors="surrogateescape")[: PASSWORD_BYTES_MAX + 1]
        if self.known and hmac.compare_digest(self.known, self._seal(b"password", given)):
            return None
        try:
            # One after the other, so that a flood of guesses costs one core's part and 16 MiB.
            async with asyncio.timeout(CHECK_S), self.turn:
                wait_s = self.guesses.wait_s(address, loop.time())
                if wait_s:
                    return Refusal("too many wrong passwords", wait_s)
                digest = await _slow(given, self.salt)
        except TimeoutError:
            return Refusal("too many passwords to check", CHECK_S)
        if len(given) > PASSWORD_BYTES_MAX or not hmac.compare_digest(digest, self.digest):
            self.guesses.note(address, loop.time())
            return Refusal("the password is wrong")
        self.known = self._seal(b"password", given)
        return None

    def open_session(self) -> str:
        """Return a cookie's text that holds for `SESSION_S`."""
        until = f"{asyncio.get_running_loop().time() + SESSION_S:.0f}"
        return f"{until}.{self._seal(b'session', until.encode()).hex()}"

    def holds(self, session: str) -> bool:
        """Return whether a cookie's text is ours and not too old."""
        until, _, seal = session.partition(".")
        expected = self._seal(b"session", until.encode(errors="replace")).hex()
        if not hmac.compare_digest(expected.encode(), seal.encode(errors="replace")):
            return False
        return asyncio.get_running_loop().time() < float(until)

    def end_sessions(self) -> None:
        """End every session, everywhere."""
        self.seal_key, self.known = secrets.token_bytes(32), b""

    def _seal(self, purpose: bytes, data: bytes) -> bytes:
        return hmac.digest(self.seal_key, purpose + b":" + data, "sha256")


async def make_keys(password: Secret) -> Keys:
    """Return what checks this password; the password itself is not kept."""
    salt = secrets.token_bytes(16)
    return Keys(await _slow(password.reveal().encode(errors="surrogateescape"), salt), salt)


def find_password(authorization: str) -> str | None:
    """Return the password in an `Authorization` header, `Bearer` or `Basic` with any user."""
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


async def _slow(password: bytes, salt: bytes) -> bytes:
    work: Callable[[], bytes] = partial(
        hashlib.scrypt, password, salt=salt, n=SCRYPT_N, r=8, p=1, maxmem=2**26
    )
    return await asyncio.get_running_loop().run_in_executor(None, work)
