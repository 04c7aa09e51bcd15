"""`firmware`: what the cloud has for this thing; downloading it."""

from __future__ import annotations

import argparse
from pathlib import Path

from gatewayd.clock import SystemClock
from gatewayd.clouds.thethingsio.rest import open_rest
from gatewayd.clouds.thethingsio.verbs.account import account_of
from gatewayd.clouds.verbs import Spoken


async def firmware(args: argparse.Namespace) -> Spoken:
    """Tell the latest firmware of every micro-controller; keep it in a folder, if wanted."""
    account = account_of(args)
    async with open_rest(account.devices(), SystemClock()) as api:
        thing = api.thing(account.token())
        found = await thing.firmwares()
        files = {}
        if args.download is not None:
            for each in found:
                files[each.id] = str(await thing.download(each, Path(args.download)))
    document = [
        {"id": each.id, "mcu": each.mcu, "version": each.version, "file": files.get(each.id)}
        for each in found
    ]
    lines = [
        f"{each.mcu or each.id}  version {each.version}  {files.get(each.id, '')}".rstrip()
        for each in found
    ]
    return Spoken(document, tuple(lines) or ("no firmware",))
