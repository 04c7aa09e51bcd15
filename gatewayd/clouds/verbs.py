"""What a cloud's `verbs.py` offers to `gatewayd cloud CLOUD …`.

    add_parser(subparsers)      adds the cloud's parser with its verbs; each of them has
                                set_defaults(speak=…), a coroutine function that takes the
                                arguments and returns what is to be said: `Spoken`

Importing it must be cheap: the list of clouds imports all of them. Verbs raise `GatewayError`
for what the user must hear, as all verbs do.
"""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from gatewayd.fields import parse_duration


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a verb has to say.

    Attributes:
        document: for `--json`: dataclasses, mappings, lists and plain values.
        lines: for people, on stdout.
        complaints: what went wrong, on stderr in both cases.
        code: the exit code.
    """

    document: object
    lines: tuple[str, ...] = ()
    complaints: tuple[str, ...] = ()
    code: int = 0


Speak = Callable[[argparse.Namespace], Awaitable[Spoken]]


def duration(text: str) -> float:
    """Return seconds from an argument such as `1h`; argparse shows what is wrong with it."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
