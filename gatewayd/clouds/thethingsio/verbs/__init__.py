"""`gatewayd cloud thethingsio …`: which verbs there are; each is imported when it is asked for."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from gatewayd.clouds.verbs import Spoken, add_cloud, add_verb, duration

if TYPE_CHECKING:
    from gatewayd.cli import Subparsers

HELP = "thethings.iO: activate this gateway's thing, log in, link, show what arrived, control"

EPILOG = """\
example:
  gatewayd cloud thethingsio activate
  gatewayd cloud thethingsio login --email me@example.com --app MYAPP
  gatewayd cloud thethingsio link
  gatewayd cloud thethingsio show boiler/temperature --since 1h
  gatewayd cloud thethingsio control pump/relay on
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add this cloud and its verbs to the command line."""
    verbs = add_cloud(subparsers, "thethingsio", HELP, EPILOG)
    _add_activate(verbs)
    _add_sessions(verbs)
    _add_linking(verbs)
    _add_show(verbs)
    _add_control(verbs)
    _add_firmware(verbs)


def _add_activate(verbs: Subparsers) -> None:
    help = "spend an activation code on a thing for this gateway, and keep its token"
    example = "gatewayd cloud thethingsio activate --code-file code.txt"
    parser = add_verb(verbs, "activate", help, example)
    parser.add_argument(
        "--code-file", metavar="FILE", help="the code; - = stdin; else that of the configuration"
    )
    parser.set_defaults(speak=_activate)


def _add_sessions(verbs: Subparsers) -> None:
    for name, help, speak in (
        ("register", "make a user of an app, and log him in", _register),
        ("login", "open a session of an app's user and keep it", _login),
    ):
        example = f"gatewayd cloud thethingsio {name} --email me@example.com --app MYAPP"
        parser = add_verb(verbs, name, help, example)
        parser.add_argument("--email", metavar="ADDRESS", help="asked for if missing")
        parser.add_argument("--app", metavar="ID", help="as in the panel; asked for if missing")
        parser.add_argument(
            "--password-file", metavar="FILE", help="the password; - = stdin; else it is asked for"
        )
        parser.set_defaults(speak=speak)
    example = "gatewayd cloud thethingsio session --forget"
    parser = add_verb(verbs, "session", "the session that is kept", example)
    parser.add_argument("--forget", action="store_true", help="delete it from this machine")
    parser.set_defaults(speak=_session)


def _add_linking(verbs: Subparsers) -> None:
    for name, help, speak in (
        ("link", "make the user the owner of this gateway's thing", _link),
        ("unlink", "take the thing from the user", _unlink),
        ("list", "the user's things and their resources", _list),
    ):
        parser = add_verb(verbs, name, help, f"gatewayd cloud thethingsio {name}")
        parser.set_defaults(speak=speak)


def _add_show(verbs: Subparsers) -> None:
    help = "what the cloud has of this gateway's thing: every resource, or the values of one"
    example = "gatewayd cloud thethingsio show boiler/temperature --since 1h"
    parser = add_verb(verbs, "show", help, example)
    parser.add_argument("resource", metavar="RESOURCE", nargs="?", help="DEVICE/CHANNEL or a key")
    parser.add_argument("--since", type=duration, default=3600.0, help="how long back (1h)")
    parser.set_defaults(speak=_show)


def _add_control(verbs: Subparsers) -> None:
    example = "gatewayd cloud thethingsio control pump/relay on"
    parser = add_verb(verbs, "control", "send a command through the cloud, as its apps do", example)
    parser.add_argument("output", metavar="OUTPUT", help="DEVICE/CHANNEL")
    parser.add_argument("value", metavar="VALUE", help="on, off, a number, a text")
    parser.add_argument("--own", action="store_true", help="with the thing's token, no session")
    parser.add_argument("--timeout", type=duration, default=30.0, help="for the answer (30s)")
    parser.set_defaults(speak=_control)


def _add_firmware(verbs: Subparsers) -> None:
    help = "the latest firmware that the cloud has for this thing"
    example = "gatewayd cloud thethingsio firmware --download /tmp"
    parser = add_verb(verbs, "firmware", help, example)
    parser.add_argument("--download", metavar="FOLDER", help="keep it there; nothing is run")
    parser.set_defaults(speak=_firmware)


# Each verb's own file is imported only when the verb is asked for.


async def _activate(args: argparse.Namespace) -> Spoken:
    from gatewayd.clouds.thethingsio.verbs.activate import activate

    return await activate(args)


async def _register(args: argparse.Namespace) -> Spoken:
    from gatewayd.clouds.thethingsio.verbs.login import register

    return await register(args)


async def _login(args: argparse.Namespace) -> Spoken:
    from gatewayd.clouds.thethingsio.verbs.login import login

    return await login(args)


async def _session(args: argparse.Namespace) -> Spoken:
    from gatewayd.clouds.thethingsio.verbs.login import session

    return await session(args)


async def _link(args: argparse.Namespace) -> Spoken:
    from gatewayd.clouds.thethingsio.verbs.link import link

    return await link(args)


async def _unlink(args: argparse.Namespace) -> Spoken:
    from gatewayd.clouds.thethingsio.verbs.link import unlink

    return await unlink(args)


async def _list(args: argparse.Namespace) -> Spoken:
    from gatewayd.clouds.thethingsio.verbs.link import overview

    return await overview(args)


async def _show(args: argparse.Namespace) -> Spoken:
    from gatewayd.clouds.thethingsio.verbs.show import show

    return await show(args)


async def _control(args: argparse.Namespace) -> Spoken:
    from gatewayd.clouds.thethingsio.verbs.control import control

    return await control(args)


async def _firmware(args: argparse.Namespace) -> Spoken:
    from gatewayd.clouds.thethingsio.verbs.firmware import firmware

    return await firmware(args)
