"""Tables of the file into dataclasses: pydantic does it, and its errors become problems.

This is the only place that knows pydantic's words. A shape is any frozen standard dataclass;
drivers and clouds declare theirs without knowing who reads them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, fields
from functools import lru_cache
from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    TypeVar,
    get_args,
    get_type_hints,
)

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError

from gatewayd.config.hints import dataclass_in, hint_at, stand_in, types_inside
from gatewayd.config.positions import Keys
from gatewayd.config.problems import Hex, Report, nearest_of, one_of, show
from gatewayd.errors import ConfigError
from gatewayd.fields import Seconds, Secret, Size

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

T = TypeVar("T")

_EXPECTED = {
    "int": "a whole number",
    "float": "a number",
    "decimal": "a number",
    "finite": "a number that is not inf or nan",
    "bool": "true or false",
    "string": "text in quotes",
    "path": "a path in quotes",
    "tuple": "a list in [ ]",
    "list": "a list in [ ]",
    "set": "a list in [ ]",
    "frozen": "a list in [ ]",
    "dict": "a table",
    "mapping": "a table",
    "dataclass": "a table",
}
"""What a person would call the type in the first word of pydantic's error type."""


class Withheld(Secret):
    """A systemd credential, seen from outside the service; `reveal` says so."""

    __slots__ = ()

    def reveal(self) -> str:
        """Raise ConfigError: whoever needs it must run under systemd."""
        raise ConfigError(f"credential {self._text} is only there when systemd starts gatewayd")


