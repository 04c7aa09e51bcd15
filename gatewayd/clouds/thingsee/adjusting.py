"""What can be set on a thing: the settings of each configuration message, their limits; pure.

Strategy: a request changes what it names and is answered with everything (rule 2 of the vendor's
configuration guide). A value out of range is brought to the nearest end and that is what the
answer says; a value of the wrong kind changes nothing, because there is no negative answer.

Source: Haltian developer site, message profiles and the configuration pages of Presence and
Environment; where those name no limit, the type's or a sane one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from gatewayd.clouds.thingsee.codec import Json, maybe_number

INTERVALS, ROLE, ENVIRONMENT, PIR = 1500, 1501, 12200, 13200
ALLOWED = frozenset({INTERVALS, ROLE, ENVIRONMENT, PIR})
"""What the Open Services API lets customers send."""

DAY_S = 86_400
INTERVAL_S_MAX = 7 * DAY_S
"""The vendor names no end; a sensor that is silent for longer counts as lost everywhere."""

PIR_THRESHOLD = 150
"""What a threshold of 0, or one left out beside other settings, means (Presence guide)."""


class Setting(NamedTuple):
    """One setting; whole numbers where the default is whole."""

    name: str
    default: float
    minimum: float
    maximum: float


Values = Mapping[str, float]
"""The settings of one message by name."""

_OFF_ON = (0, 1)

SETTINGS: dict[int, tuple[Setting, ...]] = {
    INTERVALS: (
        Setting("measurementInterval", 300, 1, INTERVAL_S_MAX),
        Setting("reportInterval", 3600, 1, INTERVAL_S_MAX),
    ),
    ROLE: (
        Setting("nodeRole", 1, *_OFF_ON),
        Setting("autoRole", 1, *_OFF_ON),
        Setting("lowLatency", 0, *_OFF_ON),
    ),
    1502: (Setting("nodeAccessCycle", 0, 0, 3),),
    1503: (Setting("profileId", 0, 0, 3),),
    1504: (Setting("enabled", 0, *_OFF_ON),),
    11210: (
        Setting("heartbeatInterval", 0, 0, 1440),
        Setting("reportInterval", 60, 1, 1440),
        Setting("instantMode", 0, *_OFF_ON),
        Setting("updateSinkCost", 0, *_OFF_ON),
        Setting("sinkCostMin", 0, 0, 254),
        Setting("sinkCostMax", 16, 0, 254),
        Setting("sinkCostStep", 1, 0, 254),
    ),
    ENVIRONMENT: (
        Setting("accelerometerMode", 1, 0, 2),
        Setting("weatherMode", 0, -1, 0),
        Setting("hallMode", 1, -1, 1),
        Setting("leakageMode", 1, *_OFF_ON),
    ),
    12210: (
        Setting("intervalMultiplier", 1, 1, 65535),
        Setting("weatherMode", 1, *_OFF_ON),
        Setting("temperatureHysteresis", 0.5, 0, 100),
        Setting("humidityHysteresis", 2, 0, 100),
        Setting("pressureHysteresis", 20, 0, 100_000),
        Setting("lightHysteresis", 100, 0, 100_000),
    ),
    12211: (Setting("intervalMultiplier", 1, 1, 65535), Setting("hallMode", 1, *_OFF_ON)),
    12212: (
        Setting("intervalMultiplier", 1, 1, 65535),
        Setting("leakageMode", 1, *_OFF_ON),
        Setting("resistanceHysteresis", 10_000, 0, 2_147_483_647),
    ),
    PIR: (
        Setting("threshold", PIR_THRESHOLD, 60, 1100),
        Setting("enableLed", 0, *_OFF_ON),
        Setting("mode", 0, 0, 2),
        Setting("passiveReportInterval", 3600, 0, DAY_S),
    ),
    16200: (
        Setting("intervalMultiplier", 1, 1, 65535),
        Setting("accelerometerMode", 1, 0, 2),
        Setting("orientationHysteresis", 5, 0, 180),
        Setting("energyLevelThreshold", 1, 0, 65535),
        Setting("activityLevelThreshold", 0.001, 0, 100),
        Setting("impactThreshold", 1, 0, 65535),
        Setting("fullScale", 8, 2, 16),
    ),
    17110: (Setting("profileId", 0, 0, 3),),
    17220: (
        Setting("rangingMode", 1, 1, 2),
        Setting("rangingTimingBudget", 100, 15, 1000),
        Setting("reportingHysteresisAbsolute", 0, 0, 65535),
        Setting("reportingHysteresisRelative", 0, 0, 100),
        Setting("reportingIgnoreErrors", 0, *_OFF_ON),
        Setting("reportingEnableDebug", 0, *_OFF_ON),
        Setting("accelerometerMode", 1, 0, 2),
        Setting("temperatureMode", 0, *_OFF_ON),
        Setting("mode", 0, *_OFF_ON),
        Setting("peopleCountingOrientation", 0, 0, 3),
        Setting("peopleCountingDistanceThreshold", 1280, 0, 65535),
    ),
    24200: (
        Setting("averaging", 1, 1, 10),
        Setting("rounding", 1, 1, 1000),
        Setting("samples", 1, 1, 32),
        Setting("staticFilter", 0, 0, 10),
        Setting("dynamicFilter", 0, 0, 65535),
        Setting("autoCalibration", 192, 0, 65535),
        Setting("calibrationValue", 400, 0, 65535),
        Setting("pressureCompensate", 0, 0, 200_000),
        Setting("carbonDioxideHysteresis", 10, 0, 65535),
    ),
    24201: (Setting("calibrationValue", 400, 0, 65535),),
}
"""The settings of every configuration message whose fields are numbers, 31 answers to 30."""


def defaults_of(id: int) -> dict[str, float]:
    """Return the settings of a configuration message as they come from the factory."""
    return {setting.name: setting.default for setting in SETTINGS[id]}


def adjust(id: int, current: Values, asked: Mapping[str, Json]) -> dict[str, float]:
    """Return all settings of a message after a request; the answer is made of them.

    Args:
        id: one of `SETTINGS`.
        current: the settings until now; what is missing has its default.
        asked: the request's fields. None of them ours: it only asks how things are.
    """
    values = {**defaults_of(id), **current}
    named = [setting for setting in SETTINGS[id] if setting.name in asked]
    for setting in named:
        number = maybe_number(asked[setting.name])
        if number is not None:
            values[setting.name] = clamped(setting, number)
    if id == PIR and named and maybe_number(asked.get("threshold", 0)) == 0:
        values["threshold"] = PIR_THRESHOLD
    return values


def clamped(setting: Setting, number: float) -> float:
    """Return the nearest value that a setting can have; ties of a whole one go to the even."""
    number = min(max(number, setting.minimum), setting.maximum)
    return round(number) if isinstance(setting.default, int) else float(number)


def passive_interval(values: Values, report_interval_s: float) -> float:
    """Return a PIR sensor's passive interval (s), which must exceed its report interval."""
    asked_s = values["passiveReportInterval"]
    if not asked_s or not values["mode"] or asked_s > report_interval_s:
        return asked_s
    return min(report_interval_s + 1, DAY_S)
