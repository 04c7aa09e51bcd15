"""`login`, `session`: opening a session of the account, looking at it, forgetting it."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from gatewayd.clock import SystemClock
from gatewayd.clouds.questions import ask, secret_from
from gatewayd.clouds.thinger.rest import open_rest
from gatewayd.clouds.thinger.tokens import PasswordGrant, Session, TokenFile
from gatewayd.clouds.thinger.verbs.account import KIND, Account, account_of
from gatewayd.clouds.verbs import Spoken, forget, nothing_kept


async def login(args: argparse.Namespace) -> Spoken:
    """Ask for what is missing, open a session, keep it."""
    account = account_of(args)
    user = args.user or account.config.user or ask("user: ")
    async with open_rest(account.rest(user), SystemClock()) as api:
        password = secret_from(args.password_file, "password: ")
        found = await api.sign_in(PasswordGrant(user, password))
    return _spoken(account, found, f"logged in at {account.config.rest_url} as {user}")


async def session(args: argparse.Namespace) -> Spoken:
    """Tell whose session is kept and until when it can be renewed, or forget it."""
    account = account_of(args)
    file = TokenFile(account.session_file, account.config.rest_url)
    if args.forget:
        return forget(file, "session")
    found = file.read()
    if found is None:
        return nothing_kept(KIND, "session")
    return _spoken(account, found, f"session of {found.user} at {account.config.rest_url}")


def _spoken(account: Account, found: Session, line: str) -> Spoken:
    ends_ms = found.renewable_ms
    until = None if ends_ms is None else _iso(ends_ms)
    document = {
        "url": account.config.rest_url,
        "user": found.user,
        "file": str(account.session_file),
        "renewable_until": until,
    }
    return Spoken(document, (f"{line}; renews itself until {until or 'it is refused'}",))


def _iso(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="seconds")