class Shape(Generic[T]):
    """One dataclass, ready to be filled from tables."""

    def __init__(self, kind: type[T]) -> None:
        self.kind = kind
        # A key that nobody reads is a typing error, and an infinite limit is none.
        kind.__pydantic_config__ = ConfigDict(  # type: ignore[attr-defined]  # pydantic's own door.
            extra="forbid", allow_inf_nan=False
        )
        try:
            self._adapter = TypeAdapter(kind)
            self._hints = get_type_hints(kind, include_extras=True)
        except (PydanticUserError, NameError, TypeError) as error:
            raise ConfigError(f"{kind.__module__}.Config cannot be read: {error}") from error
        self._secret = {
            name for name, hint in self._hints.items() if Secret in types_inside(hint, is_deep=True)
        }

    def names(self) -> list[str]:
        """Return the keys that this table may have."""
        return [field.name for field in fields(self.kind) if field.init]  # type: ignore[arg-type]  # A dataclass.

    def secrets(self) -> frozenset[str]:
        """Return the keys that hold secrets."""
        return frozenset(self._secret)

    def names_at(self, way: Keys) -> list[str]:
        """Return the keys that the table may have to which `way` leads."""
        kind = dataclass_in(hint_at(self.kind, way))
        return [field.name for field in fields(kind) if field.init] if kind else []

    def json_schema(self, prefix: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the JSON Schema of this table, and the definitions that it refers to.

        The definitions' names begin with the prefix, so that two drivers may both have a `Signal`.
        """
        schema = self._adapter.json_schema(ref_template=f"#/$defs/{prefix}.{{model}}")
        definitions = schema.pop("$defs", {})
        for definition in (schema, *definitions.values()):
            for value in definition.get("properties", {}).values():
                if not isinstance(value.get("default"), str | bool):
                    value.pop("default", None)  # `10.0` for `"10s"` would mislead.
        return schema, {f"{prefix}.{name}": value for name, value in definitions.items()}

    def fill(
        self,
        table: Mapping[str, object],
        keys: Keys,
        report: Report,
        elsewhere: Mapping[str, Keys] | None = None,
    ) -> T | None:
        """Return the dataclass for a table, or report all that is wrong with it.

        A table with mistakes still gives a provisional dataclass without the keys concerned,
        where that is possible: it lets the checks that follow find the other mistakes.

        Args:
            keys: where the table stands.
            elsewhere: keys that were inherited from another table, with that table's place.
        """
        table = self._withhold(table, keys, report)
        try:
            return self._adapter.validate_python(table)
        except ValidationError as error:
            details = error.errors(include_url=False)
        for detail in details:
            self._explain(detail, keys, report, elsewhere or {})
        return self._provisional(
            table, {str(detail["loc"][0]) for detail in details if detail["loc"]}
        )

    def _provisional(self, table: Mapping[str, object], wrong: set[str]) -> T | None:
        """Return the dataclass with defaults and stand-ins for the keys that are wrong."""
        good = {key: value for key, value in table.items() if key not in wrong}
        for field in fields(self.kind):  # type: ignore[arg-type]  # A dataclass.
            has_none = field.default is MISSING and field.default_factory is MISSING
            if field.init and field.name not in good and has_none:
                good[field.name] = stand_in(self._hints[field.name])
        try:
            return self._adapter.validate_python(good)
        except ValidationError:
            return None

    def _withhold(
        self, table: Mapping[str, object], keys: Keys, report: Report
    ) -> dict[str, object]:
        """Return the table with a stand-in for each credential that only the service sees."""
        known = dict(table)
        if report.has_credentials:
            return known
        for key in self._secret & known.keys():
            known[key] = _withheld(known[key], (*keys, key), report)
        return known

    def _explain(
        self, detail: ErrorDetails, keys: Keys, report: Report, elsewhere: Mapping[str, Keys]
    ) -> None:
        way: Keys = detail["loc"]
        first = str(way[0]) if way else ""
        full = (*elsewhere.get(first, keys), *way)
        match detail["type"]:
            case "unexpected_keyword_argument" | "extra_forbidden":
                names = self.names_at(way[:-1])
                found = f"unknown key {show(way[-1])}"
                report.at_key(full, found, one_of(names), nearest_of(way[-1], names))
            case "missing" | "missing_argument" | "missing_keyword_only_argument":
                report.wrong.add(full)
                report.at_key(
                    full[:-1], f"no {show(way[-1])}", "expected this key, it has no default"
                )
            case "value_error" if not way:
                report.at_key(full, str(_reason(detail)), "expected keys that go together")
            case _:
                self._explain_value(detail, full, report)

    def _explain_value(self, detail: ErrorDetails, keys: Keys, report: Report) -> None:
        way: Keys = detail["loc"]
        first, value = str(way[0]) if way else "", detail["input"]
        expected, words = _expected(detail)
        hint = hint_at(self.kind, way)
        if first in self._secret and (hint is None or Secret in types_inside(hint, is_deep=False)):
            report.at_value(keys, "a secret that cannot be used", expected)
            return
        if way[-1:] == ("address",):  # Data sheets write addresses in hexadecimal.
            expected = re.sub(r"\d+", lambda number: f"{int(number[0]):#04x}", expected)
            value = Hex(value) if isinstance(value, int) else value
        nearest = nearest_of(value, words)
        if nearest is None and len(way) == 1:
            nearest = _nearest_quantity(value, self._hints.get(first))
        report.at_value(keys, f"found {show(value)}", expected, nearest)


def _withheld(value: object, keys: Keys, report: Report) -> object:
    if not isinstance(value, dict):
        return value
    if value.keys() != {"credential"}:
        return {key: _withheld(each, (*keys, key), report) for key, each in value.items()}
    name = str(value["credential"])
    found = f"credential {show(name)} is for the service only"
    report.warn(keys, found, "it cannot be checked from here")
    return Withheld(name)


def shape_of(kind: type[T]) -> Shape[T]:
    """Return the shape of a dataclass, made once."""
    key: Any = kind
    shape: Shape[T] = _made(key)
    return shape


@lru_cache(maxsize=256)
def _made(kind: Any) -> Shape[Any]:
    return Shape(kind)


def _expected(detail: ErrorDetails) -> tuple[str, list[str]]:
    """Return what would be right as a sentence, and as words where there are words for it."""
    words = re.findall(r"'([^']*)'", str(detail.get("ctx", {}).get("expected", "")))
    if words:
        return one_of(words), words
    if detail["type"] in ("value_error", "assertion_error"):
        return str(_reason(detail)), []
    word = _EXPECTED.get(detail["type"].partition("_")[0])
    return f"expected {word or detail['msg'].removeprefix('Input should be ').lower()}", []


def _nearest_quantity(value: object, hint: object) -> str | None:
    """Return the duration or size that was probably meant: `10` or `"10 sec"` is `"10s"`."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]?)[A-Za-z]*\s*", str(value))
    hints = (hint, *get_args(hint))
    if match is None or isinstance(value, bool):
        return None
    if Seconds in hints and match[2].lower() in ("", "s", "m", "h", "d"):
        return f'"{match[1]}{match[2].lower() or "s"}"'
    if Size in hints and match[2].upper() in ("", "K", "M", "G"):
        return f'"{match[1]} {match[2].upper()}iB"' if match[2] else f'"{match[1]} B"'
    return None


def _reason(detail: ErrorDetails) -> object:
    return detail.get("ctx", {}).get("error", detail["msg"])
