"""`provision`: this gateway with its devices and sensors at the cloud, and the ids in the file.

Strategy: look, make what is missing, write back what is there. Ids and the API key's file go into
the TOML; the key itself goes into a file of mode 0600 beside the token. A second run finds
everything and changes nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gatewayd.clock import SystemClock
from gatewayd.clouds.questions import secret_from
from gatewayd.clouds.thingplus.own_face import open_own_face
from gatewayd.clouds.thingplus.query import Embed, Query
from gatewayd.clouds.thingplus.registering import Tally, Wanted, explain, make, missing, plan
from gatewayd.clouds.thingplus.rest import Rest, open_rest
from gatewayd.clouds.thingplus.rest_errors import Conflict, NotFound, PlanExceeded
from gatewayd.clouds.thingplus.rest_types import Gateway, NewGateway
from gatewayd.clouds.thingplus.verbs.account import Account, account_of
from gatewayd.clouds.thingplus.verbs.api_key import (
    KeyPlace,
    Standing,
    find_kept,
    is_to_be_made,
    key_place,
    refused_sentence,
    standing_of,
    unseen_sentence,
)
from gatewayd.clouds.verbs import NEXT, Spoken, save
from gatewayd.config.edit import ConfigFile
from gatewayd.errors import ConfigError
from gatewayd.fields import Secret
from gatewayd.small_files import write_private

WHOLE = Query(embed=(Embed("devices"), Embed("sensors")))


WRONG_USAGE = 2


@dataclass(slots=True)
class Result:
    """What a run came to."""

    made: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    lacking: list[str] = field(default_factory=list)
    present: set[str] = field(default_factory=set)
    key_file: Path | None = None
    """Where the API key is that the configuration shall name; None = it stays as it is."""
    has_new_key: bool = False

    def add(self, tally: Tally) -> None:
        self.made += tally.made
        self.problems += tally.problems
        self.present |= tally.present

    def note_lacking(self, lacking: Wanted) -> None:
        self.lacking += [f"device {each.id}" for each in lacking.devices]
        self.lacking += [f"{each.category} {each.id}" for each in lacking.sensors]


async def provision(args: argparse.Namespace) -> Spoken:
    """Register what is missing and write the ids into the configuration."""
    account = account_of(args)
    file = ConfigFile(args.config)
    vendor_key = None
    if args.vendor_key_file is not None:
        vendor_key = secret_from(args.vendor_key_file, "vendor key: ")
    result = Result()
    if args.own and (args.new_key or vendor_key is not None):
        return Spoken(None, complaints=("--own uses the key that there is",), code=WRONG_USAGE)
    if args.own:
        await _by_key(args, account, result)
    else:
        keys = Keys(account, key_place(file, account), args.model, vendor_key)
        await _by_token(args, keys, result)
    if args.dry_run:
        lines = tuple(f"missing: {each}" for each in result.lacking)
        document = {"missing": result.lacking, "notes": result.notes, "problems": result.problems}
        code = 1 if result.problems else 0
        return Spoken(document, lines or ("all there",), tuple(result.problems), code)
    changed = write_back(file, account, result)
    document = {
        "made": result.made,
        "problems": result.problems,
        "notes": result.notes,
        "written": changed,
    }
    lines = (
        *(f"made: {each}" for each in result.made),
        *(f"note: {each}" for each in result.notes),
        *(f"written: {each}" for each in changed),
        *((NEXT,) if changed or result.has_new_key else ()),
    )
    code = 1 if result.problems else 0
    nothing = ("nothing to do: everything is registered and written down",)
    return Spoken(document, lines or (() if code else nothing), tuple(result.problems), code)


async def _by_token(args: argparse.Namespace, keys: Keys, result: Result) -> None:
    """Register with a user's rights: the gateway too, and its key."""
    account = keys.account
    id = account.gateway_id
    async with open_rest(account.rest(), SystemClock()) as api:
        model = await api.gateway_models.get(args.model)
        wanted = plan(id, args.name or account.gateway_name, model, account.names.values())
        result.notes += wanted.notes
        there = await _find(api, id)
        is_new = there is None
        if there is None and args.dry_run:
            result.lacking.append(f"gateway {id}")
            result.note_lacking(wanted)
            return
        if there is None:
            if not keys.place.is_said and find_kept(keys.place) is None:
                # Kept at once: should the rest fail, the next run finds it.
                await keys.get(api, result)
            there = await _register(api, args, account, wanted, result)
        if there is None:
            return
        lacking = missing(there, wanted)
        result.present |= _ids(there)
        await _settle_key(api, args, keys, result, is_new=is_new)
        if args.dry_run:
            result.note_lacking(lacking)
            return
        gateways = api.gateways
        result.add(await make(lacking, gateways.devices(id), gateways.sensors(id)))


