"""What the owner says about channels and devices, held against those that there are; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gatewayd.errors import ConfigError
from gatewayd.model import Access, Channel, ChannelId


def check_entries(
    channels: Mapping[ChannelId, Channel], sensors: Iterable[str], actuators: Iterable[str]
) -> None:
    """Raise ConfigError for an entry of these tables that is in the wrong one or for no channel."""
    for table, names, access in (
        ("sensors", sensors, Access.READ),
        ("actuators", actuators, Access.WRITE),
    ):
        for name in names:
            channel = channels.get(ChannelId(name))
            if channel is None:
                raise ConfigError(f"{table}: no channel is called {name!r}")
            if channel.access is not access:
                raise ConfigError(f"{name} does not belong into {table}")


def check_devices(
    channels: Mapping[ChannelId, Channel], table: str, devices: Iterable[str]
) -> None:
    """Raise ConfigError for a device of this table that has no channel."""
    known = {name.partition("/")[0] for name in channels}
    for device in devices:
        if device not in known:
            raise ConfigError(f"{table}: no device is called {device!r}")
