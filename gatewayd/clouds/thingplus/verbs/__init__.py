"""`gatewayd cloud thingplus …`: which verbs there are; each is imported when it is asked for."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from gatewayd.clouds.verbs import Spoken, add_cloud, add_verb, duration

if TYPE_CHECKING:
    from gatewayd.cli import Subparsers

HELP = "Thing+ (thingplus.net): log in, register this gateway, show what arrived, control"

EPILOG = """\
example:
  gatewayd cloud thingplus login
  gatewayd cloud thingplus provision
  gatewayd cloud thingplus show
  gatewayd cloud thingplus show series boiler/temperature --since 1h --interval 1m
  gatewayd cloud thingplus control pump/relay on --duration 3s
"""

CONTROL_TYPES = """\
commands:
  powerSwitch     on (--duration), off
  led             on (--duration), off, blink (--blink, --duration)
  buzzer          on, off
  lcd             print (--option text=…), clear
  stringActuator  send (--option text=…)
"""

INTERVAL_FUNCS = ("average", "sum", "count")
SUB_FUNCS = ("count", "min", "max", "sum", "avg", "range", "diff", "first", "last")
TIME_UNITS = ("hour", "day", "week", "month", "year")
HOURS = (2, 3, 4, 6, 8, 12)


def add_parser(subparsers: Subparsers) -> None:
    """Add this cloud and its verbs to the command line."""
    verbs = add_cloud(subparsers, "thingplus", HELP, EPILOG)
    _add_login(verbs)
    _add_provision(verbs)
    _add_show(verbs)
    _add_control(verbs)
    for name, help in (("me", "the user whose token this is"), ("token", "the token that is kept")):
        verb = add_verb(verbs, name, help, f"gatewayd cloud thingplus {name}")
        verb.set_defaults(speak={"me": _me, "token": _token}[name])
        if name == "token":
            verb.add_argument("--forget", action="store_true", help="delete it from this machine")


def _add_login(verbs: Subparsers) -> None:
    example = (
        "gatewayd cloud thingplus login --client-id myapp --user me@example.com\n"
        "  gatewayd cloud thingplus login --code --redirect-uri http://localhost/cb"
    )
    parser = add_verb(verbs, "login", "get an access token and keep it", example)
    parser.add_argument("--client-id", metavar="ID", help="the authClient; asked for if missing")
    parser.add_argument(
        "--client-secret-file", metavar="FILE", help="its secret; - = stdin; else it is asked for"
    )
    parser.add_argument("--user", metavar="NAME", help="asked for if missing")
    parser.add_argument(
        "--password-file", metavar="FILE", help="the password; - = stdin; else it is asked for"
    )
    parser.add_argument(
        "--code",
        action="store_true",
        help="instead of a password: show the address where a browser gets a code, and ask for it",
    )
    parser.add_argument("--code-file", metavar="FILE", help="the code; - = stdin; with --code")
    parser.add_argument("--redirect-uri", metavar="URI", help="as registered; with --code")
    parser.set_defaults(speak=_login)


def _add_provision(verbs: Subparsers) -> None:
    help = "register this gateway with its devices and sensors, and write the ids into the file"
    example = "gatewayd cloud thingplus provision --site 17 --dry-run"
    parser = add_verb(verbs, "provision", help, example)
    parser.add_argument("--site", metavar="ID", help="default: the first that the user may see")
    parser.add_argument("--model", default="34", help="gateway model (default: %(default)s)")
    parser.add_argument("--name", help="default: the gateway's name in the configuration")
    parser.add_argument(
        "--dry-run", action="store_true", help="say what is missing, change nothing"
    )
    parser.add_argument(
        "--own",
        action="store_true",
        help="with the gateway's API key instead of a login; makes devices and sensors only",
    )
    parser.add_argument(
        "--vendor-key-file",
        metavar="FILE",
        help="fetch a key that the portal has prepared, with its vendor's key; - = stdin",
    )
    parser.add_argument(
        "--new-key",
        action="store_true",
        help="get the gateway's API key anew and write it down, whatever the file says of one",
    )
    parser.set_defaults(speak=_provision)


def _add_show(verbs: Subparsers) -> None:
    example = "gatewayd cloud thingplus show --json"
    parser = add_verb(verbs, "show", "what the cloud has: gateways, sensors, values", example)
    parser.set_defaults(speak=_show)
    what = parser.add_subparsers(
        dest="what", metavar="WHAT", title="instead of all", parser_class=type(parser)
    )
    example = "gatewayd cloud thingplus show series boiler/temperature --since 1h --interval 1m"
    series = add_verb(what, "series", "values of one sensor", example, is_inner=True)
    series.add_argument("--interval", default="0", help="0 = raw (default), 1m, 15m, 6h, 1d")
    series.add_argument("--function", choices=INTERVAL_FUNCS, help="of each interval")
    series.set_defaults(speak=_series)
    example = "gatewayd cloud thingplus show statistics boiler/temperature --function max"
    statistics = add_verb(what, "statistics", "statistics of one sensor", example, is_inner=True)
    statistics.add_argument("--function", choices=SUB_FUNCS, default="avg")
    statistics.add_argument("--unit", choices=TIME_UNITS, default="day")
    statistics.add_argument(
        "--hours", type=int, choices=HOURS, help="drawn together; with --unit hour"
    )
    statistics.set_defaults(speak=_statistics)
    for each in (series, statistics):
        each.add_argument("sensor", metavar="SENSOR", help="DEVICE/CHANNEL, or GATEWAY/SENSOR ids")
        each.add_argument("--since", type=duration, default=3600.0, help="how long back (1h)")


def _add_control(verbs: Subparsers) -> None:
    example = "gatewayd cloud thingplus control pump/relay on --duration 3s"
    parser = add_verb(verbs, "control", "send a command through the cloud, as its apps do", example)
    parser.add_argument(
        "actuator", metavar="ACTUATOR", help="DEVICE/CHANNEL, or GATEWAY/SENSOR ids"
    )
    parser.add_argument("command", metavar="CMD", help="what its type takes; see below")
    parser.add_argument("--duration", type=duration, help="until it goes back by itself")
    parser.add_argument("--blink", type=duration, help="on time and off time of blink")
    parser.add_argument(
        "--option", metavar="NAME=VALUE", action="append", default=[], help="any other option"
    )
    parser.epilog = f"{CONTROL_TYPES}\n{parser.epilog}"
    parser.set_defaults(speak=_control)


# Each verb's own file is imported only when the verb is asked for.


async def _login(args: argparse.Namespace) -> Spoken:
    from gatewayd.clouds.thingplus.verbs.login import login

    return await login(args)


async def _token(args: argparse.Namespace) -> Spoken:
    from gatewayd.clouds.thingplus.verbs.login import token

    return await token(args)


async def _me(args: argparse.Namespace) -> Spoken:
    from gatewayd.clouds.thingplus.verbs.login import me

    return await me(args)


async def _provision(args: argparse.Namespace) -> Spoken:
    from gatewayd.clouds.thingplus.verbs.provision import provision

    return await provision(args)


async def _show(args: argparse.Namespace) -> Spoken:
    from gatewayd.clouds.thingplus.verbs.show import show

    return await show(args)


async def _series(args: argparse.Namespace) -> Spoken:
    from gatewayd.clouds.thingplus.verbs.show import series

    return await series(args)


async def _statistics(args: argparse.Namespace) -> Spoken:
    from gatewayd.clouds.thingplus.verbs.show import statistics

    return await statistics(args)


async def _control(args: argparse.Namespace) -> Spoken:
    from gatewayd.clouds.thingplus.verbs.control import control

    return await control(args)
