"""One `[uplink.NAME]` of kind thingsee as the management verbs see it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gatewayd.cli._uplink import seen, uplink_of
from gatewayd.clouds.thingsee.names import Names, Owner, name_channels
from gatewayd.clouds.thingsee.rest import RestSettings
from gatewayd.clouds.thingsee.rest_errors import NotFound
from gatewayd.clouds.thingsee.settings import Config
from gatewayd.clouds.thingsee.tokens import Credentials
from gatewayd.clouds.thingsee.tuid import DEVICE_PREFIX, make_tuid, read_qr
from gatewayd.errors import ConfigError, LinkError, WrongUsage
from gatewayd.model import ChannelId

KIND = "thingsee"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Where an uplink's API is, and who is who there.

    Attributes:
        credentials: None where the configuration has none that this process may see.
        folder: where this uplink keeps files of its own: the token, the client's secret.
        names: which thing every channel is in.
        things: TUIDs by device; single channels may have things of their own.
    """

    uplink: str
    rest_url: str
    ca_file: Path | None
    client_id: str
    credentials: Credentials | None
    folder: Path
    names: Names
    things: Mapping[str, str]

    @property
    def token_file(self) -> Path:
        return self.folder / "token.json"

    @property
    def secret_file(self) -> Path:
        return self.folder / "client-secret"

    def rest(self) -> RestSettings:
        """Return what opens the API: with the client's credentials, or the last login's token."""
        return RestSettings(
            url=self.rest_url,
            credentials=self.credentials,
            token_file=self.token_file,
            ca_file=self.ca_file,
        )


def account_of(args: argparse.Namespace) -> Account:
    """Return the uplink that the arguments mean: the named one, or the only one of this kind.

    Raises:
        ConfigError: the file cannot be read, or has no such uplink, or several, or no rest_url.
    """
    uplink = uplink_of(args, KIND, Config)
    own = uplink.config
    if not own.rest_url:
        raise ConfigError(
            f"{args.config}: uplink {uplink.name} has no rest_url; the API's address, such as "
            "https://….execute-api.eu-west-1.amazonaws.com/prod/v1/"
        )
    secret = seen(own.client_secret)
    is_known = secret is not None and own.client_id
    owner = Owner(own.gateway_tuid, own.things, own.sensors, own.actuators)
    names = name_channels(uplink.gateway_id, uplink.channels, owner)
    return Account(
        uplink=uplink.name,
        rest_url=own.rest_url,
        ca_file=own.ca_file,
        client_id=own.client_id,
        credentials=Credentials(own.client_id, secret) if is_known and secret else None,
        folder=uplink.folder,
        names=names,
        things=things_by_device(uplink.gateway_id, names, owner),
    )


def things_by_device(gateway_id: str, names: Names, owner: Owner) -> dict[str, str]:
    """Return the thing of each device; single channels may have things of their own besides."""
    found = {}
    for place in names.places.values():
        usual = owner.things.get(place.device) or make_tuid(
            DEVICE_PREFIX, f"{gateway_id}/{place.device}"
        )
        if place.thing == usual:
            found[place.device] = usual
    return found


def thing_of(account: Account, name: str) -> str:
    """Return the TUID of `gateway`, of a device, of a channel, of a label's code, or a TUID.

    Raises:
        WrongUsage: it is none of these.
    """
    if name == "gateway":
        return account.names.gateway
    place = account.names.places.get(ChannelId(name))
    found = place.thing if place else account.things.get(name) or read_qr(name)
    if found is not None:
        return found
    if name.isascii() and name.isalnum() and name.isupper() and len(name) <= 32:
        return name
    known = ", ".join(["gateway", *account.things])
    raise WrongUsage(f"{name!r} is no device, no DEVICE/CHANNEL and no TUID; there are {known}")


@contextmanager
def known_there() -> Iterator[None]:
    """Tell of a thing that the cloud does not know when it will."""
    try:
        yield
    except NotFound as error:
        raise LinkError(f"{error}; a thing is known there after its first message") from error


def said_of(account: Account, tuid: str) -> str:
    """Return what a thing is here: its devices, `gateway`, or nothing."""
    if tuid == account.names.gateway:
        return "gateway"
    return ", ".join(sorted(account.names.devices.get(tuid, ())))
