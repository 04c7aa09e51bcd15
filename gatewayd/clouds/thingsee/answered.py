"""What makes two requests one, and which commands were answered lately, kept over restarts.

The command log shows a command for minutes, and a broker may bring one twice. What was answered by
the daemon before this one is done: carried out again it would undo what others asked for since.
One that was taken and not answered is taken again, so that its sender hears something.

Source: Thingsee Open Services API, GET /things/{tuid}/commands.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import orjson

from gatewayd.clouds.thingsee.codec import Message
from gatewayd.small_files import DAMAGE, make_folder, replace_file

FILE = "answered.json"
BYTES_MAX = 64 * 1024

KEPT_MAX = 256
"""A few bytes each; far more than anybody sends in so short a time."""

KEPT_MS = 600_000
"""How long: twice as long as a customer waits. Later the same words are a new request."""


def load_answered(folder: Path, now_ms: int) -> dict[str, int]:
    """Return when (UTC ms) what was answered, by request; a missing or damaged file is none."""
    try:
        with (folder / FILE).open("rb") as file:
            kept = orjson.loads(file.read(BYTES_MAX))
        found = {str(key): int(time_ms) for key, time_ms in kept.items()}
    except DAMAGE:
        return {}
    return {key: time_ms for key, time_ms in found.items() if is_lately(time_ms, now_ms)}


def is_lately(time_ms: int | None, now_ms: int) -> bool:
    """Return whether something was so short a time ago that a repeat is one."""
    return time_ms is not None and abs(now_ms - time_ms) < KEPT_MS


def store_answered(folder: Path, answered: Mapping[str, int]) -> None:
    """Keep the newest of them; they are on the disk when this returns.

    Raises:
        OSError: they cannot be written.
    """
    make_folder(folder)
    newest = sorted(answered.items(), key=lambda each: each[1])[-KEPT_MAX:]
    replace_file(folder / FILE, orjson.dumps(dict(newest)))


def key_of(request: Message) -> bytes | None:
    """Return what makes two requests the same one, or None where nothing does.

    A transaction's number alone is not enough, because senders count from zero again; without a
    number the time is, which every command of the cloud has.
    """
    if request.transaction is None and request.time_s is None:
        return None
    time_s = request.time_s if request.transaction is None else None
    content = [request.destination, request.id, request.event, time_s, request.fields]
    plain = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(plain, digest_size=8).digest()
