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
from gatewayd.clouds.verbs import Spoken
from gatewayd.config.edit import ConfigFile
from gatewayd.errors import ConfigError
from gatewayd.fields import Secret
from gatewayd.small_files import write_private

CREDENTIALS_BYTES = 24
"""192 bits; 32 characters of the 255 that the cloud takes."""

KINDS = {"tls": "Generic", "tcp": "Generic", "mqtt": "MQTT", "http": "HTTP"}
SOURCES = {"mqtt": Source.MQTT, "http": Source.API}


@dataclass(slots=True)
class Result:
    """What a run came to; `files` are the keys of the section that now name a file."""

    made: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    lacking: list[str] = field(default_factory=list)
    files: dict[str, Path] = field(default_factory=dict)
    is_there: bool = False


async def register(args: argparse.Namespace) -> Spoken:
    """Make what is missing and write it into the configuration."""
    account = account_of(args)
    check_id(account.device, "device")
    file, result = ConfigFile(args.config), Result()
    async with open_rest(account.rest(), SystemClock()) as api:
        device = await _find(api, account.device)
        there = {each.id for each in await api.buckets.list()}
        lacking = [each for each in account.buckets if each not in there]
        result.lacking += [f"device {account.device}"] if device is None else []
        result.lacking += [f"bucket {each}" for each in lacking]
        if args.dry_run:
            lines = tuple(f"missing: {each}" for each in result.lacking)
            return Spoken({"missing": result.lacking}, lines or ("all there",))
        await _device(api, args, account, file, device, result)
        for bucket in lacking:
            await api.buckets.add(new_bucket(account, bucket))
            result.made.append(f"bucket {bucket}")
        if account.config.transport == "http" and result.is_there:
            await _callback(api, account, file, result)
        await _look_for_endpoints(api, account, result)
    return _spoken(result, write_back(file, account, result))


async def _device(
    api: Rest,
    args: argparse.Namespace,
    account: Account,
    file: ConfigFile,
    device: Device | None,
    result: Result,
) -> None:
    """Make the device, or give the one that is there new credentials where we have none."""
    kind = DeviceType(KINDS[account.config.transport])
    if device is not None and device.type and device.type != kind:
        result.problems.append(
            f"device {device.id} is of type {device.type}; {account.config.transport} needs {kind}"
        )
        return
    credentials, place = account.credentials, credentials_file(file, account)
    is_new = credentials is None and place is not None
    if place is not None and is_new:
        credentials = Secret(secrets.token_urlsafe(CREDENTIALS_BYTES))
        write_private(place, credentials.reveal().encode())
        result.files["credentials"] = place
        result.made.append("credentials")
    if credentials is None and (device is None or kind is not DeviceType.HTTP):
        raise ConfigError(f"the credentials of uplink {account.uplink} cannot be seen here")
    if device is None:
        await api.devices.add(
            NewDevice(
                id=account.device,
                credentials=credentials,
                name=account.gateway_name,
                description=args.description,
                type=kind,
            )
        )
        result.made.append(f"device {account.device}")
    elif is_new and credentials is not None:
        await api.devices.change(account.device, {"credentials": credentials.reveal()})
    result.is_there = True


async def _callback(api: Rest, account: Account, file: ConfigFile, result: Result) -> None:
    """Have the callback write the bucket, and make a token for it where there is none."""
    for bucket in account.buckets[:1]:  # A callback writes one.
        await api.devices.callback(account.device).configure({"write_bucket": bucket})
    if account.config.callback_token is not None:
        return
    allow = {"Device": {account.device: ["AccessDeviceCallback"]}}
    id = f"callback_{account.device}".replace("-", "_")[:50]
    made = await api.tokens.add(NewUserToken(id=id, allow=allow))
    if made.token is None:
        result.problems.append(f"the cloud does not show token {id}; copy it from the console")
        return
    place = account.folder / "callback-token"
    write_private(place, made.token.reveal().encode())
    result.files["callback_token"] = place
    result.made.append(f"token {id}")


async def _look_for_endpoints(api: Rest, account: Account, result: Result) -> None:
    """Endpoints say what shall happen, which only the owner can; name those that are missing."""
    wanted = {each.endpoint for each in account.config.calls.values() if each.endpoint}
    if wanted:
        there = {each.id for each in await api.endpoints.list()}
        result.problems += [f"there is no endpoint {each}" for each in sorted(wanted - there)]


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


def write_back(file: ConfigFile, account: Account, result: Result) -> list[str]:
    """Write what is at the cloud, and where its secrets are, into the file; say what changed."""
    section = ("uplink", account.uplink)
    for key, place in result.files.items():
        file.set((*section, key), {"file": str(place)})
    if result.is_there:
        file.set((*section, "device"), account.device)
    backup = file.save()
    return [] if backup is None else [str(file.path), f"{backup} (as it was before)"]


def _spoken(result: Result, changed: list[str]) -> Spoken:
    document = {"made": result.made, "problems": result.problems, "written": changed}
    lines = (
        *(f"made: {each}" for each in result.made),
        *(f"written: {each}" for each in changed),
        *(("next: systemctl reload gatewayd, so that the daemon knows",) if changed else ()),
    )
    code = 1 if result.problems else 0
    nothing = ("nothing to do: everything is registered and written down",)
    return Spoken(document, lines or (() if code else nothing), tuple(result.problems), code)
