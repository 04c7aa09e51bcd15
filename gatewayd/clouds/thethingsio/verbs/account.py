"""One `[uplink.NAME]` of kind thethingsio as the management verbs see it."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from gatewayd.cli._uplink import seen, uplink_of
from gatewayd.clouds.thethingsio.activation import load_token
from gatewayd.clouds.thethingsio.names import Names, Resource
from gatewayd.clouds.thethingsio.rest import RestSettings
from gatewayd.clouds.thethingsio.settings import Config, names_of
from gatewayd.errors import ConfigError, WrongUsage
from gatewayd.fields import Secret
from gatewayd.model import ChannelId

KIND = "thethingsio"
ACTIVATE_HINT = "get one with `gatewayd cloud thethingsio activate`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Where an uplink's API is, which thing it writes to, and what belongs to it.

    Attributes:
        config: the section as it stands in the file.
        folder: where this uplink keeps files of its own: the session, a token.
        names: what every channel is called there.
    """

    uplink: str
    config: Config
    folder: Path
    names: Names

    @property
    def session_file(self) -> Path:
        return self.folder / "session.json"

    @property
    def token_file(self) -> Path:
        """Where a token goes that no file is named for."""
        return self.folder / "thing-token"

    @property
    def code(self) -> Secret | None:
        """The activation code of the configuration, if it can be seen here."""
        return seen(self.config.activation_code)

    def apps(self) -> RestSettings:
        """Return what opens the API with the session of the last login."""
        return self._rest(self.config.app_url)

    def devices(self) -> RestSettings:
        """Return what opens the API as the thing does."""
        return self._rest(self.config.rest_url)

    def _rest(self, url: str) -> RestSettings:
        return RestSettings(url=url, session_file=self.session_file, ca_file=self.config.ca_file)

    def find_token(self) -> Secret | None:
        """Return the thing's token: the configuration's, or that of an activation, or None.

        Raises:
            ConfigError: it is kept in a file that cannot be read.
        """
        token, code = seen(self.config.token), self.code
        if token is None and code is not None:
            return load_token(self.folder, code.reveal().strip())
        return token

    def token(self) -> Secret:
        """Return the thing's token. Raises ConfigError: there is none."""
        token = self.find_token()
        if token is None:
            raise ConfigError(f"uplink {self.uplink} has no thing token; {ACTIVATE_HINT}")
        return token

    def output(self, name: str) -> Resource:
        """Return what an output is called. Raises WrongUsage: it is none of this thing's."""
        found = self.names.get(ChannelId(name))
        if found is None or not found.command:
            outputs = ", ".join(each for each, known in self.names.items() if known.command)
            raise WrongUsage(f"{name!r} is no output of {self.uplink}; it has {outputs or 'none'}")
        return found


def account_of(args: argparse.Namespace) -> Account:
    """Return the uplink that the arguments mean: the named one, or the only one of this kind.

    Raises:
        ConfigError: the file cannot be read, or has no such uplink, or several.
    """
    uplink = uplink_of(args, KIND, Config)
    own = uplink.config
    names = names_of(own, uplink.channels)
    return Account(uplink=uplink.name, config=own, folder=uplink.folder, names=names)
