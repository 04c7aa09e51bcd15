"""`login`, `token`, `me`: getting an access token, looking at it, trying it.

Questions are asked in the event loop's own thread: nothing else runs while a person types.
"""

from __future__ import annotations

import argparse
import getpass
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gatewayd.clock import SystemClock
from gatewayd.clouds.thingplus.query import iso_time
from gatewayd.clouds.thingplus.rest import open_rest
from gatewayd.clouds.thingplus.tokens import CodeGrant, Grant, PasswordGrant, Token, TokenFile
from gatewayd.clouds.thingplus.verbs.account import Account, account_of
from gatewayd.clouds.verbs import Spoken
from gatewayd.errors import ConfigError
from gatewayd.fields import Secret

SECRET_CHARACTERS_MAX = 4096
STDIN = "-"


async def login(args: argparse.Namespace) -> Spoken:
    """Ask for what is missing, get a token, keep it."""
    account = account_of(args)
    async with open_rest(account.rest(), SystemClock()) as api:
        client_id = args.client_id or _ask("client id: ")
        secret = secret_from(args.client_secret_file, "client secret: ")
        grant: Grant
        if args.code:
            uri = args.redirect_uri or _ask("redirect uri: ")
            _tell(f"open in a browser: {api.authorize_url(client_id, uri)}")
            code = secret_from(args.code_file, "code from the address that it leads to: ")
            grant = CodeGrant(client_id, secret, code, uri)
        else:
            user = args.user or _ask("user: ")
            password = secret_from(args.password_file, "password: ")
            grant = PasswordGrant(client_id, secret, user, password)
        found = await api.sign_in(grant)
    return _spoken(account, found, f"logged in at {account.rest_url}")


async def token(args: argparse.Namespace) -> Spoken:
    """Tell until when the kept token is good, or forget it."""
    account = account_of(args)
    file = TokenFile(account.token_file, account.rest_url)
    if args.forget:
        was_there = file.forget()
        line = "the token is forgotten" if was_there else "there was no token"
        return Spoken({"forgotten": was_there}, (line,))
    found = file.read()
    if found is None:
        return Spoken({"token": None}, complaints=("no token for this server is kept",), code=1)
    return _spoken(account, found, f"token for {account.rest_url}")


async def me(args: argparse.Namespace) -> Spoken:
    """Tell whose token it is."""
    async with open_rest(account_of(args).rest(), SystemClock()) as api:
        user = await api.me()
    roles = ", ".join(user.roles)
    return Spoken(user, (f"{user.login_id}  {user.email}  id {user.id}", f"roles: {roles}"))


def secret_from(file: str | None, prompt: str) -> Secret:
    """Return a secret from a file, from stdin (`-`), or asked for without echo.

    Raises:
        ConfigError: there is none.
    """
    if file == STDIN:
        text = sys.stdin.readline(SECRET_CHARACTERS_MAX)
        found = Secret(text.strip())
    elif file is not None:
        try:
            found = Secret.parse({"file": str(Path(file))})
        except ValueError as error:
            raise ConfigError(str(error)) from error
    else:
        try:
            with _interruptible():
                found = Secret(getpass.getpass(prompt, sys.stderr))
        except EOFError as error:
            raise ConfigError(f"{prompt.rstrip(': ')} is missing") from error
    if not found.reveal():
        raise ConfigError(f"{prompt.rstrip(': ')} is missing")
    return found


def _ask(prompt: str) -> str:
    """Return a line from stdin; the prompt goes to stderr, because stdout is for results."""
    sys.stderr.write(prompt)
    sys.stderr.flush()
    with _interruptible():
        text = sys.stdin.readline(SECRET_CHARACTERS_MAX).strip()
    if not text:
        raise ConfigError(f"{prompt.rstrip(': ')} is missing")
    return text


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C end a question at once; asyncio would only note it and go on reading."""
    noted = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, noted)


def _tell(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _spoken(account: Account, token: Token, line: str) -> Spoken:
    ends_ms = token.expires_ms
    until = iso_time(ends_ms) if ends_ms is not None else None
    document = {"url": account.rest_url, "file": str(account.token_file), "expires": until}
    return Spoken(document, (f"{line}, good until {until or 'it is refused'}",))
