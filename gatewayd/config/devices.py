"""The `[device.NAME]` sections: common keys here, the others as the driver's `Config` says.

Strategy: the driver's configuration is checked first, because only it tells the channels
(`describe`); then each `[device.NAME.channel.CHANNEL]` is a `Tuning` for a sensor's channel and
`Limits` for an output. Keys of outputs may stand in the device's section for all its outputs and
again in a channel's for one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from gatewayd.config.limits import OUTPUT, check_limits
from gatewayd.config.names import ALLOWED, is_name
from gatewayd.config.positions import Keys
from gatewayd.config.problems import Report, nearest_of, one_of, show
from gatewayd.config.settings import ACTUATOR_S, EVERY_S, TIMEOUT_S, DeviceSettings
from gatewayd.config.shapes import Shape, shape_of
from gatewayd.config.tunings import declare, read_tuning
from gatewayd.driver import Driver, driver_kinds, is_output, load_driver
from gatewayd.errors import ConfigError
from gatewayd.fields import Seconds
from gatewayd.model import Channel
from gatewayd.output import Limits
from gatewayd.setpoint import legal_value
from gatewayd.tuning import Tuning

CHANNELS_MAX = 1024
"""Of one device. More is a mistyped count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """The common keys of a device that are not about outputs."""

    every: Seconds = EVERY_S
    timeout: Seconds = TIMEOUT_S
    quiet_max: Seconds | None = None


PACE = ("every", "timeout", "quiet_max")
COMMON = ("driver", *PACE, "channel", *OUTPUT)


HARMLESS = {*PACE, *OUTPUT} - {"safe"}
HARMLESS_IN_CHANNEL = HARMLESS | {field.name for field in fields(Tuning)}


def is_harmless(keys: Keys) -> bool:
    """Return whether a mistake there leaves no doubt about which output is meant and its safe."""
    match keys[2:]:
        case ("channel", _, key, *_):
            return key in HARMLESS_IN_CHANNEL
        case (key, *_):
            return key in HARMLESS
        case _:
            return False


@dataclass(slots=True)
class Shelf:
    """Drivers taken off the shelf once, however many devices name them."""

    report: Report
    kinds: Mapping[str, str] = field(default_factory=driver_kinds)
    _drivers: dict[str, Driver | None] = field(default_factory=dict)
    _reasons: dict[str, str] = field(default_factory=dict)

    def driver(self, kind: object, keys: Keys) -> Driver | None:
        """Return the driver of a kind, or report why there is none."""
        if not isinstance(kind, str) or kind not in self.kinds:
            nearest = nearest_of(kind, self.kinds)
            self.report.at_value(keys, f"found {show(kind)}", one_of(sorted(self.kinds)), nearest)
            return None
        if kind not in self._drivers:
            try:
                self._drivers[kind] = load_driver(kind)
                shape_of(self._drivers[kind].config)  # type: ignore[union-attr]  # Just loaded.
            except ConfigError as error:
                self._drivers[kind], self._reasons[kind] = None, str(error)
        if self._drivers[kind] is None:
            self.report.at_value(keys, self._reasons[kind], "expected a driver that can be loaded")
        return self._drivers[kind]


def read_device(
    name: str, section: Mapping[str, Any], shelf: Shelf, report: Report
) -> DeviceSettings | None:
    """Return one device, provisional if it has mistakes, or None if nothing is known of it."""
    keys: Keys = ("device", name)
    if "driver" not in section:
        nearest = nearest_of("driver", section.keys() - set(COMMON))
        report.at_key(
            keys, f'no "driver" for {name}', "expected this key, it has no default", nearest
        )
        return None
    driver = shelf.driver(section["driver"], (*keys, "driver"))
    if driver is None:
        return None
    pace = shape_of(Pace).fill({k: section[k] for k in PACE if k in section}, keys, report)
    pace = pace or Pace()
    config = _own_config(driver, section, keys, report)
    if config is None:
        return None
    channels = _describe(driver, config, keys, report)
    tables = _channel_tables(section, channels, keys, report)
    tunings, limits = _Channels(section, tables, keys, report).read(channels)
    channels, tunings = declare(channels, tunings, (*keys, "channel"), report)
    for key in PACE:
        if getattr(pace, key) == 0:
            report.at_value((*keys, key), f"found {show(section[key])}", "expected more than zero")
    return DeviceSettings(
        name=name,
        driver=driver,
        config=config,
        channels=channels,
        every=pace.every,
        timeout=pace.timeout if "timeout" in section or not limits else ACTUATOR_S,
        quiet_max=pace.quiet_max,
        tunings=tunings,
        limits=limits,
    )


