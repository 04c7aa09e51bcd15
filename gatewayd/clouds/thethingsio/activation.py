"""The thing token: given by the owner, kept in a file, or won once with an activation code.

A code makes one thing, and its answer is the only time that the token is said. So the file is
proved writable before the code is spent, and the token is on the disk before it is first used.
The token belongs to its code and so does the file: another code in the configuration is another
thing, and going back to the first finds the first again.

Source: thethings.iO API reference, thing activation; the vendor's SDK keeps the token too.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from pathlib import Path

from gatewayd.clouds.thethingsio.addresses import ACTIVATE
from gatewayd.clouds.thethingsio.answers import TOKEN, decode_activated, encode_activation
from gatewayd.clouds.thethingsio.settings import Config
from gatewayd.clouds.thethingsio.verdict import ACTIVATION, JSON, verdict
from gatewayd.errors import BatchRefused, ConfigError, LinkDenied
from gatewayd.fields import Secret
from gatewayd.small_files import DAMAGE, make_folder, replace_file
from gatewayd.transports.http import Http, Request

BYTES_MAX = 4096


async def obtain_token(config: Config, folder: Path, http: Http) -> Secret:
    """Return this uplink's thing token; spend the activation code if there is none yet.

    Raises:
        ConfigError: a token that is none, or a file that can be neither used nor written.
        LinkDenied: the cloud does not take the code.
        LinkLost, Throttled: it could not be asked; the code may have been spent.
    """
    if config.token is not None:
        return _checked(config.token)
    if config.activation_code is None:
        raise ConfigError("a thing needs either its token or an activation_code")
    loop, code = asyncio.get_running_loop(), config.activation_code.reveal().strip()
    kept = await loop.run_in_executor(None, load_token, folder, code)
    if kept is not None:
        return kept
    await loop.run_in_executor(None, store_token, folder, code, None)
    token = await activate(http, code, config.product_id)
    await loop.run_in_executor(None, store_token, folder, code, token)
    return token


async def activate(http: Http, code: str, product_id: str = "") -> Secret:
    """Spend an activation code and return the new thing's token.

    Raises:
        LinkDenied: the cloud does not take the code.
        LinkLost, Throttled: it could not be asked; the code may have been spent.
        Malformed: it answers without a token.
    """
    answer = await http.send(Request("POST", ACTIVATE, JSON, encode_activation(code, product_id)))
    error = verdict(answer, ACTIVATION)
    if isinstance(error, BatchRefused | LinkDenied):
        advice = "if the code has been spent, put the thing's token from the panel in its place"
        raise LinkDenied(f"{error}; {advice}")
    if error is not None:
        raise error
    return Secret(decode_activated(answer.body))


def load_token(folder: Path, code: str) -> Secret | None:
    """Return the token that was won with a code, or None.

    Raises:
        ConfigError: there is a file and it cannot be read. Spending the code again is no way out.
    """
    try:
        with token_file(folder, code).open("rb") as file:
            token = json.loads(file.read(BYTES_MAX))["thingToken"]
        return None if token is None else _checked(Secret(str(token)))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except DAMAGE as error:
        advice = "put the thing's token from the panel into the configuration"
        name = token_file(folder, code)
        raise ConfigError(f"cannot use {name}: {type(error).__name__}; {advice}") from None


def store_token(folder: Path, code: str, token: Secret | None) -> None:
    """Keep a token, or that there is none yet; it is on the disk when this returns.

    Raises:
        ConfigError: it cannot be written.
    """
    said = None if token is None else token.reveal()
    name = token_file(folder, code)
    try:
        make_folder(folder)
        replace_file(name, json.dumps({"thingToken": said}).encode())
    except OSError as error:
        raise ConfigError(f"cannot write {name}: {error.strerror}") from error


def token_file(folder: Path, code: str) -> Path:
    """Return where the token is kept that was won with a code."""
    return folder / f"thing-{hashlib.sha256(code.encode()).hexdigest()[:12]}.json"


def _checked(token: Secret) -> Secret:
    text = token.reveal().strip()
    if not TOKEN.fullmatch(text):
        raise ConfigError("the thing token is none: letters, digits, - and _ are expected")
    return Secret(text)