@dataclass(frozen=True, slots=True)
class Keys:
    """Where this gateway's key goes, and how one is got."""

    account: Account
    place: KeyPlace
    model: str
    vendor_key: Secret | None

    async def get(self, api: Rest, result: Result) -> None:
        """Get the gateway's key and keep it in its file."""
        id, control = self.account.gateway_id, api.control
        if self.vendor_key is not None:
            key = await control.activate_key(id, self.vendor_key)
        else:
            key = await control.register_key(id, self.model)
        write_private(self.place.file, key.reveal().encode())
        result.made.append(f"API key in {self.place.file}")
        result.key_file, result.has_new_key = self.place.file, True


async def _settle_key(
    api: Rest, args: argparse.Namespace, keys: Keys, result: Result, *, is_new: bool
) -> None:
    """See to it that the configuration names a key that the cloud takes, or say why not."""
    if result.has_new_key:
        return
    standing = await standing_of(keys.account, keys.place)
    is_asked_for = args.new_key or (
        keys.vendor_key is not None and standing not in (Standing.GOOD, Standing.KEPT)
    )
    if is_to_be_made(standing, is_new=is_new, is_asked_for=is_asked_for):
        if args.dry_run:
            result.lacking.append("API key")
        else:
            await keys.get(api, result)
    elif standing is Standing.KEPT:
        result.key_file = keys.place.file
    elif standing is Standing.REFUSED:
        result.problems.append(refused_sentence(keys.account.uplink))
    elif standing is Standing.UNSEEN and is_new:
        result.notes.append(unseen_sentence(keys.account.uplink))


async def _by_key(args: argparse.Namespace, account: Account, result: Result) -> None:
    """Register with the gateway's own key: its devices and sensors, where that is allowed."""
    if account.api_key is None:
        raise ConfigError(f"--own needs the api_key of uplink {account.uplink}")
    async with open_own_face(account.own(account.api_key)) as own:
        gateway = await own.gateway()
        there = await own.gateway(with_sensors=True)
        model = await own.gateway_models.get(gateway.model)
        name = args.name or account.gateway_name
        wanted = plan(account.gateway_id, name, model, account.names.values())
        lacking = missing(there, wanted)
        result.notes += wanted.notes
        result.present |= _ids(there)
        if args.dry_run or not (lacking.devices or lacking.sensors):
            result.note_lacking(lacking)
            return
        if gateway.is_discoverable is False:
            result.problems.append(
                f"gateway {gateway.id} may not add sensors by itself; switch that on in the "
                "portal (autoCreateDiscoverable), or log in and leave out --own"
            )
            return
        result.add(await make(lacking, own.devices, own.sensors))


async def _find(api: Rest, gateway_id: str) -> Gateway | None:
    try:
        return await api.gateways.get(gateway_id, WHOLE)
    except NotFound:
        return None


async def _register(
    api: Rest, args: argparse.Namespace, account: Account, wanted: Wanted, result: Result
) -> Gateway | None:
    """Register the gateway with all it has; None where it could not be."""
    site = args.site
    if site is None:
        sites = (await api.sites.list()).items
        if not sites:
            raise ConfigError("this user has no site; say --site ID")
        site = sites[0].id
    new = NewGateway(
        id=account.gateway_id,
        site_id=site,
        model=args.model,
        name=args.name or account.gateway_name,
        report_interval_ms=account.report_interval_ms,
        is_discoverable=True,
        device_models=tuple(each.model for each in wanted.devices),
        devices=wanted.devices,
        sensors=wanted.sensors,
    )
    try:
        registered = await api.control.register(new)
    except Conflict:
        result.problems.append(f"gateway {account.gateway_id} is registered to somebody else")
        return None
    except PlanExceeded as error:
        result.problems.append(f"gateway {account.gateway_id}: {error.message}")
        return None
    result.made.append(f"gateway {account.gateway_id} at site {site}")
    result.notes += map(explain, registered.problems)
    there = await api.gateways.get(account.gateway_id, WHOLE)
    result.made += sorted(_ids(there))
    return there


def _ids(gateway: Gateway) -> set[str]:
    sensors = {*gateway.sensor_ids, *(each.id for each in gateway.sensors)}
    return sensors | {*gateway.device_ids, *(each.id for each in gateway.devices)}


def write_back(file: ConfigFile, account: Account, result: Result) -> list[str]:
    """Write what is at the cloud, and where the key is, into the file; say what changed."""
    section = ("uplink", account.uplink)
    named = {"file": str(result.key_file)}
    if result.key_file is not None and file.get((*section, "api_key")) != named:
        file.set((*section, "api_key"), "")  # Tables are merged: another form would stay in it.
        file.set((*section, "api_key"), named)
    if result.present or result.made:
        file.set((*section, "gateway_id"), account.gateway_id)
    for channel, sensor in account.names.items():
        if sensor.id in result.present:
            table = "actuators" if sensor.is_output else "sensors"
            entry: Mapping[str, str] = {"id": sensor.id, "type": sensor.type}
            file.set((*section, table, channel), entry)
    return save(file)
