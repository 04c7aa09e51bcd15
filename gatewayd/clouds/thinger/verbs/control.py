"""`control`: an output set through the cloud, on the same way as from its apps."""

from __future__ import annotations

import argparse
import json

from gatewayd.clock import SystemClock
from gatewayd.clouds.thinger.rest import open_rest
from gatewayd.clouds.thinger.rest_errors import NoAnswer, NotFound, ServerFailed
from gatewayd.clouds.thinger.rest_resources import Resources
from gatewayd.clouds.thinger.verbs.account import Account, account_of
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
    if account.config.transport in ("mqtt", "http"):
        line = f"{args.output} cannot be set from here: {_elsewhere(account, path, wanted)}"
        return Spoken({"error": "elsewhere"}, complaints=(line,), code=1)
    async with open_rest(account.rest(), SystemClock()) as api:
        resources = api.devices.resources(account.device)
        try:
            await resources.write(path, wanted)
        except NotFound:
            return await _refused(resources, path, f"{args.output} {args.value}")
        except (NoAnswer, ServerFailed, LinkLost) as error:
            line = f"{error}; nobody knows whether {args.output} has moved"
            return Spoken({"error": str(error)}, complaints=(line,), code=TRY_AGAIN)
        state = await _state(resources, path)
    document = {"output": args.output, "value": value, "state": state}
    now = "done" if state is None else f"done; it is {_word(state)} now"
    return Spoken(document, (f"{args.output} {args.value}: {now}",))


def _elsewhere(account: Account, path: str, wanted: object) -> str:
    """Return how apps set outputs where the device has no socket, and so no resources."""
    text = json.dumps(wanted)
    if account.config.transport == "mqtt":
        prefix = account.config.mqtt_prefix or account.device
        return f"over MQTT an app publishes {text} to {prefix}/set/{path}"
    wish = f'{{"ts": …, "{path}": {text}}}'
    return f"over HTTP an app writes {wish} into the property that the callback answers with"


async def _state(resources: Resources, path: str) -> object:
    """Return what the output does now, or None: that it was set is known already."""
    try:
        return await resources.read(path)
    except (NotFound, LinkLost):
        return None


async def _refused(resources: Resources, path: str, what: str) -> Spoken:
    """Tell why: a refusal says no reason, but the gateway keeps the last one as a resource."""
    try:
        outcome = await resources.read(f"{path}/outcome")
    except (NotFound, LinkLost):
        line = f"{what}: not done: the gateway is away"
        return Spoken({"error": "away"}, complaints=(line,), code=TRY_AGAIN)
    line = f"{what}: {_words(outcome)}"
    return Spoken({"error": "refused", "outcome": outcome}, complaints=(line,), code=1)


def _words(outcome: object) -> str:
    """Return what became of a command, in the gateway's own words."""
    told = outcome if isinstance(outcome, dict) else {}
    status, detail = told.get("status"), told.get("detail")
    if not isinstance(status, str):
        return f"refused: {json.dumps(outcome)}"
    return f"{status.lower()}: {detail}" if detail else status.lower()


def _word(state: object) -> str:
    """Return a state as it is typed."""
    if isinstance(state, bool):
        return "on" if state else "off"
    return state if isinstance(state, str) else json.dumps(state)


def value_of(text: str) -> object:
    """Return what a word stands for: on, off, a number, or itself."""
    if text in ("on", "off"):
        return text == "on"
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, bool | int | float) else text
