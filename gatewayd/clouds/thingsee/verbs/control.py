"""`control`, `send`: a command through the cloud, and the answer that comes back as a message."""

from __future__ import annotations

import argparse
import asyncio
import secrets
from collections.abc import Mapping

import orjson

from gatewayd.clock import SystemClock
from gatewayd.clouds.thingsee.adjusting import ALLOWED, SETTINGS
from gatewayd.clouds.thingsee.codec import TRANSACTION_MAX, Event, Json, Message, to_json
from gatewayd.clouds.thingsee.commands import FAILED, OK, RELAY, REMOTE, UNSUPPORTED
from gatewayd.clouds.thingsee.names import Place
from gatewayd.clouds.thingsee.rest import Rest, open_rest
from gatewayd.clouds.thingsee.rest_errors import ThingseeError
from gatewayd.clouds.thingsee.rest_types import Selection
from gatewayd.clouds.thingsee.verbs.account import (
    Account,
    account_of,
    known_there,
    said_of,
    thing_of,
)
from gatewayd.clouds.verbs import Spoken
from gatewayd.errors import WrongUsage
from gatewayd.model import ChannelId

TRY_AGAIN = 75
LOOK_S = 0.5
"""How often the answer is looked for; each look is a call of the API."""

LOOK_S_MAX = 5.0
ANSWERS_MAX = 100

RESULTS = {OK: "done", FAILED: "not done", UNSUPPORTED: "not supported"}

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
    return await _ask(account, place.thing, request, args.wait, f"{args.output} {args.value}")


async def send(args: argparse.Namespace) -> Spoken:
    """Send any message to a thing and tell its answer: its settings, or a result."""
    account = account_of(args)
    fields: dict[str, Json] = {}
    for text in args.field:
        name, separator, value = text.partition("=")
        if not separator or not name:
            raise WrongUsage(f"{text!r} is not NAME=VALUE")
        fields[name] = _json_of(value)
    usual = Event.CONFIG_REQUEST if args.message in SETTINGS else Event.COMMAND_REQUEST
    request = _request(args.message, usual if args.event is None else args.event, fields)
    thing = thing_of(account, args.thing)
    return await _ask(account, thing, request, args.wait, said_of(account, thing) or thing)


def output_of(account: Account, name: str) -> Place:
    """Return the place of an output by its channel.

    Raises:
        WrongUsage: there is no such output.
    """
    place = account.names.places.get(ChannelId(name))
    if place is None or not place.is_output:
        known = sorted(each.channel for each in account.names.places.values() if each.is_output)
        raise WrongUsage(f"{name!r} is no output; there are {', '.join(known) or 'none'}")
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


async def _ask(account: Account, tuid: str, request: Message, wait_s: float, what: str) -> Spoken:
    """Send a request and wait for its answer, so long as somebody wants to.

    Args:
        what: the thing, or the output and its value, as people call them.
    """
    async with open_rest(account.rest(), SystemClock()) as api:
        try:
            with known_there():
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
        line = f"no answer to {what} within {wait_s:g} s; nobody knows what came of it"
        return Spoken({"answer": None}, complaints=(line,), code=TRY_AGAIN)
    return _spoken(what, request, answer)


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


def _spoken(what: str, request: Message, answer: Message) -> Spoken:
    document = {"answer": to_json(answer)}
    said = answer.said()
    if answer.id == REMOTE:
        line = f"{what}: {_words(said)}"
        is_done = said.get("result") == OK
        return Spoken(document, (line,)) if is_done else Spoken(document, (), (line,), 1)
    line = f"{what}: " + (" ".join(f"{name}={value}" for name, value in said.items()) or "answered")
    unheard = _unheard(request, said)
    return Spoken(document, (line,), unheard, 1 if unheard else 0)


def _words(said: Mapping[str, Json]) -> str:
    """Return what became of a remote command; the payload is the gateway's own record."""
    result, payload = said.get("result"), said.get("payload")
    word = RESULTS.get(result, f"result {result}") if isinstance(result, int) else "no result"
    record = _json_of(payload) if isinstance(payload, str) else None
    told = record.get("message") if isinstance(record, dict) else payload
    return f"{word}: {told}" if told else word


def _unheard(request: Message, said: Mapping[str, Json]) -> tuple[str, ...]:
    """Return complaints about settings that an answer with all of them does not have."""
    if request.event != Event.CONFIG_REQUEST:
        return ()
    names = [name for name in request.said() if name not in said]
    known = ", ".join(said) or "none"
    return tuple(f"{name} was not set; the thing has {known}" for name in names)
