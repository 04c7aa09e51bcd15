"""What outputs say of other channels: whom they start after, which sensor verifies them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from gatewayd.config.positions import Keys
from gatewayd.config.problems import Report, nearest_of, show
from gatewayd.config.settings import DeviceSettings
from gatewayd.config.uplinks import Known
from gatewayd.driver import is_output
from gatewayd.fields import show_duration
from gatewayd.model import ChannelId
from gatewayd.output import Limits
from gatewayd.setpoint import is_on


def check_relations(
    devices: Mapping[str, DeviceSettings],
    document: Mapping[str, Any],
    known: Known,
    report: Report,
) -> None:
    """Report names of channels that cannot be what the output needs, and unwise relations."""
    starts: dict[str, tuple[str, ...]] = {}
    for device in devices.values():
        for local, limits in device.limits.items():
            own, at = f"{device.name}/{local}", partial(place_of, document, device, local)
            starts[own] = limits.start_after
            _check_starts(own, limits, at("start_after"), known, report)
            _check_verify(limits, at("verify"), known, devices, report)
            _check_dead_time(device, limits, at("dead_time"), report)
            _check_safe(device, local, limits, at("safe"), report)
    for device in devices.values():
        for local in device.limits:
            own = f"{device.name}/{local}"
            if ring := find_ring(own, starts):
                found = f"{' after '.join(ring)}: nobody could be first"
                keys = place_of(document, device, local, "start_after")
                report.at_value(keys, found, "expected an order with a beginning")
                return


def place_of(document: Mapping[str, Any], device: DeviceSettings, local: str, key: str) -> Keys:
    """Return where a key of an output is written: with its channel, or for the whole device."""
    keys: Keys = ("device", device.name)
    tables = document["device"][device.name].get("channel")
    table = tables.get(local) if isinstance(tables, Mapping) else None
    if isinstance(table, Mapping) and key in table:
        return (*keys, "channel", local, key)
    return (*keys, key)


def find_ring(first: str, starts: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Return the names of a ring through `first`, it first and last; empty where there is none."""
    ways = [[first]]
    seen: set[str] = set()
    while ways:
        way = ways.pop()
        for after in starts.get(way[-1], ()):
            if after == first:
                return [*way, first]
            if after not in seen:
                seen.add(after)
                ways.append([*way, after])
    return []


def _check_starts(own: str, limits: Limits, keys: Keys, known: Known, report: Report) -> None:
    outputs = [name for name, channel in known.channels.items() if is_output(channel)]
    for number, other in enumerate(limits.start_after):
        if other == own:
            found = f"{show(own)} starts after itself"
            report.at_value((*keys, number), found, "expected another output")
        elif other not in outputs and not _is_doubtful(other, known):
            found, expected = f"{show(other)} is no output", "expected DEVICE/CHANNEL of an output"
            report.at_value((*keys, number), found, expected, nearest_of(other, outputs))


def _check_verify(
    limits: Limits,
    keys: Keys,
    known: Known,
    devices: Mapping[str, DeviceSettings],
    report: Report,
) -> None:
    verify = limits.verify
    if verify is None:
        return
    name = ChannelId(verify.channel)
    channel = known.channels.get(name)
    if channel is None and not _is_doubtful(name, known):
        sensors = [each for each, found in known.channels.items() if not is_output(found)]
        found, expected = f"unknown channel {show(name)}", "expected DEVICE/CHANNEL of a sensor"
        report.at_value((*keys, "channel"), found, expected, nearest_of(name, sensors))
    elif channel is not None and is_output(channel):
        found = f"{show(name)} is an output"
        report.at_value((*keys, "channel"), found, "expected a sensor, which sees what it does")
    elif channel is not None:
        sensor = devices[name.partition("/")[0]]
        if sensor.every >= verify.within:
            found = f"{sensor.name} is asked every {show_duration(sensor.every)}"
            within = show_duration(verify.within)
            advice = f"what it verifies waits {within} for it and then goes safe: ask it oftener"
            report.warn(keys, found, advice)


def _check_dead_time(device: DeviceSettings, limits: Limits, keys: Keys, report: Report) -> None:
    # Said for a whole board it may mean some of its outputs only.
    if limits.dead_time and not any(each.interlock for each in device.limits.values()):
        found = "a dead_time without an interlock"
        report.at_value(keys, found, "expected interlock = [ … ] here or at the other output")


def _check_safe(
    device: DeviceSettings, local: str, limits: Limits, keys: Keys, report: Report
) -> None:
    channel = next(each for each in device.channels if each.id == local)
    if channel.kind == "switch" and is_on(limits.safe):
        found = f"{device.name}/{local} is safe when it is on"
        advice = "without power it is off: wire it so that this is safe too (normally closed)"
        report.warn(keys, found, advice)


def _is_doubtful(name: str, known: Known) -> bool:
    return known.may_be(name) and ChannelId(name) not in known.channels
