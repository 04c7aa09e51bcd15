"""`activate`: a thing for this gateway, and its token where the daemon finds it.

The code of the configuration is spent as the daemon would spend it, and the token kept beside it.
A code that is said here wins a token that goes into a file of mode 0600, and the name of that file
into the configuration. The answer is the only time that a token is said, so the file is proved
first, and a token that is there already is never written over: it may be one whose name did not
get into the configuration the last time.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from gatewayd.clouds.questions import secret_from
from gatewayd.clouds.thethingsio.activation import activate as spend
from gatewayd.clouds.thethingsio.activation import obtain_token
from gatewayd.clouds.thethingsio.settings import http_settings
from gatewayd.clouds.thethingsio.verbs.account import Account, account_of
from gatewayd.clouds.verbs import Spoken, save, written_lines
from gatewayd.config.edit import ConfigFile
from gatewayd.errors import ConfigError, WrongUsage
from gatewayd.small_files import write_private
from gatewayd.transports.http import open_http


async def activate(args: argparse.Namespace) -> Spoken:
    """Spend a code, unless there is a token already."""
    account, file = account_of(args), ConfigFile(args.config)
    if account.find_token() is not None:
        lines = [f"nothing to do: uplink {account.uplink} has its thing's token"]
        if args.code_file is not None:
            kept = account.token_file
            lines.append(f"for another thing take `token` out of {file.path} and delete {kept}")
        return Spoken({"made": [], "written": []}, tuple(lines))
    if account.code is not None:
        return await _with_configured_code(args, account)
    if account.config.activation_code is not None:
        raise ConfigError(f"the activation_code of uplink {account.uplink} cannot be read here")
    return await _with_own_code(args, account, file)


async def _with_configured_code(args: argparse.Namespace, account: Account) -> Spoken:
    if args.code_file is not None:
        raise WrongUsage(f"uplink {account.uplink} has an activation_code; leave out --code-file")
    async with open_http(http_settings(account.config)) as http:
        await obtain_token(account.config, account.folder, http)
    line = f"made: a thing; its token is kept in {account.folder}"
    return Spoken({"made": ["thing"], "written": []}, (line,))


async def _with_own_code(args: argparse.Namespace, account: Account, file: ConfigFile) -> Spoken:
    kept, lines = token_file_of(file, account), []
    if _is_empty(kept):
        code = secret_from(args.code_file, "activation code: ")
        write_private(kept, b"")
        async with open_http(http_settings(account.config)) as http:
            token = await spend(http, code.reveal(), account.config.product_id)
        write_private(kept, token.reveal().encode())
        lines += ["made: a thing", f"kept: its token in {kept}"]
    made = ["thing"] if lines else []
    file.set(("uplink", account.uplink, "token"), {"file": str(kept)})
    written = save(file)
    return Spoken({"made": made, "written": written}, (*lines, *written_lines(written)))


def token_file_of(file: ConfigFile, account: Account) -> Path:
    """Return where a new token belongs: a file that is named and not there yet, or our own.

    Raises:
        ConfigError: the configuration has a token that cannot be read here.
    """
    said = file.get(("uplink", account.uplink, "token"))
    if said is None:
        return account.token_file
    named = said.get("file") if isinstance(said, Mapping) else None
    if not isinstance(named, str) or not _is_empty(Path(named)):
        raise ConfigError(f"the token of uplink {account.uplink} cannot be read here")
    return Path(named)


def _is_empty(path: Path) -> bool:
    """Return whether a file holds nothing, or is not there. Raises ConfigError."""
    try:
        return path.stat().st_size == 0
    except FileNotFoundError:
        return True
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}") from error
