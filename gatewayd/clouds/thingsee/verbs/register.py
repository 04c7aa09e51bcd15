"""`install`, `register`: this gateway's things at the cloud, and their TUIDs in the file.

Strategy: look, change what differs, write back what is so. A thing that the cloud has not heard of
cannot be installed yet: it is after its first message, and the next run finds it. A second run
changes nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gatewayd.clock import SystemClock
from gatewayd.clouds.thingsee.names import check_tuid
from gatewayd.clouds.thingsee.rest import Rest, open_rest
from gatewayd.clouds.thingsee.rest_errors import NotFound
from gatewayd.clouds.thingsee.rest_groups import UNASSIGNED
from gatewayd.clouds.thingsee.rest_types import InstallationStatus
from gatewayd.clouds.thingsee.tuid import read_qr
from gatewayd.clouds.thingsee.verbs.account import Account, account_of, said_of, thing_of
from gatewayd.clouds.verbs import Spoken, save, written_lines
from gatewayd.config.edit import ConfigFile
from gatewayd.errors import ConfigError, WrongUsage
from gatewayd.model import ChannelId

GATEWAY = "gateway"
TRY_AGAIN = 75


@dataclass(slots=True)
class Result:
    """What a run came to, in sentences."""

    done: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    def spoken(self, written: Sequence[str] = (), unknown_code: int = 0) -> Spoken:
        """Return it as what the verb has to say; with this code if things are unknown there."""
        document = {
            "done": self.done,
            "problems": self.problems,
            "unknown": self.unknown,
            "written": list(written),
        }
        hint = "it is known after its first message; then run this again"
        lines = (
            *self.done,
            *(f"not known there yet: {each}; {hint}" for each in self.unknown),
            *written_lines(written),
        )
        code = 1 if self.problems else unknown_code if self.unknown else 0
        return Spoken(document, lines or ("nothing to do",), tuple(self.problems), code)


async def install(args: argparse.Namespace) -> Spoken:
    """Set status and group of the named things, or of all of this gateway."""
    account = account_of(args)
    own = sorted(account.names.devices)
    tuids = [thing_of(account, name) for name in args.thing] or own
    result = Result()
    async with open_rest(account.rest(), SystemClock()) as api:
        await _make_group(api, args.group, result)
        for tuid in tuids:
            await _settle(api, account, tuid, args.status, args.group, result)
    return result.spoken(unknown_code=TRY_AGAIN)


async def register(args: argparse.Namespace) -> Spoken:
    """Write every thing's TUID into the file, and install what the cloud knows already."""
    account = account_of(args)
    given = _given(account, args.thing)
    things = {device: given.get(device, tuid) for device, tuid in account.things.items()}
    gateway = given.get(GATEWAY, account.names.gateway)
    others = others_of(account)
    file = ConfigFile(args.config)
    _write(file, account, gateway, things)
    if args.group and args.group != UNASSIGNED:
        file.set(("uplink", account.uplink, "group"), args.group)
    if args.dry_run:
        named = {GATEWAY: gateway, **things, **others}
        lines = tuple(f"{tuid}  {name}" for name, tuid in named.items())
        return Spoken({"things": named, "is_changed": file.is_changed}, lines)
    result = Result()
    async with open_rest(account.rest(), SystemClock()) as api:
        await _make_group(api, args.group, result)
        for tuid in dict.fromkeys((gateway, *things.values(), *others.values())):
            await _settle(api, account, tuid, InstallationStatus.INSTALLED, args.group, result)
    return result.spoken(save(file))


def others_of(account: Account) -> dict[str, str]:
    """Return the things of single channels, by channel: those that are not their device's."""
    return {
        place.channel: place.thing
        for place in account.names.places.values()
        if place.thing != account.things.get(place.device)
    }


def _write(file: ConfigFile, account: Account, gateway: str, things: Mapping[str, str]) -> None:
    """Put all TUIDs into the file.

    Those of single channels too: once a device has a TUID there, its second thermometer gets no
    thing of its own any more.
    """
    section = ("uplink", account.uplink)
    file.set((*section, "gateway_tuid"), gateway)
    for channel, tuid in others_of(account).items():
        is_output = account.names.places[ChannelId(channel)].is_output
        table = "actuators" if is_output else "sensors"
        file.set((*section, table, channel), {"thing": tuid})
    for device, tuid in things.items():
        file.set((*section, "things", device), tuid)


def _given(account: Account, texts: Sequence[str]) -> dict[str, str]:
    """Return the TUIDs that the user has read from labels, by device or `gateway`.

    Raises:
        WrongUsage: not DEVICE=TUID, no such device, or no TUID.
    """
    found = {}
    for text in texts:
        name, separator, code = text.partition("=")
        if not separator or name not in {GATEWAY, *account.things}:
            known = ", ".join([GATEWAY, *account.things])
            raise WrongUsage(f"{text!r} is not NAME=TUID with one of {known}")
        found[name] = read_qr(code) or code
        try:
            check_tuid(found[name], name)
        except ConfigError as error:
            raise WrongUsage(str(error)) from error
    return found


async def _make_group(api: Rest, group: str | None, result: Result) -> None:
    if group is None or group == UNASSIGNED:
        return
    try:
        await api.groups.get(group)
    except NotFound:
        made = await api.groups.create(group)
        result.done.append(f"made: group {made.id}")


async def _settle(
    api: Rest, account: Account, tuid: str, status: str, group: str | None, result: Result
) -> None:
    """Bring one thing's status and group to what is wanted, where they differ."""
    name = f"{tuid} {said_of(account, tuid)}".rstrip()
    try:
        current = await api.things.installations(tuid, limit=1)
    except NotFound:
        result.unknown.append(name)
        return
    if not current or current[0].status != status:
        await api.things.install(tuid, status)
        result.done.append(f"{name}: {status}")
    if group is not None and await api.things.group(tuid) != group:
        await api.things.set_group(tuid, group)
        result.done.append(f"{name}: in group {group}")
