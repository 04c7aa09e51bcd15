"""`gatewayd cloud thingsee …`: which verbs there are; each is imported when it is asked for."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from gatewayd.clouds.verbs import Spoken, add_cloud, add_verb, duration

if TYPE_CHECKING:
    from gatewayd.cli import Subparsers

HELP = "Thingsee (Haltian): log in, register and install this gateway, show what arrived, control"

EPILOG = """\
example:
  gatewayd cloud thingsee login --keep
  gatewayd cloud thingsee register --group prfi00office
  gatewayd cloud thingsee list
  gatewayd cloud thingsee show messages boiler --since 1h
  gatewayd cloud thingsee control pump/relay on --hold 30s
"""

STATUSES = ("new", "installed", "uninstalled", "quarantine", "retired")
A_THING = "DEVICE, DEVICE/CHANNEL, gateway, a TUID or what its label's code says"


def add_parser(subparsers: Subparsers) -> None:
    """Add this cloud and its verbs to the command line."""
    verbs = add_cloud(subparsers, "thingsee", HELP, EPILOG)
    _add_login(verbs)
    _add_register(verbs)
    _add_install(verbs)
    _add_list(verbs)
    _add_show(verbs)
    _add_control(verbs)
    _add_send(verbs)


def _add_login(verbs: Subparsers) -> None:
    example = "gatewayd cloud thingsee login --client-id abc --client-secret-file secret.txt --keep"
    parser = add_verb(verbs, "login", "get a token, good for 15 minutes, and keep it", example)
    parser.add_argument("--client-id", metavar="ID", help="asked for if missing")
    parser.add_argument(
        "--client-secret-file", metavar="FILE", help="- = stdin; else it is asked for"
    )
    parser.add_argument(
        "--keep",
        action="store_true",
        help="keep the secret in a private file and name it in the configuration, so that tokens "
        "are renewed by themselves",
    )
    parser.set_defaults(speak=_login)
    parser = add_verb(verbs, "token", "the token that is kept", "gatewayd cloud thingsee token")
    parser.add_argument("--forget", action="store_true", help="delete it from this machine")
    parser.set_defaults(speak=_token)


def _add_register(verbs: Subparsers) -> None:
    help = "write the TUIDs of gateway and devices into the file, and install them at the cloud"
    example = (
        "gatewayd cloud thingsee register --group prfi00office --thing gateway=XXGD0112345678901"
    )
    parser = add_verb(verbs, "register", help, example)
    parser.add_argument(
        "--thing",
        metavar="NAME=TUID",
        action="append",
        default=[],
        help="the TUID of a device, or of `gateway`, from its label; others are made",
    )
    parser.add_argument("--group", metavar="GROUP", help="deployment group, made if missing")
    parser.add_argument("--dry-run", action="store_true", help="say which, change nothing")
    parser.set_defaults(speak=_register)


def _add_install(verbs: Subparsers) -> None:
    help = "set installation status and deployment group of things"
    example = "gatewayd cloud thingsee install boiler --group prfi00office"
    parser = add_verb(verbs, "install", help, example)
    parser.add_argument(
        "thing", metavar="THING", nargs="*", help=f"{A_THING}; none = all of this gateway"
    )
    parser.add_argument(
        "--status", choices=STATUSES, default="installed", help="default: %(default)s"
    )
    parser.add_argument("--group", metavar="GROUP", help="made if missing")
    parser.set_defaults(speak=_install)


def _add_list(verbs: Subparsers) -> None:
    help = "the things of this gateway as the cloud knows them"
    parser = add_verb(verbs, "list", help, "gatewayd cloud thingsee list --json")
    parser.set_defaults(speak=_list)
    what = parser.add_subparsers(
        dest="what", metavar="WHAT", title="instead of these", parser_class=type(parser)
    )
    example = "gatewayd cloud thingsee list groups"
    groups = add_verb(
        what, "groups", "deployment groups, with their things", example, is_inner=True
    )
    groups.set_defaults(speak=_groups)


def _add_show(verbs: Subparsers) -> None:
    example = "gatewayd cloud thingsee show messages boiler --since 1h --message 12100"
    parser = add_verb(verbs, "show", "what arrived at the cloud", example)
    what = parser.add_subparsers(
        dest="what", metavar="WHAT", required=True, title="what", parser_class=type(parser)
    )
    messages = add_verb(what, "messages", "what a thing has said", example, is_inner=True)
    messages.add_argument("thing", metavar="THING", help=A_THING)
    messages.add_argument("--since", type=duration, default=3600.0, help="how long back (1h)")
    messages.add_argument(
        "--message", metavar="ID", type=int, action="append", default=[], help="these tsmIds only"
    )
    messages.add_argument("--limit", metavar="N", type=int, default=0, help="the newest N only")
    messages.set_defaults(speak=_messages)
    example = "gatewayd cloud thingsee show alerts boiler"
    alerts = add_verb(what, "alerts", "things with alerts, or those of one", example, is_inner=True)
    alerts.add_argument("thing", metavar="THING", nargs="?", help=A_THING)
    alerts.set_defaults(speak=_alerts)
    example = "gatewayd cloud thingsee show commands pump"
    commands = add_verb(what, "commands", "what a thing was told", example, is_inner=True)
    commands.add_argument("thing", metavar="THING", help=A_THING)
    commands.add_argument("--limit", metavar="N", type=int, default=0, help="the newest N only")
    commands.set_defaults(speak=_commands)


def _add_control(verbs: Subparsers) -> None:
    help = "move an output through the cloud and wait for its answer"
    example = "gatewayd cloud thingsee control pump/relay on --hold 30s"
    parser = add_verb(verbs, "control", help, example)
    parser.add_argument("output", metavar="OUTPUT", help="DEVICE/CHANNEL")
    parser.add_argument("value", metavar="VALUE", help="on, off, a number")
    parser.add_argument("--hold", type=duration, help="until it goes back by itself")
    parser.add_argument("--blink", type=duration, help="on time and off time")
    _add_wait(parser)
    parser.set_defaults(speak=_control)


def _add_send(verbs: Subparsers) -> None:
    help = "send any message to a thing: settings (1500, 12200, 13200 …) or a command"
    example = "gatewayd cloud thingsee send boiler 1500 reportInterval=60"
    parser = add_verb(verbs, "send", help, example)
    parser.add_argument("thing", metavar="THING", help=A_THING)
    parser.add_argument("message", metavar="ID", type=int, help="its tsmId")
    parser.add_argument("field", metavar="NAME=VALUE", nargs="*", help="none = read the settings")
    parser.add_argument("--event", type=int, help="default: 30 for settings, else 35")
    _add_wait(parser)
    parser.set_defaults(speak=_send)


def _add_wait(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--wait", type=duration, default=30.0, help="for the answer (30s); 0s = do not wait"
    )


# Each verb's own file is imported only when the verb is asked for.


async def _login(args: argparse.Namespace) -> Spoken:
    from gatewayd.clouds.thingsee.verbs.login import login

    return await login(args)


async def _token(args: argparse.Namespace) -> Spoken:
    from gatewayd.clouds.thingsee.verbs.login import token

    return await token(args)


async def _register(args: argparse.Namespace) -> Spoken:
    from gatewayd.clouds.thingsee.verbs.register import register

    return await register(args)


async def _install(args: argparse.Namespace) -> Spoken:
    from gatewayd.clouds.thingsee.verbs.register import install

    return await install(args)


async def _list(args: argparse.Namespace) -> Spoken:
    from gatewayd.clouds.thingsee.verbs.show import list_things

    return await list_things(args)


async def _groups(args: argparse.Namespace) -> Spoken:
    from gatewayd.clouds.thingsee.verbs.show import list_groups

    return await list_groups(args)


async def _messages(args: argparse.Namespace) -> Spoken:
    from gatewayd.clouds.thingsee.verbs.show import messages

    return await messages(args)


async def _alerts(args: argparse.Namespace) -> Spoken:
    from gatewayd.clouds.thingsee.verbs.show import alerts

    return await alerts(args)


async def _commands(args: argparse.Namespace) -> Spoken:
    from gatewayd.clouds.thingsee.verbs.show import commands

    return await commands(args)


async def _control(args: argparse.Namespace) -> Spoken:
    from gatewayd.clouds.thingsee.verbs.control import control

    return await control(args)


async def _send(args: argparse.Namespace) -> Spoken:
    from gatewayd.clouds.thingsee.verbs.control import send

    return await send(args)
