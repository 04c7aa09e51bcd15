"""`token`: tokens for this gateway's resources, to be given to others."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path

from gatewayd.clock import SystemClock
from gatewayd.clouds.jwt import expiry_ms, read_claims
from gatewayd.clouds.thinger.rest import open_rest
from gatewayd.clouds.thinger.rest_types import DeviceToken
from gatewayd.clouds.thinger.verbs.account import account_of
from gatewayd.clouds.verbs import Spoken
from gatewayd.small_files import write_private


async def list_tokens(args: argparse.Namespace) -> Spoken:
    """Tell which tokens there are and what they open, without their texts."""
    account = account_of(args)
    async with open_rest(account.rest(), SystemClock()) as api:
        found = await api.devices.tokens(account.device).list()
    documents = [_document(each) for each in found]
    lines = tuple(
        f"{each['id']}  {each['name']}  {_plain(each['resources'])}  "
        f"until {each['expires'] or 'it is deleted'}"
        for each in documents
    )
    return Spoken(documents, lines or ("no tokens",))


def _plain(resources: object) -> str:
    return ", ".join(map(str, resources)) if isinstance(resources, list) else "all resources"


async def add_token(args: argparse.Namespace) -> Spoken:
    """Make a token, and say it this once, or write it into a file."""
    account, clock = account_of(args), SystemClock()
    resources = [account.resource(each) for each in args.resource]
    ends_ms = None if args.expires is None else clock.now_ms() + round(args.expires * 1000)
    async with open_rest(account.rest(), clock) as api:
        made = await api.devices.tokens(account.device).add(args.name, resources, ends_ms)
    document = _document(made)
    if args.file is not None:
        write_private(Path(args.file), made.token.reveal().encode())
        return Spoken({**document, "file": args.file}, (f"{made.id}  written to {args.file}",))
    return Spoken({**document, "token": made.token.reveal()}, (made.id, made.token.reveal()))


async def delete_token(args: argparse.Namespace) -> Spoken:
    """Delete a token; whoever has it gets in no more."""
    account = account_of(args)
    async with open_rest(account.rest(), SystemClock()) as api:
        await api.devices.tokens(account.device).delete(args.id)
    return Spoken({"deleted": args.id}, (f"{args.id} is deleted",))


def _document(token: DeviceToken) -> dict[str, object]:
    text = token.token.reveal()
    ends_ms = expiry_ms(text)
    until = None if ends_ms is None else datetime.fromtimestamp(ends_ms / 1000, UTC).isoformat()
    resources = (read_claims(text) or {}).get("res")
    return {"id": token.id, "name": token.name, "resources": resources, "expires": until}
