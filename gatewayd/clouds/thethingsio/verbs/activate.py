"""`activate`: a thing for this gateway, and its token where the daemon finds it.

The code of the configuration is spent as the daemon would spend it, and the token kept beside it.
A code that is said here wins a token that goes into a file of mode 0600, and the name of that file
into the configuration.
"""

from __future__ import annotations

import argparse

from gatewayd.clouds.questions import secret_from
from gatewayd.clouds.thethingsio.activation import activate as spend
from gatewayd.clouds.thethingsio.activation import obtain_token
from gatewayd.clouds.thethingsio.settings import http_settings
from gatewayd.clouds.thethingsio.verbs.account import Account, account_of
from gatewayd.clouds.verbs import Spoken
from gatewayd.config.edit import ConfigFile
from gatewayd.errors import ConfigError
from gatewayd.small_files import write_private
from gatewayd.transports.http import open_http


async def activate(args: argparse.Namespace) -> Spoken:
    """Spend a code, unless there is a token already."""
    account = account_of(args)
    if account.find_token() is not None:
        line = f"nothing to do: uplink {account.uplink} has its thing's token"
        return Spoken({"made": [], "written": []}, (line,))
    if account.code is None:
        return await _with_own_code(args, account)
    if args.code_file is not None:
        raise ConfigError(f"uplink {account.uplink} has an activation_code; leave out --code-file")
    async with open_http(http_settings(account.config)) as http:
        await obtain_token(account.config, account.folder, http)
    line = f"made: a thing; its token is kept in {account.folder}"
    return Spoken({"made": ["thing"], "written": []}, (line,))


async def _with_own_code(args: argparse.Namespace, account: Account) -> Spoken:
    file = ConfigFile(args.config)
    code = secret_from(args.code_file, "activation code: ")
    kept = account.token_file
    # The answer is the only time that the token is said: what it is kept in is proved first.
    write_private(kept, b"")
    async with open_http(http_settings(account.config)) as http:
        token = await spend(http, code.reveal(), account.config.product_id)
    write_private(kept, token.reveal().encode())
    file.set(("uplink", account.uplink, "token"), {"file": str(kept)})
    backup = file.save()
    written = [str(file.path)] if backup is None else [str(file.path), str(backup)]
    lines = ("made: a thing", f"kept: its token in {kept}", f"written: {file.path}")
    return Spoken({"made": ["thing"], "written": written}, lines)
