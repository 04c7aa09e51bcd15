"""One `[uplink.NAME]` section as the verbs of its cloud see it.

The file may still have mistakes, and at first it has: before a gateway is registered there is no
key.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from gatewayd import config
from gatewayd.errors import ConfigError, WrongUsage
from gatewayd.fields import Secret
from gatewayd.model import Channel, ChannelId

C = TypeVar("C")
"""A cloud's own `Config`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedUplink(Generic[C]):
    """One uplink of the configuration, and what belongs to it.

    Attributes:
        config: its section, as far as the file is right.
        folder: where this uplink keeps files of its own: tokens, a key.
        channels: every channel of this gateway by global name.
    """

    name: str
    config: C
    gateway_id: str
    gateway_name: str
    folder: Path
    channels: dict[ChannelId, Channel]


def uplink_of(args: argparse.Namespace, kind: str, shape: type[C]) -> NamedUplink[C]:
    """Return the uplink that the arguments mean: the named one, or the only one of this kind.

    Raises:
        ConfigError: the file cannot be read, has no uplink of this kind, or another cloud under it.
        WrongUsage: no uplink of this kind has the name; or several are there and none is named.
    """
    settings, problems = config.salvage(args.config)
    if settings is None:
        raise config.ConfigInvalid(problem for problem in problems if not problem.is_warning)
    uplinks = {name: each for name, each in settings.uplinks.items() if each.kind == kind}
    if args.uplink is None and len(uplinks) != 1:
        needed = f"{args.config}: one uplink of kind {kind} is needed"
        if not uplinks:
            raise ConfigError(f"{needed}; it has none")
        raise WrongUsage(f"{needed}; it has {', '.join(uplinks)}; say --uplink NAME")
    name = args.uplink or next(iter(uplinks))
    if name not in uplinks:
        known = ", ".join(uplinks) or "none"
        raise WrongUsage(
            f"{args.config}: no uplink of kind {kind} is called {name!r}; there are {known}"
        )
    own = uplinks[name].config
    if not isinstance(own, shape):
        raise ConfigError(f"{args.config}: uplink {name} is not the built-in {kind}")
    return NamedUplink(
        name=name,
        config=own,
        gateway_id=settings.gateway.id,
        gateway_name=settings.gateway.name or settings.gateway.id,
        folder=settings.gateway.state_dir / "uplinks" / name,
        channels={
            ChannelId(f"{device.name}/{channel.id}"): channel
            for device in settings.devices.values()
            for channel in device.channels
        },
    )


def seen(secret: Secret | None) -> Secret | None:
    """Return a secret that is there; a missing one may stand in the settings as an empty text."""
    try:
        return secret if secret is not None and secret.reveal() else None
    except ConfigError:  # A systemd credential, which only the service can see.
        return None
