"""`control`: a command through the cloud, on the same way as from its apps."""

from __future__ import annotations

import argparse
import json

from gatewayd.clock import SystemClock
from gatewayd.clouds.thethingsio.commanding import command, command_own
from gatewayd.clouds.thethingsio.rest import open_rest
from gatewayd.clouds.thethingsio.verbs.account import account_of
from gatewayd.clouds.thethingsio.verbs.link import thing_id_of
from gatewayd.clouds.verbs import Spoken

TRY_AGAIN = 75


async def control(args: argparse.Namespace) -> Spoken:
    """Send one command and tell what the gateway answered."""
    account = account_of(args)
    output, value = account.output(args.output), value_of(args.value)
    settings = account.devices() if args.own else account.apps()
    async with open_rest(settings, SystemClock()) as api:
        try:
            if args.own:
                thing = api.thing(account.token())
                answer = await command_own(thing, output, value, args.timeout)
            else:
                thing_id = thing_id_of(account)
                answer = await command(api, thing_id, output, value, args.timeout)
        except TimeoutError:
            line = f"the gateway did not answer; nobody knows whether {args.output} has moved"
            return Spoken({"answer": None}, complaints=(line,), code=TRY_AGAIN)
    document = {"output": args.output, "value": value, "answer": answer.words}
    line = f"{args.output} {args.value}: {answer.words}"
    if not answer.is_done:
        return Spoken(document, complaints=(line,), code=1)
    return Spoken(document, (line,))


def value_of(text: str) -> object:
    """Return the number or truth value that a word stands for, or the word."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, bool | int | float) else text
