"""`login`, `token`: getting a token, keeping the client's secret, looking at the token."""

from __future__ import annotations

import argparse

from gatewayd.clock import SystemClock
from gatewayd.clouds.questions import ask, secret_from
from gatewayd.clouds.thingsee.rest import open_rest
from gatewayd.clouds.thingsee.tokens import LIFE_S, Credentials, Token, TokenFile
from gatewayd.clouds.thingsee.verbs.account import KIND, Account, account_of
from gatewayd.clouds.verbs import Spoken, forget, nothing_kept, save, written_lines
from gatewayd.config.edit import ConfigFile
from gatewayd.small_files import write_private


async def login(args: argparse.Namespace) -> Spoken:
    """Ask for what is missing, get a token, keep it; with --keep, the credentials too."""
    account = account_of(args)
    client_id = args.client_id or account.client_id or ask("client id: ")
    if account.credentials is not None and args.client_secret_file is None:
        secret = account.credentials.client_secret
    else:
        secret = secret_from(args.client_secret_file, "client secret: ")
    credentials = Credentials(client_id, secret)
    async with open_rest(account.rest(), SystemClock()) as api:
        token = await api.sign_in(credentials)
    written = keep(args, account, credentials) if args.keep else []
    hint = "" if args.keep or account.credentials else "; --keep makes it last"
    spoken = _spoken(account, token, f"logged in at {account.rest_url}", hint)
    lines = (*spoken.lines, *written_lines(written))
    document = {**_document(account, token), "written": written}
    return Spoken(document, lines)


def keep(args: argparse.Namespace, account: Account, credentials: Credentials) -> list[str]:
    """Keep the client's secret in a private file, named in the configuration; say what changed."""
    file = ConfigFile(args.config)
    write_private(account.secret_file, credentials.client_secret.reveal().encode())
    section = ("uplink", account.uplink)
    file.set((*section, "client_id"), credentials.client_id)
    file.set((*section, "client_secret"), {"file": str(account.secret_file)})
    return [str(account.secret_file), *save(file)]


async def token(args: argparse.Namespace) -> Spoken:
    """Tell how old the kept token is, or forget it."""
    account = account_of(args)
    file = TokenFile(account.token_file, account.rest_url)
    if args.forget:
        return forget(file, "token")
    found = file.read()
    if found is None:
        return nothing_kept(KIND, "token")
    return _spoken(account, found, f"token for {account.rest_url}", "")


def _spoken(account: Account, token: Token, line: str, hint: str) -> Spoken:
    left_s = _left_s(token)
    until = f"good for {left_s / 60:.0f} minutes" if left_s > 0 else "over by this clock"
    return Spoken(_document(account, token), (f"{line}, {until}{hint}",))


def _document(account: Account, token: Token) -> dict[str, object]:
    return {
        "url": account.rest_url,
        "file": str(account.token_file),
        "expires_in_s": round(_left_s(token)),
    }


def _left_s(token: Token) -> float:
    age_s = token.age_s(SystemClock().now_ms())
    return max(0.0, LIFE_S - (LIFE_S if age_s is None else age_s))
