"""`login`, `token`, `me`: getting an access token, looking at it, trying it."""

from __future__ import annotations

import argparse

from gatewayd.clock import SystemClock
from gatewayd.clouds.questions import ask, secret_from, tell
from gatewayd.clouds.thingplus.query import iso_time
from gatewayd.clouds.thingplus.rest import open_rest
from gatewayd.clouds.thingplus.tokens import CodeGrant, Grant, PasswordGrant, Token, TokenFile
from gatewayd.clouds.thingplus.verbs.account import KIND, Account, account_of
from gatewayd.clouds.verbs import Spoken, forget, nothing_kept


async def login(args: argparse.Namespace) -> Spoken:
    """Ask for what is missing, get a token, keep it."""
    account = account_of(args)
    async with open_rest(account.rest(), SystemClock()) as api:
        client_id = args.client_id or ask("client id: ")
        secret = secret_from(args.client_secret_file, "client secret: ")
        grant: Grant
        if args.code:
            uri = args.redirect_uri or ask("redirect uri: ")
            tell(f"open in a browser: {api.authorize_url(client_id, uri)}")
            code = secret_from(args.code_file, "code from the address that it leads to: ")
            grant = CodeGrant(client_id, secret, code, uri)
        else:
            user = args.user or ask("user: ")
            password = secret_from(args.password_file, "password: ")
            grant = PasswordGrant(client_id, secret, user, password)
        found = await api.sign_in(grant)
    return _spoken(account, found, f"logged in at {account.rest_url}")


async def token(args: argparse.Namespace) -> Spoken:
    """Tell until when the kept token is good, or forget it."""
    account = account_of(args)
    file = TokenFile(account.token_file, account.rest_url)
    if args.forget:
        return forget(file, "token")
    found = file.read()
    if found is None:
        return nothing_kept(KIND, "token")
    return _spoken(account, found, f"token for {account.rest_url}")


async def me(args: argparse.Namespace) -> Spoken:
    """Tell whose token it is."""
    async with open_rest(account_of(args).rest(), SystemClock()) as api:
        user = await api.me()
    roles = ", ".join(user.roles)
    return Spoken(user, (f"{user.login_id}  {user.email}  id {user.id}", f"roles: {roles}"))


def _spoken(account: Account, token: Token, line: str) -> Spoken:
    ends_ms = token.expires_ms
    until = iso_time(ends_ms) if ends_ms is not None else None
    document = {"url": account.rest_url, "file": str(account.token_file), "expires": until}
    return Spoken(document, (f"{line}, good until {until or 'it is refused'}",))
