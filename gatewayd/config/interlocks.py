"""Outputs that must never be on together: checked, and made mutual."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gatewayd.config.positions import Keys
from gatewayd.config.problems import Report, nearest_of, show
from gatewayd.config.settings import DeviceSettings
from gatewayd.config.uplinks import Known
from gatewayd.driver import is_output
from gatewayd.model import ChannelId
from gatewayd.setpoint import is_on


def complete_interlocks(
    devices: Mapping[str, DeviceSettings],
    document: Mapping[str, Any],
    known: Known,
    report: Report,
) -> dict[str, DeviceSettings]:
    """Return the devices with every interlock on both sides: whoever is second must know it.

    In a list for all outputs of a device each output passes over itself, so that one list can
    say "only one of these"; in a list of its own that is a mistake.
    """
    outputs = [name for name, channel in known.channels.items() if is_output(channel)]
    mutual: dict[str, set[str]] = {name: set() for name in outputs}
    for device in devices.values():
        for local, limits in device.limits.items():
            own = f"{device.name}/{local}"
            place, is_shared = _place(document, device, local)
            for number, other in enumerate(limits.interlock):
                keys = (*place, number)
                if other == own and not is_shared:
                    found = f"{show(own)} is interlocked with itself"
                    report.at_value(keys, found, "expected another output")
                elif other not in mutual and not (
                    known.may_be(other) and ChannelId(other) not in known.channels
                ):
                    found = f"{show(other)} is no output"
                    expected = "expected DEVICE/CHANNEL of an output"
                    report.at_value(keys, found, expected, nearest_of(other, outputs))
                elif other != own and other in mutual:
                    mutual[own].add(other)
                    mutual[other].add(own)
                    _check_safe(devices, own, other, report, keys)
    return {name: _with(device, mutual) for name, device in devices.items()}


def _place(document: Mapping[str, Any], device: DeviceSettings, local: str) -> tuple[Keys, bool]:
    """Return where an output's interlock is written, and whether others share the list."""
    keys: Keys = ("device", device.name)
    tables = document["device"][device.name].get("channel")
    table = tables.get(local) if isinstance(tables, Mapping) else None
    if isinstance(table, Mapping) and "interlock" in table:
        return (*keys, "channel", local, "interlock"), False
    return (*keys, "interlock"), len(device.limits) > 1


def _check_safe(
    devices: Mapping[str, DeviceSettings], own: str, other: str, report: Report, keys: Keys
) -> None:
    safes = []
    for name in (own, other):
        device, _, local = name.partition("/")
        limits = devices[device].limits.get(local)
        safes.append(limits is not None and is_on(limits.safe))
    if any(safes):
        # It falls back to on whenever a clock says so, also while the other is on.
        found = f"{own if safes[0] else other} is safe when on"
        report.at_value(keys, found, "expected outputs of an interlock to be safe when off")


def _with(device: DeviceSettings, mutual: Mapping[str, set[str]]) -> DeviceSettings:
    limits = {
        local: replace(old, interlock=tuple(sorted(mutual.get(f"{device.name}/{local}", ()))))
        for local, old in device.limits.items()
    }
    return replace(device, limits=limits)
