"""The property of wishes of an HTTP device: read, and which was taken last, kept over restarts.

It stands there until somebody changes it. A daemon that begins anew must not carry out again what
the one before it did: others may have asked for something else since.

Source: Thinger.io documentation, HTTP devices.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import orjson

from gatewayd.clouds.thinger.resources import Resources, Role
from gatewayd.clouds.thinger.setpoints import read_setpoint
from gatewayd.model import Command
from gatewayd.small_files import make_folder, replace_file

FILE = "last-wish"
CHARACTERS_MAX = 20
"""Of a time in milliseconds."""


AHEAD_MS = 60_000
"""So far ahead of ours an app's clock may be; the desk takes no command from further."""


def load_wish_ms(folder: Path) -> int:
    """Return the time of the last wish that was taken; 0 if there is none, or nobody knows."""
    try:
        with (folder / FILE).open(encoding="ascii") as file:
            return int(file.read(CHARACTERS_MAX))
    except (OSError, ValueError):
        return 0


def store_wish_ms(folder: Path, wish_ms: int) -> None:
    """Keep the time of the last wish; it is on the disk when this returns.

    Raises:
        OSError: it cannot be written.
    """
    make_folder(folder)
    replace_file(folder / FILE, str(wish_ms).encode())


def is_new(wish_ms: int, last_ms: int, now_ms: int) -> bool:
    """Return whether a wish was not taken before.

    What is older than the last one is an old answer; unless that one is of the future, made where
    a clock was ahead that may have been set since.
    """
    return wish_ms > last_ms or (wish_ms != last_ms and last_ms > now_ms + AHEAD_MS)


def read_wishes(body: bytes, resources: Resources, origin: str) -> list[Command]:
    """Return the commands in a property of wishes, all of one time.

    What is no wish of ours is nothing to complain about: the property may be used otherwise.
    """
    try:
        wishes = orjson.loads(body) if body else None
    except orjson.JSONDecodeError:
        return []
    if not isinstance(wishes, Mapping):
        return []
    issued_ms = wishes.get("ts")
    if isinstance(issued_ms, bool) or not isinstance(issued_ms, int):
        return []
    commands = []
    for text, payload in wishes.items():
        resource = resources.get(tuple(text.split("/")))
        setpoint = read_setpoint(payload)
        if resource is None or resource.role is not Role.SETPOINT or setpoint is None:
            continue
        commands.append(
            Command(
                origin,
                f"{issued_ms}-{text}",
                resource.names[0].channel,
                setpoint.value,
                setpoint.hold_s,
                setpoint.blink_s,
                issued_ms,
            )
        )
    return commands
