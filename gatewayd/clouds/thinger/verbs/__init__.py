"""`gatewayd cloud thinger …`: which verbs there are; each is imported when it is asked for."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING

from gatewayd.clouds.verbs import Spoken, add_cloud, add_verb, duration

if TYPE_CHECKING:
    from gatewayd.cli import Subparsers

HELP = "Thinger.io: log in, register this gateway, show what arrived, control, make tokens"

EPILOG = """\
example:
  gatewayd cloud thinger login
  gatewayd cloud thinger register
  gatewayd cloud thinger show boiler/temperature --since 1h
  gatewayd cloud thinger control pump/relay on --hold 10s
  gatewayd cloud thinger token add panel --resource boiler/temperature --expires 30d
"""

AGGREGATES = ("mean", "median", "mode", "count", "spread", "stddev", "max", "min", "sum")


def add_parser(subparsers: Subparsers) -> None:
    """Add this cloud and its verbs to the command line."""
    verbs = add_cloud(subparsers, "thinger", HELP, EPILOG)
    _add_login(verbs)
    _add_register(verbs)
    example = "gatewayd cloud thinger list --json"
    listing = add_verb(verbs, "list", "the account's devices, and who is connected", example)
    listing.set_defaults(speak=_list)
    _add_show(verbs)
    _add_control(verbs)
    _add_token(verbs)


def _add_login(verbs: Subparsers) -> None:
    example = "gatewayd cloud thinger login --password-file -"
    parser = add_verb(verbs, "login", "open a session of the account and keep it", example)
    parser.add_argument("--user", metavar="NAME", help="default: the uplink's user")
    parser.add_argument(
        "--password-file", metavar="FILE", help="the password; - = stdin; else it is asked for"
    )
    parser.set_defaults(speak=_login)
    example = "gatewayd cloud thinger session --forget"
    parser = add_verb(verbs, "session", "the session that is kept", example)
    parser.add_argument("--forget", action="store_true", help="delete it from this machine")
    parser.set_defaults(speak=_session)


def _add_register(verbs: Subparsers) -> None:
    help = "make this gateway's device, credentials and buckets, and write them into the file"
    parser = add_verb(verbs, "register", help, "gatewayd cloud thinger register --dry-run")
    parser.add_argument("--description", default="", help="of the device, as the console shows it")
    parser.add_argument(
        "--dry-run", action="store_true", help="say what is missing, change nothing"
    )
    parser.set_defaults(speak=_register)


def _add_show(verbs: Subparsers) -> None:
    example = "gatewayd cloud thinger show boiler/temperature --since 1d --width 1h"
    parser = add_verb(verbs, "show", "what the gateway's buckets hold", example)
    parser.add_argument(
        "what",
        metavar="WHAT",
        nargs="?",
        help="DEVICE/CHANNEL, or a bucket; default: the newest point of every bucket",
    )
    parser.add_argument("--since", type=duration, default=3600.0, help="how long back (1h)")
    parser.add_argument("--width", type=width, help="draw points together: 5m, 1h, 1d, 1w, 1mo, 1y")
    parser.add_argument(
        "--function", choices=AGGREGATES, default="mean", help="with --width (%(default)s)"
    )
    parser.set_defaults(speak=_show)


def _add_control(verbs: Subparsers) -> None:
    example = "gatewayd cloud thinger control pump/relay on --hold 10s"
    parser = add_verb(verbs, "control", "set an output through the cloud, as its apps do", example)
    parser.add_argument("output", metavar="OUTPUT", help="DEVICE/CHANNEL")
    parser.add_argument("value", metavar="VALUE", help="on, off, a number, a text")
    parser.add_argument("--hold", type=duration, help="until it goes back by itself")
    parser.set_defaults(speak=_control)


def _add_token(verbs: Subparsers) -> None:
    example = "gatewayd cloud thinger token add panel --resource pump/relay --expires 30d"
    parser = add_verb(verbs, "token", "tokens for this gateway's resources", example)
    inner = parser.add_subparsers(
        dest="what", metavar="WHAT", required=True, title="what", parser_class=type(parser)
    )
    example = "gatewayd cloud thinger token list"
    listing = add_verb(inner, "list", "those that there are", example, is_inner=True)
    listing.set_defaults(speak=_list_tokens)
    example = "gatewayd cloud thinger token add panel --resource pump/relay --expires 30d"
    adding = add_verb(inner, "add", "make one, and say it once", example, is_inner=True)
    adding.add_argument("name", metavar="NAME")
    adding.add_argument(
        "--resource",
        metavar="WHAT",
        action="append",
        default=[],
        help="DEVICE/CHANNEL or a resource's path; repeat it for more; default: all",
    )
    adding.add_argument("--expires", type=duration, help="after so long (never)")
    adding.add_argument("--file", metavar="FILE", help="write it there, for its owner only")
    adding.set_defaults(speak=_add_device_token)
    example = "gatewayd cloud thinger token delete 57fa7149114f032fe00f9787"
    deleting = add_verb(inner, "delete", "delete one by its id", example, is_inner=True)
    deleting.add_argument("id", metavar="ID")
    deleting.set_defaults(speak=_delete_token)


def width(text: str) -> str:
    """Return a width of aggregation; argparse shows what is wrong with another text."""
    if re.fullmatch(r"[1-9][0-9]{0,4}(m|h|d|w|mo|y)", text) is None:
        raise argparse.ArgumentTypeError(f"{text!r} is none of 5m, 1h, 1d, 1w, 1mo, 1y and such")
    return text


# Each verb's own file is imported only when the verb is asked for.


async def _login(args: argparse.Namespace) -> Spoken:
    from gatewayd.clouds.thinger.verbs.login import login

    return await login(args)


async def _session(args: argparse.Namespace) -> Spoken:
    from gatewayd.clouds.thinger.verbs.login import session

    return await session(args)


async def _register(args: argparse.Namespace) -> Spoken:
    from gatewayd.clouds.thinger.verbs.register import register

    return await register(args)


async def _list(args: argparse.Namespace) -> Spoken:
    from gatewayd.clouds.thinger.verbs.show import list_devices

    return await list_devices(args)


async def _show(args: argparse.Namespace) -> Spoken:
    from gatewayd.clouds.thinger.verbs.show import show

    return await show(args)


async def _control(args: argparse.Namespace) -> Spoken:
    from gatewayd.clouds.thinger.verbs.control import control

    return await control(args)


async def _list_tokens(args: argparse.Namespace) -> Spoken:
    from gatewayd.clouds.thinger.verbs.token import list_tokens

    return await list_tokens(args)


async def _add_device_token(args: argparse.Namespace) -> Spoken:
    from gatewayd.clouds.thinger.verbs.token import add_token

    return await add_token(args)


async def _delete_token(args: argparse.Namespace) -> Spoken:
    from gatewayd.clouds.thinger.verbs.token import delete_token

    return await delete_token(args)
