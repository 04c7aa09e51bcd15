"""`control`, `send`: a command through the cloud, and the answer that comes back as a message."""

from __future__ import annotations

import argparse
import asyncio
import secrets

import orjson

from gatewayd.clock import SystemClock
from gatewayd.clouds.thingsee.adjusting import ALLOWED, SETTINGS
from gatewayd.clouds.thingsee.codec import TRANSACTION_MAX, Event, Json, Message, to_json
from gatewayd.clouds.thingsee.commands import OK, RELAY, REMOTE
from gatewayd.clouds.thingsee.names import Place
from gatewayd.clouds.thingsee.rest import Rest, open_rest
from gatewayd.clouds.thingsee.rest_errors import ThingseeError
from gatewayd.clouds.thingsee.rest_types import Selection
from gatewayd.clouds.thingsee.verbs.account import Account, account_of, thing_of
from gatewayd.clouds.verbs import Spoken
from gatewayd.errors import ConfigError
from gatewayd.model import ChannelId

WRONG_USAGE = 2
TRY_AGAIN = 75
LOOK_S = 0.5
"""How often the answer is looked for; each look is a call of the API."""

LOOK_S_MAX = 5.0
ANSWERS_MAX = 100

WORDS: dict[str, Json] = {"on": True, "off": False, "true": True, "false": False}


async def control(args: argparse.Namespace) -> Spoken:
    """Move an output and tell what its gateway answered."""
    account = account_of(args)
    place = output_of(account, args.output)
    asked: dict[str, Json] = {"channel": place.field, "state": value_of(args.value)}
    if args.hold is not None:
        asked["hold"] = args.hold
    if args.blink is not None:
        asked["blink"] = args.blink
    fields: dict[str, Json] = {"command": RELAY, "payload": orjson.dumps(asked).decode()}
    request = _request(REMOTE, Event.COMMAND_REQUEST, fields)
    return await _ask(account, place.thing, request, args.wait)


async def send(args: argparse.Namespace) -> Spoken:
    """Send any message to a thing and tell its answer: its settings, or a result."""
    account = account_of(args)
    fields: dict[str, Json] = {}
    for text in args.field:
        name, separator, value = text.partition("=")
        if not separator or not name:
            complaint = f"{text!r} is not NAME=VALUE"
            return Spoken(None, complaints=(complaint,), code=WRONG_USAGE)
        fields[name] = _json_of(value)
    usual = Event.CONFIG_REQUEST if args.message in SETTINGS else Event.COMMAND_REQUEST
    request = _request(args.message, usual if args.event is None else args.event, fields)
    return await _ask(account, thing_of(account, args.thing), request, args.wait)


def output_of(account: Account, name: str) -> Place:
    """Return the place of an output by its channel.

    Raises:
        ConfigError: there is no such output.
    """
    place = account.names.places.get(ChannelId(name))
    if place is None or not place.is_output:
        known = sorted(each.channel for each in account.names.places.values() if each.is_output)
        raise ConfigError(f"{name!r} is no output; there are {', '.join(known) or 'none'}")
    return place


def value_of(text: str) -> Json:
    """Return what a person means: on, off, a number, or the text itself."""
    return WORDS[text] if text in WORDS else _json_of(text)


def _json_of(text: str) -> Json:
    """Return a text as the JSON that it is, or as itself."""
    try:
        found: Json = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    return found


def _request(id: int, event: int, fields: dict[str, Json]) -> Message:
    transaction = secrets.randbelow(TRANSACTION_MAX + 1)
    return Message(id=id, event=event, fields={"transactionId": transaction, **fields})


async def _ask(account: Account, tuid: str, request: Message, wait_s: float) -> Spoken:
    """Send a request and wait for its answer, so long as somebody wants to."""
    async with open_rest(account.rest(), SystemClock()) as api:
        try:
            sent = await api.things.send(tuid, [request])
        except ThingseeError as error:
            if error.status != 400 or request.id in ALLOWED:
                raise
            line = f"{error}; the API documents {', '.join(map(str, sorted(ALLOWED)))} only"
            return Spoken({"error": str(error)}, complaints=(line,), code=1)
        since_s = int(sent.commands[0].time_s or 0) if sent.commands else 0
        if wait_s <= 0:
            return Spoken({"sent": [to_json(each) for each in sent.commands]}, ("sent",))
        answer = await _answer(api, tuid, request, since_s, wait_s)
    if answer is None:
        line = f"no answer within {wait_s:g} s; nobody knows whether {tuid} has acted"
        return Spoken({"answer": None}, complaints=(line,), code=TRY_AGAIN)
    return _spoken(tuid, answer)


async def _answer(
    api: Rest, tuid: str, request: Message, since_s: int, wait_s: float
) -> Message | None:
    """Return the message that answers a request, or None when the time is over."""
    # Answers are dated by the thing, whose clock may be behind the cloud's.
    wanted = Selection(event_ids=(request.event + 1,), from_s=since_s - 3600, limit=ANSWERS_MAX)
    look_s = LOOK_S
    try:
        async with asyncio.timeout(wait_s):
            while True:
                for each in await api.things.messages(tuid, wanted):
                    if each.transaction == request.transaction:
                        return each
                await asyncio.sleep(look_s)
                look_s = min(2 * look_s, LOOK_S_MAX)
    except TimeoutError:
        return None


def _spoken(tuid: str, answer: Message) -> Spoken:
    said = answer.said()
    is_done = answer.id != REMOTE or said.get("result") == OK
    if answer.id == REMOTE:
        line = f"{tuid} answers {said.get('result')}: {said.get('payload')}"
    else:
        line = f"{tuid}: " + " ".join(f"{name}={value}" for name, value in said.items())
    document = {"answer": to_json(answer)}
    if is_done:
        return Spoken(document, (line,))
    return Spoken(document, complaints=(line,), code=1)
