"""Whether what a configuration asks of the SD card fits into the card's budget."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from gatewayd.card import (
    DAY_S,
    FILE_BYTES,
    OUTAGE_SHARE,
    Asked,
    estimate_bytes_a_day,
    find_interval,
)
from gatewayd.config.positions import Keys
from gatewayd.config.problems import Report
from gatewayd.config.settings import DeviceSettings, Settings
from gatewayd.driver import is_output
from gatewayd.fields import show_duration, show_size
from gatewayd.model import Channel
from gatewayd.tuning import derived_names

UNASKED_S = 1.0
"""Devices that speak unasked say when they please; once a second is what satellite receivers,
weather stations and meters do."""

WINDOW_READINGS = 4
"""A window reports its mean, its minimum, its maximum, and now and then the reason for a gap."""

SNAPSHOTS = 24.0
"""The log's own counters, once an hour."""

GATHERS = ("series_interval", "bucket_interval", "report_interval")
"""How the clouds call the time that readings are gathered; the first that is set counts."""


def check_card(settings: Settings, report: Report) -> None:
    """Report numbers that are none, and a budget that this configuration cannot keep to."""
    outbox = settings.outbox
    keys: Keys = ("outbox",)
    most_s = outbox.commit_interval_max
    if most_s is not None and most_s < outbox.commit_interval:
        expected = f'expected "{show_duration(outbox.commit_interval)}" or more'
        found = f'found "{show_duration(most_s)}", less than commit_interval'
        report.at_value((*keys, "commit_interval_max"), found, expected)
    for key in ("card", "card_writes", "years"):
        value = getattr(outbox, key)
        if value is not None and value <= 0:
            report.at_value((*keys, key), f"found {value}", "expected more than zero")
    if outbox.endurance is None:
        for key in ("card_writes", "years", "commit_interval_max"):
            if getattr(outbox, key) != getattr(type(outbox)(), key):
                found, advice = f"{key} without card", 'it means nothing; add card = "32 GB"'
                report.warn((*keys, key), found, advice)
        return
    if any(place[:1] == keys for place in report.wrong):
        return
    _check_budget(settings, report)


def _check_budget(settings: Settings, report: Report) -> None:
    outbox, card = settings.outbox, settings.outbox.endurance
    assert card is not None
    floor_s = outbox.commit_interval
    most_s = max(floor_s, outbox.commit_interval_max or floor_s)
    asked = asked_of(settings, most_s)
    needed_s = find_interval(asked, card.bytes_a_day, floor_s)
    if needed_s is not None and needed_s <= most_s:
        return
    least = show_size(estimate_bytes_a_day(asked, most_s))
    found = (
        f"some {least} would be written a day, and a card of {show_size(card.size_bytes)} written "
        f"{card.writes:g} times bears {show_size(card.bytes_a_day)} for {card.years:g} years"
    )
    expected = "expected fewer readings (every, deadband, window) or a better card"
    if needed_s is not None:
        expected = f'expected commit_interval_max = "{_round_up(needed_s)}" or more'
    report.at_value(("outbox", "card"), found, expected)


def _round_up(seconds: float) -> str:
    whole_s = int(seconds) + 1
    return f"{whole_s}s" if whole_s < 120 else f"{whole_s // 60 + 1}m"


def asked_of(settings: Settings, interval_s: float) -> Asked:
    """Return what the card is asked to take, by pace of the devices and interval of the clouds.

    Args:
        interval_s: between two commits; a cloud that gathers for longer leaves everything for
            the card, one that is quicker leaves what an outage does.
    """
    readings = sum(map(readings_a_day, settings.devices.values())) if settings.uplinks else 0.0
    gathers = [gather_s(uplink.config) for uplink in settings.uplinks.values()]
    share = 1.0 if any(each >= interval_s for each in gathers) else OUTAGE_SHARE
    has_outputs = any(is_output(each) for each in _channels(settings.devices.values()))
    has_counters = any(each.is_counter for each in _channels(settings.devices.values()))
    saves = DAY_S / settings.totals.save * (has_counters + has_outputs)
    return Asked(readings, share, (saves + SNAPSHOTS) * FILE_BYTES)


def _channels(devices: Iterable[DeviceSettings]) -> list[Channel]:
    return [channel for device in devices for channel in device.channels]


def gather_s(config: object) -> float:
    """Return how long a cloud lets readings gather; 0 = they go as they come."""
    values = (getattr(config, name, None) for name in GATHERS)
    return next((float(value) for value in values if value is not None), 0.0)


def readings_a_day(device: DeviceSettings) -> float:
    """Return the most readings that a device can make in a day.

    Every sample is taken for news: a deadband helps on quiet days and not on others. Outputs
    speak when they are switched, which is rare.
    """
    every_s = UNASKED_S if _speaks_unasked(device) else device.every
    if every_s <= 0:
        every_s = UNASKED_S
    total = 0.0
    made = derived_names(device.channels, device.tunings)  # Windows count for theirs below.
    for channel in device.channels:
        if is_output(channel) or channel.id in made:
            continue
        tuning = device.tunings.get(channel.id)
        if tuning is not None and tuning.window:
            total += WINDOW_READINGS * DAY_S / max(tuning.window, every_s)
        else:
            total += DAY_S / every_s
    return total


def _speaks_unasked(device: DeviceSettings) -> bool:
    """Return whether a class of the driver's module is a Listener."""
    module = sys.modules.get(device.driver.open.__module__)
    found = vars(module).values() if module else ()
    return any(isinstance(each, type) and hasattr(each, "measurements") for each in found)
