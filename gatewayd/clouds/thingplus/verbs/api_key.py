"""The gateway's API key at `provision`: whether there is a good one, and where a new one goes.

Strategy: a key is proved by asking with it for the gateway's own record, which only works once
the gateway is registered. A gateway that was registered just now gets its key; one that was there
before keeps the owner's word, and the owner is told.

Source: Thing+ embedded guide 2.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from gatewayd.clouds.thingplus.own_face import open_own_face
from gatewayd.clouds.thingplus.rest_errors import Denied, NotFound
from gatewayd.clouds.thingplus.verbs.account import Account
from gatewayd.config.edit import ConfigFile
from gatewayd.fields import SECRET_BYTES_MAX, Secret


class Standing(Enum):
    """What is known of the key."""

    GOOD = "the cloud takes the configured one"
    KEPT = "a former run left a good one in its file, not written down yet"
    MISSING = "there is none"
    REFUSED = "the cloud does not take the configured one"
    UNSEEN = "the configuration names one that this process cannot read"


@dataclass(frozen=True, slots=True)
class KeyPlace:
    """Where a new key goes, and what the configuration says of one now."""

    file: Path
    is_said: bool
    """Whether the configuration has a key, readable or not."""


def key_place(file: ConfigFile, account: Account) -> KeyPlace:
    """Return where a new key belongs: where the owner wants it, else beside the token.

    A file that is named and not there yet is where the owner wants it. One that is there is left
    alone, whatever it holds.
    """
    said = file.get(("uplink", account.uplink, "api_key"))
    named = said.get("file") if isinstance(said, Mapping) else None
    if isinstance(named, str) and not Path(named).exists():
        return KeyPlace(Path(named), is_said=account.api_key is not None)
    return KeyPlace(account.key_file, is_said=said is not None or account.api_key is not None)


async def standing_of(account: Account, place: KeyPlace) -> Standing:
    """Ask the cloud what it thinks of the key; the gateway is registered.

    Raises:
        LinkLost, Malformed: as any call.
    """
    configured = account.api_key
    if configured is None and place.is_said:
        return Standing.UNSEEN
    if configured is not None and await _is_taken(account, configured):
        return Standing.GOOD
    kept = find_kept(place)
    if kept is not None and kept != configured and await _is_taken(account, kept):
        return Standing.KEPT
    return Standing.MISSING if configured is None else Standing.REFUSED


def is_to_be_made(standing: Standing, *, is_new: bool, is_asked_for: bool) -> bool:
    """Return whether a key is to be got for a gateway, `is_new` if registered just now."""
    if is_asked_for or standing is Standing.MISSING:
        return True
    return is_new and standing is Standing.REFUSED


def find_kept(place: KeyPlace) -> Secret | None:
    """Return the key that a former run has left, or None."""
    try:
        with place.file.open(encoding="utf-8") as file:
            text = file.read(SECRET_BYTES_MAX).strip()
    except (OSError, UnicodeDecodeError):
        return None
    return Secret(text) if text else None


def refused_sentence(uplink: str) -> str:
    """Return what the owner of a gateway that was there before is told."""
    return (
        f"the cloud refuses the api_key of uplink {uplink}, so the daemon will not get in; "
        "`provision --new-key` gets another one and writes it down"
    )


def unseen_sentence(uplink: str) -> str:
    """Return what the owner of a key is told that only the service may read."""
    return (
        f"the api_key of uplink {uplink} cannot be read here, so it was not tried; if there is "
        "none yet, `provision --new-key` gets one and writes it down"
    )


async def _is_taken(account: Account, key: Secret) -> bool:
    async with open_own_face(account.own(key)) as own:
        try:
            await own.gateway()
        except Denied:
            return False
        except NotFound:  # It was let in.
            return True
    return True
