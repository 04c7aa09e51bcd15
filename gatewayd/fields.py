"""What a configuration value may be besides text and numbers: durations, sizes, secrets.

Drivers and clouds annotate their `Config` with `Seconds`, `Size` and `Secret`; `config.py` lets
pydantic do the work through the hooks here, so nobody else has to know pydantic.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

SECRET_BYTES_MAX = 64 * 1024
"""A key file larger than this is a mistake (a log or a disk image named by accident)."""

_DURATION_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
# Fifteen digits are more than anybody means and less than overflows.
_QUANTITY = re.compile(r"\s*(\d{1,15}(?:\.\d{1,9})?)\s*([A-Za-z]+)\s*")


def parse_duration(value: object) -> float:
    """Return seconds from `"10s"`, `"1.5h"`, `"250ms"`, `"5m"`, `"30d"`.

    Raises:
        ValueError: no number with a known unit. A bare number is refused: seconds or
            milliseconds is exactly the mistake that a unit prevents.
    """
    match = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    if match is None or match[2] not in _DURATION_S:
        raise ValueError('a duration needs a number and a unit, such as "10s", "5m" or "2h"')
    return float(match[1]) * _DURATION_S[match[2]]


def parse_size(value: object) -> int:
    """Return bytes from `"512 MiB"`, `"64 kB"`, `"1000 B"`.

    Raises:
        ValueError: no number with a known unit.
    """
    match = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    if match is None or match[2].upper() not in _SIZE:
        raise ValueError('a size needs a number and a unit, such as "512 MiB" or "64 kB"')
    return int(float(match[1]) * _SIZE[match[2].upper()])


def show_duration(seconds: float) -> str:
    """Return a duration as a person would write it: `90.0` → `"1m30s"`, `0.25` → `"250ms"`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f}ms"
    if seconds < 60:
        return f"{seconds:.3g}s"
    whole, parts = round(seconds), []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, whole = divmod(whole, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts[:2])


def show_size(size: float) -> str:
    """Return a size as a person would write it: `1_260_000` → `"1.26 MB"`."""
    for name, unit in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= unit:
            number = size / unit
            return f"{number:.0f} {name}" if number >= 100 else f"{number:.3g} {name}"
    return f"{size:.0f} B"


class _Parsed:
    """Tells pydantic to pass the raw value through a parser first, and editors what it takes."""

    def __init__(self, parse: Callable[[object], object], units: str) -> None:
        self._parse = parse
        self._pattern = rf"^\s*\d{{1,15}}(\.\d{{1,9}})?\s*({units})\s*$"

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_before_validator_function(self._parse, handler(source))

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        return {"type": "string", "pattern": self._pattern}


Seconds = Annotated[float, _Parsed(parse_duration, "ms|s|m|min|h|d")]
"""A duration: text with a unit in the file, float seconds in the program."""

Size = Annotated[int, _Parsed(parse_size, "B|[kKMG]i?B")]
"""A size: text with a unit in the file, bytes in the program."""


class Secret:
    """A text that must not be seen: repr, str and logs show stars, `reveal` shows it.

    In the configuration it is the text itself, `{ file = "…" }`, `{ credential = "…" }` (a
    systemd credential) or `{ env = "…" }`.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text, for the one place that must send it."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    @classmethod
    def parse(cls, value: object) -> Secret:
        """Return the secret that a configuration value names.

        Raises:
            ValueError: an unknown form, or a file, credential or variable that is not there.
        """
        if isinstance(value, Secret):
            return value
        if isinstance(value, str):
            return cls(value)
        if isinstance(value, Mapping) and len(value) == 1:
            (form, name), *_ = value.items()
            if form == "file":
                return cls(_read_secret(Path(str(name))))
            if form == "credential":
                folder = os.environ.get("CREDENTIALS_DIRECTORY")
                if not folder:
                    raise ValueError("no systemd credentials here (CREDENTIALS_DIRECTORY unset)")
                return cls(_read_secret(Path(folder) / str(name)))
            if form == "env":
                text = os.environ.get(str(name))
                if not text:
                    raise ValueError(f"environment variable {name} is not set")
                return cls(text)
        raise ValueError('a secret is text, { file = "…" }, { credential = "…" } or { env = "…" }')

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(cls.parse)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        forms = {form: {"type": "string"} for form in ("file", "credential", "env")}
        table = {"type": "object", "properties": forms, "additionalProperties": False}
        return {"anyOf": [{"type": "string"}, {**table, "minProperties": 1, "maxProperties": 1}]}


def _read_secret(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(SECRET_BYTES_MAX + 1).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"cannot read {path}: {getattr(error, 'strerror', error)}") from error
    if not text or len(text) > SECRET_BYTES_MAX:
        raise ValueError(f"{path} is empty or too large to be a secret")
    return text
