"""`link`, `unlink`, `list`: whose thing this is, and what its owner sees."""

from __future__ import annotations

import argparse

from gatewayd.clock import SystemClock
from gatewayd.clouds.thethingsio.rest import open_rest
from gatewayd.clouds.thethingsio.verbs.account import Account, account_of
from gatewayd.clouds.verbs import Spoken, save, written_lines
from gatewayd.config.edit import ConfigFile
from gatewayd.errors import ConfigError

LINK_HINT = "link it with `gatewayd cloud thethingsio link`"


async def link(args: argparse.Namespace) -> Spoken:
    """Make the user the owner of this thing; write its id into the configuration."""
    account, file = account_of(args), ConfigFile(args.config)
    async with open_rest(account.apps(), SystemClock()) as api:
        thing_id = await api.link(account.token())
    file.set(("uplink", account.uplink, "thing_id"), thing_id)
    written = save(file)
    lines = (f"linked: thing {thing_id}", *written_lines(written))
    return Spoken({"thing_id": thing_id, "written": written}, lines)


async def unlink(args: argparse.Namespace) -> Spoken:
    """Take the thing from the user."""
    account = account_of(args)
    thing_id = thing_id_of(account)
    async with open_rest(account.apps(), SystemClock()) as api:
        await api.unlink(thing_id)
    return Spoken({"thing_id": thing_id}, (f"unlinked: thing {thing_id}",))


async def overview(args: argparse.Namespace) -> Spoken:
    """Tell every thing of the user with its resources."""
    async with open_rest(account_of(args).apps(), SystemClock()) as api:
        things, resources = await api.things(), await api.resources.list()
    document, lines = [], []
    for thing in things:
        keys = [each.name for each in resources if thing.id in each.things]
        document.append({"id": thing.id, "name": thing.name, "resources": keys})
        lines.append(f"{thing.id}  {thing.name}".rstrip())
        lines += [f"  {key}" for key in keys]
    return Spoken(document, tuple(lines) or ("no things",))


def thing_id_of(account: Account) -> str:
    """Return what apps call the thing. Raises ConfigError: nobody knows yet."""
    if not account.config.thing_id:
        raise ConfigError(f"uplink {account.uplink} has no thing_id; {LINK_HINT}")
    return account.config.thing_id
