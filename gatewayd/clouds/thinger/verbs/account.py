"""One `[uplink.NAME]` of kind thinger as the management verbs see it."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from gatewayd.cli._uplink import seen, uplink_of
from gatewayd.clouds.thinger.link import Config
from gatewayd.clouds.thinger.names import Name, Names
from gatewayd.clouds.thinger.resources import MANAGED, make_resources
from gatewayd.clouds.thinger.rest import RestSettings
from gatewayd.clouds.thinger.settings import names_of
from gatewayd.errors import ConfigError, WrongUsage
from gatewayd.fields import Secret
from gatewayd.model import ChannelId

KIND = "thinger"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Where an uplink's API is, which device the gateway is there, and what belongs to it.

    Attributes:
        config: the section as it stands in the file.
        folder: where this uplink keeps files of its own: the session, credentials.
        names: what every channel is called there.
    """

    uplink: str
    config: Config
    device: str
    gateway_name: str
    folder: Path
    names: Names

    @property
    def session_file(self) -> Path:
        return self.folder / "session.json"

    @property
    def credentials(self) -> Secret | None:
        """The device's, if they can be seen here."""
        return seen(self.config.credentials)

    @property
    def buckets(self) -> tuple[str, ...]:
        """Where the gateway's readings go, each once."""
        return tuple(dict.fromkeys(each.bucket for each in self.names.values() if each.bucket))

    def rest(self, user: str = "") -> RestSettings:
        """Return what opens the API with the session of the last login. Raises ConfigError."""
        if not (user or self.config.user):
            raise ConfigError(f"uplink {self.uplink} has no user")
        return RestSettings(
            url=self.config.rest_url,
            user=user or self.config.user,
            token_file=self.session_file,
            ca_file=self.config.ca_file,
        )

    def output(self, name: str) -> Name:
        """Return what an output is called. Raises WrongUsage: it is none."""
        found = self.names.get(ChannelId(name))
        if found is None or not found.is_output:
            outputs = ", ".join(each for each, known in self.names.items() if known.is_output)
            raise WrongUsage(f"{name!r} is no output of {self.uplink}; it has {outputs or 'none'}")
        return found

    def resource(self, name: str) -> str:
        """Return the resource that a channel is, or the path itself.

        Raises:
            WrongUsage: this gateway has none of that name.
        """
        found = self.names.get(ChannelId(name))
        path = found.path if found else tuple(name.split("/"))
        known = make_resources(self.names, MANAGED.values())
        if path not in known:
            near = get_close_matches(name, ["/".join(each) for each in known], n=1, cutoff=0)
            raise WrongUsage(f"{name!r} is no channel and no resource; nearest: {near[0]}")
        return "/".join(path)


def account_of(args: argparse.Namespace) -> Account:
    """Return the uplink that the arguments mean: the named one, or the only one of this kind.

    Raises:
        ConfigError: the file cannot be read, or has no such uplink, or several.
    """
    uplink = uplink_of(args, KIND, Config)
    own = uplink.config
    return Account(
        uplink=uplink.name,
        config=own,
        device=own.device or uplink.gateway_id,
        gateway_name=uplink.gateway_name,
        folder=uplink.folder,
        names=names_of(own, uplink.channels),
    )
