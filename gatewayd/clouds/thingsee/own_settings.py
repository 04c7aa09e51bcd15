"""Which settings the things of this gateway have, and what they are; pure but for `Kept`.

Strategy: what was never set says how things are: a thing that reports its door at every sample is
in hall mode 0, one without a door in -1. Only what the cloud has set changes what is reported.
"""

from __future__ import annotations

from collections.abc import Mapping

from gatewayd.clouds.thingsee.adjusting import (
    ENVIRONMENT,
    INTERVALS,
    PIR,
    ROLE,
    adjust,
    passive_interval,
)
from gatewayd.clouds.thingsee.codec import Json
from gatewayd.clouds.thingsee.kept import MEASURING, REPORTING, Kept
from gatewayd.clouds.thingsee.names import MOVEMENT, OCCUPANCY, Names
from gatewayd.sampler import Pace

_ABOUT = {
    ENVIRONMENT: frozenset({12100, 12101, 12102, 1111, 16100}),
    PIR: frozenset({MOVEMENT, OCCUPANCY}),
}
"""The messages of a thing that a configuration message is about."""


class OwnSettings:
    """The settings of this gateway and its things, as the cloud sees and sets them."""

    def __init__(
        self, names: Names, kept: Kept, paces: Mapping[str, Pace], configured_report_s: float
    ) -> None:
        self.kept = kept
        self._names = names
        self._paces = paces
        self._configured_report_s = configured_report_s

    def has(self, thing: str, id: int) -> bool:
        """Return whether a thing has the settings of a configuration message.

        Intervals and the mesh's role are everybody's; the latter means nothing on a Pi and is
        answered all the same.
        """
        return id in (INTERVALS, ROLE) or bool(self._messages(thing) & _ABOUT.get(id, frozenset()))

    def current(self, thing: str, id: int) -> dict[str, float]:
        """Return all settings of one message."""
        values = self.kept.values_of(thing, id)
        if id == INTERVALS:
            return values | self._intervals(thing, values)
        if id not in self.kept.settings.get(thing, {}):
            return values | self._as_it_is(thing, id)
        return values

    def change(self, thing: str, id: int, asked: Mapping[str, Json]) -> dict[str, float]:
        """Change what a request names, and return all settings of the message afterwards."""
        before = self.current(thing, id)
        values = adjust(id, before, asked)
        if id == INTERVALS and values[MEASURING] != before[MEASURING]:
            sampled = [name for name in self._devices(thing) if name in self._paces]
            self.kept.set_pace(sampled, self._paces, values[MEASURING])
            if not sampled:  # Nothing here is measured at intervals: unchanged is the answer.
                values[MEASURING] = before[MEASURING]
        if id == PIR:
            report_s = self.current(thing, INTERVALS)[REPORTING]
            values["passiveReportInterval"] = passive_interval(values, report_s)
        if values != before:
            self.kept.take(thing, id, values)
        return values

    def report_interval_s(self, thing: str) -> float:
        """Return how long a thing's values are gathered."""
        return self.kept.report_interval_s(thing, self._names.gateway, self._configured_report_s)

    def resume(self) -> None:
        """Put kept measurement intervals to work: the gateway's for all, then each thing's own."""
        things = sorted(self._names.devices, key=lambda thing: thing != self._names.gateway)
        for thing in things:
            self.kept.resume(thing, self._devices(thing), self._paces)

    def _devices(self, thing: str) -> frozenset[str]:
        """Return the devices that a thing's intervals are about; the gateway's are about all."""
        if thing != self._names.gateway:
            return self._names.devices[thing]
        return frozenset(place.device for place in self._names.places.values())

    def _messages(self, thing: str) -> frozenset[int]:
        return frozenset(place.message for place in self._names.places_of(thing))

    def _intervals(self, thing: str, values: Mapping[str, float]) -> dict[str, float]:
        """Return the intervals (whole seconds) as they are, whoever has set them."""
        paces = [self._paces[name].every_s for name in self._devices(thing) if name in self._paces]
        measuring_s = min(paces, default=values[MEASURING])
        found = {MEASURING: measuring_s, REPORTING: self.report_interval_s(thing)}
        return {name: max(1, round(value)) for name, value in found.items()}

    def _as_it_is(self, thing: str, id: int) -> dict[str, float]:
        messages = self._messages(thing)
        if id == PIR:
            return {"mode": 1 if OCCUPANCY in messages else 0}
        if id != ENVIRONMENT:
            return {}
        return {
            "accelerometerMode": 2 if 16100 in messages else 1 if 1111 in messages else 0,
            "weatherMode": 0 if 12100 in messages else -1,
            "hallMode": 0 if 12101 in messages else -1,
            "leakageMode": 1 if 12102 in messages else 0,
        }
