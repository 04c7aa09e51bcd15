"""`control`: a command through the cloud, on the same way as from its apps."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from gatewayd.clock import SystemClock
from gatewayd.clouds.thingplus.rest import open_rest
from gatewayd.clouds.thingplus.rest_errors import ActuatorTimeout, GatewayAnsweredError
from gatewayd.clouds.thingplus.verbs.account import Account, account_of
from gatewayd.clouds.verbs import Spoken
from gatewayd.errors import WrongUsage
from gatewayd.model import ChannelId

WRONG_USAGE = 2
TRY_AGAIN = 75


async def control(args: argparse.Namespace) -> Spoken:
    """Send one command and tell what the gateway answered."""
    account = account_of(args)
    gateway, actuator = sensor_of(account, args.actuator)
    options = options_of(args)
    if isinstance(options, str):
        return Spoken(None, complaints=(options,), code=WRONG_USAGE)
    async with open_rest(account.rest(), SystemClock()) as api:
        try:
            done = await api.control.control(gateway, actuator, args.command, options)
        except ActuatorTimeout as error:
            line = f"gateway {gateway} did not answer; nobody knows whether {actuator} has moved"
            return Spoken({"error": error.code}, complaints=(line,), code=TRY_AGAIN)
        except GatewayAnsweredError as error:
            line = f"gateway {gateway} refuses: {error.message}"
            return Spoken({"error": error.code}, complaints=(line,), code=1)
    return Spoken(done, (f"{args.actuator} {args.command}: {show_result(done.result)}",))


def show_result(result: object) -> str:
    """Return a gateway's answer for a person; ours is an object with what it read back.

    Other gateways answer with a text, the vendor's own with "success".
    """
    if not isinstance(result, Mapping):
        return "done" if result in (None, "", "success") else f"done; the answer is {result}"
    facts = []
    if result.get("value") is not None:
        verified = result.get("verified")
        how = " (read back)" if verified is True else " (assumed)" if verified is False else ""
        facts.append(f"it is {result['value']}{how}")
    if result.get("message"):
        facts.append(str(result["message"]))
    return "; ".join(["done", *facts])


def options_of(args: argparse.Namespace) -> dict[str, object] | str:
    """Return the options of a command under the cloud's names, or what is wrong with them.

    Durations are whole milliseconds there.
    """
    options: dict[str, object] = {}
    if args.blink is not None:
        options["interval"] = round(args.blink * 1000)
    if args.duration is not None:
        options["duration"] = round(args.duration * 1000)
    for text in args.option:
        name, separator, value = text.partition("=")
        if not separator or not name:
            return f"{text!r} is not NAME=VALUE"
        options[name] = int(value) if value.lstrip("-").isdecimal() else value
    return options


def sensor_of(account: Account, name: str) -> tuple[str, str]:
    """Return gateway id and sensor id for a local channel, or for the ids themselves.

    Raises:
        WrongUsage: it is neither.
    """
    known = account.names.get(ChannelId(name))
    if known is not None:
        return account.gateway_id, known.id
    gateway, separator, sensor = name.partition("/")
    if not separator:
        gateway, sensor = account.gateway_id, name
    if not gateway or not sensor or "/" in sensor:
        raise WrongUsage(f"{name!r} is neither DEVICE/CHANNEL nor GATEWAY/SENSOR")
    return gateway, sensor
