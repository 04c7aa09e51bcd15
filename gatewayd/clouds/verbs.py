"""What a cloud's `verbs.py` offers to `gatewayd cloud CLOUD …`.

    add_parser(subparsers)      adds the cloud's parser with its verbs; each of them has
                                set_defaults(speak=…), a coroutine function that takes the
                                arguments and returns what is to be said: `Spoken`

Importing it must be cheap: the list of clouds imports all of them. Verbs raise `GatewayError`
for what the user must hear, as all verbs do.
"""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from gatewayd.fields import parse_duration

if TYPE_CHECKING:
    from gatewayd.cli import Subparsers
    from gatewayd.config.edit import ConfigFile


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


class Keepsake(Protocol):
    """What a login leaves on this machine."""

    def forget(self) -> bool:
        """Delete it; return whether there was anything."""
        ...


def forget(kept: Keepsake, what: str) -> Spoken:
    """Delete what a login has left, a `session` or a `token`, and tell so."""
    was_there = kept.forget()
    line = f"the {what} is forgotten" if was_there else f"there was no {what}"
    return Spoken({"forgotten": was_there}, (line,))


def nothing_kept(cloud: str, what: str) -> Spoken:
    """Tell that no login has left anything, and how to log in."""
    complaint = f"no {what} for this server is kept; `gatewayd cloud {cloud} login`"
    return Spoken({what: None}, complaints=(complaint,), code=1)


NEXT = "next: systemctl reload gatewayd, so that the daemon knows"


def save(file: ConfigFile) -> list[str]:
    """Write an edited configuration; return the files that changed. Raises ConfigError."""
    backup = file.save()
    return [] if backup is None else [str(file.path), f"{backup} (as it was before)"]


def written_lines(written: Sequence[str]) -> tuple[str, ...]:
    """Return what people are told of files that changed, and what to do next."""
    return (
        *(f"written: {each}" for each in written),
        *((NEXT,) if written else ()),
    )


Speak = Callable[[argparse.Namespace], Awaitable[Spoken]]


def duration(text: str) -> float:
    """Return seconds from an argument such as `1h`; argparse shows what is wrong with it."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def add_cloud(subparsers: Subparsers, name: str, help: str, epilog: str) -> Subparsers:
    """Add a cloud to the command line; return where its verbs go."""
    parser = subparsers.add_parser(name, help=help, description=help, epilog=epilog)
    return parser.add_subparsers(
        dest="cloud_verb", metavar="VERB", required=True, title="verbs", parser_class=type(parser)
    )


def add_verb(
    verbs: Subparsers, name: str, help: str, example: str, *, is_inner: bool = False
) -> argparse.ArgumentParser:
    """Return a new verb with what all of them have; an inner one leaves the defaults outside."""
    parser = verbs.add_parser(name, help=help, description=help, epilog=f"example:\n  {example}")
    # SUPPRESS: the default stands further up, where `--config` may be written as well.
    parser.add_argument(
        "--config", metavar="PATH", type=Path, default=argparse.SUPPRESS, help="configuration file"
    )
    uplink, json = (argparse.SUPPRESS,) * 2 if is_inner else (None, False)
    parser.add_argument(
        "--uplink", metavar="NAME", default=uplink, help="which one, if there are several"
    )
    parser.add_argument(
        "--json", action="store_true", default=json, help="one JSON document on stdout"
    )
    return parser
