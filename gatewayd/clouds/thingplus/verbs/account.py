"""One `[uplink.NAME]` of kind thingplus as the management verbs see it."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from gatewayd.cli._uplink import seen, uplink_of
from gatewayd.clouds.thingplus.link import Config
from gatewayd.clouds.thingplus.names import Names, name_channels
from gatewayd.clouds.thingplus.own_face import OwnSettings
from gatewayd.clouds.thingplus.rest import RestSettings
from gatewayd.fields import Secret

KIND = "thingplus"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Where an uplink's API is, who the gateway is there, and what belongs to it.

    Attributes:
        api_key: None while there is none, or where this process may not see it.
        folder: where this uplink keeps files of its own: the token, a key.
        names: what every channel is called there.
    """

    uplink: str
    rest_url: str
    gateway_id: str
    gateway_name: str
    report_interval_ms: int
    api_key: Secret | None
    folder: Path
    names: Names

    @property
    def token_file(self) -> Path:
        return self.folder / "token.json"

    @property
    def key_file(self) -> Path:
        return self.folder / "api-key"

    def rest(self) -> RestSettings:
        """Return what opens the API with the token of the last login."""
        return RestSettings(url=self.rest_url, token_file=self.token_file)

    def own(self, api_key: Secret) -> OwnSettings:
        """Return what opens the gateway's own face of the API."""
        return OwnSettings(url=self.rest_url, gateway_id=self.gateway_id, api_key=api_key)


def account_of(args: argparse.Namespace) -> Account:
    """Return the uplink that the arguments mean: the named one, or the only one of this kind.

    Raises:
        ConfigError: the file cannot be read, or has no such uplink, or several.
    """
    uplink = uplink_of(args, KIND, Config)
    own = uplink.config
    gateway_id = own.gateway_id or uplink.gateway_id
    return Account(
        uplink=uplink.name,
        rest_url=own.rest_url,
        gateway_id=gateway_id,
        gateway_name=uplink.gateway_name,
        report_interval_ms=round(own.report_interval * 1000),
        api_key=seen(own.api_key),
        folder=uplink.folder,
        names=name_channels(gateway_id, uplink.channels, own.sensors, own.actuators),
    )
