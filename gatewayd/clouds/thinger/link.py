"""The live connection of this gateway to Thinger.io, by the transport that the owner chose.

`tls` and `tcp` are the device socket (device_link), `mqtt` a broker (mqtt_link), `http` the
device's callback (http_link).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from gatewayd.clouds.thinger.settings import Config, check_id, check_settings, names_of
from gatewayd.model import Channel, ChannelId
from gatewayd.uplink import Link, Premises

__all__ = ["Config", "open_link", "subscription"]


def subscription(config: Config, channels: Mapping[ChannelId, Channel]) -> frozenset[ChannelId]:
    """Return the channels that Thinger.io hears of.

    Raises:
        ConfigError: illegal names or numbers.
    """
    check_settings(config)
    return frozenset(names_of(config, channels))


@asynccontextmanager
async def open_link(config: Config, premises: Premises) -> AsyncIterator[Link]:
    """Connect once.

    Raises:
        LinkLost, LinkDenied: see errors.
        ConfigError: illegal names, or a certificate that cannot be read.
    """
    check_id(config.device or premises.gateway_id, "device")
    if config.transport == "mqtt":
        from gatewayd.clouds.thinger.mqtt_link import open_mqtt_link

        async with open_mqtt_link(config, premises) as mqtt_link:
            yield mqtt_link
    elif config.transport == "http":
        from gatewayd.clouds.thinger.http_link import open_http_link

        async with open_http_link(config, premises) as http_link:
            yield http_link
    else:
        from gatewayd.clouds.thinger.device_link import open_device_link

        async with open_device_link(config, premises) as device_link:
            yield device_link
