"""`control`: an output set through the cloud, on the same way as from its apps."""

from __future__ import annotations

import argparse
import json

from gatewayd.clock import SystemClock
from gatewayd.clouds.thinger.rest import open_rest
from gatewayd.clouds.thinger.rest_errors import NoAnswer, NotFound, ServerFailed
from gatewayd.clouds.thinger.rest_resources import Resources
from gatewayd.clouds.thinger.verbs.account import account_of
from gatewayd.clouds.verbs import Spoken
from gatewayd.errors import LinkLost

TRY_AGAIN = 75


async def control(args: argparse.Namespace) -> Spoken:
    """Set one output and tell what became of it."""
    account = account_of(args)
    output = account.output(args.output)
    value = value_of(args.value)
    wanted = value if args.hold is None else {"value": value, "hold_s": args.hold}
    path = "/".join(output.path)
    async with open_rest(account.rest(), SystemClock()) as api:
        resources = api.devices.resources(account.device)
        try:
            await resources.write(path, wanted)
        except NotFound:
            return await _refused(resources, path, args.output)
        except (NoAnswer, ServerFailed, LinkLost) as error:
            line = f"{error}; nobody knows whether {args.output} has moved"
            return Spoken({"error": str(error)}, complaints=(line,), code=TRY_AGAIN)
        state = await _state(resources, path)
    document = {"output": args.output, "value": value, "state": state}
    now = "done" if state is None else f"it is {json.dumps(state)} now"
    return Spoken(document, (f"{args.output} {args.value}: {now}",))


async def _state(resources: Resources, path: str) -> object:
    """Return what the output does now, or None: that it was set is known already."""
    try:
        return await resources.read(path)
    except (NotFound, LinkLost):
        return None


async def _refused(resources: Resources, path: str, output: str) -> Spoken:
    """Tell why: a refusal says no reason, but the gateway keeps the last one as a resource."""
    try:
        outcome = await resources.read(f"{path}/outcome")
    except (NotFound, LinkLost):
        line = f"the gateway is away; {output} was not set"
        return Spoken({"error": "away"}, complaints=(line,), code=TRY_AGAIN)
    line = f"{output}: {json.dumps(outcome)}"
    return Spoken({"error": "refused", "outcome": outcome}, complaints=(line,), code=1)


def value_of(text: str) -> object:
    """Return what a word stands for: on, off, a number, or itself."""
    if text in ("on", "off"):
        return text == "on"
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, bool | int | float) else text
