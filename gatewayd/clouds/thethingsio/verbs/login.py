"""`register`, `login`, `session`: a user of an app gets in; what is kept of that."""

from __future__ import annotations

import argparse

from gatewayd.clock import SystemClock
from gatewayd.clouds.questions import ask, secret_from
from gatewayd.clouds.thethingsio.codec import encode_time
from gatewayd.clouds.thethingsio.rest import open_rest
from gatewayd.clouds.thethingsio.rest_auth import Login, Session, SessionFile
from gatewayd.clouds.thethingsio.verbs.account import KIND, Account, account_of
from gatewayd.clouds.verbs import Spoken, forget, nothing_kept


async def register(args: argparse.Namespace) -> Spoken:
    """Make a user; keep his session."""
    account, login = account_of(args), _asked(args)
    async with open_rest(account.apps(), SystemClock()) as api:
        found = await api.register(login)
    return _spoken(account, found, f"{login.email} is registered and logged in")


async def login(args: argparse.Namespace) -> Spoken:
    """Open a session; keep it."""
    account, login = account_of(args), _asked(args)
    async with open_rest(account.apps(), SystemClock()) as api:
        found = await api.log_in(login)
    return _spoken(account, found, f"{login.email} is logged in")


def _asked(args: argparse.Namespace) -> Login:
    """Return who logs in; what the arguments do not say is asked for. Raises WrongUsage."""
    email, app = args.email or ask("e-mail address: "), args.app or ask("app id: ")
    return Login(email, secret_from(args.password_file, "password: "), app)


async def session(args: argparse.Namespace) -> Spoken:
    """Tell until when the kept session is good, or forget it."""
    account = account_of(args)
    file = SessionFile(account.session_file, account.config.app_url)
    if args.forget:
        return forget(file, "session")
    found = file.read()
    if found is None:
        return nothing_kept(KIND, "session")
    return _spoken(account, found, f"session of {found.email}")


def _spoken(account: Account, session: Session, line: str) -> Spoken:
    until = encode_time(session.expires_ms)
    document = {
        "url": account.config.app_url,
        "email": session.email,
        "app": session.app,
        "file": str(account.session_file),
        "expires": until,
    }
    return Spoken(document, (f"{line}; good until {until}",))
