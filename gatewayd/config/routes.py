"""The `[[route]]` tables: a message of somebody's to an output of ours.

Everything that can be known is looked up: the message and its field in the catalogue, the output
among those of this file, and what it shall become by what it can be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gatewayd.config.positions import Keys
from gatewayd.config.problems import Report, nearest_of, one_of, show
from gatewayd.config.shapes import shape_of
from gatewayd.config.uplinks import Known
from gatewayd.driver import is_output
from gatewayd.model import ChannelId
from gatewayd.routes import ANY, VALUES_MAX, Route, find_key_fault
from gatewayd.setpoint import legal_value

SECTION = "route"
ROUTES_MAX = 256
"""Each message is held against all of them."""


def read_routes(document: Mapping[str, Any], known: Known, report: Report) -> tuple[Route, ...]:
    """Return the routes, without those that nobody could follow."""
    tables = document.get(SECTION, [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        report.at_value((SECTION,), f"found {show(tables)}", "expected tables [[route]]")
        return ()
    if len(tables) > ROUTES_MAX:
        report.at_key((SECTION, ROUTES_MAX), f"{len(tables)} routes", f"at most {ROUTES_MAX}")
    routes = []
    for number, table in enumerate(tables[:ROUTES_MAX]):
        keys: Keys = (SECTION, number)
        route = shape_of(Route).fill(_without_tables(table, keys, report), keys, report)
        if route is not None:
            _Check(route, table, keys, known, report).run()
            routes.append(route)
    return tuple(routes)


def _without_tables(table: Mapping[str, Any], keys: Keys, report: Report) -> dict[str, Any]:
    """Return a route whose values are all single ones; pydantic would say the same four times."""
    values = table.get("values")
    if not isinstance(values, Mapping):
        return dict(table)
    for key, value in values.items():
        if not isinstance(value, str | int | float | bool):
            place = (*keys, "values", key)
            report.at_value(place, f"found {show(value)}", "expected a value for the output")
    kept = {key: value for key, value in values.items() if not isinstance(value, Mapping | list)}
    return {**table, "values": kept}


@dataclass(frozen=True, slots=True)
class _Check:
    """One route, held against what there is; `table` is how the file has it."""

    route: Route
    table: Mapping[str, Any]
    keys: Keys
    known: Known
    report: Report

    def run(self) -> None:
        self._check_message()
        self._check_thing()
        self._check_output()
        if self.route.hold is not None and self.route.hold <= 0:
            self._wrong("hold", "expected more than zero")

    def _wrong(self, key: str, expected: str, nearest: str | None = None) -> None:
        place = (*self.keys, key)
        if key in self.table and place not in self.report.wrong:
            found = f"found {show(self.table[key])}"
            self.report.at_value(place, found, expected, nearest)

    def _check_message(self) -> None:
        from gatewayd.clouds.thingsee.catalogue import CATALOGUE, Way, fields_of

        told = {str(entry.id) for entry in CATALOGUE.values() if entry.way is not Way.DOWN}
        message = self.route.message
        if str(message) not in told:
            nearest = nearest_of(message, told)
            self._wrong("message", "expected the id of a message that things send", nearest)
            return
        names = [*fields_of(message), "tsmEv"]
        if self.route.field not in names:
            expected = f"message {message}: {one_of(names)}"
            self._wrong("field", expected, nearest_of(self.route.field, names))

    def _check_thing(self) -> None:
        from gatewayd.clouds.thingsee.codec import TUID

        thing = self.route.thing
        if thing != ANY and not TUID.fullmatch(thing):
            upper = thing.strip().upper()
            nearest = upper if TUID.fullmatch(upper) else None
            self._wrong("thing", 'expected a TUID of capital letters and digits, or "*"', nearest)

    def _check_output(self) -> None:
        name = ChannelId(self.route.output)
        outputs = [each for each, channel in self.known.channels.items() if is_output(channel)]
        channel = self.known.channels.get(name)
        if channel is None and self.known.may_be(name):
            return
        if channel is None or not is_output(channel):
            expected = "expected DEVICE/CHANNEL of an output"
            self._wrong("output", expected, nearest_of(name, outputs))
            return
        values = self.route.values
        if len(values) > VALUES_MAX:
            self._wrong("values", f"expected {VALUES_MAX} at the most")
        for key, value in values.items():
            place = (*self.keys, "values", key)
            fault = find_key_fault(key)
            if fault:
                self.report.at_key(place, f"found {show(key)}", fault)
            try:
                legal_value(channel, value)
            except ValueError as error:
                words = ("on", "off") if channel.kind == "switch" else ()
                nearest = nearest_of(value, words)
                self.report.at_value(place, f"found {show(value)}", str(error), nearest)
