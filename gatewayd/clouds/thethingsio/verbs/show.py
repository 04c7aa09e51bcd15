"""`show`: what arrived, as the cloud has it."""

from __future__ import annotations

import argparse
from difflib import get_close_matches

from gatewayd.clock import SystemClock
from gatewayd.clouds.thethingsio.codec import Entry, encode_entry, encode_time
from gatewayd.clouds.thethingsio.rest import open_rest
from gatewayd.clouds.thethingsio.rest_errors import NotFound
from gatewayd.clouds.thethingsio.verbs.account import Account, account_of
from gatewayd.clouds.verbs import Spoken
from gatewayd.errors import WrongUsage
from gatewayd.model import ChannelId


async def show(args: argparse.Namespace) -> Spoken:
    """Tell the newest value of every resource, or a stretch of one, the oldest first."""
    account, clock = account_of(args), SystemClock()
    async with open_rest(account.devices(), clock) as api:
        thing = api.thing(account.token())
        if args.resource is None:
            newest = await thing.last_values()
            rows = [row for _, found in sorted(newest.items()) for row in found]
        else:
            key, since_ms = key_of(account, args.resource), clock.now_ms() - args.since * 1000
            try:
                rows = [row async for row in thing.all_rows(key, round(since_ms))][::-1]
            except NotFound:
                line = f"there is no resource {key} yet; it is there after its first value"
                return Spoken([], complaints=(line,), code=1)
    return Spoken([encode_entry(row) for row in rows], tuple(map(_line, rows)) or ("no values",))


def key_of(account: Account, name: str) -> str:
    """Return the resource that reports a channel; any other word is a resource itself.

    Raises:
        WrongUsage: it can be neither.
    """
    known = account.names.get(ChannelId(name))
    if known is None and "/" in name:
        near = get_close_matches(name, account.names, n=1, cutoff=0)
        raise WrongUsage(f"{name} is no channel and no resource; nearest: {', '.join(near)}")
    return name if known is None else known.report


def _line(row: Entry) -> str:
    when = "" if row.time_ms is None else encode_time(row.time_ms)
    return f"{when}  {row.key}  {row.value}".strip()