def _own_config(
    driver: Driver, section: Mapping[str, Any], keys: Keys, report: Report
) -> object | None:
    shape: Shape[object] = shape_of(driver.config)
    own = {key: value for key, value in section.items() if key not in COMMON}
    # An unknown key here may be a mistyped common one, so both are offered as the nearest.
    names = [*COMMON, *shape.names()]
    for key in [key for key in own if key not in names]:
        del own[key]
        found = f"unknown key {show(key)}"
        report.at_key((*keys, key), found, one_of(names), nearest_of(key, names))
    return shape.fill(own, keys, report)


def _describe(driver: Driver, config: object, keys: Keys, report: Report) -> tuple[Channel, ...]:
    """Return the channels that the driver tells, without those that nobody could name."""
    try:
        told = driver.describe(config)
    except (ConfigError, ValueError) as error:
        report.at_key(keys, str(error), f"expected what {driver.kind} can describe")
        return ()
    channels: dict[str, Channel] = {}
    for channel in told:
        if not is_name(channel.id):
            report.at_key(keys, f"found the channel name {show(channel.id)}", ALLOWED)
        elif channel.id in channels:
            report.at_key(keys, f"found the channel {show(channel.id)} twice", "expected it once")
        else:
            channels[channel.id] = channel
    if len(channels) > CHANNELS_MAX:
        report.at_key(keys, f"{len(channels)} channels", f"expected {CHANNELS_MAX} at the most")
    return tuple(channels.values())[:CHANNELS_MAX]


def _channel_tables(
    section: Mapping[str, Any], channels: tuple[Channel, ...], keys: Keys, report: Report
) -> dict[str, dict[str, Any]]:
    tables = section.get("channel", {})
    keys = (*keys, "channel")
    if not isinstance(tables, dict):
        report.at_value(keys, f"found {show(tables)}", "expected a table for each channel")
        return {}
    known = [channel.id for channel in channels]
    good = {}
    for name, table in tables.items():
        if name not in known:
            found = f"unknown channel {show(name)}"
            report.at_key((*keys, name), found, one_of(known), nearest_of(name, known))
        elif not isinstance(table, dict):
            report.at_value((*keys, name), f"found {show(table)}", "expected a table")
        else:
            good[name] = table
    return good


@dataclass(frozen=True, slots=True)
class _Channels:
    """Reads what the owner says about each channel of one device."""

    section: Mapping[str, Any]
    tables: Mapping[str, Mapping[str, Any]]
    keys: Keys
    report: Report

    def read(self, channels: tuple[Channel, ...]) -> tuple[dict[str, Tuning], dict[str, Limits]]:
        tunings: dict[str, Tuning] = {}
        limits: dict[str, Limits] = {}
        for channel in channels:
            if is_output(channel):
                found = self._limits(channel)
                if found is not None:
                    limits[channel.id] = found
            elif channel.id in self.tables:
                tuning = self._tuning(channel, channels)
                if tuning is not None:
                    tunings[channel.id] = tuning
        if channels and not any(is_output(channel) for channel in channels):
            self._refuse_output_keys(self.section, self.keys)
        return tunings, limits

    def _tuning(self, channel: Channel, channels: tuple[Channel, ...]) -> Tuning | None:
        keys = (*self.keys, "channel", channel.id)
        table = self.tables[channel.id]
        self._refuse_output_keys(table, keys)
        own = {key: value for key, value in table.items() if key not in OUTPUT}
        return read_tuning(own, channel, channels, keys, self.report)

    def _refuse_output_keys(self, table: Mapping[str, Any], keys: Keys) -> None:
        for key in OUTPUT:
            if key in table:
                found = f"found {show(key)} where nothing is an output"
                self.report.at_key((*keys, key), found, "expected it for outputs only")

    def _limits(self, channel: Channel) -> Limits | None:
        """Return an output's limits: the channel's own keys over the device's."""
        keys = (*self.keys, "channel", channel.id)
        table = self.tables.get(channel.id, {})
        inherited = {key: self.section[key] for key in OUTPUT if key in self.section}
        places = {key: self.keys for key in inherited if key not in table}
        merged: dict[str, Any] = {**inherited, **table}
        place = (*places.get("safe", keys), "safe")
        is_switch = channel.kind == "switch"
        if "safe" not in merged:
            known = [*self.section, *table]
            nearest = nearest_of("safe", [key for key in known if key not in COMMON])
            what = f'no "safe" for {self.keys[-1]}/{channel.id}'
            why = "expected the value when in doubt, it has no default"
            self.report.at_key(keys if table else self.keys, what, why, nearest)
            merged["safe"] = channel.minimum or 0.0
        else:
            try:
                merged["safe"] = legal_value(channel, merged["safe"])
            except ValueError as error:
                nearest = nearest_of(merged["safe"], ("on", "off")) if is_switch else None
                self.report.at_value(place, f"found {show(merged['safe'])}", str(error), nearest)
                merged["safe"] = 0.0
        limits = shape_of(Limits).fill(merged, keys, self.report, places)
        if limits is not None:
            check_limits(limits, merged, keys, places, self.report)
        return limits
