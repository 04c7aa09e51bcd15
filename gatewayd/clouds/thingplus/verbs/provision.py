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
from gatewayd.clouds.verbs import Spoken
from gatewayd.config.edit import ConfigFile
from gatewayd.errors import ConfigError
from gatewayd.fields import Secret
from gatewayd.small_files import write_private

WHOLE = Query(embed=(Embed("devices"), Embed("sensors")))


@dataclass(slots=True)
class Result:
    """What a run came to."""

    made: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    lacking: list[str] = field(default_factory=list)
    present: set[str] = field(default_factory=set)
    key_file: Path | None = None
    """Where a new API key goes; None where the configuration has one already."""

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
    result = Result(key_file=key_file_of(file, account))
    if args.own:
        await _by_key(args, account, result)
    else:
        await _by_token(args, account, vendor_key, result)
    if args.dry_run:
        lines = tuple(f"missing: {each}" for each in result.lacking)
        return Spoken({"missing": result.lacking, "notes": result.notes}, lines or ("all there",))
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
        *(("next: systemctl reload gatewayd, so that the daemon knows",) if changed else ()),
    )
    code = 1 if result.problems else 0
    nothing = ("nothing to do: everything is registered and written down",)
    return Spoken(document, lines or (() if code else nothing), tuple(result.problems), code)


async def _by_token(
    args: argparse.Namespace, account: Account, vendor_key: Secret | None, result: Result
) -> None:
    """Register with a user's rights: the gateway too, and its key."""
    async with open_rest(account.rest(), SystemClock()) as api:
        model = await api.gateway_models.get(args.model)
        name = args.name or account.gateway_name
        wanted = plan(account.gateway_id, name, model, account.names.values())
        result.notes += wanted.notes
        there = await _find(api, account.gateway_id)
        if there is None and args.dry_run:
            result.lacking.append(f"gateway {account.gateway_id}")
            result.note_lacking(wanted)
            return
        if not args.dry_run and result.key_file is not None and not result.key_file.exists():
            # Kept at once: should the rest fail, the next run finds it.
            key = await _key(api, account, args.model, vendor_key)
            write_private(result.key_file, key.reveal().encode())
            result.made.append("API key")
        if there is None:
            there = await _register(api, args, account, wanted, result)
        if there is None:
            return
        lacking = missing(there, wanted)
        result.present |= _ids(there)
        if args.dry_run:
            result.note_lacking(lacking)
            return
        gateways = api.gateways
        id = account.gateway_id
        result.add(await make(lacking, gateways.devices(id), gateways.sensors(id)))


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


async def _key(api: Rest, account: Account, model: str, vendor_key: Secret | None) -> Secret:
    if vendor_key is not None:
        return await api.control.activate_key(account.gateway_id, vendor_key)
    return await api.control.register_key(account.gateway_id, model)


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


def key_file_of(file: ConfigFile, account: Account) -> Path | None:
    """Return where a new API key belongs, or None where the file has one or says another way.

    A file that is named and not there yet is where the owner wants it.
    """
    if account.api_key is not None:
        return None
    said = file.get(("uplink", account.uplink, "api_key"))
    if said is None:
        return account.key_file
    named = said.get("file") if isinstance(said, Mapping) else None
    return Path(named) if isinstance(named, str) and not Path(named).exists() else None


def write_back(file: ConfigFile, account: Account, result: Result) -> list[str]:
    """Write what is at the cloud, and where the key is, into the file; say what changed."""
    section = ("uplink", account.uplink)
    if result.key_file is not None and result.key_file.exists():
        file.set((*section, "api_key"), {"file": str(result.key_file)})
    if result.present or result.made:
        file.set((*section, "gateway_id"), account.gateway_id)
    for channel, sensor in account.names.items():
        if sensor.id in result.present:
            table = "actuators" if sensor.is_output else "sensors"
            entry: Mapping[str, str] = {"id": sensor.id, "type": sensor.type}
            file.set((*section, table, channel), entry)
    backup = file.save()
    if backup is None:
        return []
    return [str(file.path), f"{backup} (as it was before)"]
