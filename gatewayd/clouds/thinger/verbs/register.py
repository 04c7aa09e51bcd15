"""`register`: this gateway's device, its credentials and its buckets at the cloud, and in the file.

Strategy: look, make what is missing, write back what is there. Credentials are made here and kept
in a file of mode 0600 before the cloud hears of them, so that a run that breaks off can be
repeated. A second run finds everything and changes nothing.
"""

from __future__ import annotations

import argparse
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gatewayd.clock import SystemClock
from gatewayd.clouds.thinger.rest import Rest, open_rest
from gatewayd.clouds.thinger.rest_errors import NotFound
from gatewayd.clouds.thinger.rest_types import (
    Device,
    DeviceType,
    NewBucket,
    NewDevice,
    NewUserToken,
    Source,
)
from gatewayd.clouds.thinger.settings import check_id
from gatewayd.clouds.thinger.verbs.account import Account, account_of
from gatewayd.clouds.verbs import NEXT, Spoken, save, written_lines
from gatewayd.config.edit import ConfigFile
from gatewayd.errors import ConfigError
from gatewayd.fields import Secret
from gatewayd.small_files import write_private

CREDENTIALS_BYTES = 24
"""192 bits; 32 characters of the 255 that the cloud takes."""

KINDS = {"tls": "Generic", "tcp": "Generic", "mqtt": "MQTT", "http": "HTTP"}
SOURCES = {"mqtt": Source.MQTT, "http": Source.API}


@dataclass(slots=True)
class Run:
    """One run, and what it came to; `files` are the section's keys that now name a file."""

    api: Rest
    account: Account
    file: ConfigFile
    description: str = ""
    made: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    lacking: list[str] = field(default_factory=list)
    files: dict[str, Path] = field(default_factory=dict)
    is_there: bool = False


async def register(args: argparse.Namespace) -> Spoken:
    """Make what is missing and write it into the configuration."""
    account = account_of(args)
    check_id(account.device, "device")
    async with open_rest(account.rest(), SystemClock()) as api:
        run = Run(api, account, ConfigFile(args.config), args.description)
        device = await _find(api, account.device)
        there = {each.id: each.source for each in await api.buckets.list()}
        run.problems += _wrong_sources(account, there)
        lacking = [each for each in account.buckets if each not in there]
        run.lacking += [f"device {account.device}"] if device is None else []
        run.lacking += [f"bucket {each}" for each in lacking]
        if args.dry_run:
            lines = tuple(f"missing: {each}" for each in run.lacking)
            return Spoken({"missing": run.lacking}, lines or ("all there",))
        await _device(run, device)
        for bucket in lacking:
            await api.buckets.add(new_bucket(account, bucket))
            run.made.append(f"bucket {bucket}")
        if account.config.transport == "http" and run.is_there:
            await _callback(run)
        await _look_for_endpoints(run)
    return _spoken(run, write_back(run))


def _wrong_sources(account: Account, there: Mapping[str, str]) -> list[str]:
    """Return complaints about buckets that are there and take nothing of what will come."""
    wanted = SOURCES.get(account.config.transport, Source.WRITE)
    return [
        f"bucket {bucket} has the source {there[bucket]}; {account.config.transport} needs {wanted}"
        for bucket in account.buckets
        if there.get(bucket, wanted) not in (wanted, "")
    ]


async def _device(run: Run, device: Device | None) -> None:
    """Make the device, or give the one that is there new credentials where we have none."""
    account = run.account
    kind = DeviceType(KINDS[account.config.transport])
    if device is not None and device.type and device.type != kind:
        run.problems.append(
            f"device {device.id} is of type {device.type}; {account.config.transport} needs {kind}"
        )
        return
    credentials, place = account.credentials, credentials_file(run.file, account)
    is_new = credentials is None and place is not None
    if place is not None and is_new:
        credentials = Secret(secrets.token_urlsafe(CREDENTIALS_BYTES))
        write_private(place, credentials.reveal().encode())
        run.files["credentials"] = place
        run.made.append("credentials")
    if credentials is None and (device is None or kind is not DeviceType.HTTP):
        raise ConfigError(f"the credentials of uplink {account.uplink} cannot be seen here")
    if device is None:
        await run.api.devices.add(
            NewDevice(
                id=account.device,
                credentials=credentials,
                name=account.gateway_name,
                description=run.description,
                type=kind,
            )
        )
        run.made.append(f"device {account.device}")
    elif is_new and credentials is not None:
        await run.api.devices.change(account.device, {"credentials": credentials.reveal()})
    run.is_there = True


async def _callback(run: Run) -> None:
    """Have the callback write the bucket, and make a token for it where there is none."""
    account = run.account
    for bucket in account.buckets[:1]:  # A callback writes one.
        await run.api.devices.callback(account.device).configure({"write_bucket": bucket})
    if account.config.callback_token is not None:
        return
    allow = {"Device": {account.device: ["AccessDeviceCallback"]}}
    id = f"callback_{account.device}".replace("-", "_")[:50]
    if id in {each.id for each in await run.api.tokens.list()}:
        await run.api.tokens.delete(id)  # Of a run that broke off; nobody knows its text.
    made = await run.api.tokens.add(NewUserToken(id=id, allow=allow))
    if made.token is None:
        run.problems.append(f"the cloud does not show token {id}; copy it from the console")
        return
    place = account.folder / "callback-token"
    write_private(place, made.token.reveal().encode())
    run.files["callback_token"] = place
    run.made.append(f"token {id}")


async def _look_for_endpoints(run: Run) -> None:
    """Endpoints say what shall happen, which only the owner can; name those that are missing."""
    wanted = {each.endpoint for each in run.account.config.calls.values() if each.endpoint}
    if wanted:
        there = {each.id for each in await run.api.endpoints.list()}
        run.problems += [f"there is no endpoint {each}" for each in sorted(wanted - there)]


async def _find(api: Rest, id: str) -> Device | None:
    try:
        return await api.devices.get(id)
    except NotFound:
        return None


def new_bucket(account: Account, id: str) -> NewBucket:
    """Return a bucket that takes what the uplink's transport brings."""
    source = SOURCES.get(account.config.transport, Source.WRITE)
    more = {}
    if source is Source.MQTT:
        more["topic"] = f"{account.config.mqtt_prefix or account.device}/{id}"
    return NewBucket(id=id, source=source, more=more)


def credentials_file(file: ConfigFile, account: Account) -> Path | None:
    """Return where new credentials belong, or None where the file says another way.

    A file that is named and not there yet is where the owner wants them.
    """
    said = file.get(("uplink", account.uplink, "credentials"))
    if said is None:
        return account.folder / "credentials"
    named = said.get("file") if isinstance(said, Mapping) else None
    return Path(named) if isinstance(named, str) and not Path(named).exists() else None


def write_back(run: Run) -> list[str]:
    """Write what is at the cloud, and where its secrets are, into the file; say what changed."""
    section = ("uplink", run.account.uplink)
    for key, place in run.files.items():
        run.file.set((*section, key), {"file": str(place)})
    if run.is_there:
        run.file.set((*section, "device"), run.account.device)
    return save(run.file)


def _spoken(run: Run, changed: list[str]) -> Spoken:
    document = {"made": run.made, "problems": run.problems, "written": changed}
    lines = (
        *(f"made: {each}" for each in run.made),
        *written_lines(changed),
        *((NEXT,) if run.made and not changed else ()),
    )
    code = 1 if run.problems else 0
    nothing = ("nothing to do: everything is registered and written down",)
    return Spoken(document, lines or (() if code else nothing), tuple(run.problems), code)
