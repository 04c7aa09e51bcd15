"""`list`, `show`: things and groups at the cloud, and what arrived: messages, alerts, commands."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import orjson

from gatewayd.clock import SystemClock
from gatewayd.clouds.thingsee.catalogue import CATALOGUE
from gatewayd.clouds.thingsee.codec import Message, to_json
from gatewayd.clouds.thingsee.rest import Rest, open_rest
from gatewayd.clouds.thingsee.rest_errors import NotFound
from gatewayd.clouds.thingsee.rest_types import Alert, LoggedCommand, Selection, ThingInfo
from gatewayd.clouds.thingsee.verbs.account import (
    Account,
    account_of,
    known_there,
    said_of,
    thing_of,
)
from gatewayd.clouds.verbs import Spoken


@dataclass(frozen=True, slots=True)
class Known:
    """What the cloud says of one thing; `info` is None where it does not know it."""

    tuid: str
    here: str
    info: ThingInfo | None = None
    status: str = ""
    group: str = ""


async def list_things(args: argparse.Namespace) -> Spoken:
    """Tell every thing of this gateway, as the cloud knows it."""
    account = account_of(args)
    async with open_rest(account.rest(), SystemClock()) as api:
        found = [await look_up(api, account, tuid) for tuid in sorted(account.names.devices)]
    return Spoken([asdict(each) for each in found], tuple(map(_known_line, found)))


async def look_up(api: Rest, account: Account, tuid: str) -> Known:
    """Return what the cloud says of a thing."""
    here = said_of(account, tuid)
    try:
        info = await api.things.info(tuid)
    except NotFound:
        return Known(tuid, here)
    installed = await api.things.installations(tuid, limit=1)
    status = installed[0].status if installed else ""
    return Known(tuid, here, info, status, await api.things.group(tuid))


async def list_groups(args: argparse.Namespace) -> Spoken:
    """Tell every deployment group with its things."""
    async with open_rest(account_of(args).rest(), SystemClock()) as api:
        groups = await api.groups.all()
        things = {each.id: (await api.groups.things(each.id)).tuids for each in groups}
    document = [{**asdict(each), "things": things[each.id]} for each in groups]
    lines = tuple(
        f"{each.id}  {len(things[each.id])} things  {each.description}".rstrip() for each in groups
    )
    return Spoken(document, lines or ("no groups",))


async def messages(args: argparse.Namespace) -> Spoken:
    """Tell what a thing has said, oldest first."""
    account, clock = account_of(args), SystemClock()
    tuid = thing_of(account, args.thing)
    selection = Selection(
        message_ids=tuple(args.message), from_s=_since_s(clock.now_ms(), args.since)
    )
    found: list[Message] = []
    with known_there():
        async with open_rest(account.rest(), clock) as api:
            async for each in api.things.all_messages(tuid, selection):
                found.append(each)
                if args.limit and len(found) >= args.limit:
                    break
    found.reverse()
    lines = tuple(map(_message_line, found))
    return Spoken([to_json(each) for each in found], lines or ("no messages",))


async def alerts(args: argparse.Namespace) -> Spoken:
    """Tell which things have an alert that is on; or all alerts of one thing."""
    account = account_of(args)
    async with open_rest(account.rest(), SystemClock()) as api:
        if args.thing is None:
            tuids = await api.things.alerting()
            count = await api.things.alert_count()
            lines = tuple(f"{each}  {said_of(account, each)}".rstrip() for each in tuids)
            return Spoken({"count": count, "things": tuids}, lines or ("no alerts",))
        with known_there():
            found = await api.things.alerts(thing_of(account, args.thing))
    lines = tuple(line for each in found for line in _alert_lines(each))
    return Spoken([asdict(each) for each in found], lines or ("no alerts",))


async def commands(args: argparse.Namespace) -> Spoken:
    """Tell what a thing was told through the API, oldest first."""
    account = account_of(args)
    selection = Selection(limit=args.limit or None)
    with known_there():
        async with open_rest(account.rest(), SystemClock()) as api:
            found = await api.things.commands(thing_of(account, args.thing), selection)
    document = [_command_document(each) for each in found]
    return Spoken(document, tuple(map(_command_line, found)) or ("no commands",))


def _since_s(now_ms: int, since_s: float) -> int:
    return (now_ms - round(since_s * 1000)) // 1000


def _known_line(known: Known) -> str:
    if known.info is None:
        return f"{known.tuid}  {known.here}  not known there yet; it is after its first message"
    battery = "" if known.info.battery is None else f"  battery {known.info.battery} %"
    last = "never heard" if known.info.time_s is None else f"last {_at(known.info.time_s)}"
    return f"{known.tuid}  {known.here}  {known.status}  group {known.group}  {last}{battery}"


def _message_line(message: Message) -> str:
    entry = CATALOGUE.get(message.id)
    name = entry.name if entry else "unknown"
    fields = " ".join(f"{field}={_plain(value)}" for field, value in message.fields.items())
    return f"{_at(message.time_s)}  {message.id} {name}  event {message.event}  {fields}"


def _alert_lines(alert: Alert) -> Sequence[str]:
    return [
        f"{alert.type}  from {span.from_time} to {span.to_time or 'now'}" for span in alert.spans
    ]


def _command_document(each: LoggedCommand) -> dict[str, object]:
    return {
        "tuid": each.tuid,
        "timestamp": each.time_s,
        "responsible": each.responsible,
        "command": to_json(each.command),
    }


def _command_line(each: LoggedCommand) -> str:
    return f"{_message_line(each.command)}  by {each.responsible or 'nobody named'}"


def _plain(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _at(time_s: float | None) -> str:
    if time_s is None:
        return "no time"
    return datetime.fromtimestamp(time_s, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
